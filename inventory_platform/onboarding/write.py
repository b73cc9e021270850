"""Writing a new source down: contract module, entry in `sources.toml`, dbt files.

All or nothing: each file is written aside and renamed, and what was written is taken back
when a later step fails. The entry comes last, because it is what makes the source known.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import re
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from inventory_platform import contracts as contracts_package
from inventory_platform.contracts.base import Column, contracts_of
from inventory_platform.contracts.dbt_files import write_dbt_files
from inventory_platform.errors import InventoryError, SettingsError
from inventory_platform.onboarding.draft import DraftTable
from inventory_platform.settings import Settings
from inventory_platform.sources.catalog import Source, read_catalog

DEFAULT_OWNER = "team:inventory"
WIDTH = 100
_TYPES = {
    "BIGINT": "Integer",
    "DOUBLE": "Number",
    "VARCHAR": "Text",
    "BOOLEAN": "Flag",
    "DATE": "Date",
    "TIMESTAMP": "Timestamp",
    "BLOB": "Binary",
    "DECIMAL(18,2)": "Money",
}
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def contract_path(name: str) -> Path:
    """Where the contract of a source is kept."""
    return Path(str(contracts_package.__file__)).parent / f"{name}.py"


def check_name(name: str, settings: Settings) -> None:
    """Refuse a name that cannot be used or is taken.

    Raises:
        SettingsError: The name cannot be that of a source, or there is one of this name.
    """
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"Source name {name!r} is not usable.",
            "Use lower case letters, digits and single underscores, a letter first.",
        )
    if name in read_catalog(settings):
        raise SettingsError(
            f"{settings.sources_file} already has a source {name!r}.",
            "Choose another name, or remove that source first.",
        )
    if contract_path(name).exists():
        raise SettingsError(
            f"The name {name!r} is taken: {contract_path(name)} exists.",
            "Choose another name, or delete that file if it is what is left of a removed source.",
        )


# -- texts ---------------------------------------------------------------------------------


def entry_text(source: Source) -> str:
    """The entry of a source for `sources.toml`."""
    lines = [f"[{source.name}]", f"address = {_toml(source.address)}"]
    if source.description:
        lines.append(f"description = {_toml(source.description)}")
    for file, options in source.options.get("files", {}).items():
        lines += ["", f"[{source.name}.files.{_toml(file)}]"]
        lines += [f"{key} = {_toml(value)}" for key, value in options.items()]
    return "\n".join(lines) + "\n"


def _toml(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def contract_text(name: str, tables: Sequence[DraftTable], owner: str) -> str:
    """The contract module of a source, formatted as the project's formatter would."""
    kinds = {column.type for draft in tables for column in draft.table.columns.values()}
    imported = sorted({"Contract", *(_TYPES[kind] for kind in kinds & set(_TYPES))})
    decimals = "from typing import Annotated\n\nimport polars as pl\n\n"
    head = [
        f'"""The source `{name}`, as `inventory add-source` found it.\n\n'
        "Lines marked `review` are guesses: correct what is wrong, remove the mark, and say what\n"
        'tables and columns mean.\n"""\n\n',
        decimals if kinds - set(_TYPES) else "",
        "from inventory_platform.contracts.base import (\n",
        *(f"    {word},\n" for word in [*imported, "column", "table"]),
        ")\n",
    ]
    return "".join([*head, *(f"\n\n{_class_text(draft, owner)}" for draft in tables)])


def _class_text(draft: DraftTable, owner: str) -> str:
    table = draft.table
    lines = [
        f"class {draft.class_name}(Contract):",
        f'    """Rows of `{table.name}`."""',
        "",
    ]
    for column in table.columns.values():
        lines += _review(draft.column_notes[column.name], 4)
        lines.append(_column_text(column))
    lines += ["", "    class Config:", *_review(table.notes, 8)]
    facts = {
        "key": list(table.key),
        "cursor": table.cursor,
        "references": table.references,
        "owner": owner if owner != DEFAULT_OWNER else None,
    }
    lines.append(_call("metadata = table", [table.sample.table.name], facts, 8))
    return "\n".join(lines) + "\n"


def _review(notes: Sequence[str], indent: int) -> list[str]:
    """Comments, in ASCII because they may quote what the source holds."""
    lines = []
    for note in notes:
        text = note.encode("ascii", "backslashreplace").decode()
        wrapped = textwrap.wrap(f"review: {text}", WIDTH - indent - 2, break_on_hyphens=False)
        lines += [f"{' ' * indent}# {line}" for line in wrapped]
    return lines


def _column_text(column: Column) -> str:
    facts = {
        "nullable": column.nullable,
        "personal": column.personal,
        "formats": list(column.formats),
        "decimal_mark": column.decimal_mark if column.decimal_mark != "." else None,
        "null_values": list(column.null_values),
    }
    start = f"{column.name}: {_annotation(column.type)} = column"
    return _call(start, [column.source, column.description], facts, 4)


def _annotation(kind: str) -> str:
    if kind in _TYPES:
        return _TYPES[kind]
    precision, scale = kind.removeprefix("DECIMAL(").rstrip(")").split(",")
    return f"Annotated[pl.Decimal, {precision}, {scale}]"


