"""Encryption of backups with age, and names that say nothing about what they stand for.

A key is an age identity, so that every file of a backup can also be opened by the `age` program.
What is encrypted is the business of the repository.
"""

from __future__ import annotations

import hashlib
import hmac
import shutil
from pathlib import Path
from typing import Protocol

import pyrage

from inventory_platform.errors import BackupError, SettingsError
from inventory_platform.secret_values import find_secret
from inventory_platform.settings import Settings


class Seal(Protocol):
    """How contents are stored at a backup's address."""

    suffix: str

    def name(self, digest: str) -> str:
        """Name of the object that holds contents of this SHA-256."""

    def close(self, plain: Path, stored: Path) -> None:
        """Write contents as they are stored."""

    def open(self, stored: Path, plain: Path) -> None:
        """Write contents as they were.

        Raises:
            BackupError: They cannot be opened with this key, or are damaged.
        """


class Unsealed:
    """Contents as they are, named by their SHA-256."""

    suffix = ""

    def name(self, digest: str) -> str:
        """The digest itself."""
        return digest

    def close(self, plain: Path, stored: Path) -> None:
        """Copy."""
        shutil.copyfile(plain, stored)

    def open(self, stored: Path, plain: Path) -> None:
        """Copy."""
        shutil.copyfile(stored, plain)


class Age:
    """Contents encrypted to a key.

    Objects are named by a keyed hash: equal contents are still stored once, and nobody without
    the key can tell whether a file they know is among them.

    Args:
        key: An age identity, `AGE-SECRET-KEY-1…`.
    """

    suffix = ".age"

    def __init__(self, key: str) -> None:
        self._identity = pyrage.x25519.Identity.from_str(key)
        self._recipient = self._identity.to_public()
        self._naming = hashlib.sha256(b"inventory backup: names\n" + key.encode()).digest()

    def name(self, digest: str) -> str:
        """A keyed hash of the digest."""
        return hmac.new(self._naming, digest.encode(), hashlib.sha256).hexdigest() + self.suffix

    def close(self, plain: Path, stored: Path) -> None:
        """Encrypt."""
        with plain.open("rb") as source, stored.open("wb") as target:
            pyrage.encrypt_io(source, target, [self._recipient])

    def open(self, stored: Path, plain: Path) -> None:
        """Decrypt."""
        try:
            with stored.open("rb") as source, plain.open("wb") as target:
                pyrage.decrypt_io(source, target, [self._identity])
        # A cut file ends the reading before the decryption can fail.
        except (pyrage.DecryptError, OSError) as error:
            raise BackupError(
                f"it cannot be decrypted: {error}",
                "Give the key the backup was made with; with the right one, the file is damaged.",
            ) from None


def new_key() -> str:
    """A new key; without it, what is encrypted with it is lost."""
    return str(pyrage.x25519.Identity.generate())


def seal_of(settings: Settings) -> Seal:
    """The seal of the secret INVENTORY_BACKUP_KEY, or none where it is not set.

    Raises:
        SettingsError: The key cannot be read or is no age identity; its value is never shown.
    """
    text = find_secret(settings, "INVENTORY_BACKUP_KEY")
    if text is None:
        return Unsealed()
    # age-keygen writes comments above the key.
    lines = [line.strip() for line in text.splitlines() if line.strip() and line[0] != "#"]
    try:
        return Age("".join(lines))
    except pyrage.IdentityError:
        raise SettingsError(
            "INVENTORY_BACKUP_KEY is no age identity.",
            "It begins with AGE-SECRET-KEY-1; `inventory backup-key` makes one.",
        ) from None
