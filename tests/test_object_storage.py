"""Opening folders in object storage, on real stores."""

from __future__ import annotations

import os
from typing import Any

import pytest
from upath import UPath

from inventory_platform import duck
from inventory_platform.errors import SettingsError
from inventory_platform.object_storage import duckdb_access, open_folder, open_path
from inventory_platform.settings import Settings
from tests.object_stores import ObjectStore


def test_what_is_written_can_be_read_and_listed(object_store: ObjectStore) -> None:
    folder = object_store.folder("opening")
    folder.fs.pipe_file(folder.path("a/b.txt"), b"kept")
    again = object_store.folder("opening")
    assert again.fs.cat_file(again.path("a/b.txt")) == b"kept"
    assert [path.removeprefix(again.root) for path in again.fs.find(again.root)] == ["/a/b.txt"]


def test_a_folder_of_this_machine_is_opened_by_its_path(tmp_path) -> None:
    (tmp_path / "here.txt").write_text("here")
    folder = open_folder(str(tmp_path), "Lake")
    assert folder.fs.cat_file(folder.path("here.txt")) == b"here"


def test_an_unknown_kind_of_storage_is_named() -> None:
    with pytest.raises(SettingsError, match=r"Lake: storage of kind 'ftp' is not known"):
        open_folder("ftp://host/folder", "Lake")


@pytest.mark.parametrize(
    "address",
    ["abfss://lake@tests.dfs.core.windows.net/one", "abfss://lake/one", "az://lake/one"],
)
def test_every_way_to_write_an_azure_address_leads_to_one_folder(
    azure: ObjectStore, monkeypatch: pytest.MonkeyPatch, address: str, tmp_path: Any
) -> None:
    for name, value in azure.environment.items():
        monkeypatch.setenv(name, value)
    path = open_path(address, "Lake")
    (path / "told.csv").write_text("n\n1\n")
    assert str(path) == "az://lake/one"
    with duck.connect(Settings(data_dir=tmp_path, lake_address=address)) as con:
        assert con.sql(f"from '{path}/told.csv'").fetchall() == [(1,)]
        kept = con.sql("select persistent, secret_string from duckdb_secrets()").fetchall()
    [(persistent, secret)] = kept
    assert not persistent
    assert "AccountKey" not in secret


_KEYS = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "word"}
_ACCOUNT = {"AZURE_STORAGE_ACCOUNT_NAME": "acme"}
_BLOBS = "BlobEndpoint=https://acme.blob.core.windows.net"


@pytest.mark.parametrize(
    ("address", "environment", "options"),
    [
        (
            "s3://lake",
            {**_KEYS, "AWS_SESSION_TOKEN": "token", "AWS_REGION": "eu-west-1"},
            {"type": "s3", "key_id": "id", "secret": "word", "session_token": "token"}
            | {"region": "eu-west-1"},
        ),
        (
            "s3://lake",
            {**_KEYS, "AWS_ENDPOINT_URL": "http://127.0.0.1:9000/"},
            {"type": "s3", "key_id": "id", "secret": "word", "region": "us-east-1"}
            | {"endpoint": "127.0.0.1:9000", "url_style": "path", "use_ssl": "false"},
        ),
        (
            "gs://lake",
            {"GCS_HMAC_ACCESS_KEY_ID": "id", "GCS_HMAC_SECRET": "word"},
            {"type": "gcs", "key_id": "id", "secret": "word"},
        ),
        (
            "az://lake",
            {**_ACCOUNT, "AZURE_STORAGE_ACCOUNT_KEY": "word"},
            {
                "type": "azure",
                "connection_string": f"{_BLOBS};AccountName=acme;AccountKey=word",
            },
        ),
        (
            "az://lake",
            {**_ACCOUNT, "AZURE_STORAGE_SAS_TOKEN": "?sig=word"},
            {"type": "azure", "connection_string": f"{_BLOBS};SharedAccessSignature=sig=word"},
        ),
        (
            "az://lake",
            {
                **_ACCOUNT,
                "AZURE_STORAGE_TENANT_ID": "tenant",
                "AZURE_STORAGE_CLIENT_ID": "id",
                "AZURE_STORAGE_CLIENT_SECRET": "word",
            },
            {"type": "azure", "provider": "service_principal", "account_name": "acme"}
            | {"tenant_id": "tenant", "client_id": "id", "client_secret": "word"},
        ),
        (
            "az://lake",
            _ACCOUNT,
            {"type": "azure", "provider": "credential_chain", "chain": "default"}
            | {"account_name": "acme"},
        ),
    ],
)
def test_duckdb_takes_the_credentials_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
    address: str,
    environment: dict[str, str],
    options: dict[str, str],
) -> None:
    given(monkeypatch, environment)
    access = duckdb_access(UPath(address))
    assert access.options == options
    assert "word" not in repr(access)


@pytest.mark.parametrize(
    ("address", "variable"),
    [("gs://lake", "GCS_HMAC_ACCESS_KEY_ID"), ("az://lake", "AZURE_STORAGE_ACCOUNT_NAME")],
)
def test_a_missing_credential_of_duckdb_is_named(
    monkeypatch: pytest.MonkeyPatch, address: str, variable: str
) -> None:
    given(monkeypatch, {})
    with pytest.raises(SettingsError, match=variable):
        duckdb_access(UPath(address))


def given(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """Set these variables of the clouds and no others."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AZURE_", "GCS_")):
            monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
