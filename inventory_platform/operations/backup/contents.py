"""What belongs in a backup, and why the rest does not.

In it: the lake's committed state, the published versions that readers see, Dagster's runs, events
and schedules, what alerts remember, and configuration with its secrets masked; also the key of the
pseudonyms that the platform made, as the lake has what it hides in clear and nobody else has it.
Not in it: the warehouse and what is known of its builds, as both are worked out from the lake;
documentation, logs and temporary files; secrets; the sandbox, which is the outside world.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from inventory_platform.errors import BackupError
from inventory_platform.landing.lake import Lake
from inventory_platform.object_storage import StoragePath, files_below
from inventory_platform.operations.alerts.config import read_config
from inventory_platform.operations.alerts.redaction import redactor
from inventory_platform.operations.alerts.state import alerts_dir
from inventory_platform.operations.integrity import missing_files
from inventory_platform.publishing.parquet import current_publication
from inventory_platform.settings import Settings

LAKE = "data/lake/"
"""Where the lake's files are in a backup, wherever they lie."""

PSEUDONYM_KEY = "data/pseudonym.key"
"""Where the key of the pseudonyms is in a backup, if the platform made it."""

_LOOKS = 3


@dataclass(frozen=True)
class Contents:
    """Everything that belongs in a backup now, by the path it has there.

    Attributes:
        files: Files that are only ever replaced as a whole, so that an open one stays consistent.
        databases: SQLite files that other processes write to.
        texts: What is made for the backup.
        links: Symbolic links → what they point to.
    """

    files: Mapping[str, StoragePath]
    databases: Mapping[str, Path] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)


def contents_of(settings: Settings) -> Contents:
    """Look at what there is to keep; what commits later is in the next backup.

    Raises:
        BackupError: A file that a load's record names is missing.
    """
    files: dict[str, StoragePath] = {}
    links: dict[str, str] = {}
    # What publications and alerts refer to is looked for after them.
    for at, root in (
        ("data/published", settings.published_dir),
        ("data/published/live", settings.live_dir),
        ("data/published/operations", settings.operations_dir),
    ):
        if found := current_publication(root):
            version = found[1].version
            links[f"{at}/current"] = f"versions/{version}"
            files |= {f"{at}/versions/{version}/{p.name}": p for p in files_below(found[0])}
    if (state := alerts_dir(settings) / "state.json").exists():
        files[f"data/{state.relative_to(settings.data_dir).as_posix()}"] = state
    if settings.pseudonym_key_file.exists():
        files[PSEUDONYM_KEY] = settings.pseudonym_key_file
    lake = Lake.of(settings)
    files |= {f"{LAKE}{name}": lake.root / name for name in _committed(lake)}
    if lake.root != settings.lake_dir:
        # What the history of operations is collected from is always on this machine.
        folder = settings.lake_dir
        collected = (p for p in (folder / "operations").rglob("[!.]*") if p.is_file())
        files |= {f"{LAKE}{p.relative_to(folder).as_posix()}": p for p in collected}
    home = settings.dagster_home
    databases = {f"dagster/{p.relative_to(home).as_posix()}": p for p in home.rglob("*.db")}
    return Contents(files, databases, dict(_configuration(settings)), links)


def _committed(lake: Lake) -> list[str]:
    """The lake's committed files; looked at again while a compaction goes on under the listing."""
    for _ in range(_LOOKS):
        committed, _ = lake.contents()
        missing = missing_files(lake, committed)
        if not missing:
            return committed
    raise BackupError(
        f"The lake is damaged: {' '.join(missing[:5])}",
        "Run `inventory verify`, and bring these files back from an earlier backup. That backup "
        "is as it was.",
    )


def _configuration(settings: Settings) -> Iterator[tuple[str, str]]:
    mask = redactor(settings, read_config(settings))
    for path in (
        settings.sources_file,
        settings.alerts_file,
        settings.destinations_file,
        settings.retention_file,
        settings.people_file,
        settings.dagster_home / "dagster.yaml",
    ):
        if path.exists():
            yield f"config/{path.name}", mask(path.read_text(encoding="utf-8"))
