"""Secrets by name, wherever they are kept; everything that needs one asks here.

A secret is looked for in this order, and the first place that has it wins:

    NAME               an environment variable
    NAME_FILE          the file this variable names, as Docker and Kubernetes give secrets
    the secrets file   `INVENTORY_SECRETS_FILE`: encrypted with age, or by SOPS
    Vault              one entry of a KV version 2 engine, at `INVENTORY_VAULT_ADDRESS`

The secrets file and Vault are read once per process. What a secret is for belongs to the
callers; how secrets are kept out of texts is `operations/alerts/redaction.py`. No message here
shows a value, nor what another program said about one.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
from dotenv import dotenv_values

from inventory_platform.errors import SettingsError
from inventory_platform.settings import Settings

_SECONDS = 30
_MIN_KEY_LENGTH = 32


def find_secret(settings: Settings, name: str) -> str | None:
    """The value of a secret, or None if no place has it. An empty value counts as none.

    Args:
        settings: Where the secrets file and Vault are.
        name: Its name, such as `SHOP_PASSWORD`.

    Raises:
        SettingsError: A place that should have it cannot be read; names it and the place.
    """
    if value := _of_environment(name):
        return value
    return next((value for store in _stores(settings) if (value := store.get(name))), None)


def require_secret(settings: Settings, name: str, what: str, remedy: str) -> str:
    """The value of a secret that must be there.

    Args:
        settings: Where the secrets file and Vault are.
        name: Its name.
        what: Who needs it, for the message.
        remedy: What else the reader can do but set it.

    Raises:
        SettingsError: No place has it, or one cannot be read; names it and where it was
            looked for.
    """
    value = find_secret(settings, name)
    if value is None:
        places = [f"{name}_FILE", *_places(settings)]
        raise SettingsError(
            f"{what}: environment variable {name} is not set. Also looked for in: "
            f"{', '.join(places)}.",
            f"Set it in one of these places, or {remedy}",
        )
    return value


def find_key(settings: Settings, name: str) -> str | None:
    """A secret that something is computed with, which must be too long to be guessed.

    Args:
        settings: Where the secrets file and Vault are.
        name: Its name.

    Raises:
        SettingsError: It has fewer than 32 characters, or a place cannot be read.
    """
    key = find_secret(settings, name)
    if key is not None:
        check_key(key, name)
    return key


def check_key(key: str, what: str) -> None:
    """See that a key is long enough.

    Raises:
        SettingsError: It is not; names what it is.
    """
    if len(key) < _MIN_KEY_LENGTH:
        raise SettingsError(
            f"{what} has fewer than {_MIN_KEY_LENGTH} characters.",
            "Make one with `openssl rand -hex 32`.",
        )


def stored_secrets(settings: Settings) -> Iterator[str]:
    """Every value of the secrets file and of Vault, for taking them out of texts.

    Raises:
        SettingsError: One of them cannot be read.
    """
    for store in _stores(settings):
        yield from store.values()


def _stores(settings: Settings) -> Iterator[Mapping[str, str]]:
    if settings.secrets_file:
        yield _of_secrets_file(settings.secrets_file, settings.age_identity_file)
    if settings.vault_address:
        yield _of_vault(settings.vault_address, settings.vault_mount, settings.vault_path)


def _places(settings: Settings) -> Iterator[str]:
    if settings.secrets_file:
        yield settings.secrets_file.name
    if settings.vault_address:
        yield f"Vault ({settings.vault_mount}/{settings.vault_path})"


def _of_environment(name: str) -> str | None:
    if value := os.environ.get(name):
        return value
    file = os.environ.get(f"{name}_FILE")
    return _of_file(name, Path(file)) if file else None


def _of_file(name: str, path: Path) -> str:
    value = _read(f"Secret {name}: the file that {name}_FILE names", path).strip("\r\n")
    if not value:
        raise SettingsError(
            f"Secret {name}: the file that {name}_FILE names is empty.",
            "Write the secret into it, or unset the variable.",
        )
    return value


def _read(what: str, path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(what, error) from None


def _unreadable(what: str, error: Exception) -> SettingsError:
    return SettingsError(
        f"{what} cannot be read ({type(error).__name__}).",
        "Correct the path or the file's permissions.",
    )


# -- the secrets file ----------------------------------------------------------------------


@lru_cache(maxsize=4)
def _of_secrets_file(path: Path, identity: Path | None) -> Mapping[str, str]:
    if path.suffix == ".age":
        plain = _decrypted_by_age(path, identity)
        is_toml = Path(path.stem).suffix == ".toml"
    else:
        plain, is_toml = _decrypted_by_sops(path), False
    try:
        if path.suffix != ".age":
            values: Mapping[str, Any] = json.loads(plain)
        elif is_toml:
            values = tomllib.loads(plain)
        else:
            values = dotenv_values(stream=StringIO(plain), interpolate=False)
    except ValueError:
        # What the parser says quotes the text.
        raise SettingsError(
            f"Secrets file {path.name} is decrypted, but is not what its name says.",
            "Write NAME=value lines, TOML in a file named *.toml.age, or a SOPS file.",
        ) from None
    return _texts(values, f"Secrets file {path.name}")


def _decrypted_by_age(path: Path, identity: Path | None) -> str:
    import pyrage

    what = f"Secrets file {path.name}"
    lines = _read("The age identity file", identity or Path()).splitlines()
    keys = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
    try:
        identities = [pyrage.x25519.Identity.from_str(key) for key in keys]
        plain: bytes = pyrage.decrypt(path.read_bytes(), identities)
        return plain.decode()
    except OSError as error:
        raise _unreadable(what, error) from None
    except (pyrage.IdentityError, pyrage.DecryptError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{what} cannot be decrypted with the identity of INVENTORY_AGE_IDENTITY_FILE "
            f"({type(error).__name__}).",
            "Encrypt it for this identity's recipient, or name the identity that fits.",
        ) from None


def _decrypted_by_sops(path: Path) -> str:
    what = f"Secrets file {path.name}"
    program = shutil.which("sops")
    if program is None:
        raise SettingsError(
            f"{what} cannot be decrypted: the program sops is not installed.",
            "Install it, or use a file encrypted with age (*.age).",
        )
    try:
        done = subprocess.run(
            [program, "--decrypt", "--output-type", "json", str(path)],
            capture_output=True,
            text=True,
            check=True,
            timeout=_SECONDS,
        )
    except (subprocess.SubprocessError, OSError, UnicodeDecodeError) as error:
        code = getattr(error, "returncode", None)
        ended = type(error).__name__ if code is None else f"exit code {code}"
        raise SettingsError(
            f"{what} cannot be decrypted: sops failed ({ended}).",
            f"Run `sops --decrypt {path.name}` beside it as the same user; it says why.",
        ) from None
    return done.stdout


def _texts(values: Any, what: str) -> Mapping[str, str]:
    """Names and values of a store, or an error that names what is no text."""
    if not isinstance(values, Mapping):
        raise SettingsError(f"{what} holds no names and values.", "Write one name per secret.")
    if odd := sorted(str(name) for name, value in values.items() if not isinstance(value, str)):
        raise SettingsError(f"{what}: {odd[0]} is no text.", "Write the value in quotes.")
    return dict(values)


# -- Vault ---------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _of_vault(address: str, mount: str, path: str) -> Mapping[str, str]:
    what = f"Vault ({mount}/{path})"
    with httpx.Client(base_url=address, timeout=_SECONDS, follow_redirects=False) as client:
        answer = _asked(client, "GET", f"/v1/{mount}/data/{path}", what, token=_vault_token(client))
        try:
            values = answer.json()["data"]["data"]
        except (ValueError, KeyError, TypeError):
            raise SettingsError(
                f"{what} gave no answer of a KV version 2 engine.",
                "Correct INVENTORY_VAULT_MOUNT and INVENTORY_VAULT_PATH.",
            ) from None
    return _texts(values, what)


def _vault_token(client: httpx.Client) -> str:
    """A token given to us, or one got for a role (AppRole)."""
    # How Vault is opened cannot be kept in Vault.
    token = _of_environment("VAULT_TOKEN")
    if token:
        return token
    role, secret = _of_environment("VAULT_ROLE_ID"), _of_environment("VAULT_SECRET_ID")
    if not role or not secret:
        raise SettingsError(
            "Vault cannot be opened: neither VAULT_TOKEN nor VAULT_ROLE_ID with "
            "VAULT_SECRET_ID is set, nor the same names with _FILE behind them.",
            "Set one of them, or unset INVENTORY_VAULT_ADDRESS.",
        )
    login = {"role_id": role, "secret_id": secret}
    answer = _asked(client, "POST", "/v1/auth/approle/login", "Vault's AppRole login", json=login)
    try:
        return str(answer.json()["auth"]["client_token"])
    except (ValueError, KeyError, TypeError):
        raise SettingsError(
            "Vault's AppRole login gave no token.",
            "Check VAULT_ROLE_ID and INVENTORY_VAULT_ADDRESS.",
        ) from None


def _asked(
    client: httpx.Client, method: str, path: str, what: str, *, token: str = "", json: Any = None
) -> httpx.Response:
    headers = {"X-Vault-Token": token} if token else {}
    try:
        answer = client.request(method, path, headers=headers, json=json)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise SettingsError(
            f"{what} does not answer ({type(error).__name__}).",
            "Check INVENTORY_VAULT_ADDRESS, the network and the server's certificate.",
            is_transient=isinstance(error, httpx.TransportError),
        ) from None
    if not answer.is_success:
        raise SettingsError(
            f"{what} is refused with status {answer.status_code}.",
            "Check the token or role and its policy, INVENTORY_VAULT_MOUNT and "
            "INVENTORY_VAULT_PATH.",
            is_transient=answer.status_code in {429, 472, 473} or answer.status_code >= 500,
        )
    return answer
