"""The way of a new source, from its address to its files.

The steps and their order; each step is a sibling module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from inventory_platform import duck
from inventory_platform.errors import SettingsError, SourceError
from inventory_platform.onboarding.address import locate
from inventory_platform.onboarding.dialect import options_of
from inventory_platform.onboarding.draft import DraftTable, draft_tables
from inventory_platform.onboarding.write import (
    DEFAULT_OWNER,
    check_name,
    contract_text,
    entry_text,
    write_source,
)
from inventory_platform.settings import Settings
from inventory_platform.sources.base import SourceTable
from inventory_platform.sources.catalog import Source, reader_for, redact, secrets_of
from inventory_platform.sources.clear_text import check_encrypted
from inventory_platform.sources.files import TEXT_SUFFIXES

_ABOUT_REQUIRED = (
    "all tables: a column is required where no row is without a value, or where the database "
    "says so; add `nullable=True` where that was luck"
)
_OWNER = re.compile(r"team:[\w.-]+|[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Added:
    """What was written for a new source.

    Attributes:
        contract_file: The contract module.
        sources_file: The file the source's entry was appended to.
        dbt_files: The dbt files.
        tables: The relations the source will load.
        to_review: Every guess, one readable line each.
    """

    contract_file: Path
    sources_file: Path
    dbt_files: list[Path]
    tables: list[str]
    to_review: list[str]


@dataclass(frozen=True)
class Draft:
    """What would be written for a new source.

    Attributes:
        source: Its entry.
        contract: The text of its contract module.
        entry: The text of its entry in `sources.toml`.
        tables: The relations it will load.
        to_review: Every guess, one readable line each.
    """

    source: Source
    contract: str
    entry: str
    tables: list[str]
    to_review: list[str]


def add_source(
    settings: Settings,
    address: str,
    name: str,
    *,
    description: str = "",
    owner: str = DEFAULT_OWNER,
) -> Added:
    """Look at a source and write its contract, its entry and its dbt files.

    Args:
        settings: Where files belong.
        address: `sqlite:///path`, `postgresql://…`, `mysql://…`, a CSV or Parquet file, or a
            folder of them. Secrets may be named as `${VARIABLE}`; literal ones are not written.
        name: Name of the source here.
        description: One sentence on what it is.
        owner: Who answers for its tables, as `team:name` or an e-mail address.

    Raises:
        SettingsError: The name or owner cannot be used, or a variable is not set.
        SourceError: The source cannot be reached or read, or has no tables.
        InventoryError: The files cannot be written; none of them stays.
    """
    draft = draft_source(settings, address, name, description=description, owner=owner)
    written = write_source(settings, draft.source, draft.contract)
    return Added(
        contract_file=written.contract_file,
        sources_file=written.sources_file,
        dbt_files=written.dbt_files,
        tables=written.relations,
        to_review=draft.to_review,
    )


def draft_source(
    settings: Settings,
    address: str,
    name: str,
    *,
    description: str = "",
    owner: str = DEFAULT_OWNER,
) -> Draft:
    """Look at a source and say what `add_source` would write, without writing it.

    Raises:
        SettingsError: The name or owner cannot be used, or a variable is not set.
        SourceError: The source cannot be reached or read, or has no tables.
    """
    check_name(name, settings)
    if not _OWNER.fullmatch(owner):
        raise SettingsError(
            f"Owner {owner!r} is not usable.", "Write `team:name` or an e-mail address."
        )
    place = locate(address, name, settings)
    check_encrypted(settings, place.live, f"Source {name!r}")
    secrets = frozenset(secrets_of(place.live))
    with duck.connect(settings) as con:
        reader = reader_for(place.live)
        reader.attach(con)
        tables = reader.tables(con)
        if not tables:
            raise SourceError(
                f"{redact(place.live)} has no tables.",
                "Correct the address, or grant this user the right to see the tables.",
            )
        source = Source(name, place.written, description)
        if source.kind == "file":
            files = _file_options(Path(place.live), tables)
            source = replace(source, options={"files": files} if files else {})
            reader = reader_for(place.live, source.options)
        drafts = draft_tables(con, reader, tables, source.kind, secrets)
    return Draft(
        source=source,
        contract=contract_text(name, drafts, owner),
        entry=entry_text(source),
        tables=[f"{name}__{draft.table.name}" for draft in drafts],
        to_review=[*place.notes, *_file_notes(source), *_notes(drafts), _ABOUT_REQUIRED],
    )


def _file_options(path: Path, tables: Sequence[SourceTable]) -> dict[str, dict[str, str]]:
    """How each text file is written, where it is not as usual."""
    files = [path if path.is_file() else path / table.name for table in tables]
    found = {f.name: options_of(f) for f in files if f.suffix.lower() in TEXT_SUFFIXES}
    return {name: options for name, options in found.items() if options}


def _file_notes(source: Source) -> Iterator[str]:
    for file, options in source.options.get("files", {}).items():
        yield f"{file}: {', '.join(f'{key} {value!r}' for key, value in options.items())}"


def _notes(drafts: Sequence[DraftTable]) -> Iterator[str]:
    for draft in drafts:
        table = draft.table
        yield from (f"{table.name}: {note}" for note in table.notes)
        for column, notes in draft.column_notes.items():
            yield from (f"{table.name}.{column}: {note}" for note in notes)
