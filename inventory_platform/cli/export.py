"""Commands that give data away: files for people, the project for Power BI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from inventory_platform.cli.console import app, out, shown
from inventory_platform.publishing.marts import Mart, read_marts
from inventory_platform.publishing.power_bi import ReadFrom
from inventory_platform.publishing.spreadsheets import FileFormat
from inventory_platform.settings import PROJECT_DIR, get_settings

POWERBI_DIR = PROJECT_DIR / "powerbi"


@app.command()
def export(
    mart: Annotated[str | None, typer.Argument(help="A published mart.")] = None,
    sql: Annotated[
        str | None, typer.Option(help="One query over the schemas raw, ops and marts instead.")
    ] = None,
    format: Annotated[FileFormat, typer.Option(help="Kind of file.")] = FileFormat.xlsx,
    to: Annotated[Path | None, typer.Option(help="File; by default named after the mart.")] = None,
) -> None:
    """Write a published mart, or a query's rows, as a file that is safe in a spreadsheet."""
    from inventory_platform.operations.export import export_mart, export_query
    from inventory_platform.registry import read_registry

    if bool(mart) == bool(sql):
        raise typer.BadParameter("Name a mart, or a query with --sql.")
    settings = get_settings()
    registry = read_registry(settings)
    file = to or Path(f"{mart or 'query'}.{format}")
    if sql:
        rows = export_query(settings, registry.relations, sql, file, format)
    else:
        marts = _marts(registry)
        if mart not in marts:
            raise typer.BadParameter(f"There is no mart {mart}. There are: {', '.join(marts)}.")
        rows = export_mart(settings, registry.relations, marts[mart], file, format)
    out.print(f"{file}: {rows:,} rows.", highlight=False)


@app.command()
def powerbi(
    read_from: Annotated[
        ReadFrom, typer.Option(help="Where reports take rows from.")
    ] = ReadFrom.folder,
    to: Annotated[
        Path | None, typer.Option(help="Folder; by default the project's own.", file_okay=False)
    ] = None,
) -> None:
    """Write the Power BI project of the semantic model, and the exposure that names its marts."""
    from inventory_platform.publishing.power_bi import (
        EXPOSURE_FILE,
        NAME,
        exposure_file,
        project_files,
        write_project,
    )
    from inventory_platform.publishing.semantic_model import read_model
    from inventory_platform.registry import read_registry

    settings = get_settings()
    model = read_model(POWERBI_DIR, _marts(read_registry(settings)))
    folder = to or POWERBI_DIR
    write_project(project_files(model, read_from), folder)
    (settings.dbt_dir / EXPOSURE_FILE).write_text(exposure_file(model), encoding="utf-8")
    out.print(
        f"{shown(folder / f'{NAME}.pbip')}: {len(model.tables)} tables, "
        f"{len(model.relationships)} relationships, {len(model.measures)} measures."
    )


def _marts(registry: Any) -> dict[str, Mart]:
    from inventory_platform.assets.dbt_project import prepare_manifest

    return read_marts(json.loads(prepare_manifest(registry).read_text(encoding="utf-8")))
