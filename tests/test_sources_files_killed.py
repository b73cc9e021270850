"""Files that are being loaded when the process dies: taken in once, whole, by the next load."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from inventory_platform import duck
from inventory_platform.contracts.base import contracts_of
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.views import create_views
from inventory_platform.sandbox.files import generate
from inventory_platform.settings import Settings
from inventory_platform.sources.files import FileReader

OPTIONS = {"files": {"orders_*.csv": {"encoding": "cp1252", "delimiter": ";"}}}
ORDERS = contracts_of("shop_files")["orders"]

_LOAD_AND_DIE = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from kill_driver import die_at
from test_sources_files_killed import load
die_at(sys.argv[4], sys.argv[5], 1)
load(Path(sys.argv[2]), Path(sys.argv[3]))
"""


def load(folder: Path, data_dir: Path):
    settings = Settings(data_dir=data_dir, threads=1)
    return Loader(settings, FileReader(str(folder), OPTIONS), address="drop").load(ORDERS)


def state(data_dir: Path) -> list[tuple]:
    """What is kept: rows by file, rejected rows, and the ledger's sum."""
    settings = Settings(data_dir=data_dir, threads=1)
    with duck.connect(settings) as con:
        create_views(con, Lake(settings.lake_dir), [ORDERS])
        return [
            con.execute(sql).fetchall()
            for sql in (
                "select _origin, order_no, line_no, total from raw.shop_files__orders order by all",
                "select origin, position, reason_code from ops.quarantine order by all",
                "select name, fingerprint, problem from ops.inputs order by all",
                "select sum(rows_loaded), sum(rows_quarantined) from ops.loads",
            )
        ]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("point", "when", "committed"),
    [
        ("loader.Staging.scan", "after", 0),
        ("lake.place", "before", 0),
        ("lake.place", "after", 0),
        ("lake.Lake._commit_record", "after", 1),
    ],
)
def test_a_killed_load_of_files_is_made_good_by_the_next(
    tmp_path: Path, point: str, when: str, committed: int
) -> None:
    folder, undisturbed, killed = (tmp_path / name for name in ("drop", "undisturbed", "killed"))
    generate(folder)
    load(folder, undisturbed)
    tests = str(Path(__file__).parent)
    died = subprocess.run(
        [sys.executable, "-c", _LOAD_AND_DIE, tests, folder, killed, point, when],
        capture_output=True,
        check=False,
    )
    assert died.returncode == -signal.SIGKILL, died.stderr.decode()
    assert len(Lake(killed / "lake").load_ids(ORDERS)) == committed
    load(folder, killed)
    assert state(killed) == state(undisturbed)
    again = load(folder, killed)
    assert (again.rows_read, again.rows_loaded) == (0, 0)
    assert json.loads(again.to_json())["inputs"] == []
