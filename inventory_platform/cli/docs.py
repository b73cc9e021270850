"""The command that writes the catalogue."""

from __future__ import annotations

from inventory_platform.cli.console import app, err, out, shown
from inventory_platform.settings import get_settings


@app.command()
def docs() -> None:
    """Write the catalogue: a page for every key figure, table and source, to be opened anywhere."""
    from inventory_platform.operations.catalogue import write_catalogue
    from inventory_platform.registry import read_registry

    with err.status("Writing the catalogue …"):
        page = write_catalogue(read_registry(get_settings()))
    out.print(f"Catalogue: {shown(page)}", soft_wrap=True)
