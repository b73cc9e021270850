"""Commands that look and change nothing but the quarantine: status, queries, rejected rows."""

from __future__ import annotations

import json
import sys
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from inventory_platform.cli.console import app, out
from inventory_platform.settings import get_settings

quarantine_app = typer.Typer(help="Rejected rows: look at them, replay them.", no_args_is_help=True)
app.add_typer(quarantine_app, name="quarantine")


class Format(StrEnum):
    """How a query's rows are printed."""

    table = "table"
    csv = "csv"
    json = "json"


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Show the newest load of every table, the quarantine and the published version."""
    from inventory_platform.operations.status import status as read_status
    from inventory_platform.operations.status import to_json
    from inventory_platform.registry import read_registry

    state = read_status(read_registry(get_settings()))
    if as_json:
        print(to_json(state))
        return
    table = Table()
    for name in ("source", "table", "last load", "read", "loaded", "in quarantine", "cursor"):
        table.add_column(name)
    for line in state["tables"]:
        last = line["last_load"]
        shown = (
            [f"{last['committed_at']:%Y-%m-%d %H:%M}", last["rows_read"], last["rows_loaded"]]
            if last
            else ["never", "", ""]
        )
        cursor = (last or {}).get("cursor_to") or ""
        values = [line["source"], line["table"], *shown, line["in_quarantine"], cursor]
        table.add_row(*map(str, values))
    out.print(table)
    holds = "holds for every load" if state["ledger_holds"] else "[red]does not hold[/]"
    out.print(f"Ledger: read = loaded + quarantined + deduplicated {holds}.")
    published = state["published"]
    out.print(f"Published: {published['published_at'] if published else 'nothing yet'}.")


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One query over the schemas raw, ops and marts.")],
    format: Annotated[Format, typer.Option(help="How rows are printed.")] = Format.table,
    limit: Annotated[int, typer.Option(help="Most rows printed as a table.", min=1)] = 100,
    as_of: Annotated[
        str | None, typer.Option(help="Show raw and ops as they were after this load.")
    ] = None,
    version: Annotated[
        str | None, typer.Option(help="Show the marts of this published version.")
    ] = None,
) -> None:
    """Run a read-only query over the last good state, also while a pipeline is running.

    Values are printed as they are; `inventory export` writes files for spreadsheets.
    """
    import csv

    from inventory_platform.operations.query import query as run_query
    from inventory_platform.operations.query import reader
    from inventory_platform.registry import read_registry

    settings = get_settings()
    relations = read_registry(settings).relations
    with reader(settings, relations, as_of=as_of, version=version) as con:
        cursor = run_query(con, sql)
        names = [column[0] for column in cursor.description or []]
        match format:
            case Format.csv:
                writer = csv.writer(sys.stdout, lineterminator="\n")
                writer.writerow(names)
                while rows := cursor.fetchmany(10_000):
                    writer.writerows(rows)
            case Format.json:
                print(
                    json.dumps(
                        [dict(zip(names, row, strict=True)) for row in cursor.fetchall()],
                        default=_as_json,
                    )
                )
            case Format.table:
                rows = cursor.fetchmany(limit + 1)
                table = Table()
                for name in names:
                    table.add_column(name, overflow="fold")
                for row in rows[:limit]:
                    table.add_row(*("" if v is None else escape(str(v)) for v in row))
                out.print(table)
                if len(rows) > limit:
                    out.print(f"The first {limit} rows; --limit or --format csv shows more.")


def _as_json(value: Any) -> float | str:
    return float(value) if isinstance(value, Decimal) else str(value)


@quarantine_app.command("list")
def quarantine_list() -> None:
    """Show how many rows are in quarantine, by table and reason."""
    query(
        "select source || '__' || table_name as relation, reason_code, status, count(*) as rows, "
        "min(reason) as example from ops.quarantine group by all order by all"
    )


@quarantine_app.command("show")
def quarantine_show(
    relation: Annotated[str, typer.Argument(help="Table, as <source>__<table>.")],
    limit: Annotated[int, typer.Option(help="Most rows shown.", min=1)] = 20,
) -> None:
    """Show a table's rejected rows with their reason and their content as it came."""
    from inventory_platform.duck import literal
    from inventory_platform.registry import read_registry

    contract = read_registry(get_settings()).find(relation)
    query(
        "select load_id, position, status, reason_code, reason, payload from ops.quarantine "
        f"where source = {literal(contract.source)} and table_name = {literal(contract.name)} "
        "order by load_id, position",
        limit=limit,
    )


@quarantine_app.command("replay")
def quarantine_replay(
    relation: Annotated[str, typer.Argument(help="Table, as <source>__<table>.")],
) -> None:
    """Judge a table's rejected rows again, by the contract as it is now."""
    from inventory_platform.code_version import code_version
    from inventory_platform.landing.replay import replay
    from inventory_platform.registry import read_registry

    settings = get_settings()
    contract = read_registry(settings).find(relation)
    result = replay(settings, contract, code_version=code_version())
    if result is None:
        out.print(f"Nothing of {contract.relation} is in quarantine.")
        return
    out.print(
        f"{contract.relation}: {result.replayed} loaded, {result.superseded} superseded by newer "
        f"rows, {result.still_rejected} still rejected. `inventory run` brings them to the marts."
    )
