"""Names here for names there: tables, their classes, columns.

A name must survive Python, pandera, SQL and the metadata columns of a load, and be unique
among its siblings.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Iterable

from inventory_platform.contracts import base
from inventory_platform.contracts.base import METADATA_COLUMNS, Contract, snake_case
from inventory_platform.sources.files import SUFFIXES

# Postgres, which published marts may go to, cuts longer names.
_LONGEST = 60
# What a contract module needs under these names itself; `l` is what linters refuse; `rejected`
# is how a load tells its two files apart.
_TAKEN_BY_THE_MODULE = {"column", "table", "pl", "l", "rejected"}


def plain(name: str) -> str:
    """Write a source's name in snake case with letters every system knows.

    >>> [plain(n) for n in ("Größe (cm)", "orderID", "% used")]
    ['grosse_cm', 'order_id', 'used']
    """
    decomposed = unicodedata.normalize("NFKD", name.replace("ß", "ss"))
    ascii_only = "".join(ch for ch in decomposed if not unicodedata.combining(ch))
    words = snake_case(re.sub(r"[^\x00-\x7f]", " ", ascii_only))
    if len(words) > _LONGEST:
        words = words[:_LONGEST].rpartition("_")[0] or words[:_LONGEST]
    return words


def column_names(sources: Iterable[str]) -> dict[str, str]:
    """Name the columns of a table: source name → attribute, unique and usable."""
    names: dict[str, str] = {}
    for source in sources:
        name = plain(source)
        if _is_reserved(name):
            name += "_"
        names[source] = _unique(name, set(names.values()))
    return names


def _is_reserved(name: str) -> bool:
    return (
        keyword.iskeyword(name)
        or hasattr(Contract, name)
        or name in _TAKEN_BY_THE_MODULE
        or name in METADATA_COLUMNS
    )


def class_names(tables: Iterable[str]) -> dict[str, str]:
    """Name the classes of a source: table in the source → class, unique and usable.

    The table's name here is `snake_case` of the class.
    """
    names: dict[str, str] = {}
    for table in tables:
        stem, dot, suffix = table.rpartition(".")
        words = plain(stem if dot and f".{suffix.lower()}" in SUFFIXES else table)
        # Between digits the border of two words would be lost.
        words = re.sub(r"(\d)_(?=\d)", r"\1_n", words)
        name = "".join(word.capitalize() for word in words.split("_"))
        if hasattr(base, name) or keyword.iskeyword(name) or name == "Annotated":
            name += "Table"
        taken = {snake_case(n) for n in names.values()}
        count = 2
        unique = name
        while snake_case(unique) in taken:
            unique, count = f"{name}{count}", count + 1
        names[table] = unique
    return names


def _unique(name: str, taken: set[str]) -> str:
    unique, count = name, 2
    while unique in taken:
        unique, count = f"{name.rstrip('_')}_{count}", count + 1
    return unique
