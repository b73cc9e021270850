"""Where every field of a source goes: from its contracts and the dbt project to one page.

Here belongs what a source's columns become in the marts, and writing the page that says so. What
a column is made of is `assets/column_lineage.py`. A test holds the page equal to what is generated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from inventory_platform.assets.column_lineage import (
    ColumnLineage,
    ColumnOf,
)
from inventory_platform.contracts.base import TableContract


def mapping_page(contracts: Mapping[str, TableContract], lineage: ColumnLineage, title: str) -> str:
    """Write the page of one source: every table, every column, from the answer to the marts.

    Args:
        contracts: The source's contracts, by table name.
        lineage: What the columns of the models are made of.
        title: What the source is called.

    Returns:
        The page as Markdown.
    """
    marts = marts_by_origin(lineage)
    lines = [
        f"# Where every field of {title} goes",
        "",
        "Generated from the contracts and the dbt models by `make update-snapshots`; do not edit.",
        "",
        "A table's rows are the elements of the list named after the colon of its stream. `^` is "
        "a field of the element around the row, `#` the place in the list, `@` a fact about the "
        "answer. Raw and staging columns have the same names; 🔒 marks personal data. The last "
        "column names the dimensions and facts a field goes into, as far as it shows in them.",
    ]
    for contract in contracts.values():
        lines += ["", *_section(contract, marts)]
    return "\n".join(lines) + "\n"


def _section(contract: TableContract, marts: Mapping[ColumnOf, list[str]]) -> Iterator[str]:
    yield f"## {contract.name}"
    yield ""
    yield f"`{contract.source_table}` → `raw.{contract.relation}` → `stg_{contract.relation}`."
    yield f"Key: {', '.join(contract.key) or 'none, equal rows are counted'}."
    yield ""
    yield "| Field | Column | Type | Marts |"
    yield "| --- | --- | --- | --- |"
    for column in contract.columns:
        used = "<br>".join(
            f"`{its}`" for its in marts.get((f"raw.{contract.relation}", column.name), ())
        )
        lock = " 🔒" if column.personal else ""
        yield f"| `{column.source}` | `{column.name}`{lock} | {column.raw_type.lower()} | {used} |"
    if contract.elsewhere:
        yield ""
        listed = ", ".join(f"`{name}`" for name in contract.elsewhere)
        yield f"Not taken here, as another table has it or nobody needs it: {listed}."


def marts_by_origin(lineage: ColumnLineage) -> dict[ColumnOf, list[str]]:
    """Raw column → columns of dimensions and facts it goes into, as `mart.column`.

    Key figures are made of those, and would fill a page without saying more.
    """
    found: dict[ColumnOf, list[str]] = {}
    for relation, columns in sorted(lineage.made_of.items()):
        schema, _, mart = relation.partition(".")
        if schema == "marts" and not mart.startswith("kpi_"):
            for column in columns:
                for origin in lineage.origins(relation, column):
                    found.setdefault(origin, []).append(f"{mart}.{column}")
    return found
