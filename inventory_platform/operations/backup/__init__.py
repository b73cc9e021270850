"""Backups: a copy of what cannot be worked out again, checked, and how it comes back.

What belongs in a backup is `contents.py`; how it lies at its address `repository.py`; how it is
encrypted `sealing.py`. Making one is `take.py`, bringing it back and checking it `restore.py`.
Whether a live lake is whole is `operations/integrity.py`.
"""

from inventory_platform.operations.backup.repository import Backup, Repository, open_repository
from inventory_platform.operations.backup.restore import (
    Restored,
    check_backup,
    checksums,
    restore,
)
from inventory_platform.operations.backup.sealing import new_key
from inventory_platform.operations.backup.take import Taken, take_backup

__all__ = [
    "Backup",
    "Repository",
    "Restored",
    "Taken",
    "check_backup",
    "checksums",
    "new_key",
    "open_repository",
    "restore",
    "take_backup",
]
