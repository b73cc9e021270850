"""Pseudonyms: what stands in the warehouse in place of personal data, and the key they need.

Here belong the secret key, the SQL of the keyed hash (HMAC-SHA256) and handing the key to a
connection. Which columns are personal is in the contracts; the views that show pseudonyms are
made in `landing/views.py`.

The hash is SQL over two variables of the connection. So the key stands in no view, macro, model
or log, and a connection that was not given it fails instead of showing something else. A Python
function would do too, but DuckDB crashes when the connection that registered one is closed
before others of the same file.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from inventory_platform.errors import SettingsError
from inventory_platform.secret_values import check_key, find_key
from inventory_platform.settings import Settings

if TYPE_CHECKING:
    import duckdb

SCHEMA = "personal"
"""Schema of the clear values, and of the macros."""

KEY_VARIABLE = "DBT_ENV_SECRET_PSEUDONYM_KEY"
"""How dbt's process gets the key; dbt takes values of such names out of what it prints."""

_BLOCK = 64
_MISSING = (
    "This connection has no key for pseudonyms: open the warehouse through the platform, or read "
    "the published marts."
)

MACROS = (
    # HMAC: H(outer || H(inner || value)), where outer and inner are the key xor a constant each.
    f"create or replace macro {SCHEMA}.keyed_hash(value) as "
    f"case when getvariable('pseudonym_outer') is null then error('{_MISSING}') "
    "else sha256(getvariable('pseudonym_outer') || unhex(sha256(getvariable('pseudonym_inner') "
    "|| encode(cast(value as varchar))))) end",
    f"create or replace macro {SCHEMA}.pseudonym(value) as "
    f"{SCHEMA}.keyed_hash(nullif(lower(trim(cast(value as varchar))), ''))",
)
"""SQL that makes the macros, in the order to run it.

`keyed_hash` takes a value to the letter. `pseudonym` takes it trimmed and in lower case, so that
the same e-mail address has the same pseudonym in every system; an empty one is null.
"""


def pseudonym_key(settings: Settings) -> str:
    """The secret key of the pseudonyms.

    The secret INVENTORY_PSEUDONYM_KEY; where there is none, one that is made on first use and
    kept in the data folder, readable by its owner only.

    Raises:
        SettingsError: The key is too short or cannot be read.
    """
    if key := find_key(settings, "INVENTORY_PSEUDONYM_KEY"):
        return key
    own = settings.pseudonym_key_file
    if not own.exists():
        _make_key(own)
    return _read_key(own)


def _read_key(file: Path) -> str:
    try:
        key = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The key of the pseudonyms, {file}, cannot be read ({type(error).__name__}).",
            "Let this user read it, or put it back from a backup: with another key, everybody "
            "has another pseudonym.",
        ) from None
    check_key(key, f"The key of the pseudonyms in {file}")
    return key


def _make_key(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    aside = file.with_name(f".{file.name}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(secrets.token_hex(32) + "\n")
    try:
        # Unlike a rename, a link never replaces the key another process made meanwhile.
        os.link(aside, file)
    except FileExistsError:
        pass
    finally:
        aside.unlink()


def derived_key(key: str, purpose: str) -> str:
    """A key of its own for a purpose, from which the key itself cannot be told."""
    return hmac.digest(key.encode(), purpose.encode(), hashlib.sha256).hex()


def give_key(con: duckdb.DuckDBPyConnection, key: str) -> None:
    """Let a connection compute pseudonyms, by this key."""
    secret = key.encode()
    block = (hashlib.sha256(secret).digest() if len(secret) > _BLOCK else secret).ljust(
        _BLOCK, b"\0"
    )
    for name, constant in (("inner", 0x36), ("outer", 0x5C)):
        con.execute(f"set variable pseudonym_{name} = ?", [bytes(b ^ constant for b in block)])
