"""The dbt files that follow from contracts: sources, staging models, their properties.

Here belongs turning `TableContract` into text under `dbt_project/models/staging/<source>`.
The sources file always says what the contracts say. Staging models and their properties
are written once and belong to whoever edits them afterwards; models behind staging are
written by hand. Nothing is read from a database here.
"""

from __future__ import annotations

import json
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from inventory_platform.contracts.base import Column, TableContract

WIDTH = 96

# Words that a parser of DuckDB or Spark does not take for a column where a column may stand.
_RESERVED = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization between
    bigint binary bit boolean both by case cast char character check coalesce collate collation
    column columns concurrently constraint create cross current_date current_time
    current_timestamp current_user dec decimal default deferrable desc describe distinct do else
    end except exists extract false fetch filter float for foreign freeze from full generated
    glob grant group grouping grouping_id having ilike in initially inner inout int integer
    intersect interval into is isnull join lambda lateral leading left like limit localtime
    localtimestamp map minus national natural nchar none not notnull null nullif numeric offset
    on only or order out outer overlaps overlay pivot pivot_longer pivot_wider placing position
    positional precision primary qualify real references returning right row rowid select semi
    session_user setof show similar smallint some struct substring summarize symmetric table
    tablesample then time timestamp to trailing treat trim true try_cast union unique unknown
    unpack unpivot user using values varchar variadic verbose when where window with
    xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi xmlroot
    xmlserialize xmltable
"""
RESERVED_WORDS = frozenset(_RESERVED.split())

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_ ,;?!./()'`*+%-]*")
_NOT_TEXT = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
_SECTIONS = (
    ("text", frozenset({"VARCHAR"})),
    ("numerics", frozenset({"BIGINT", "INTEGER", "DOUBLE"})),
    ("booleans", frozenset({"BOOLEAN"})),
    ("dates and instants", frozenset({"DATE", "TIMESTAMP"})),
    ("binaries", frozenset({"BLOB"})),
)


def write_dbt_files(contracts: Mapping[str, TableContract], dbt_project_dir: Path) -> list[Path]:
    """Write the dbt files of one source system.

    Args:
        contracts: The contracts of the source, by table name.
        dbt_project_dir: The folder with `dbt_project.yml`.

    Returns:
        The files written: the sources file, and the staging files that did not exist.
    """
    written = []
    for path, content in _sources_files(contracts, dbt_project_dir).items():
        _write(path, content)
        written.append(path)
    for contract in contracts.values():
        folder = _folder(contract, dbt_project_dir)
        for path, content in (
            (folder / f"{_model(contract)}.sql", staging_sql(contract)),
            (folder / f"{_model(contract)}.yml", staging_yml(contract)),
        ):
            if not path.exists():
                _write(path, content)
                written.append(path)
    return written


def stale_dbt_files(contracts: Mapping[str, TableContract], dbt_project_dir: Path) -> list[Path]:
    """Return the generated files that are missing or differ from what the contracts say."""
    return [
        path
        for path, content in _sources_files(contracts, dbt_project_dir).items()
        if not path.exists() or path.read_text(encoding="utf-8") != content
    ]


def sources_yml(source: str, contracts: Iterable[TableContract]) -> str:
    """Return the properties of a source system's raw tables."""
    lines = [
        f"# Generated from inventory_platform/contracts/{source}.py, overwritten with it: "
        "edit the contract.",
        "sources:",
        f"  - name: {source}",
        "    description: >-",
        *_folded(f"Raw tables of {source}: every version of every row that ever arrived.", 6),
        "    schema: raw",
        "    tables:",
    ]
    for contract in contracts:
        lines += [
            "",
            f"      - name: {_scalar(contract.name)}",
            f"        identifier: {contract.relation}",
            "        description: >-",
            *_folded(contract.description or contract.source_table, 10),
            "        config:",
            "          meta:",
            "            dagster:",
            f"              asset_key: [raw, {contract.relation}]",
            "        columns:",
        ]
        for column in contract.columns:
            lines += _indented(_column_yml(column), 10)
    return "\n".join(lines) + "\n"


