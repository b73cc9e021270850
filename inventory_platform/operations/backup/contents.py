"""What belongs in a backup, and why the rest does not.

In it: the lake's committed state, the published versions that readers see, Dagster's runs, events
and schedules, what alerts remember, and configuration with its secrets masked. Not in it: the
warehouse and what is known of its builds, as both are worked out from the lake; documentation,
logs and temporary files; secrets; the sandbox, which is the outside world.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inventory_platform.errors import BackupError
from inventory_platform.landing.lake import Lake
from inventory_platform.operations.alerts.config import read_config
from inventory_platform.operations.alerts.redaction import redactor
from inventory_platform.operations.alerts.state import alerts_dir
from inventory_platform.operations.integrity import missing_files
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings

NEVER_CHANGED = (
    "data/lake/raw/",
    "data/lake/quarantine/",
    "data/lake/pages/",
    "data/lake/loads/",
    "data/lake/fetches/",
)
"""Files that stay as they were written."""


@dataclass(frozen=True)
class Contents:
    """Everything that belongs in a backup now, by the path it has there.

    Attributes:
        files: Files that are only ever replaced as a whole, so that an open one stays consistent.
        databases: SQLite files that other processes write to.
        texts: What is made for the backup.
        links: Symbolic links → what they point to.
    """

    files: Mapping[str, Path]
    databases: Mapping[str, Path] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def contents_of(settings: Settings) -> Contents:
    """Look at what there is to keep; what commits later is in the next backup.

    Raises:
        BackupError: A file that a load's record names is missing.
    """
    files: dict[str, Path] = {}
    links: dict[str, str] = {}
    # What publications and alerts refer to is looked for after them.
    for root in (settings.published_dir, settings.live_dir, settings.operations_dir):
        if found := current_publication(root):
            folder = found[0]
            at = _in_data(settings, root)
            links[f"{at}/current"] = f"versions/{folder.name}"
            files |= {f"{at}/versions/{folder.name}/{p.name}": p for p in folder.iterdir()}
    if (state := alerts_dir(settings) / "state.json").exists():
        files[_in_data(settings, state)] = state
    lake = Lake(settings.lake_dir)
    committed, _ = lake.contents()
    if missing := missing_files(lake, committed):
        raise BackupError(
            f"The lake is damaged: {' '.join(missing[:5])}",
            "Run `inventory verify`, and bring these files back from an earlier backup. That "
            "backup is as it was.",
        )
    files |= {f"data/lake/{name}": lake.root / name for name in committed}
    home = settings.dagster_home
    databases = {f"dagster/{p.relative_to(home).as_posix()}": p for p in home.rglob("*.db")}
    return Contents(files, databases, dict(_configuration(settings)), links)


def _in_data(settings: Settings, path: Path) -> str:
    return f"data/{path.relative_to(settings.data_dir).as_posix()}"


def _configuration(settings: Settings) -> Iterator[tuple[str, str]]:
    mask = redactor(settings, read_config(settings))
    for path in (
        settings.sources_file,
        settings.alerts_file,
        settings.destinations_file,
        settings.dagster_home / "dagster.yaml",
    ):
        if path.exists():
            yield f"config/{path.name}", mask(path.read_text(encoding="utf-8"))
