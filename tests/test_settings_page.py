"""The page of all settings says what the settings say, and leaves none out."""

from __future__ import annotations

from inventory_platform.operations.generated_docs import SETTINGS_PAGE
from inventory_platform.operations.settings_page import SECTIONS, settings_page
from inventory_platform.settings import KEYS, PROJECT_DIR, Settings


def test_the_page_is_what_is_generated_now() -> None:
    assert SETTINGS_PAGE.read_text(encoding="utf-8") == settings_page(), (
        "write it anew: make update-snapshots"
    )


def test_every_setting_and_every_key_stands_on_it_once() -> None:
    told = [name for section in SECTIONS for name in section.names]
    assert sorted(told) == sorted(Settings.model_fields)
    page = settings_page()
    assert all(f"`INVENTORY_{key}`" in page for key in KEYS)


def test_every_setting_says_what_it_is_and_no_default_names_this_machine() -> None:
    assert all(field.description for field in Settings.model_fields.values())
    page = settings_page()
    assert "| `INVENTORY_DATA_DIR` | Folder of all state the platform keeps. | `.data` |" in page
    assert "| `INVENTORY_LAKE_ADDRESS` |" in page
    assert str(PROJECT_DIR) not in page
