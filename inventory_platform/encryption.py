"""The warehouse file encrypted at rest, by a secret key.

Here belong opening an encrypted file and proving, before anything runs, that what is written is
encrypted. The raw zone and the published files are no part of it (`docs/privacy.md`).

DuckDB encrypts files that are attached, so the connection itself is one to memory; those of a
process share it by its name.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from inventory_platform import duck
from inventory_platform.duck import literal
from inventory_platform.errors import SettingsError, WarehouseError
from inventory_platform.secret_values import find_key
from inventory_platform.settings import Settings

WAREHOUSE = "warehouse"
"""Name of the attached file, which is the one it has when it is opened by itself."""

KEY_VARIABLE = "DBT_ENV_SECRET_WAREHOUSE_KEY"
"""How dbt's process gets the key; dbt takes values of such names out of what it prints."""

_OTHER_KEY = (
    "Set the key it was written with; or remove the file and run `inventory rebuild`, which makes "
    "it anew from the raw zone."
)
_PROBE = "this text must not be readable in the file"


def warehouse_key(settings: Settings) -> str | None:
    """The secret INVENTORY_WAREHOUSE_KEY; None where the warehouse is not encrypted.

    Raises:
        SettingsError: The key is too short or cannot be read.
    """
    return find_key(settings, "INVENTORY_WAREHOUSE_KEY")


def attach_encrypted(con: duckdb.DuckDBPyConnection, file: Path, key: str) -> None:
    """Make an encrypted file, new or old, what a connection reads and writes.

    Raises:
        WarehouseError: The key is another, or the file was written without one.
    """
    # Without OpenSSL, which comes with this extension, DuckDB decrypts only.
    duck.load_extension(con, "httpfs")
    try:
        con.execute(
            f"attach if not exists {literal(str(file))} as {WAREHOUSE} "
            f"(encryption_key {literal(key)})"
        )
    except (duckdb.InvalidInputException, duckdb.CatalogException) as error:
        raise WarehouseError(
            f"{file} cannot be opened with this key: "
            f"{str(error).splitlines()[0].replace(key, '***')}",
            _OTHER_KEY,
        ) from None
    con.execute(f"use {WAREHOUSE}")


@contextmanager
def refused_without_key(file: Path) -> Iterator[None]:
    """Say plainly of a file that is opened without a key that it needs one.

    Raises:
        WarehouseError: It does.
    """
    try:
        yield
    except duckdb.CatalogException as error:
        if "encrypted database" not in str(error):
            raise
        raise WarehouseError(
            f"{file} is encrypted, and INVENTORY_WAREHOUSE_KEY is not set.",
            _OTHER_KEY,
        ) from None


def require_encryption(settings: Settings) -> None:
    """See that the warehouse will be encrypted, by writing something and looking for it.

    Raises:
        SettingsError: There is no key, or what was written can be read without it.
    """
    key = warehouse_key(settings)
    if key is None:
        raise SettingsError(
            "INVENTORY_REQUIRE_ENCRYPTION is set, and the warehouse has no key.",
            "Set INVENTORY_WAREHOUSE_KEY, or keep it where other secrets are: docs/security.md.",
        )
    settings.temp_dir.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=settings.temp_dir, prefix="probe-") as folder:
        file = Path(folder, "probe.duckdb")
        with duck.connect(settings) as con:
            attach_encrypted(con, file, key)
            con.execute(f"create table probe as select {literal(_PROBE)} as text from range(100)")
            con.execute("checkpoint")
        check_unreadable(file, _PROBE)


def check_unreadable(file: Path, text: str) -> None:
    """See that a text stands nowhere in a DuckDB file and that nobody opens it without a key.

    Raises:
        SettingsError: One of both is not so.
    """
    found = text.encode() in file.read_bytes()
    try:
        duckdb.connect(str(file), read_only=True).close()
    except duckdb.CatalogException:
        opened = False
    else:
        opened = True
    if found or opened:
        raise SettingsError(
            f"The warehouse would not be encrypted: a file written to try it can be "
            f"{'opened without the key' if opened else 'read'}.",
            "Unset INVENTORY_REQUIRE_ENCRYPTION only if the volume is encrypted instead.",
        )
