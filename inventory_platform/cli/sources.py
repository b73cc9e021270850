"""Commands that add a source."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from inventory_platform.cli.console import app, out, shown
from inventory_platform.settings import get_settings


@app.command("add-source")
def add_source(
    address: Annotated[
        str,
        typer.Argument(help="sqlite:///path, postgresql://…, mysql://…, a file or a folder."),
    ],
    name: Annotated[str, typer.Option(help="Name of the source here, in snake case.")],
    description: Annotated[str, typer.Option(help="One sentence on what it is.")] = "",
    owner: Annotated[str, typer.Option(help="Who answers for it.")] = "team:inventory",
    dry_run: Annotated[
        bool, typer.Option(help="Print the contract and the entry, write nothing.")
    ] = False,
) -> None:
    """Look at a source and write its contract, its entry and its staging models."""
    from inventory_platform.onboarding import add_source as add
    from inventory_platform.onboarding import draft_source

    if dry_run:
        draft = draft_source(get_settings(), address, name, description=description, owner=owner)
        print(f"{draft.contract}\n{draft.entry}")
        return
    added = add(get_settings(), address, name, description=description, owner=owner)
    out.print(f"{len(added.tables)} tables: {', '.join(added.tables)}")
    out.print(f"Contract  {shown(added.contract_file)}")
    out.print(f"Entry     {shown(added.sources_file)}")
    out.print(f"dbt       {len(added.dbt_files)} files")
    if added.to_review:
        out.print("Guessed, please review:")
        for line in added.to_review:
            out.print(f"  {escape(line)}", highlight=False)
    out.print("`inventory run` loads it.")
