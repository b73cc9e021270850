"""What the pages say of tables: gathered from dbt's manifest, the contracts and the lineage.

Here belongs turning these into plain facts; how they look is the templates' business.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from inventory_platform.assets.column_lineage import ColumnLineage, ColumnOf
from inventory_platform.contracts.base import Check, TableContract

LAYERS = {
    "raw": "source table",
    "staging": "staging",
    "reference": "reference data",
    "transformed": "transformed",
    "planning": "made in Python",
    "marts": "mart",
}
"""Schema → what its tables are called."""


@dataclass(frozen=True)
class Test:
    """A test of a model, in the words of the pages."""

    name: str
    column: str
    severity: str
    description: str


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        made_of: What it is made of, one step back; nothing where that is not known.
        origins: What it is made of in the end.
    """

    name: str
    type: str
    description: str
    constraints: tuple[str, ...]
    made_of: tuple[ColumnOf, ...] | None
    origins: tuple[ColumnOf, ...]


class Table:
    """A model, a seed, a raw table or a table made in Python, as the manifest has it."""

    def __init__(self, node: Mapping[str, Any], lineage: ColumnLineage) -> None:
        self.node = node
        self.lineage = lineage
        self.name: str = node.get("identifier") or node["name"]
        self.schema: str = node["schema"]
        self.relation = f"{self.schema}.{self.name}"
        self.unique_id: str = node["unique_id"]
        self.kind: str = node["resource_type"]

    @property
    def address(self) -> str:
        """Its page, from the top of the site."""
        if self.kind != "source":
            return f"models/{self.name}.html"
        return f"sources/{self.name if self.schema == 'raw' else self.relation}.html"

    @property
    def layer(self) -> str:
        """What its layer is called."""
        return LAYERS.get(self.schema, self.schema)

    @property
    def area(self) -> str:
        """The folder it lies in below its layer."""
        folders = self.node["fqn"][2:-1]
        return str(folders[0]) if folders else ""

    @cached_property
    def meta(self) -> Mapping[str, Any]:
        """What its files say beyond dbt's own words."""
        found: Mapping[str, Any] = self.node["config"].get("meta") or {}
        return found

    @property
    def owners(self) -> list[str]:
        """Who answers for it."""
        return self.meta.get("dagster", {}).get("owners") or []

    @property
    def description(self) -> str:
        """What it is, without its grain."""
        return re.sub(r"\s*Grain: .*", "", self.node["description"], flags=re.DOTALL).strip()

    @property
    def grain(self) -> str:
        """What a row of it is."""
        found = re.search(r"Grain: (.*)", self.node["description"], flags=re.DOTALL)
        return " ".join(found[1].split()) if found else ""

    @property
    def problem(self) -> str | None:
        """Why its columns cannot be followed, where they cannot."""
        return self.lineage.problems.get(self.relation)

    @cached_property
    def columns(self) -> list[Column]:
        """Its columns, as they are declared."""
        made_of = self.lineage.made_of.get(self.relation)
        return [
            Column(
                name=name,
                type=its["data_type"] or "",
                description=its["description"],
                constraints=tuple(c["type"].replace("_", " ") for c in its["constraints"]),
                made_of=None if made_of is None else made_of.get(name, ()),
                origins=tuple(sorted(self.lineage.origins(self.relation, name))),
            )
            for name, its in self.node["columns"].items()
        ]