def staging_sql(contract: TableContract) -> str:
    """Return the staging model of a table: the current row of each key, text cleaned."""
    return _keyed_sql(contract) if contract.key else _keyless_sql(contract)


def staging_yml(contract: TableContract) -> str:
    """Return the properties of a table's staging model: description, grain, columns, tests."""
    key = " and ".join(f"`{name}`" for name in contract.key)
    grain = f"Grain: one row per {key}." if key else "Grain: one row per `row_key`."
    lines = [
        "models:",
        f"  - name: {_model(contract)}",
        "    description: >-",
        *_folded(contract.description or contract.source_table, 6),
        *_folded(grain, 6),
    ]
    lines += [
        "    data_tests:",
        "      - primary_key:",
        "          arguments:",
        f"            columns: {_flow(contract.key or [_row_key(contract)])}",
        "    columns:",
    ]
    if not contract.key:
        lines += _indented(
            [
                f"- name: {_row_key(contract)}",
                "  description: Identifies the row, computed from all its values and a count of "
                "equal rows.",
                "  data_type: varchar",
            ],
            6,
        )
    for column in contract.columns:
        lines += _indented(_column_yml(column), 6)
    lines += _indented(
        [
            "- name: _loaded_at",
            "  description: When this version of the row was loaded, UTC.",
            "  data_type: timestamp",
            "- name: _load_id",
            "  description: The load that brought this version of the row.",
            "  data_type: varchar",
        ],
        6,
    )
    return "\n".join(lines) + "\n"


def _sources_files(
    contracts: Mapping[str, TableContract], dbt_project_dir: Path
) -> dict[Path, str]:
    by_source: dict[str, list[TableContract]] = {}
    for contract in contracts.values():
        by_source.setdefault(contract.source, []).append(contract)
    return {
        _folder(members[0], dbt_project_dir) / f"_{source}__sources.yml": sources_yml(
            source, members
        )
        for source, members in by_source.items()
    }


def _folder(contract: TableContract, dbt_project_dir: Path) -> Path:
    return dbt_project_dir / "models" / "staging" / contract.source


def _model(contract: TableContract) -> str:
    return f"stg_{contract.relation}"


