"""Accepting the public marts as they are now: writes `docs/public-marts.json` anew.

What a version is, and what has to be told of it, is `publishing/mart_versions.py`.
"""

from __future__ import annotations

import json

from inventory_platform.assets.dbt_project import prepare_manifest
from inventory_platform.publishing.mart_versions import (
    SNAPSHOT,
    accepted,
    read_versions,
    to_json,
)
from inventory_platform.publishing.marts import read_marts
from inventory_platform.registry import read_registry
from inventory_platform.settings import get_settings


def accept_marts() -> None:
    """Write the versions of the public marts as they are now."""
    manifest = json.loads(prepare_manifest(read_registry(get_settings())).read_text())
    versions = read_versions() if SNAPSHOT.exists() else {}
    SNAPSHOT.write_text(to_json(accepted(versions, read_marts(manifest))), encoding="utf-8")


if __name__ == "__main__":
    accept_marts()
