"""Folders of the platform in object storage: S3, Azure and Google Cloud, or on this machine.

Opening and listing them is here, what opens them for DuckDB, and what their failures mean; what
is written there belongs to the callers. Credentials come from the environment, under the names
each cloud's own tools use (`docs/object-storage.md`).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeAlias

from inventory_platform.errors import InventoryError, SettingsError

# Opening imports what it needs: every command imports this module, and few open such a folder.
if TYPE_CHECKING:
    from upath import UPath

StoragePath: TypeAlias = "Path | UPath"
"""A file or folder, on this machine or in object storage."""

_PACKAGES = {"s3": "s3", "az": "azure", "abfs": "azure", "abfss": "azure", "gs": "gcs"}
"""Scheme → the extra of this project that reads it."""
_REFUSALS = {
    *("NoCredentialsError", "ClientAuthenticationError", "ResourceNotFoundError"),
    "DefaultCredentialsError",
}
"""Errors of the clouds' packages that asking again does not help against."""


@dataclass(frozen=True)
class RemoteFolder:
    """A folder as fsspec knows it.

    Attributes:
        address: As people write it, such as `s3://bucket/prefix`; without secrets.
        fs: The file system.
        root: The folder's path in it, without a slash at the end.
    """

    address: str
    fs: Any
    root: str

    def path(self, relative: str | PurePosixPath) -> str:
        """Path of something below the folder, as the file system takes it."""
        return f"{self.root}/{relative}"


def open_folder(address: str, what: str) -> RemoteFolder:
    """Open a folder by its address: a path, `s3://`, `abfss://`, `az://` or `gs://`.

    Args:
        address: Where it is.
        what: What it is for, as errors name it.

    Raises:
        SettingsError: The kind of storage is unknown, its package is not installed, or the
            address has a user or password in it.
    """
    scheme, _, rest = address.partition("://")
    if rest and scheme not in {*_PACKAGES, "file"}:
        raise SettingsError(
            f"{what}: storage of kind {scheme!r} is not known.",
            "Use a path, s3://, abfss://, az:// or gs://.",
        )
    import fsspec

    try:
        fs, root = fsspec.core.url_to_fs(address, **_options(scheme if rest else "file"))
    except (ImportError, ValueError) as error:
        raise SettingsError(
            f"{what}: {address} cannot be opened: {error}.",
            f"Install the package's extra: pip install inventory-platform[{_PACKAGES[scheme]}]."
            if scheme in _PACKAGES
            else "Correct the address.",
        ) from error
    return RemoteFolder(address, fs, str(root).rstrip("/"))


def _options(scheme: str) -> dict[str, Any]:
    """What fsspec does not read from the environment itself."""
    if scheme == "s3" and (endpoint := os.environ.get("AWS_ENDPOINT_URL")):
        return {"endpoint_url": endpoint, "use_listings_cache": False}
    if scheme in {"az", "abfs", "abfss"} and (
        connection := os.environ.get("AZURE_STORAGE_CONNECTION_STRING")
    ):
        return {"connection_string": connection, "use_listings_cache": False}
    if scheme in _PACKAGES:
        return {"use_listings_cache": False}
    return {}


class StorageError(InventoryError):
    """Object storage does not answer, or refuses."""


@lru_cache(maxsize=16)
def open_path(address: str, what: str) -> UPath:
    """Open a folder in object storage as a path, and see that its bucket answers.

    Azure has several schemes for one thing; the path is of the one that DuckDB knows too.

    Args:
        address: Where it is: `s3://`, `abfss://`, `az://` or `gs://`.
        what: What it is for, as errors name it.

    Raises:
        SettingsError: The address, a package, a credential or the bucket is missing or wrong.
    """
    from upath import UPath

    folder = open_folder(address, what)
    scheme = address.partition("://")[0]
    if scheme not in _PACKAGES:
        raise SettingsError(
            f"{what}: {address} is not in object storage.", "Use s3://, abfss://, az:// or gs://."
        )
    path: UPath = UPath(
        f"{'az' if _PACKAGES[scheme] == 'azure' else scheme}://{folder.root}",
        **folder.fs.storage_options,
    )
    bucket = folder.root.partition("/")[0]
    try:
        folder.fs.info(bucket)
    except FileNotFoundError as error:
        raise SettingsError(
            f"{what}: there is no bucket or container {bucket!r} at {address}.",
            "Create it, or correct the address.",
        ) from error
    except storage_failures() as error:
        raise SettingsError(
            f"{what}: {address} cannot be reached: {reason_of(error)}",
            "Check the credentials and the endpoint in the environment; docs/object-storage.md "
            "lists the variables.",
        ) from None
    return path


