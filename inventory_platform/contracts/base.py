"""The vocabulary of contracts: what a module in this package may say about a table.

Here belong the column helpers a contract is written with and `TableContract`, the
plain description every other part of the platform reads. How a contract is carried
out in SQL is `landing/compiler.py`; which tables exist is in the sibling modules.
"""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Annotated, Any, TypeAlias

import pandera.polars as pa
import polars as pl

from inventory_platform.errors import ContractError

Integer: TypeAlias = pl.Int64
Number: TypeAlias = pl.Float64
Text: TypeAlias = pl.String
Flag: TypeAlias = pl.Boolean
Date: TypeAlias = pl.Date
Timestamp: TypeAlias = Annotated[pl.Datetime, "us", None]
Money: TypeAlias = Annotated[pl.Decimal, 18, 2]
Binary: TypeAlias = pl.Binary

_NO_CONTRACTS = {"base", "dbt_files"}
"""Modules of this package that are about contracts and hold none."""

DEFAULT_LOOKBACK = timedelta(minutes=10)
DEFAULT_CLOCK_TOLERANCE = timedelta(days=1)
METADATA_COLUMNS = (
    "_load_id",
    "_loaded_at",
    "_is_deleted",
    "_occurrence",
    "_position",
    "_origin",
)


class Contract(pa.DataFrameModel):
    """Base of every contract; the docstring of a subclass is the table's description."""

    class Config:
        strict = True


@dataclass(frozen=True)
class ColumnOptions:
    """What pandera has no word for; travels in the field's metadata."""

    source: str | None
    personal: bool
    formats: tuple[str, ...]
    decimal_mark: str
    null_values: tuple[str, ...]


@dataclass(frozen=True)
class TableOptions:
    """Table-level facts; travels in the model's `Config.metadata`."""

    source: str
    key: tuple[str, ...]
    cursor: str | None
    lookback: timedelta | int
    references: Mapping[str, str]
    owner: str
    increments: bool
    elsewhere: tuple[str, ...]
    may_be_empty: bool
    clock_tolerance: timedelta


def column(
    source: str | None = None,
    description: str = "",
    *,
    personal: bool = False,
    formats: Sequence[str] = (),
    decimal_mark: str = ".",
    null_values: Sequence[str] = (),
    **checks: Any,
) -> Any:
    """Declare one column of a contract.

    Args:
        source: The column's name in the source; the attribute's own name when omitted.
        description: Meaning of the column, shown in the catalogue.
        personal: Whether the column holds personal data.
        formats: `strptime` formats of a date or timestamp that arrives as text, tried in
            order; ISO 8601 when omitted.
        decimal_mark: Decimal sign of a number that arrives as text.
        null_values: Further spellings that mean "no value", such as `N/A`.
        **checks: pandera field arguments: `nullable`, `ge`, `gt`, `le`, `lt`, `isin`,
            `str_matches`, `str_length`, and `raise_warning=True` to warn instead of
            quarantining.
    """
    options = ColumnOptions(
        source=source,
        personal=personal,
        formats=tuple(formats),
        decimal_mark=decimal_mark,
        null_values=tuple(null_values),
    )
    return pa.Field(description=description, metadata={"options": options}, **checks)


def table(
    source: str,
    *,
    key: Sequence[str] = (),
    cursor: str | None = None,
    lookback: timedelta | int = DEFAULT_LOOKBACK,
    references: Mapping[str, str] | None = None,
    owner: str = "team:inventory",
    increments: bool = False,
    elsewhere: Sequence[str] = (),
    may_be_empty: bool = False,
    clock_tolerance: timedelta = DEFAULT_CLOCK_TOLERANCE,
) -> dict[str, TableOptions]:
    """Declare the table-level facts of a contract, for `Config.metadata`.

    Args:
        source: The table's name in the source system. Where a source answers documents, the
            name of their stream and, after a colon, the path of the rows in a document, for
            example `orders:Items[]`.
        key: Columns that identify a row. Without one, every row counts by itself and
            repeated rows are kept.
        cursor: Column that only grows when a row changes: of two versions of a row the one
            further on is the newer. Where the source can be asked for what is new, it is read
            from the cursor on; without a cursor each load is a whole snapshot and vanished
            rows are marked.
        lookback: How far behind the cursor a load reads again, for rows that were
            committed late; a number where the cursor is one, which has none by itself.
        references: Column → `table.column` of the same source it must exist in.
        owner: Who answers for the table, as `team:name` or an e-mail address.
        increments: Whether each load brings only new and changed rows even without a cursor,
            as files and messages do; a row that is not among them has not vanished.
        elsewhere: Names in the source that another table takes, or that nobody needs; others
            that are not declared are kept and warned about.
        may_be_empty: Whether a snapshot without rows, or with few where there were many, is
            nothing to stop for, as with orders that wait to be packed.
        clock_tolerance: How far ahead of this machine's clock the cursor may lie where it is a
            time. Rows further ahead go to quarantine, as they would hide what comes after them.
    """
    options = TableOptions(
        source=source,
        key=tuple(key),
        cursor=cursor,
        lookback=lookback,
        references=dict(references or {}),
        owner=owner,
        increments=increments,
        elsewhere=tuple(elsewhere),
        may_be_empty=may_be_empty,
        clock_tolerance=clock_tolerance,
    )
    return {"options": options}


