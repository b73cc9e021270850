"""Where customers are found: the declarations of `people.toml`, and what people decided to be one.

Only finding where somebody's rows begin is here; what is done with them is `erasure.py`.
"""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, ValidationError

from inventory_platform.contracts.base import TableContract
from inventory_platform.errors import SettingsError
from inventory_platform.registry import Registry


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: str
    fingerprint: bool = False


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    customers: Mapping[str, _Entry]


@dataclass(frozen=True)
class Beginning:
    """Where a source's customers begin.

    Attributes:
        contract: The table.
        column: The column that says who it is.
        fingerprint: Whether models know the customer by a hash of it.
    """

    contract: TableContract
    column: str
    fingerprint: bool


@dataclass(frozen=True)
class Start:
    """A value that tells whose a row is.

    Attributes:
        relation: The table it is looked for in.
        columns: The columns it is in.
        value: The value; of several columns, theirs in order.
        fingerprint: Whether it is the hash that models make of the value.
    """

    relation: str
    columns: tuple[str, ...]
    value: tuple[str, ...]
    fingerprint: bool = False


def read_people(registry: Registry) -> dict[str, Beginning]:
    """Source → where its customers begin; of the sources there are.

    Raises:
        SettingsError: `people.toml` is missing or wrong, or names what is not there.
    """
    path = registry.settings.people_file
    try:
        entries = _File.model_validate(tomllib.loads(path.read_text())).customers
    except (OSError, tomllib.TOMLDecodeError, ValidationError) as error:
        raise SettingsError(
            f"{path} cannot be used: {str(error).splitlines()[0]}",
            'Write entries as <source> = { rows = "<table>.<column>" } below [customers].',
        ) from error
    found = {}
    for source, entry in entries.items():
        table, _, column = entry.rows.partition(".")
        tables = registry.of_source(source)
        if tables and (table not in tables or column not in tables[table].by_name):
            raise SettingsError(
                f"{path}: source {source!r} has no {entry.rows!r}.", "Name a table and its column."
            )
        if tables:
            found[source] = Beginning(tables[table], column, entry.fingerprint)
    return found


def of_key(registry: Registry, source: str, table: str, key: str) -> Start:
    """One row of one table, by its key; several columns of it are separated by commas.

    Raises:
        SettingsError: The key has other columns than the table's.
        ContractError: There is no such table.
    """
    contract = registry.find(f"{source}__{table}")
    columns = contract.key
    values = tuple(part.strip() for part in key.split(",")) if len(columns) > 1 else (key,)
    people = read_people(registry).get(source)
    if people and people.contract == contract:
        columns, values = (people.column,), (key,)
    if len(values) != len(columns):
        raise SettingsError(
            f"The key of {contract.relation} is {', '.join(columns) or 'nothing'}.",
            "Give a value for each column, separated by commas.",
        )
    return Start(contract.relation, columns, values)


def of_customer(registry: Registry, customer_id: str) -> Iterator[Start]:
    """Everything that means a customer of the marts, in every source.

    Raises:
        SettingsError: No source has such a customer.
    """
    people = read_people(registry)
    path = registry.settings.customer_mappings_file
    with path.open(encoding="utf-8", newline="") as file:
        keys = [
            (row["source"], row["source_key"])
            for row in csv.DictReader(file)
            if row["customer_id"] == customer_id
        ]
    keys += [
        (source, customer_id.removeprefix(f"{source}-"))
        for source in people
        if customer_id.startswith(f"{source}-")
    ]
    known = [(people[source], key) for source, key in keys if source in people]
    if not known:
        raise SettingsError(
            f"There is no customer {customer_id!r}.",
            "Give the id the marts use, such as northwind-ALFKI, or --source, --table and --key.",
        )
    for beginning, key in known:
        yield Start(beginning.contract.relation, (beginning.column,), (key,), beginning.fingerprint)


def of_email(registry: Registry, address: str) -> Iterator[Start]:
    """Every personal column of text, of every source, that may hold an e-mail address."""
    for contract in registry.relations.values():
        for column in contract.columns:
            if column.personal and column.is_text and "email" in column.name:
                yield Start(contract.relation, (column.name,), (address,))
