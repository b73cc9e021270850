"""What of the documentation is generated: which pages, from what, and writing them anew.

What stands on a page is a module of its own; tests hold the files equal to what is made here.
"""

from __future__ import annotations

import json
from pathlib import Path

from inventory_platform.assets.column_lineage import read_column_lineage
from inventory_platform.assets.dbt_project import prepare_manifest
from inventory_platform.contracts.base import contracts_of
from inventory_platform.operations.settings_page import settings_page
from inventory_platform.operations.source_mapping import mapping_page
from inventory_platform.publishing.mart_versions import SNAPSHOT, accepted, read_versions, to_json
from inventory_platform.publishing.marts import read_marts
from inventory_platform.registry import read_registry
from inventory_platform.settings import PROJECT_DIR, Settings, get_settings

_DOCS = PROJECT_DIR / "docs"
SETTINGS_PAGE = _DOCS / "settings.md"
LINNWORKS_PAGE = _DOCS / "linnworks-mapping.md"


def generated_pages(settings: Settings) -> dict[Path, str]:
    """Every generated page of the documentation with what it should hold."""
    lineage = read_column_lineage(settings)
    return {
        SETTINGS_PAGE: settings_page(),
        LINNWORKS_PAGE: mapping_page(contracts_of("linnworks"), lineage, "Linnworks"),
    }


def write_generated_docs() -> None:
    """Write all of them anew, and accept the public marts as they are now."""
    settings = get_settings()
    manifest = json.loads(prepare_manifest(read_registry(settings)).read_text(encoding="utf-8"))
    for path, page in generated_pages(settings).items():
        path.write_text(page, encoding="utf-8")
    versions = read_versions() if SNAPSHOT.exists() else {}
    SNAPSHOT.write_text(to_json(accepted(versions, read_marts(manifest))), encoding="utf-8")


if __name__ == "__main__":
    write_generated_docs()
