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


def test_what_only_the_dashboard_reads_is_no_unknown_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INVENTORY_PUBLISHED", "/srv/published")
    assert get_settings().published_dir == get_settings().data_dir / "published"


def test_an_empty_folder_is_refused_and_not_the_projects_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("INVENTORY_DATA_DIR", "")
    with pytest.raises(SettingsError, match=r"INVENTORY_DATA_DIR: .* give a path, or unset it"):
        get_settings()


def test_the_home_folder_may_be_written_as_a_shell_writes_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    monkeypatch.setenv("INVENTORY_DATA_DIR", "~/stock")
    assert get_settings().data_dir == Path("/home/ada/stock")
    get_settings.cache_clear()
    monkeypatch.setenv("INVENTORY_DATA_DIR", "~nobody_of_this_name/stock")
    with pytest.raises(SettingsError, match=r"INVENTORY_DATA_DIR: .* no home folder"):
        get_settings()


@pytest.mark.parametrize("limit", ["0GB", "0.0 MiB"])
def test_no_memory_at_all_is_refused(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("INVENTORY_MEMORY_LIMIT", limit)
    with pytest.raises(SettingsError, match=r"INVENTORY_MEMORY_LIMIT: .* more than nothing"):
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
        ('[shop]\naddress = "x.csv"\ndescription = 5', r"\[shop\]: description is 5"),
        ('[shop]\naddress = "x.csv"\nfiles = "x"', r"\[shop\]: .* files is 'x'"),
        ('[shop]\naddress = "x.csv"\nfiles = ["x"]', r"\[shop\]: .* files is \['x'\]"),
        ('[shop]\naddress = "x.csv"\nsettle_seconds = nan', r"\[shop\]: .*settle_seconds is nan"),
        ('[shop]\naddress = "x.csv"\nsettle_seconds = inf', r"\[shop\]: .*settle_seconds is inf"),
        ('[shop]\naddress = "mssql://u@h:99999/db"', r"\[shop\]: The address of SQL Server"),
        ('[shop]\naddress = "oracle://u@h:x/db"', r"\[shop\]: The address of Oracle"),
        ('[shop]\naddress = "mysql://u@[::1/db"', r"\[shop\]: The address of MySQL"),
        ('[shop]\naddress = "postgresql://u@h:abc/db"', r"\[shop\]: The address of Postgres"),
        ('[shop]\naddress = "postgresql://u@h,g:abc/db"', r"\[shop\]: The address of Postgres"),
    ],
)
def test_a_wrong_source_entry_is_named(tmp_path: Path, text: str, complaint: str) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=complaint):
        read_catalog(Settings(sources_file=file))


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://u:${WORD}@${HOST}:${PORT}/db",
        "postgresql://u@one:5432,two:5433/db",
        "postgresql:///db?host=/run/postgresql",
        "mysql://u@[::1]:3306/db",
        "mssql://u:${WORD}@h:${PORT}/db",
    ],
)
def test_an_address_that_can_be_read_once_it_is_filled_in_is_no_obstacle(
    tmp_path: Path, address: str
) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(f'[shop]\naddress = "{address}"')
    assert read_catalog(Settings(sources_file=file))["shop"].address == address


def test_a_wrong_address_does_not_show_the_password(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text('[shop]\naddress = "postgresql://u:pa/55@h/db"')
    with pytest.raises(SettingsError, match="%2F") as caught:
        read_catalog(Settings(sources_file=file))
    assert "pa" not in str(caught.value).replace("password", "").replace(str(tmp_path), "")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ('encoding = "base64"', "unknown encoding 'base64'"),
        ('encoding = "undefined"', "unknown encoding 'undefined'"),
        ("delimiter = '\"'", "same delimiter and quote"),
        ('delimiter = ";"\nquote = ";"', "same delimiter and quote"),
        ('quote = ","', "same delimiter and quote"),
        ('delimiter = "\\u0000"', "unusable delimiter"),
        ('delimiter = "\\n"', "unusable delimiter"),
        ('quote = "\\r"', "unusable quote"),
        ('header = ["id", "ID"]', "unusable header"),
        ('header = ["id", ""]', "unusable header"),
    ],
)
def test_a_file_that_cannot_be_written_like_that_is_named(
    tmp_path: Path, options: str, complaint: str
) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(f'[shop]\naddress = "drop"\n[shop.files."*.csv"]\n{options}')
    with pytest.raises(SettingsError, match=rf"\[shop\]: File '\*\.csv' of drop has .*{complaint}"):
        read_catalog(Settings(sources_file=file))


def test_a_quote_for_all_files_is_compared_with_the_delimiter_of_one(tmp_path: Path) -> None:
    file = tmp_path / "sources.toml"
    file.write_text(
        "[shop]\naddress = 'drop'\n[shop.files.'*']\nquote = ';'\n"
        "[shop.files.'a.csv']\ndelimiter = ';'"
    )
    with pytest.raises(SettingsError, match=r"File 'a\.csv' of drop has the same delimiter"):
        read_catalog(Settings(sources_file=file))


def test_a_catalog_that_is_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=f"{tmp_path} cannot be read: Is a directory"):
        read_catalog(Settings(sources_file=tmp_path))


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