class Project:
    """All tables with what lies between them.

    Args:
        manifest: dbt's description of the project.
        lineage: What the columns are made of.
        compiled: Model → its SQL as dbt compiled it, by unique id.
    """

    def __init__(
        self,
        manifest: Mapping[str, Any],
        lineage: ColumnLineage,
        compiled: Mapping[str, str] | None = None,
    ) -> None:
        self.manifest = manifest
        self.lineage = lineage
        self.compiled = compiled or {}
        nodes = [*manifest["nodes"].values(), *manifest["sources"].values()]
        kinds = {"model", "seed", "source"}
        found = [Table(node, lineage) for node in nodes if node["resource_type"] in kinds]
        self.by_id = {t.unique_id: t for t in sorted(found, key=lambda t: t.relation)}
        self.by_relation = {t.relation: t for t in self.by_id.values()}

    def of_schema(self, schema: str) -> list[Table]:
        """The tables of a layer."""
        return [t for t in self.by_id.values() if t.schema == schema]

    def upstream(self, table: Table) -> list[Table]:
        """What a table reads."""
        return self._tables(self.manifest["parent_map"].get(table.unique_id, ()))

    def downstream(self, table: Table) -> list[Table]:
        """What reads a table."""
        return self._tables(self.manifest["child_map"].get(table.unique_id, ()))

    def used_by(self, table: Table) -> list[str]:
        """Where people meet a table."""
        exposures = self.manifest["exposures"]
        children = self.manifest["child_map"].get(table.unique_id, ())
        return sorted(
            exposures[c]["label"] or exposures[c]["name"] for c in children if c in exposures
        )

    def tests(self, table: Table) -> list[Test]:
        """The tests that are shown on a table."""
        return sorted(self._tests.get(table.unique_id, ()), key=lambda t: (t.column, t.name))

    def unit_tests(self, table: Table) -> list[tuple[str, str]]:
        """Name and description of the unit tests of a model."""
        return sorted(
            (test["name"].replace("_", " "), test["description"])
            for test in self.manifest["unit_tests"].values()
            if test["model"] == table.name
        )

    def read_by(self, table: Table, column: str) -> list[ColumnOf]:
        """The columns of models that are made of a column, one step on."""
        return [
            (reader.relation, its.name)
            for reader in self.downstream(table)
            for its in reader.columns
            if (table.relation, column) in (its.made_of or ())
        ]

    def marts_from(self, table: Table, column: str) -> list[ColumnOf]:
        """The columns of marts that a column goes into in the end."""
        return self._marts.get((table.relation, column), [])

    @cached_property
    def _marts(self) -> dict[ColumnOf, list[ColumnOf]]:
        found: dict[ColumnOf, list[ColumnOf]] = {}
        for mart in self.of_schema("marts"):
            for column in mart.columns:
                for origin in column.origins:
                    found.setdefault(origin, []).append((mart.relation, column.name))
        return found

    @cached_property
    def _tests(self) -> dict[str, list[Test]]:
        names = {t.name: t.unique_id for t in self.by_id.values() if t.kind != "source"}
        found: dict[str, list[Test]] = {}
        for node in self.manifest["nodes"].values():
            if node["resource_type"] == "test":
                shown = node["config"]["meta"].get("dagster", {}).get("ref", {}).get("name")
                on = names.get(shown) if shown else node.get("attached_node")
                found.setdefault(on or "", []).append(_test(node))
        return found

    def _tables(self, names: list[str]) -> list[Table]:
        found = {name: self.by_id[name] for name in names if name in self.by_id}
        return sorted(found.values(), key=lambda t: t.relation)


def _test(node: Mapping[str, Any]) -> Test:
    generic = node.get("test_metadata") or {}
    arguments = {
        name: value
        for name, value in (generic.get("kwargs") or {}).items()
        if name not in {"model", "column_name"}
    }
    said = "; ".join(f"{name} {_plain(value)}" for name, value in arguments.items())
    name = generic.get("name") or node["name"]
    return Test(
        name=name.replace("_", " ").removeprefix("assert "),
        column=node.get("column_name") or "",
        severity=str(node["config"]["severity"]).lower(),
        description=node["description"] or said or _comment(node["raw_code"]),
    )


def _plain(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return re.sub(r"ref\('(\w+)'\)", r"\1", text)


def _comment(sql: str) -> str:
    """What a singular test says of itself before its SQL."""
    lines = []
    for text in re.sub(r"\{\{.*?\}\}", "", sql, flags=re.DOTALL).strip().splitlines():
        if not text.startswith("--"):
            break
        lines.append(text.removeprefix("--").strip())
    return " ".join(lines)


def rules(contract: TableContract, column: str) -> list[str]:
    """What a contract asks of a column's values, in words."""
    its = contract.by_name[column]
    said = [] if its.nullable else ["never empty"]
    said += [] if its.required else ["may be missing in the source"]
    said += map(_rule, its.checks)
    if its.formats:
        said.append(f"written as {' or '.join(its.formats)}")
    if column in contract.references:
        said.append(f"exists in {contract.references[column]}")
    return said


_WORDS = {
    "greater_than": ">",
    "greater_than_or_equal_to": "≥",
    "less_than": "<",
    "less_than_or_equal_to": "≤",
    "isin": "one of",
    "str_matches": "matches",
    "str_length": "length",
}


def _rule(check: Check) -> str:
    values = ", ".join(
        ", ".join(map(str, value))
        if isinstance(value, list | tuple | set | frozenset)
        else str(value)
        for value in check.arguments.values()
        if value is not None
    )
    text = f"{_WORDS.get(check.name, check.name.replace('_', ' '))} {values}".strip()
    return f"{text} (warns)" if check.warn_only else text
