"""Folders of the platform in object storage: S3, Azure and Google Cloud, or on this machine.

Only opening them is here; what is written there belongs to the callers. Credentials come from
the environment, under the names each cloud's own tools use (`docs/object-storage.md`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import fsspec

from inventory_platform.errors import SettingsError

_PACKAGES = {"s3": "s3", "az": "azure", "abfs": "azure", "abfss": "azure", "gs": "gcs"}
"""Scheme → the extra of this project that reads it."""


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
