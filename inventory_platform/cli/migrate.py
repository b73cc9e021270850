"""The command that copies the lake of this machine to object storage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from inventory_platform.cli.console import app, out, shown
from inventory_platform.settings import get_settings

if TYPE_CHECKING:
    from inventory_platform.operations.migrate import Copied


@app.command()
def migrate(
    to: Annotated[
        str, typer.Option(help="Folder in object storage: s3://, abfss://, az://, gs://.")
    ],
) -> None:
    """Copy the lake and the published marts to object storage, and compare every file.

    Nothing here is changed or removed. A migration that was cut goes on where it stopped.
    """
    from inventory_platform.operations.migrate import migrate as copy

    settings = get_settings()
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=out,
        disable=not out.is_terminal,
    )
    with progress:
        task = progress.add_task("copied and compared", total=None)

        def tell(copied: Copied) -> None:
            progress.advance(task, copied.size)

        done = copy(
            settings, to, on_start=lambda size: progress.update(task, total=size), on_file=tell
        )
    there = done.files - done.copied
    out.print(
        f"{done.files:,} files ({done.size / 1e6:,.1f} MB, {done.rows:,} rows of Parquet) are at "
        f"{to}, each read back and equal: {done.copied:,} copied now, {there:,} there before.",
        highlight=False,
        soft_wrap=True,
    )
    out.print("To work there, set these and run `inventory run`:", highlight=False)
    out.print(f"  INVENTORY_LAKE_ADDRESS={done.lake_address}", highlight=False, soft_wrap=True)
    out.print(
        f"  INVENTORY_PUBLISHED_ADDRESS={done.published_address}", highlight=False, soft_wrap=True
    )
    out.print(f"The files in {shown(settings.data_dir)} stay as they are.", highlight=False)