def files_below(folder: StoragePath, pattern: str = "**/*") -> Iterable[StoragePath]:
    """Files below a folder that match a pattern; none where there is no folder.

    In object storage this is one listing, however deep the pattern; it matches from the right,
    as `PurePath.match` does.

    Raises:
        StorageError: Object storage does not answer.
    """
    if isinstance(folder, Path):
        if not folder.is_dir():
            return ()
        return (path for path in folder.glob(pattern) if path.is_file())
    with plain_errors(folder):
        found = folder.fs.find(folder.path)
    base = folder.path.rstrip("/") + "/"
    names = [name.removeprefix(base) for name in found]
    return [
        folder / name for name in names if pattern == "**/*" or PurePosixPath(name).match(pattern)
    ]


def send(file: Path, target: UPath) -> None:
    """Copy a file of this machine; it appears there as a whole or not at all.

    Raises:
        StorageError: Object storage did not take it.
    """
    with plain_errors(target):
        target.fs.put_file(str(file), target.path)


@contextmanager
def on_this_machine(file: StoragePath, room: Path) -> Iterator[Path]:
    """A file for programs that take files of this machine only: itself, or a copy of it.

    Args:
        file: The file.
        room: Folder for the copy, which is there as long as the block runs.

    Raises:
        StorageError: Object storage did not give it.
    """
    if isinstance(file, Path):
        yield file
        return
    with TemporaryDirectory(dir=room, prefix="copy-") as folder:
        copy = Path(folder, file.name)
        with plain_errors(file):
            file.fs.get_file(file.path, str(copy))
        yield copy


def send_text(text: str, target: UPath) -> None:
    """Write a small file; readers see the one before or this one.

    Raises:
        StorageError: Object storage did not take it.
    """
    with plain_errors(target):
        target.fs.pipe_file(target.path, text.encode())


@contextmanager
def plain_errors(path: StoragePath) -> Iterator[None]:
    """Say of a failure of object storage what it was; those of this machine stay what they are.

    Raises:
        StorageError: It failed. Transient, unless it refused or a file is not there.
    """
    if isinstance(path, Path):
        yield
        return
    try:
        yield
    except storage_failures() as error:
        raise StorageError(
            f"{path} cannot be read or written: {reason_of(error)}",
            "Check the network, the credentials and their rights, then start again. What was "
            "committed before stays as it is.",
            is_transient=not is_refusal(error),
        ) from None


def is_refusal(error: Exception) -> bool:
    """Whether asking again does not help against a failure of storage."""
    not_there = FileNotFoundError | PermissionError | NotADirectoryError | IsADirectoryError
    return isinstance(error, not_there) or type(error).__name__ in _REFUSALS


@cache
def storage_failures() -> tuple[type[Exception], ...]:
    """What storage fails with: errors of this machine, and of the clouds' packages if installed."""
    # adlfs tells of a failed upload with a RuntimeError.
    found: list[type[Exception]] = [OSError, RuntimeError]
    with suppress(ImportError):
        from botocore.exceptions import BotoCoreError, ClientError

        found += [BotoCoreError, ClientError]
    with suppress(ImportError):
        from azure.core.exceptions import AzureError

        found.append(AzureError)
    with suppress(ImportError):
        from gcsfs.retry import HttpError
        from google.auth.exceptions import GoogleAuthError

        found += [HttpError, GoogleAuthError]
    with suppress(ImportError):
        from aiohttp import ClientError as ConnectionFailure

        found.append(ConnectionFailure)
    return tuple(found)


