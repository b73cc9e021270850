"""The hosted businesses' databases in small: readable files of `seeds/hosted` packed into SQLite.

A folder there that holds a `schema.sql` becomes `<folder>.sqlite`, each of its tables filled from
the CSV of its name. Data sets that are files anyway are read where they lie and have no part here.
"""

from __future__ import annotations

import csv
import sqlite3
from contextlib import closing
from pathlib import Path

from inventory_platform.duck import identifier
from inventory_platform.settings import PROJECT_DIR

SAMPLES = PROJECT_DIR / "seeds" / "hosted"


def generate(folder: Path) -> dict[str, int]:
    """Write every database, each aside first, so that a reader finds it whole.

    Args:
        folder: Where they go; made when it is not there.

    Returns:
        Rows of each database, by its name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return {
        schema.parent.name: _pack(schema, folder / f"{schema.parent.name}.sqlite")
        for schema in sorted(SAMPLES.glob("*/schema.sql"))
    }


def _pack(schema: Path, target: Path) -> int:
    aside = target.with_suffix(".part")
    aside.unlink(missing_ok=True)
    with closing(sqlite3.connect(aside)) as db, db:
        db.executescript(schema.read_text(encoding="utf-8"))
        tables = db.execute("select name from sqlite_schema where type = 'table'").fetchall()
        rows = sum(_fill(db, name, schema.parent / f"{name}.csv") for (name,) in tables)
    aside.replace(target)
    return rows


def _fill(db: sqlite3.Connection, table: str, path: Path) -> int:
    with path.open(encoding="utf-8", newline="") as file:
        names, *rows = csv.reader(file)
    columns = ", ".join(identifier(name) for name in names)
    # An empty field is one that nobody filled in.
    db.executemany(
        f"insert into {identifier(table)} ({columns}) values ({', '.join('?' * len(names))})",
        [[value or None for value in row] for row in rows],
    )
    return len(rows)
