"""Which columns a column is made of, found in the SQL of the models as they stand in the project.

Here belongs rendering a model's SQL and following its columns to the relations it reads, with
sqlglot, once for each state of the project. Nothing is run and no table is looked at. Pages made
of it are `operations/catalogue/`; on the graph it is shown by `dbt.py`.

The SQL is rendered here and not by `dbt compile`, which needs the warehouse and several times as
long; a test holds that columns found in what dbt compiles are the same.
"""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeAlias

from jinja2 import Environment, TemplateError
from sqlglot import MappingSchema, exp, parse_one
from sqlglot.errors import SqlglotError
from sqlglot.lineage import Node, lineage
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import build_scope

from inventory_platform.assets.dbt_project import manifest_path
from inventory_platform.contracts.base import METADATA_COLUMNS
from inventory_platform.settings import Settings

_DIALECT = "duckdb"
_VERSION = 1
"""Of what is kept in the file; another one is found anew."""

ColumnOf: TypeAlias = tuple[str, str]
"""A relation, as `schema.name`, and a column of it."""


@dataclass(frozen=True)
class ColumnLineage:
    """What the columns of every model are made of.

    Attributes:
        made_of: Model → column → columns it is made of, of the relations the model reads. A column
            made of none is a constant or generated.
        problems: Model whose SQL cannot be followed → why. It is not in `made_of`.
    """

    made_of: Mapping[str, Mapping[str, tuple[ColumnOf, ...]]]
    problems: Mapping[str, str]
    _origins: dict[ColumnOf, frozenset[ColumnOf]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def origins(self, relation: str, column: str) -> frozenset[ColumnOf]:
        """The columns of no model that a column is made of in the end.

        These are columns of raw tables, of seeds and of tables that are made in Python, and of
        models that cannot be followed.
        """
        if relation not in self.made_of:
            return frozenset({(relation, column)})
        if (relation, column) not in self._origins:
            inputs = self.made_of[relation].get(column, ())
            found = frozenset().union(*(self.origins(*its) for its in inputs))
            self._origins[relation, column] = found
        return self._origins[relation, column]


def read_column_lineage(settings: Settings) -> ColumnLineage:
    """What the columns are made of, as the manifest describes the project.

    Found once for each state of the project and kept beside the manifest.
    """
    manifest = manifest_path(settings)
    return _read(manifest, manifest.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _read(manifest_file: Path, written: int) -> ColumnLineage:
    del written
    project = _Project(json.loads(manifest_file.read_text()))
    kept = manifest_file.with_name("column_lineage.json")
    if kept.exists():
        content = json.loads(kept.read_text())
        if content["made_from"] == project.fingerprint:
            return _from_json(content)
    found = project.follow()
    content = {
        "made_from": project.fingerprint,
        "made_of": found.made_of,
        "problems": found.problems,
    }
    aside = kept.with_suffix(".tmp")
    aside.write_text(json.dumps(content))
    aside.replace(kept)
    return found


def _from_json(content: Mapping[str, Any]) -> ColumnLineage:
    made_of = {
        model: {column: tuple(map(_column_of, inputs)) for column, inputs in columns.items()}
        for model, columns in content["made_of"].items()
    }
    return ColumnLineage(made_of, content["problems"])


def _column_of(pair: list[str]) -> ColumnOf:
    return pair[0], pair[1]


def find_column_lineage(
    manifest: Mapping[str, Any], sql: Mapping[str, str] | None = None
) -> ColumnLineage:
    """Follow the columns of every model.

    Args:
        manifest: dbt's description of the project.
        sql: SQL of models by their relation, to follow instead of what is rendered here.
    """
    return _Project(manifest, sql or {}).follow()


@dataclass(frozen=True)
class _Project:
    """The models of a manifest, as far as columns are concerned."""

    manifest: Mapping[str, Any]
    sql: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """Of everything the columns follow from."""
        nodes = sorted(self.manifest["nodes"].items())
        models = [(name, n["raw_code"], n["schema"]) for name, n in nodes if "depends_on" in n]
        macros = sorted((name, m["macro_sql"]) for name, m in self._macros.items())
        known = [_VERSION, version("sqlglot"), models, macros, sorted(self._read.items())]
        return hashlib.sha256(json.dumps(known).encode()).hexdigest()

    def follow(self) -> ColumnLineage:
        made_of: dict[str, dict[str, tuple[ColumnOf, ...]]] = {}
        problems: dict[str, str] = {}
        waiting = [n for n in self.manifest["nodes"].values() if n["resource_type"] == "model"]
        while waiting:
            node = waiting.pop()
            relation = _relation(node)
            if relation in made_of or relation in problems:
                continue
            inputs = [self._nodes[name] for name in node["depends_on"]["nodes"]]
            before = [
                n
                for n in inputs
                if n["resource_type"] == "model" and _relation(n) not in {*made_of, *problems}
            ]
            if before:
                waiting += [node, *before]
                continue
            try:
                known = {
                    its: list(made_of.get(its) or self._columns(n))
                    for n in inputs
                    for its in [_relation(n)]
                }
                # Its own rows of before are no origin; they have one of their own.
                itself = {relation: list(node["columns"])}
                made_of[relation] = _follow(self._rendered(node), known, itself)
            except (SqlglotError, TemplateError, ValueError) as error:
                problems[relation] = " ".join(str(error).split())
        return ColumnLineage(made_of, problems)

    def _rendered(self, node: Mapping[str, Any]) -> str:
        given = self.sql.get(_relation(node))
        this = _quoted(_relation(node))
        return given or self._environment.from_string(node["raw_code"]).render(this=this)

    def _columns(self, node: Mapping[str, Any]) -> list[str]:
        """The columns of what is no model: a source's table or a seed."""
        columns = self._read.get(_relation(node))
        return columns if columns is not None else list(node["columns"])

    @cached_property
    def _nodes(self) -> dict[str, Any]:
        return {**self.manifest["nodes"], **self.manifest["sources"]}

    @cached_property
    def _read(self) -> dict[str, list[str]]:
        """Relations that are no models → their columns."""
        sources = {_relation(n): list(n["columns"]) for n in self.manifest["sources"].values()}
        for relation, columns in sources.items():
            if relation.startswith("raw."):
                columns += METADATA_COLUMNS
        seeds = (n for n in self.manifest["nodes"].values() if n["resource_type"] == "seed")
        return sources | {_relation(seed): _header(seed) for seed in seeds}

    @cached_property
    def _macros(self) -> dict[str, Any]:
        """The project's own macros for models; those of dbt itself are called by none."""
        own = self.manifest["metadata"]["project_name"]
        return {
            name: macro
            for name, macro in self.manifest["macros"].items()
            if macro["package_name"] == own and not macro["name"].startswith("test_")
        }

    @cached_property
    def _environment(self) -> Environment:
        """Jinja with the project's own macros, as dbt would choose them for DuckDB."""
        environment = Environment(autoescape=False, extensions=["jinja2.ext.do"])
        refs = {
            n["name"]: _relation(n)
            for n in self.manifest["nodes"].values()
            if n["resource_type"] in {"model", "seed"}
        }
        sources = {
            (n["source_name"], n["name"]): _relation(n) for n in self.manifest["sources"].values()
        }
        environment.globals |= {
            "ref": lambda *names: _quoted(refs[names[-1]]),
            "source": lambda *names: _quoted(sources[names]),
            "var": lambda _name, default=0: default,
            "env_var": lambda _name, default="": default,
            "config": lambda **_: "",
            "execute": False,
            "is_incremental": lambda: False,
            "return": lambda value: value,
            "adapter": _Adapter(environment),
        }
        for name in sorted(self._macros):
            module: Any = environment.from_string(self._macros[name]["macro_sql"]).module
            environment.globals |= {
                key: value for key, value in vars(module).items() if not key.startswith("_")
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


def _relation(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node.get('identifier') or node['name']}"


def _quoted(relation: str) -> str:
    return ".".join(f'"{part}"' for part in relation.split("."))


def _header(seed: Mapping[str, Any]) -> list[str]:
    path = Path(seed["root_path"]) / seed["original_file_path"]
    with path.open(encoding="utf-8", newline="") as file:
        return next(csv.reader(file))


def _follow(
    sql: str, known: Mapping[str, list[str]], ignored: Mapping[str, list[str]]
) -> dict[str, tuple[ColumnOf, ...]]:
    """Output column of a query → columns of the relations it reads.

    Args:
        sql: The query.
        known: Relations it may read → their columns.
        ignored: More of them, where nothing leads to.

    Raises:
        SqlglotError: It is no query, or reads columns that do not exist.
    """
    schema = MappingSchema(dialect=_DIALECT)
    for relation, columns in {**known, **ignored}.items():
        schema.add_table(relation, dict.fromkeys(columns, "text"), dialect=_DIALECT)
    query = qualify(
        parse_one(sql, dialect=_DIALECT),
        schema=schema,
        dialect=_DIALECT,
        validate_qualify_columns=False,
        quote_identifiers=False,
    )
    roots: dict[str, Node] = lineage(
        None, query, schema=schema, dialect=_DIALECT, scope=build_scope(query), trim_selects=False
    )
    ends: dict[int, frozenset[ColumnOf]] = {}
    return {name: tuple(sorted(_ends(root, known, ends))) for name, root in roots.items()}


def _ends(
    node: Node, known: Mapping[str, list[str]], found: dict[int, frozenset[ColumnOf]]
) -> frozenset[ColumnOf]:
    """The columns of tables that a node ends in.

    Each node is looked at once, however many ways lead to it.
    """
    if id(node) not in found:
        ends = frozenset().union(*(_ends(below, known, found) for below in node.downstream))
        table = node.expression
        if not node.downstream and isinstance(table, exp.Table):
            relation, column = f"{table.db}.{table.name}", node.name.rpartition(".")[2].strip('"')
            if column in known.get(relation, ()):
                ends = frozenset({(relation, column)})
        found[id(node)] = ends
    return found[id(node)]