def _call(start: str, positional: Sequence[str], named: Mapping[str, Any], indent: int) -> str:
    """A call on one line if it fits, else one argument a line; empty arguments are left out."""
    given = [("", text) for text in positional]
    given += [(f"{name}=", value) for name, value in named.items() if value]
    margin = " " * indent
    line = f"{margin}{start}({', '.join(name + _flat(value) for name, value in given)})"
    if len(line) <= WIDTH:
        return line
    listed = "".join(
        f"{margin}    {name}{_argument(name, value, indent + 4)},\n" for name, value in given
    )
    return f"{margin}{start}(\n{listed}{margin})"


def _argument(name: str, value: Any, indent: int) -> str:
    """An argument on a line of its own, or on several where it is too long for one."""
    flat = _flat(value)
    if indent + len(name) + len(flat) + 1 <= WIDTH:
        return flat
    margin = " " * indent
    if isinstance(value, str):
        pieces = textwrap.wrap(
            value, (WIDTH - indent) // 2, drop_whitespace=False, replace_whitespace=False
        )
        return f"\n{margin}".join(_python(piece) for piece in pieces)
    brackets = "{}" if isinstance(value, Mapping) else "[]"
    items = "".join(f"{margin}    {item},\n" for item in _items(value))
    return f"{brackets[0]}\n{items}{margin}{brackets[1]}"


def _flat(value: Any) -> str:
    if isinstance(value, str):
        return _python(value)
    if isinstance(value, Mapping):
        return f"{{{', '.join(_items(value))}}}"
    return f"[{', '.join(_items(value))}]" if isinstance(value, list) else str(value)


def _items(value: Mapping[str, str] | list[str]) -> list[str]:
    if isinstance(value, Mapping):
        return [f"{_python(key)}: {_python(item)}" for key, item in value.items()]
    return [_python(item) for item in value]


def _python(text: str) -> str:
    """A text as Python source, quoted as the formatter would."""
    quote = "'" if text.count('"') > text.count("'") else '"'
    return quote + "".join(_character(ch, quote) for ch in text) + quote


def _character(ch: str, quote: str) -> str:
    if ch in {quote, "\\"}:
        return f"\\{ch}"
    # Letters of Western scripts stay readable; others may look like something they are not.
    is_plain = " " <= ch <= "~" or (ch.isalpha() and ch < "\u0180" and ch.isprintable())
    return ch if is_plain else ch.encode("unicode_escape").decode()


# -- files ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class Written:
    """The files that make a source known."""

    contract_file: Path
    sources_file: Path
    dbt_files: list[Path]
    relations: list[str]


def write_source(settings: Settings, source: Source, contract: str) -> Written:
    """Write the files of a new source; if one cannot be written, none stays.

    Raises:
        InventoryError: A file cannot be written, or what was written cannot be read back.
    """
    path = contract_path(source.name)
    folder = settings.dbt_dir / "models" / "staging" / source.name
    with _all_or_nothing(source.name, [path, settings.sources_file], folder):
        _write(path, contract)
        importlib.invalidate_caches()
        contracts = contracts_of(source.name)
        dbt_files = write_dbt_files(contracts, settings.dbt_dir)
        before = settings.sources_file.read_text(encoding="utf-8")
        gap = "" if not before or before.endswith("\n\n") else "\n" * (2 - before.endswith("\n"))
        _write(settings.sources_file, before + gap + entry_text(source))
        if read_catalog(settings).get(source.name) != source:
            raise SettingsError(
                f"{settings.sources_file} does not say what was written to it.",
                "See whether another program writes the file, and try again.",
            )
    relations = [found.relation for found in contracts.values()]
    return Written(path, settings.sources_file, dbt_files, relations)


def _write(path: Path, content: str) -> None:
    staged = path.with_name(f".{path.name}.tmp")
    try:
        staged.write_text(content, encoding="utf-8")
        if path.exists():
            staged.chmod(path.stat().st_mode)
        staged.replace(path)
    finally:
        staged.unlink(missing_ok=True)


@contextmanager
def _all_or_nothing(name: str, files: Sequence[Path], folder: Path) -> Iterator[None]:
    """Put files and the contents of a folder back as they were when something fails."""
    had_folder = folder.exists()
    before = {p: p.read_bytes() for p in [*files, *folder.rglob("*")] if p.is_file()}
    try:
        yield
    except BaseException as error:
        for path in [*files, *folder.rglob("*")]:
            if path in before:
                path.write_bytes(before[path])
            elif path.is_file():
                path.unlink()
        if not had_folder:
            shutil.rmtree(folder, ignore_errors=True)
        _forget_module(name)
        if isinstance(error, OSError):
            raise InventoryError(
                f"Source {name!r} was not added, a file cannot be written: {error}.",
                "Free space or mend permissions, and try again. Nothing was left behind.",
            ) from error
        raise


def _forget_module(name: str) -> None:
    module = f"{contracts_package.__name__}.{name}"
    sys.modules.pop(module, None)
    vars(contracts_package).pop(name, None)
    compiled = importlib.util.cache_from_source(str(contract_path(name)))
    Path(compiled).unlink(missing_ok=True)
    importlib.invalidate_caches()
