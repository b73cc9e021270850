"""The versions of the public marts: what each promised before, and whether a change was told.

    docs/public-marts.json    mart → version, columns and types, as they were accepted last
    docs/public-marts.md      what changed with each version, and what readers have to do

A new column is a new minor version; a column that went, got another type or another name breaks
readers and is a new major one. `make update-snapshots` accepts
the marts as they are now and counts versions up; what changed is written by hand. What a mart
promises is read by `marts.py`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from inventory_platform.publishing.marts import Mart
from inventory_platform.settings import PROJECT_DIR

SNAPSHOT = PROJECT_DIR / "docs" / "public-marts.json"
CHANGES = PROJECT_DIR / "docs" / "public-marts.md"

_ACCEPT = "make update-snapshots"


@dataclass(frozen=True)
class Version:
    """What a mart promised when it was accepted last.

    Attributes:
        major: Counts changes that break readers.
        minor: Counts columns added since.
        columns: Name → type.
    """

    major: int
    minor: int
    columns: Mapping[str, str]

    @property
    def name(self) -> str:
        """As people write it."""
        return f"{self.major}.{self.minor}"


def read_versions(path: Path = SNAPSHOT) -> dict[str, Version]:
    """The accepted versions, by mart."""
    return {mart: Version(**facts) for mart, facts in json.loads(path.read_text()).items()}


def accepted(versions: Mapping[str, Version], marts: Mapping[str, Mart]) -> dict[str, Version]:
    """The versions after accepting the public marts as they are now."""
    found = {}
    for name, columns in _public(marts).items():
        before = versions.get(name)
        if before is None:
            found[name] = Version(1, 0, columns)
        elif before.columns == columns:
            found[name] = before
        elif before.columns.items() <= columns.items():
            found[name] = Version(before.major, before.minor + 1, columns)
        else:
            found[name] = Version(before.major + 1, 0, columns)
    return found


def problems(versions: Mapping[str, Version], marts: Mapping[str, Mart], changes: str) -> list[str]:
    """What is wrong with the versions of the public marts; each says what to do.

    Args:
        versions: As accepted last.
        marts: As they are now.
        changes: The page that tells what changed.
    """
    now = _public(marts)
    found = []
    for name, columns in now.items():
        before = versions.get(name)
        if before is None:
            found.append(f"{name} is new: run `{_ACCEPT}`.")
        elif before.columns != columns:
            changed = sorted(dict(before.columns.items() ^ columns.items()))
            found.append(
                f"{name} changed in {', '.join(changed)}: run `{_ACCEPT}` and tell readers in "
                f"docs/{CHANGES.name}."
            )
    for name, version in versions.items():
        if name not in now and _heading(name, "removed") not in changes:
            found.append(f"{name} is gone: write `{_heading(name, 'removed')}` and what to use.")
        if name in now and version.name != "1.0" and _heading(name, version.name) not in changes:
            found.append(f"{name} is {version.name}: write `{_heading(name, version.name)}`.")
    return found


def to_json(versions: Mapping[str, Version]) -> str:
    """The versions as the document they are kept in: one line per mart and column."""
    facts = {
        name: {"major": v.major, "minor": v.minor, "columns": dict(v.columns)}
        for name, v in sorted(versions.items())
    }
    return json.dumps(facts, indent=1) + "\n"


def _heading(mart: str, version: str) -> str:
    return f"### {mart} {version}"


def _public(marts: Mapping[str, Mart]) -> dict[str, dict[str, str]]:
    return {
        name: {column: said.data_type for column, said in mart.columns.items()}
        for name, mart in sorted(marts.items())
        if mart.is_public
    }
