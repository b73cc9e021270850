"""Loads without end, or makes a backup that is killed; a helper of the tests.

python backup_driver.py load <database> <data folder>
python backup_driver.py backup <data folder> <address> <n>   killed before storing the n-th file
"""

import os
import signal
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

from inventory_platform.contracts.base import describe
from inventory_platform.landing.loader import Loader
from inventory_platform.operations.backup import Repository, open_repository, take_backup
from inventory_platform.settings import Settings
from inventory_platform.sources.sqlite import SqliteReader
from tests.conftest import Items


def load(database: str, data: str) -> None:
    contract = describe(Items, "shop")
    loader = Loader(
        Settings(data_dir=Path(data), threads=1), SqliteReader(database), address="sqlite"
    )
    number = 1000
    while True:
        number += 1
        with closing(sqlite3.connect(database)) as db, db:
            db.execute("insert into Items values (?, 'new', ?)", (number, number % 7 or "bad"))
        loader.load(contract)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


def backup(data: str, address: str, count: str) -> None:
    original = Repository.store
    left = int(count)

    def dying(*arguments):
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments)

    Repository.store = dying
    settings = Settings(data_dir=Path(data), threads=1)
    take_backup(settings, open_repository(settings, address))


if __name__ == "__main__":
    {"load": load, "backup": backup}[sys.argv[1]](*sys.argv[2:])
