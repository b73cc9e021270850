"""What every kind of file is turned into: a SELECT, and what stands beside its columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from inventory_platform.duck import identifier

ROW = '"file:row"'
ORIGIN = '"file:origin"'
SEQUENCE = '"file:sequence"'
COMPLAINT = '"file:complaint"'
TEXT = '"file:text"'
CODE = '"file:code"'

# Names with a colon, because a file may have columns of any plain name.
_BESIDE = {
    ROW: "bigint",
    ORIGIN: "varchar",
    SEQUENCE: "bigint",
    COMPLAINT: "varchar",
    TEXT: "varchar",
    CODE: "varchar",
}


@dataclass(frozen=True)
class Rows:
    """The rows of one file or several.

    Attributes:
        sql: A SELECT that yields the file's columns, ORIGIN, and what else is known.
        columns: Column name → DuckDB type.
    """

    sql: str
    columns: Mapping[str, str]


def together(selects: Sequence[str], columns: Mapping[str, str]) -> str:
    """One SELECT of several, matched by name, that has all columns and all that stands beside."""
    typed = {identifier(name): kind for name, kind in columns.items()} | _BESIDE
    listed = ", ".join(f"cast(null as {kind}) as {name}" for name, kind in typed.items())
    return " union all by name ".join([f"select {listed} where false", *selects])


def is_beside(name: str) -> bool:
    """Whether a column is not the file's own."""
    return f'"{name}"' in _BESIDE


def plain(path: Path) -> str:
    """A path as the engine takes it, without any letter that would make it a pattern."""
    return re.sub(r"([*?\[])", r"[\1]", str(path))