@dataclass(frozen=True)
class Check:
    """One rule on the values of a column, as pandera names it.

    `warn_only` rules keep the row and are reported; the others quarantine it.
    """

    name: str
    arguments: Mapping[str, Any]
    warn_only: bool


@dataclass(frozen=True)
class Column:
    """One column of a contract, in the words of the warehouse."""

    name: str
    source: str
    type: str
    nullable: bool
    required: bool
    description: str
    personal: bool
    checks: tuple[Check, ...] = ()
    formats: tuple[str, ...] = ()
    decimal_mark: str = "."
    null_values: tuple[str, ...] = ()

    @property
    def is_text(self) -> bool:
        """Whether the column is character data."""
        return self.type == "VARCHAR"

    @property
    def raw_type(self) -> str:
        """Type in the relation of schema `raw`, where a personal value is a pseudonym."""
        return "VARCHAR" if self.personal else self.type


@dataclass(frozen=True)
class TableContract:
    """Everything the platform knows about one source table.

    Attributes:
        source: Name of the source system, for example `inventory_db`.
        name: Name of the table here, in snake case.
        source_table: Name of the table in the source system.
        columns: The declared columns in order.
        key: Identifying columns; empty when rows have no identity.
        cursor: Column that orders the versions of a row, if any.
        references: Column → `table.column` in the same source.
        increments: Whether each load brings only new and changed rows, even without a cursor.
        elsewhere: Names in the source that are known and not wanted here.
        may_be_empty: Whether a snapshot may lose all its rows.
        clock_tolerance: How far ahead of this machine's clock the cursor may lie.
    """

    source: str
    name: str
    source_table: str
    description: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    cursor: str | None
    lookback: timedelta | int
    references: Mapping[str, str]
    owner: str
    model: type[Contract] = field(repr=False, compare=False)
    increments: bool = False
    elsewhere: tuple[str, ...] = ()
    may_be_empty: bool = False
    clock_tolerance: timedelta = DEFAULT_CLOCK_TOLERANCE

    @property
    def relation(self) -> str:
        """Name of the table's relation in the `raw` schema."""
        return f"{self.source}__{self.name}"

    @property
    def personal_columns(self) -> tuple[Column, ...]:
        """The columns that hold personal data."""
        return tuple(c for c in self.columns if c.personal)

    @property
    def clear_relation(self) -> str:
        """Schema and name of the relation that shows every value as it came."""
        return f"{'personal' if self.personal_columns else 'raw'}.{self.relation}"

    @property
    def is_snapshot(self) -> bool:
        """Whether each load holds every row there is, so that missing rows have vanished."""
        return self.cursor is None and not self.increments

    @property
    def identity(self) -> tuple[str, ...]:
        """Columns that tell two rows apart; a keyless table counts equal rows."""
        return self.key or (*(c.name for c in self.columns), "_occurrence")

    @cached_property
    def by_name(self) -> dict[str, Column]:
        """The columns by their name here."""
        return {c.name: c for c in self.columns}


def snake_case(name: str) -> str:
    """Turn a source's name into the name used here.

    >>> [snake_case(n) for n in ("ProductID", "Order Details", "MSRP", "IoT-Log", "2nd")]
    ['product_id', 'order_details', 'msrp', 'io_t_log', 'n2nd']
    """
    words = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name.strip())
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", words)
    words = re.sub(r"[^0-9a-zA-Z]+", "_", words).strip("_").lower()
    return f"n{words}" if words[:1].isdigit() or not words else words


def contract_modules() -> list[str]:
    """Names of the source systems there are contracts for, in the order of the alphabet."""
    package = importlib.import_module("inventory_platform.contracts")
    found = {module.name for module in pkgutil.iter_modules(package.__path__)}
    return sorted(found - _NO_CONTRACTS)


def contracts_of(source: str) -> dict[str, TableContract]:
    """Load the contracts of one source system, by table name, in the order written.

    Raises:
        ContractError: There is no module for the source, it holds no contract, or a
            contract contradicts itself.
    """
    module_name = f"inventory_platform.contracts.{source}"
    if importlib.util.find_spec(module_name) is None:
        raise ContractError(
            f"Source {source!r} has no contract: inventory_platform/contracts/{source}.py "
            "does not exist.",
            "Write it by hand, or let `inventory add-source` look at the source and write it.",
        )
    module = importlib.import_module(module_name)
    contracts = {c.name: c for c in _read_models(source, vars(module))}
    if not contracts:
        raise ContractError(f"{module_name} declares no contract.", "Add one `Contract` subclass.")
    for contract in contracts.values():
        _check_consistent(contract, contracts)
    return contracts


