"""A wrong setting stops the start and is named; what is secret is not shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory_platform.errors import ContractError, SettingsError
from inventory_platform.registry import read_registry
from inventory_platform.settings import Settings, get_settings
from inventory_platform.sources.catalog import read_catalog, redact, resolve_address


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    get_settings.cache_clear()


def test_a_wrong_value_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVENTORY_MEMORY_LIMIT", "s3cret-lots")
    with pytest.raises(SettingsError, match="INVENTORY_MEMORY_LIMIT") as caught:
        get_settings()
    assert "s3cret" not in str(caught.value)


def test_an_unknown_setting_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVENTORY_MEMROY_LIMIT", "1GB")
    with pytest.raises(SettingsError, match="INVENTORY_MEMROY_LIMIT"):
        get_settings()


def test_the_env_file_sets_settings_and_the_secrets_of_sources(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("INVENTORY_THREADS=3\nSHOP_WORD=open\n")
    monkeypatch.setattr("inventory_platform.settings.ENV_FILE", env_file)
    for name in ("INVENTORY_THREADS", "SHOP_WORD"):
        # Set and removed, so that what the file sets is taken back after the test.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    settings = get_settings()
    assert settings.threads == 3
    assert resolve_address("mysql://shop:${SHOP_WORD}@db/x", settings, "Source").endswith(
        ":open@db/x"
    )


def test_relative_folders_are_relative_to_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INVENTORY_DATA_DIR", "somewhere")
    assert get_settings().data_dir.is_absolute()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[shop]\n", "no address"),
        ('[Shop]\naddress = "x.csv"', "not usable"),
        ('[a__b]\naddress = "x.csv"', "not usable"),
        ('[shop]\naddress = "x.csv"\npasword = "x"', "'pasword'"),
        ("[shop", "cannot be read"),
    ],
)
def test_a_wrong_source_entry_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        read_catalog(Settings(sources_file=file))


def test_a_missing_catalog_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="INVENTORY_SOURCES_FILE"):
        read_catalog(Settings(sources_file=tmp_path / "none.toml"))


def test_a_source_without_contract_is_named(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text('[nowhere]\naddress = "x.csv"')
    with pytest.raises(ContractError, match=r"contracts/nowhere\.py"):
        read_registry(Settings(sources_file=file))


def test_an_unset_secret_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_PASSWORD", raising=False)
    with pytest.raises(SettingsError, match="SHOP_PASSWORD"):
        resolve_address("postgresql://shop:${SHOP_PASSWORD}@db/x", Settings(), "Source 'shop'")


def test_a_secret_is_filled_in_and_hidden_when_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_PASSWORD", "pa55")
    address = resolve_address("postgresql://shop:${SHOP_PASSWORD}@db/x", Settings(), "Source")
    assert address == "postgresql://shop:pa55@db/x"
    assert redact(address) == "postgresql://shop:***@db/x"


def test_an_address_of_no_known_kind_is_refused() -> None:
    from inventory_platform.sources.catalog import reader_for

    with pytest.raises(SettingsError, match="no known kind"):
        reader_for("ftp://host/file")
