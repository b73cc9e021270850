"""Commands that keep data: backups, bringing them back, checking that all is whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from inventory_platform.cli.console import app, err, out, print_error
from inventory_platform.settings import get_settings

if TYPE_CHECKING:
    from inventory_platform.operations.integrity import Integrity

_ADDRESS = "A folder, s3://, az:// or gs://; INVENTORY_BACKUP_ADDRESS when omitted."
_SHOWN = 20


@app.command()
def backup(
    to: Annotated[str | None, typer.Option(help=_ADDRESS)] = None,
    show: Annotated[bool, typer.Option("--list", help="Show the backups there are.")] = False,
    accept_losses: Annotated[
        str,
        typer.Option(
            help="Back up although what the newest backup has is gone or different; say why."
        ),
    ] = "",
) -> None:
    """Back up everything that cannot be worked out again, also while pipelines run."""
    from inventory_platform.operations.backup import open_repository, take_backup

    settings = get_settings()
    repository = open_repository(settings, to)
    if show:
        table = Table("backup", "encrypted")
        for each in repository.backups():
            table.add_row(each.backup_id, "yes" if each.is_encrypted else "no")
        out.print(table)
        return
    with _progress("Backing up") as tell:
        taken = take_backup(
            settings, repository, losses_accepted=accept_losses.strip(), on_progress=tell
        )
    out.print(
        f"Backup {taken.backup.backup_id}{' (encrypted)' if taken.backup.is_encrypted else ''}: "
        f"{len(taken.manifest.files):,} files, {_size(taken.manifest.size)}; new: "
        f"{taken.stored_files:,} files, {_size(taken.stored_bytes)}.",
        highlight=False,
    )
    if taken.removed:
        out.print(f"Removed as older than the newest {settings.backup_keep}: {len(taken.removed)}.")
    if taken.not_pruned:
        print_error("Older backups were not removed", taken.not_pruned)
        raise typer.Exit(1)


@app.command("backup-key")
def backup_key(
    to: Annotated[Path, typer.Argument(help="File that is made, readable by you alone.")],
) -> None:
    """Make a key that backups are encrypted with; keep a copy elsewhere, nothing replaces it."""
    from inventory_platform.errors import BackupError
    from inventory_platform.operations.backup import new_key

    try:
        to.touch(mode=0o600, exist_ok=False)
        to.write_text(f"{new_key()}\n", encoding="utf-8")
    except OSError as error:
        raise BackupError(
            f"{to} cannot be made: {error.strerror}.", "Name another file; none is overwritten."
        ) from error
    out.print(f"{to}: set INVENTORY_BACKUP_KEY_FILE to it, and keep a copy off this machine.")


@app.command()
def restore(
    source: Annotated[str | None, typer.Option("--from", help=_ADDRESS)] = None,
    backup_id: Annotated[
        str | None, typer.Option("--backup", help="Which backup; the newest when omitted.")
    ] = None,
) -> None:
    """Bring a backup back into an empty data folder, and check what was brought back."""
    from inventory_platform.landing.lake import Lake
    from inventory_platform.landing.suppression import read_erasures
    from inventory_platform.operations.backup import open_repository
    from inventory_platform.operations.backup import restore as bring_back
    from inventory_platform.operations.integrity import check_integrity

    settings = get_settings()
    # Everything comes back into the data folder, wherever it was.
    here = settings.model_copy(update={"lake_address": "", "published_address": ""})
    with _progress("Verifying") as tell:
        restored = bring_back(
            settings, open_repository(settings, source), backup_id, on_progress=tell
        )
    out.print(
        f"Backup {restored.backup.backup_id}: {len(restored.manifest.files):,} files, "
        f"{_size(restored.manifest.size)}, all verified, in {settings.data_dir}.",
        highlight=False,
    )
    with _progress("Counting rows") as tell:
        found = check_integrity(here, on_progress=tell)
    _print(found)
    out.print(
        f"Configuration as it was, secrets masked: {restored.configuration}\n"
        "`inventory rebuild` makes the warehouse and the marts anew; readers see the marts of "
        "the backup until then.",
        highlight=False,
    )
    if settings.lake_address or settings.published_address:
        out.print(
            f"Everything is in {settings.data_dir}: unset INVENTORY_LAKE_ADDRESS and "
            "INVENTORY_PUBLISHED_ADDRESS; `inventory migrate` brings it to object storage again.",
            highlight=False,
        )
    count = len(read_erasures(Lake.of(here)))
    out.print(
        f"Erasures of people in this backup: {count}. Put newer records, if there are any, into "
        f"{here.lake_dir / 'erasures'}; if there is one then, run `inventory erase --replay` "
        "before anything is loaded or published.",
        highlight=False,
    )
    if found.problems:
        raise typer.Exit(3)


@app.command()
def verify(
    backup: Annotated[
        str | None, typer.Option(help="Check the backup at this address instead of the lake.")
    ] = None,
    backup_id: Annotated[
        str | None, typer.Option(help="Which backup there; the newest when omitted.")
    ] = None,
) -> None:
    """Check that everything kept is whole: records, files, row counts, checksums; or a backup."""
    from inventory_platform.operations.backup import (
        check_backup,
        checksums,
        open_repository,
    )
    from inventory_platform.operations.integrity import check_integrity

    if backup_id is not None and backup is None:
        raise typer.BadParameter("--backup-id names a backup at the address of --backup.")
    settings = get_settings()
    if backup is not None:
        with _progress("Verifying") as tell:
            checked, manifest, problems = check_backup(
                open_repository(settings, backup), backup_id, on_progress=tell
            )
        out.print(
            f"Backup {checked.backup_id}: {len(manifest.files):,} files, "
            f"{_size(manifest.size)}, {len(problems)} missing or damaged.",
            highlight=False,
        )
        _print_problems(problems)
    else:
        known = None
        if settings.backup_address:
            repository = open_repository(settings)
            if repository.backups():
                known = checksums(repository.manifest(repository.find(None)))
        with _progress("Verifying") as tell:
            found = check_integrity(settings, known, on_progress=tell)
        if not found.records and settings.backup_address:
            found.problems.append(
                f"Nothing is loaded in {settings.lake_root}, and backups are set up: see that "
                "its volume is mounted."
            )
        _print(found)
        problems = found.problems
    if problems:
        raise typer.Exit(3)


def _print(found: Integrity) -> None:
    if not found.records:
        out.print("Nothing is loaded yet.")
    compared = (
        f"{found.compared:,} equal to the newest backup"
        if found.compared
        else "not compared with a backup"
    )
    out.print(
        f"Lake: {found.records:,} records of {found.rows:,} rows read; {found.files:,} files, "
        f"{compared}; {len(found.problems)} problems.",
        highlight=False,
    )
    if found.uncommitted:
        out.print(f"{len(found.uncommitted)} files of loads that did not commit, or not yet.")
    _print_problems(found.problems)


def _print_problems(problems: list[str]) -> None:
    for problem in problems[:_SHOWN]:
        out.print(f"  [red]{escape(problem)}[/]", highlight=False, soft_wrap=True)
    if len(problems) > _SHOWN:
        out.print(f"  and {len(problems) - _SHOWN} more")


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _size(size: int) -> str:
    if size < 1_000_000:
        return f"{size / 1e3:,.0f} kB"
    return f"{size / 1e6:,.1f} MB" if size < 1_000_000_000 else f"{size / 1e9:,.2f} GB"