def _read_models(source: str, namespace: Mapping[str, Any]) -> Iterator[TableContract]:
    for value in namespace.values():
        if isinstance(value, type) and issubclass(value, Contract) and value is not Contract:
            yield describe(value, source)


def describe(model: type[Contract], source: str) -> TableContract:
    """Read a pandera model into the plain description of its table.

    Raises:
        ContractError: The model uses a type or misses a fact the platform needs.
    """
    schema = model.to_schema()
    options = (getattr(model.Config, "metadata", None) or {}).get("options")
    if not isinstance(options, TableOptions):
        raise ContractError(
            f"Contract {model.__name__} of source {source!r} does not say which table it is for.",
            'Add `class Config: metadata = table("TableName", key=[...])`.',
        )
    return TableContract(
        source=source,
        name=snake_case(model.__name__),
        source_table=options.source,
        description=" ".join((model.__doc__ or "").split()),
        columns=tuple(_read_column(name, c, model) for name, c in schema.columns.items()),
        key=options.key,
        cursor=options.cursor,
        lookback=options.lookback,
        references=options.references,
        owner=options.owner,
        increments=options.increments,
        elsewhere=options.elsewhere,
        may_be_empty=options.may_be_empty,
        clock_tolerance=options.clock_tolerance,
        model=model,
    )


def _read_column(name: str, declared: Any, model: type[Contract]) -> Column:
    metadata = declared.metadata or {}
    options = metadata.get("options") or ColumnOptions(None, False, (), ".", ())
    return Column(
        name=name,
        source=options.source or name,
        type=_duckdb_type(declared.dtype.type, f"{model.__name__}.{name}"),
        nullable=declared.nullable,
        required=declared.required,
        description=declared.description or "",
        personal=options.personal,
        checks=tuple(
            Check(check.name, _in_order(check.statistics), bool(check.raise_warning))
            for check in declared.checks
        ),
        formats=options.formats,
        decimal_mark=options.decimal_mark,
        null_values=options.null_values,
    )


def _in_order(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments of a check, sets as sorted lists: a set has another order in every process."""
    return {
        name: sorted(value, key=repr) if isinstance(value, set | frozenset) else value
        for name, value in arguments.items()
    }


# Only types that every engine reads alike from Parquet: no UUID, TIME, INTERVAL, HUGEINT or
# nanoseconds, which some engines refuse and others change silently.
_TYPES: dict[type[pl.DataType], str] = {
    pl.Int64: "BIGINT",
    pl.Int32: "INTEGER",
    pl.Float64: "DOUBLE",
    pl.String: "VARCHAR",
    pl.Boolean: "BOOLEAN",
    pl.Date: "DATE",
    pl.Binary: "BLOB",
}


def _duckdb_type(dtype: Any, where: str) -> str:
    if isinstance(dtype, pl.Decimal):
        return f"DECIMAL({dtype.precision},{dtype.scale})"
    if isinstance(dtype, pl.Datetime) and dtype.time_unit == "us" and dtype.time_zone is None:
        return "TIMESTAMP"
    found = _TYPES.get(dtype if isinstance(dtype, type) else type(dtype))
    if found is None:
        raise ContractError(
            f"{where} has type {dtype}, which not every engine reads alike.",
            "Use Integer, Number, Money, Text, Flag, Date, Timestamp or Binary.",
        )
    return found


def _check_consistent(contract: TableContract, siblings: Mapping[str, TableContract]) -> None:
    named = [*contract.key, *contract.references, *([contract.cursor] if contract.cursor else [])]
    for name in named:
        if name not in contract.by_name:
            raise ContractError(
                f"Contract {contract.relation} names column {name!r}, which it does not declare.",
                "Correct the key, cursor or references of the contract.",
            )
    for name in [*contract.key, *([contract.cursor] if contract.cursor else [])]:
        if contract.by_name[name].nullable or not contract.by_name[name].required:
            raise ContractError(
                f"Contract {contract.relation}: key or cursor column {name!r} may be empty.",
                "Make the column required and not nullable, or choose another key or cursor.",
            )
    for target in contract.references.values():
        table_name, _, column_name = target.partition(".")
        if table_name not in siblings or column_name not in siblings[table_name].by_name:
            raise ContractError(
                f"Contract {contract.relation} refers to {target!r}, which does not exist.",
                "References are written `table.column` and stay within one source.",
            )
    kind = contract.by_name[contract.cursor].type if contract.cursor else ""
    if contract.cursor and kind not in {"TIMESTAMP", "DATE", "BIGINT", "INTEGER"}:
        raise ContractError(
            f"Contract {contract.relation}: cursor {contract.cursor!r} is not a time or a number.",
            "Choose a column that only grows, or leave the cursor out to load snapshots.",
        )
    is_number = kind in {"BIGINT", "INTEGER"}
    if contract.lookback != DEFAULT_LOOKBACK and isinstance(contract.lookback, int) != is_number:
        raise ContractError(
            f"Contract {contract.relation}: its lookback ({contract.lookback!r}) does not fit its "
            "cursor.",
            "Give a number for a cursor that is a number, and a timedelta for one that is a time.",
        )
