"""What the marts' contracts say: every mart with its columns, types and meanings.

Read from dbt's manifest, which is the only place that says it. What readers make of it (a
semantic model, a sheet that explains a file) belongs to the siblings.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class ContractColumn:
    """A column of a mart.

    Attributes:
        name: Its name.
        data_type: Its type, in the words of the contract.
        description: What it means.
    """

    name: str
    data_type: str
    description: str


@dataclass(frozen=True)
class MartContract:
    """What a model promises to whoever builds on it.

    Attributes:
        name: Its name.
        question: What it answers.
        description: What it holds, and its grain.
        columns: Its columns, in order.
        is_public: Whether others may depend on it.
        is_contracted: Whether its columns and types are enforced.
    """

    name: str
    question: str
    description: str
    columns: tuple[ContractColumn, ...]
    is_public: bool
    is_contracted: bool

    def column(self, name: str) -> ContractColumn | None:
        """The column of that name, if it has one."""
        return next((column for column in self.columns if column.name == name), None)


def read_marts(manifest: Mapping[str, Any]) -> dict[str, MartContract]:
    """Every mart of a dbt manifest, by name."""
    nodes = sorted(manifest["nodes"].values(), key=lambda node: str(node["name"]))
    return {
        node["name"]: MartContract(
            name=node["name"],
            question=node["config"]["meta"].get("question", ""),
            description=node["description"].strip(),
            columns=tuple(
                ContractColumn(column["name"], column["data_type"], column["description"].strip())
                for column in node["columns"].values()
            ),
            is_public=node["access"] == "public",
            is_contracted=node["config"]["contract"]["enforced"],
        )
        for node in nodes
        if node["resource_type"] == "model" and node["fqn"][1] == "marts"
    }
