"""Published marts as Parquet files, all switched at once.

    published/versions/<version>/<mart>.parquet and manifest.json
    published/current -> versions/<version>                 switched by one rename
    published/live/…                                        the same for marts behind a stream
    published/operations/…                                  and for the history of operations

A reader that resolves `current` once keeps a consistent set of files even while the next
version appears; the last few versions stay for readers that are slow.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from inventory_platform.duck import identifier, literal
from inventory_platform.errors import PublishError
from inventory_platform.record_format import RecordFormat


@dataclass(frozen=True)
class Publication:
    """What one published version holds and where its numbers come from.

    Attributes:
        version: Name of the version; sorts by time.
        published_at: Instant of publishing, naive UTC, ISO 8601.
        run_id: The run that built it.
        code_version: The platform's version.
        rows: Mart → number of rows.
        loads: Raw relation → newest load contained.
        inputs: Fingerprint of everything the marts were made from.
    """

    version: str
    published_at: str
    run_id: str
    code_version: str
    rows: Mapping[str, int]
    loads: Mapping[str, str]
    inputs: str


_MANIFEST = RecordFormat(Publication, "manifest of published marts")


def publish(
    root: Path,
    con: duckdb.DuckDBPyConnection,
    *,
    keep: int,
    marts: Sequence[str],
    run_id: str,
    code_version: str,
    loads: Mapping[str, str],
    inputs: str,
    schema: str = "marts",
) -> Publication:
    """Write marts of the warehouse as Parquet and make them the current version below a folder.

    `keep` versions stay; `schema` is where the marts are found over the connection; the other
    arguments are told in `Publication`.

    Raises:
        PublishError: A file cannot be written, or does not hold the mart's rows.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    version = now.strftime("%Y%m%dT%H%M%S%f")
    staged = root / "versions" / f".{version}"
    target = root / "versions" / version
    try:
        staged.mkdir(parents=True)
        rows = {
            mart: _write(con, schema, mart, staged / f"{mart}.parquet") for mart in sorted(marts)
        }
        publication = Publication(
            version=version,
            published_at=now.isoformat(sep=" "),
            run_id=run_id,
            code_version=code_version,
            rows=rows,
            loads=dict(loads),
            inputs=inputs,
        )
        (staged / "manifest.json").write_text(_MANIFEST.write(publication))
        staged.replace(target)
        _switch(root, version)
    except (OSError, duckdb.IOException) as error:
        shutil.rmtree(staged, ignore_errors=True)
        raise PublishError(
            f"Marts cannot be published to {root}: {error}",
            "Free disk space or make the folder writable. The version before stays current.",
        ) from error
    _remove_old(root, keep)
    return publication


def _write(con: duckdb.DuckDBPyConnection, schema: str, mart: str, path: Path) -> int:
    relation = f"{identifier(schema)}.{identifier(mart)}"
    con.execute(f"copy {relation} to {literal(str(path))} (format parquet, compression zstd)")
    expected, written = con.execute(
        f"select (select count(*) from {relation}), "
        f"(select count(*) from read_parquet({literal(str(path))}))"
    ).fetchall()[0]
    if expected != written:
        raise PublishError(
            f"{path.name} holds {written} rows where the mart has {expected}.",
            "Publish again; the version before stays current.",
        )
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    return int(written)


def _switch(root: Path, version: str) -> None:
    link = root / ".current"
    link.unlink(missing_ok=True)
    link.symlink_to(Path("versions") / version, target_is_directory=True)
    link.replace(root / "current")


def _remove_old(root: Path, keep: int) -> None:
    versions = sorted(p for p in (root / "versions").iterdir() if not p.name.startswith("."))
    for path in versions[:-keep]:
        shutil.rmtree(path)


def current_publication(root: Path) -> tuple[Path, Publication] | None:
    """The folder and content of the version readers should use, or None before the first."""
    link = root / "current"
    if not link.exists():
        return None
    folder = link.resolve()
    return folder, _MANIFEST.read((folder / "manifest.json").read_text())