def _write(path: Path, content: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")


# ---- SQL


def _keyed_sql(contract: TableContract) -> str:
    names = [_quoted(c.name) for c in contract.columns]
    cursor = [f"{_quoted(contract.cursor)} desc nulls last"] if contract.cursor else []
    order = ", ".join([*cursor, "_load_id desc nulls last"])
    partition = ", ".join(_quoted(name) for name in contract.key)
    return f"""\
with

versions as (

    select
{_listed([*names, "_load_id", "_loaded_at", "_is_deleted"], trailing_comma=True)}
        row_number() over (
            partition by {partition}
            order by {order}
        ) as _newest_first

    from {_from_source(contract)}

),

current_rows as (

    select
{_select_list(contract)}

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
"""


def _keyless_sql(contract: TableContract) -> str:
    names = [_quoted(c.name) for c in contract.columns]
    values = ", ".join(
        f"adapter.quote('{n}')" if n in RESERVED_WORDS else f"'{n}'"
        for n in [*(c.name for c in contract.columns), "_occurrence"]
    )
    values = textwrap.fill(
        values,
        WIDTH,
        initial_indent=" " * 12,
        subsequent_indent=" " * 12,
        break_long_words=False,
    )
    row_key = _row_key(contract)
    return f"""\
-- The source gives these rows no key: equal rows are told apart by counting them.

with

keyed as (

    select
        {{{{ surrogate_key([
{values}
        ]) }}}} as {row_key},
{_listed([*names, "_load_id", "_loaded_at", "_is_deleted"])}

    from {_from_source(contract)}

),

versions as (

    select
{_listed([row_key, *names, "_load_id", "_loaded_at", "_is_deleted"], trailing_comma=True)}
        row_number() over (
            partition by {row_key}
            order by _load_id desc nulls last
        ) as _newest_first

    from keyed

),

current_rows as (

    select
        {row_key},

{_select_list(contract)}

    from versions
    where _newest_first = 1 and not coalesce(_is_deleted, false)

)

select * from current_rows
"""


def _from_source(contract: TableContract) -> str:
    return f"{{{{ source('{contract.source}', '{contract.name}') }}}}"


def _row_key(contract: TableContract) -> str:
    return "row_key" if "row_key" not in contract.by_name else "generated_row_key"


def _quoted(name: str) -> str:
    return f"{{{{ adapter.quote('{name}') }}}}" if name in RESERVED_WORDS else name


def _listed(names: Iterable[str], *, trailing_comma: bool = False) -> str:
    text = ",\n".join(f"        {name}" for name in names)
    return f"{text}," if trailing_comma else text


def _select_list(contract: TableContract) -> str:
    parts = []
    for title, columns in _sections(contract):
        parts.append(
            f"        ---------- {title}\n" + _listed(_cleaned(c, contract) for c in columns)
        )
    parts.append("        ---------- load\n" + _listed(["_loaded_at", "_load_id"]))
    return ",\n\n".join(parts)


def _sections(contract: TableContract) -> Iterator[tuple[str, list[Column]]]:
    """Group the columns as they are read: identifiers first, then by kind of value."""
    ids = [c for c in contract.columns if _is_identifier(c, contract)]
    rest = [c for c in contract.columns if not _is_identifier(c, contract)]
    if ids:
        yield "ids", ids
    for title, types in _SECTIONS:
        if chosen := [c for c in rest if c.type in types]:
            yield title, chosen
    if money := [c for c in rest if c.type.startswith("DECIMAL")]:
        yield "money", money


def _is_identifier(column: Column, contract: TableContract) -> bool:
    return column.name in contract.key or column.name in contract.references


def _cleaned(column: Column, contract: TableContract) -> str:
    """Return the column's expression; identifiers are kept to the letter."""
    name = _quoted(column.name)
    if not column.is_text or _is_identifier(column, contract):
        return name
    argument = (
        f"adapter.quote('{column.name}')" if column.name in RESERVED_WORDS else f"'{column.name}'"
    )
    return f"{{{{ clean_text({argument}) }}}} as {name}"


# ---- YAML


def _column_yml(column: Column) -> list[str]:
    lines = [f"- name: {_scalar(column.name)}"]
    if column.description:
        lines.append(f"  description: {_scalar(column.description)}")
    lines.append(f"  data_type: {column.raw_type.lower()}")
    if column.name in RESERVED_WORDS:
        lines.append("  quote: true")
    if column.personal:
        lines += ["  config:", "    meta:", "      personal: true"]
    return lines


def _indented(lines: Iterable[str], spaces: int) -> list[str]:
    return [" " * spaces + line if line else line for line in lines]


def _folded(text: str, spaces: int) -> list[str]:
    wrapped = textwrap.wrap(
        _without_jinja(" ".join(text.split())), WIDTH - spaces, break_on_hyphens=False
    )
    return _indented(wrapped, spaces)


def _scalar(text: str) -> str:
    """Return text as a YAML value, in quotes where it could be read as something else."""
    if not text.startswith("{{ adapter.quote("):
        text = _without_jinja(text)
    plain = _PLAIN.fullmatch(text) and not text.endswith(" ") and text.lower() not in _NOT_TEXT
    return text if plain else json.dumps(text, ensure_ascii=False)


def _flow(texts: Iterable[str]) -> str:
    """Return texts as a YAML list on one line, where a comma separates."""
    items = (json.dumps(t, ensure_ascii=False) if "," in t else _scalar(t) for t in texts)
    return f"[{', '.join(items)}]"


def _without_jinja(text: str) -> str:
    """Take the meaning from what dbt would run as a template."""
    return re.sub(r"\{(?=[{%#])", "{ ", text)
