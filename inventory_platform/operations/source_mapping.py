"""Where every field of a source goes: from its contracts and the dbt project to one page.

Here belongs following columns through the SQL of the models, and writing the page. Nothing is
run: the models are read as they stand in the project, so the page cannot say anything that is
not so. A test holds the page equal to what is generated.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import Environment, TemplateError
from sqlglot import MappingSchema, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from inventory_platform.contracts.base import TableContract, contracts_of
from inventory_platform.errors import InventoryError
from inventory_platform.settings import PROJECT_DIR

_DIALECT = "duckdb"
_INPUT = re.compile(r"""\b(?:ref|source)\(\s*['"](\w+)['"](?:\s*,\s*['"](\w+)['"])?\s*\)""")
_LOAD_COLUMNS = ("_load_id", "_loaded_at", "_is_deleted", "_origin", "_occurrence", "_position")

Origin: TypeAlias = tuple[str, str]
"""A raw relation, and a column of it."""


def mapping_page(contracts: Mapping[str, TableContract], dbt_dir: Path, title: str) -> str:
    """Write the page of one source: every table, every column, from the answer to the marts.

    Args:
        contracts: The source's contracts, by table name.
        dbt_dir: The folder with `dbt_project.yml`.
        title: What the source is called.

    Returns:
        The page as Markdown.

    Raises:
        InventoryError: A model behind the source cannot be read.
    """
    marts = _Project(dbt_dir, contracts).marts_by_origin()
    lines = [
        f"# Where every field of {title} goes",
        "",
        "Generated from the contracts and the dbt models by "
        "`inventory_platform/operations/source_mapping.py`; do not edit.",
        "",
        "A table's rows are the elements of the list named after the colon of its stream. `^` is "
        "a field of the element around the row, `#` the place in the list, `@` a fact about the "
        "answer. Raw and staging columns have the same names; 🔒 marks personal data. The last "
        "column names the dimensions and facts a field goes into, as far as it shows in them.",
    ]
    for contract in contracts.values():
        lines += ["", *_section(contract, marts)]
    return "\n".join(lines) + "\n"


def _section(contract: TableContract, marts: Mapping[Origin, list[str]]) -> Iterator[str]:
    yield f"## {contract.name}"
    yield ""
    yield f"`{contract.source_table}` → `raw.{contract.relation}` → `stg_{contract.relation}`."
    yield f"Key: {', '.join(contract.key) or 'none, equal rows are counted'}."
    yield ""
    yield "| Field | Column | Type | Marts |"
    yield "| --- | --- | --- | --- |"
    for column in contract.columns:
        used = "<br>".join(marts.get((contract.relation, column.name), ()))
        lock = " 🔒" if column.personal else ""
        yield f"| `{column.source}` | `{column.name}`{lock} | {column.type.lower()} | {used} |"
    if contract.elsewhere:
        yield ""
        listed = ", ".join(f"`{name}`" for name in contract.elsewhere)
        yield f"Not taken here, as another table has it or nobody needs it: {listed}."


@dataclass(frozen=True)
class _Project:
    """The models of a dbt project, as far as columns are concerned."""

    dbt_dir: Path
    contracts: Mapping[str, TableContract]
    _origins: dict[str, dict[str, frozenset[Origin]]] = field(default_factory=dict)

    def marts_by_origin(self) -> dict[Origin, list[str]]:
        """Raw column → columns of dimensions and facts it goes into, as `mart.column`.

        Key figures are made of those, and would fill the page without saying more.
        """
        found: dict[Origin, list[str]] = {}
        for path in sorted((self.dbt_dir / "models" / "marts").rglob("*.sql")):
            if not path.stem.startswith("kpi_") and self._is_behind_source(path.stem):
                for column, origins in self.origins(path.stem).items():
                    for origin in sorted(origins):
                        found.setdefault(origin, []).append(f"`{path.stem}.{column}`")
        return found

    def origins(self, relation: str) -> dict[str, frozenset[Origin]]:
        """Output column → raw columns it is made of, for a model, a seed or a raw relation.

        Raises:
            InventoryError: The SQL of a model cannot be followed.
        """
        if relation not in self._origins:
            self._origins[relation] = self._find_origins(relation)
        return self._origins[relation]

    def _find_origins(self, relation: str) -> dict[str, frozenset[Origin]]:
        if relation in self._raw:
            contract = self._raw[relation]
            names = [*(c.name for c in contract.columns), *_LOAD_COLUMNS]
            return {n: frozenset({(relation, n)}) for n in names}
        if relation in self._seeds:
            with self._seeds[relation].open(encoding="utf-8", newline="") as file:
                return {name: frozenset() for name in next(csv.reader(file))}
        if relation not in self._models:
            # A table of another source: its columns come from nowhere here.
            return {}
        known = {name: self.origins(name) for name in sorted(self._inputs(relation))}
        try:
            return _follow(self._rendered(relation), known)
        except (SqlglotError, TemplateError, KeyError, ValueError) as error:
            raise InventoryError(
                f"The columns of model {relation!r} cannot be followed: {error}",
                "Write the model in plainer SQL, or teach operations/source_mapping.py.",
            ) from error

    def _is_behind_source(self, model: str) -> bool:
        return any(
            name in self._raw or (name in self._models and self._is_behind_source(name))
            for name in self._inputs(model)
        )

    def _inputs(self, model: str) -> set[str]:
        """The models, seeds and raw relations a model reads."""
        text = self._models[model].read_text(encoding="utf-8")
        return {"__".join(filter(None, names)) for names in _INPUT.findall(text)}

    def _rendered(self, model: str) -> str:
        """A model's SQL for DuckDB."""
        text = self._models[model].read_text(encoding="utf-8")
        return self._environment.from_string(text).render()

    @cached_property
    def _raw(self) -> dict[str, TableContract]:
        return {contract.relation: contract for contract in self.contracts.values()}

    @cached_property
    def _models(self) -> dict[str, Path]:
        return {path.stem: path for path in (self.dbt_dir / "models").rglob("*.sql")}

    @cached_property
    def _seeds(self) -> dict[str, Path]:
        folder = self.dbt_dir.parent / "seeds" / "reference"
        return {path.stem: path for path in folder.glob("*.csv")}

    @cached_property
    def _environment(self) -> Environment:
        """Jinja with the project's own macros, as dbt would choose them for DuckDB."""
        environment = Environment(autoescape=False, extensions=["jinja2.ext.do"])
        environment.globals |= {
            "ref": _quoted,
            "source": _quoted,
            "var": lambda _name, default=0: default,
            "env_var": lambda _name, default="": default,
            "config": lambda **_: "",
            "execute": False,
            "is_incremental": lambda: False,
            "return": lambda value: value,
            "adapter": _Adapter(environment),
        }
        for path in sorted((self.dbt_dir / "macros").rglob("*.sql")):
            macros: Any = environment.from_string(path.read_text(encoding="utf-8")).module
            environment.globals |= {
                name: value for name, value in vars(macros).items() if not name.startswith("_")
            }
        return environment


@dataclass(frozen=True)
class _Adapter:
    """What models and macros ask of dbt's adapter."""

    environment: Environment

    def dispatch(self, name: str) -> Any:
        """The macro for DuckDB."""
        return self.environment.globals[f"{_DIALECT}__{name}"]

    def quote(self, name: str) -> str:
        """A name in quotes."""
        return _quoted(name)


def _quoted(*names: str) -> str:
    return f'"{"__".join(names)}"'


def _follow(
    sql: str, known: Mapping[str, Mapping[str, frozenset[Origin]]]
) -> dict[str, frozenset[Origin]]:
    """Output column of a query → raw columns, by those of the relations it reads."""
    schema = MappingSchema(
        {name: dict.fromkeys(columns, "text") for name, columns in known.items() if columns},
        dialect=_DIALECT,
    )
    query = qualify(
        parse_one(sql, dialect=_DIALECT),
        schema=schema,
        dialect=_DIALECT,
        validate_qualify_columns=False,
    )
    if not isinstance(query, exp.Query):
        raise ValueError("it is no query")
    scope = build_scope(query)
    followed: dict[str, frozenset[Origin]] = {}
    for name in query.named_selects:
        root = lineage(name, query, schema=schema, dialect=_DIALECT, scope=scope)
        origins: set[Origin] = set()
        for node in root.walk():
            if not node.downstream and isinstance(node.expression, exp.Table):
                column = node.name.rpartition(".")[2].strip('"')
                origins |= known.get(node.expression.name, {}).get(column, frozenset())
        followed[name] = frozenset(origins)
    return followed


def write_linnworks_page() -> None:
    """Write `docs/linnworks-mapping.md` anew.

    Raises:
        InventoryError: A model behind the source cannot be read.
    """
    page = mapping_page(contracts_of("linnworks"), PROJECT_DIR / "dbt_project", "Linnworks")
    (PROJECT_DIR / "docs" / "linnworks-mapping.md").write_text(page, encoding="utf-8")


if __name__ == "__main__":
    write_linnworks_page()