def reason_of(error: Exception) -> str:
    """What storage said of a failure, in one line."""
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0]


@dataclass(frozen=True)
class Access:
    """What DuckDB needs to reach a kind of object storage.

    Attributes:
        scope: The addresses it is good for.
        extension: The extension that reads them.
        options: Options of the secret, secret values among them.
    """

    scope: str
    extension: str
    options: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Access({self.scope})"


def duckdb_access(path: UPath) -> Access:
    """How DuckDB reaches object storage, with the credentials of the environment.

    Raises:
        SettingsError: A credential is missing.
    """
    match path.protocol:
        case "s3":
            return Access("s3://", "httpfs", {"type": "s3", **_s3_options()})
        case "gs":
            return Access("gs://", "httpfs", {"type": "gcs", **_gcs_options()})
        case _:
            options = _azure_options(path.storage_options.get("account_name", ""))
            return Access("az://", "azure", {"type": "azure", **options})


def _s3_options() -> dict[str, str]:
    env = os.environ
    found = {"region": env.get("AWS_REGION") or env.get("AWS_DEFAULT_REGION") or "us-east-1"}
    if endpoint := env.get("AWS_ENDPOINT_URL"):
        scheme, _, host = endpoint.rstrip("/").partition("://")
        found |= {"endpoint": host, "url_style": "path", "use_ssl": str(scheme == "https").lower()}
    if "AWS_ACCESS_KEY_ID" in env:
        found |= {
            "key_id": env["AWS_ACCESS_KEY_ID"],
            "secret": env.get("AWS_SECRET_ACCESS_KEY", ""),
        }
        token = env.get("AWS_SESSION_TOKEN")
    else:
        given = _aws_credentials().get_frozen_credentials()
        found |= {"key_id": given.access_key, "secret": given.secret_key}
        token = given.token
    return found | ({"session_token": token} if token else {})


@cache
def _aws_credentials() -> Any:
    """What AWS's own tools would use: a profile, a web identity, the role of the machine.

    They renew themselves.
    """
    from botocore.session import Session

    found = Session().get_credentials()
    if found is None:
        raise SettingsError(
            "There are no credentials for S3.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
        )
    return found


def _azure_options(account_of_address: str) -> dict[str, str]:
    def given(name: str) -> str:
        return os.environ.get(f"AZURE_STORAGE_{name}", "")

    if connection := given("CONNECTION_STRING"):
        return {"connection_string": connection}
    account = account_of_address or given("ACCOUNT_NAME")
    if not account:
        raise SettingsError(
            "Nothing says which Azure storage account it is.",
            "Set AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME, or give the "
            "address as abfss://container@account.dfs.core.windows.net/folder.",
        )
    blobs = f"BlobEndpoint=https://{account}.blob.core.windows.net"
    if key := given("ACCOUNT_KEY"):
        return {"connection_string": f"{blobs};AccountName={account};AccountKey={key}"}
    if token := given("SAS_TOKEN"):
        return {"connection_string": f"{blobs};SharedAccessSignature={token.lstrip('?')}"}
    if client := given("CLIENT_ID"):
        return {
            "provider": "service_principal",
            "account_name": account,
            "tenant_id": given("TENANT_ID"),
            "client_id": client,
            "client_secret": given("CLIENT_SECRET"),
        }
    return {"provider": "credential_chain", "chain": "default", "account_name": account}


def _gcs_options() -> dict[str, str]:
    names = {"key_id": "GCS_HMAC_ACCESS_KEY_ID", "secret": "GCS_HMAC_SECRET"}
    if missing := [name for name in names.values() if not os.environ.get(name)]:
        raise SettingsError(
            f"DuckDB reads Google Cloud Storage with an HMAC key; {missing[0]} is not set.",
            "Make an HMAC key for the service account, and set GCS_HMAC_ACCESS_KEY_ID and "
            "GCS_HMAC_SECRET.",
        )
    return {option: os.environ[name] for option, name in names.items()}
