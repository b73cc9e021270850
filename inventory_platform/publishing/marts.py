"""What the models say about their marts: columns, types, meanings, keys, promises.

Read from dbt's manifest, which is the only place that says it. What readers make of it (tables in
a database, a semantic model, a sheet that explains a file) belongs to the siblings.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class MartColumn:
    """What a model says about a column.

    Attributes:
        description: What it means.
        is_required: Whether the model's contract rules out that it is empty.
        data_type: Its type, in the words of the contract.
    """

    description: str
    is_required: bool = False
    data_type: str = ""


@dataclass(frozen=True)
class Mart:
    """What a model says about a mart, and promises to whoever builds on it.

    Attributes:
        name: Name of the mart and of its file.
        description: What it holds, and its grain.
        columns: Its columns, in the model's order.
        key: The columns that tested to identify a row; empty if no test says so.
        references: Columns tested to point to another mart.
        question: What it answers.
        is_public: Whether others may depend on it.
        is_contracted: Whether its columns and types are enforced.
    """

    name: str
    description: str
    columns: Mapping[str, MartColumn]
    key: tuple[str, ...] = ()
    references: frozenset[str] = frozenset()
    question: str = ""
    is_public: bool = False
    is_contracted: bool = False


def read_marts(manifest: Mapping[str, Any]) -> dict[str, Mart]:
    """Every mart of a dbt manifest, by name and in the order of names."""
    keys: dict[str, tuple[str, ...]] = {}
    unique: dict[str, list[str]] = {}
    references: dict[str, set[str]] = {}
    for node in manifest["nodes"].values():
        test = node.get("test_metadata")
        if not test or not (model := node.get("attached_node")):
            continue
        arguments = test["kwargs"]
        match test["name"]:
            case "primary_key":
                keys[model] = tuple(arguments["columns"])
            case "unique":
                unique.setdefault(model, []).append(arguments["column_name"])
            case "relationships":
                references.setdefault(model, set()).add(arguments["column_name"])
    models = sorted(manifest["nodes"].items(), key=lambda found: str(found[1]["name"]))
    return {
        node["name"]: Mart(
            name=node["name"],
            description=_line(node["description"]),
            columns=columns,
            key=keys.get(model) or _single_key(unique.get(model, []), columns),
            references=frozenset(references.get(model, ())),
            question=node["config"]["meta"].get("question", ""),
            is_public=node["access"] == "public",
            is_contracted=node["config"]["contract"]["enforced"],
        )
        for model, node in models
        if node["resource_type"] == "model" and node["schema"] == "marts"
        for columns in [_columns(node)]
    }


def _columns(node: Mapping[str, Any]) -> dict[str, MartColumn]:
    return {
        name: MartColumn(
            description=_line(column["description"]),
            is_required=any(c["type"] == "not_null" for c in column["constraints"]),
            data_type=column["data_type"],
        )
        for name, column in node["columns"].items()
    }


def _single_key(unique: Iterable[str], columns: Mapping[str, MartColumn]) -> tuple[str, ...]:
    """The first column in the model that is tested to be unique and never empty."""
    tested = set(unique)
    found = (n for n, column in columns.items() if n in tested and column.is_required)
    return tuple(found)[:1]


def _line(text: str) -> str:
    return " ".join(text.split())
