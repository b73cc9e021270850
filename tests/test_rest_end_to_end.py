"""From the sandbox's tills to rows: nothing lost, nothing doubled, whatever happens between."""

import os
import signal
import subprocess
import sys
import tomllib
from pathlib import Path

import httpx
import pytest

from inventory_platform import duck
from inventory_platform.contracts.base import contracts_of
from inventory_platform.errors import SourceError
from inventory_platform.landing.lake import Lake
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.pages import PageReader, PageStore
from inventory_platform.landing.views import create_views, current_select
from inventory_platform.sandbox.pos_api import Tills, create_app
from inventory_platform.sandbox.serving import served
from inventory_platform.settings import Settings
from inventory_platform.sources.rest import RestFetcher

SOUND = 200
OPTIONS = tomllib.loads("""
[auth]
kind = "oauth2_client_credentials"
token_url = "/oauth/token"
client_id = "inventory"
client_secret = "sandbox"

[fetch.receipts]
path = "receipts"
records = "receipts"
total = "meta.total"
pagination = { kind = "cursor", next = "meta.next_cursor", size_parameter = "limit", size = 40 }
incremental = { parameter = "updated_since" }

[fetch.stores]
path = "stores"
records = "stores"
total = "total"
pagination = { kind = "page" }

[fetch.stock_counts]
path = "stock-counts"
records = "counts"
total = "total"
pagination = { kind = "offset", size_parameter = "limit", size = 250, overlap = 25 }
""")
CONTRACTS = contracts_of("pos_api")
TILLS = Tills(SOUND)
LINES = sum(len(receipt["lines"]) for receipt in TILLS.receipts)
PAYMENTS = sum(len(receipt["payments"]) for receipt in TILLS.receipts)
EXPECTED = {
    # read, loaded, quarantined, deduplicated
    "receipts": (SOUND + 9, SOUND + 5, 3, 1),
    "receipt_lines": (LINES, LINES - 3, 2, 1),
    "receipt_payments": (PAYMENTS, PAYMENTS - 1, 0, 1),
    "stores": (12, 12, 0, 0),
    # Twelve pages follow the first, and each begins 25 records early.
    "stock_counts": (2881 + 300, 2880, 1, 300),
}


class Platform:
    """A lake and the tills it is filled from."""

    def __init__(self, url, data):
        self.url = url
        self.address = f"rest+{url}/v1"
        self.settings = Settings(data_dir=data, threads=1)
        self.lake = Lake(self.settings.lake_dir)
        self.fetcher = RestFetcher(self.address, OPTIONS)

    def store(self, fetch):
        return PageStore(self.lake, "pos_api", fetch)

    def fetch(self, *names, fetcher=None):
        for name in names or self.fetcher.fetches():
            self.store(name).collect(fetcher or self.fetcher, timeout_seconds=5)

    def load(self, table):
        reader = PageReader(self.lake, "pos_api", self.fetcher.fetches())
        record = Loader(self.settings, reader, address="rest").load(CONTRACTS[table])
        return (
            record.rows_read,
            record.rows_loaded,
            record.rows_quarantined,
            record.rows_deduplicated,
        )

    def rows(self, table, columns):
        with duck.connect(self.settings) as con:
            select = current_select(con, self.lake, CONTRACTS[table])
            sql = f"select {columns} from ({select}) where not _is_deleted order by all"
            return con.sql(sql).fetchall()

    def control(self, what, **params):
        httpx.post(f"{self.url}/control/{what}", params=params).raise_for_status()


@pytest.fixture
def platform(tmp_path, extensions):
    (tmp_path / "duckdb_extensions").symlink_to(extensions)
    with served(create_app(SOUND)) as url:
        yield Platform(url, tmp_path)


def test_every_table_is_loaded_and_the_ledger_adds_up(platform):
    platform.fetch()
    assert {table: platform.load(table) for table in CONTRACTS} == EXPECTED
    assert [platform.rows(t, "count(*)")[0][0] for t in CONTRACTS] == [
        loaded for _, loaded, _, _ in EXPECTED.values()
    ]
    ours = sum(float(p["amount"]) for r in TILLS.receipts for p in r["payments"])
    twice = next(r for r in TILLS.receipts if r["receipt_id"] == "R-9000005")
    ours -= float(twice["payments"][0]["amount"])
    ((theirs,),) = platform.rows("receipt_payments", "sum(amount)")
    assert float(theirs) == pytest.approx(ours, abs=0.001)


def test_what_is_quarantined_says_why(platform):
    platform.fetch()
    for table in CONTRACTS:
        platform.load(table)
    with duck.connect(platform.settings) as con:
        create_views(con, platform.lake, list(CONTRACTS.values()))
        found = con.sql(
            "select table_name, reason_code from ops.quarantine order by all"
        ).fetchall()
    assert found == [
        ("receipt_lines", "missing_value"),
        ("receipt_lines", "not_a_number"),
        ("receipts", "missing_value"),
        ("receipts", "not_a_number"),
        ("receipts", "not_a_timestamp"),
        ("stock_counts", "not_an_integer"),
    ]


def test_the_next_fetch_brings_what_changed_and_nothing_else(platform):
    platform.fetch("receipts")
    tables = ["receipts", "receipt_lines", "receipt_payments"]
    for table in tables:
        platform.load(table)
    many = next(r for r in TILLS.receipts if len(r["lines"]) == 5 and r["status"] == "completed")
    platform.control("void", receipt=many["receipt_id"])
    platform.fetch("receipts")
    assert platform.load("receipts") == (1, 1, 0, 0)
    assert platform.load("receipt_lines") == (5, 5, 0, 0)
    voided = f"count(*) filter (status = 'voided' and receipt_id = '{many['receipt_id']}')"
    assert platform.rows("receipts", f"count(*), {voided}") == [(SOUND + 5, 1)]
    assert platform.rows("receipt_lines", "count(*)") == [(LINES - 3,)]


def test_fetching_and_loading_again_changes_nothing(platform):
    for _ in range(3):
        platform.fetch()
        last = {table: platform.load(table) for table in CONTRACTS}
    assert last["stores"] == (12, 0, 0, 12)
    assert last["receipts"] == (0, 0, 0, 0)
    assert platform.rows("receipts", "count(*)") == [(SOUND + 5,)]
    assert len(platform.store("stores").ids()) == 1


def test_a_list_that_moves_while_it_is_read_is_complete_thanks_to_the_overlap(platform):
    platform.control("shift", rows=2)
    platform.fetch("stock_counts")
    platform.control("shift", rows=0)
    platform.load("stock_counts")
    kept = {count_id for (count_id,) in platform.rows("stock_counts", "count_id")}
    present = {c["count_id"] for c in TILLS.counts[2 * 14 :]} - {"C-9000001"}
    assert present <= kept


def test_without_an_overlap_a_list_that_moves_is_refused(platform):
    platform.control("shift", rows=2)
    pagination = {"kind": "offset", "size_parameter": "limit", "size": 250}
    counts = OPTIONS["fetch"]["stock_counts"] | {"pagination": pagination}
    unsafe = RestFetcher(platform.address, OPTIONS | {"fetch": {"stock_counts": counts}})
    with pytest.raises(SourceError, match=r"shrank|records came"):
        platform.fetch("stock_counts", fetcher=unsafe)
    assert platform.store("stock_counts").ids() == []


def test_a_fetch_that_fails_leaves_the_last_one_in_place(platform):
    platform.fetch("stores")
    elsewhere = OPTIONS["fetch"]["stores"] | {"path": "shops"}
    wrong = RestFetcher(platform.address, OPTIONS | {"fetch": {"stores": elsewhere}})
    with pytest.raises(SourceError, match="404 Not Found"):
        platform.fetch("stores", fetcher=wrong)
    assert platform.load("stores") == EXPECTED["stores"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fetch", "point", "when", "nth"),
    [
        ("receipts", "pages._Piece.add", "after", 1),
        ("receipts", "pages._Piece.add", "after", 4),
        ("stock_counts", "pages._Piece.add", "before", 9),
        ("receipts", "pages.place", "before", 1),
        ("receipts", "pages.place", "after", 1),
        ("receipts", "pages.commit_text", "before", 1),
        ("receipts", "pages.commit_text", "after", 1),
    ],
)
def test_a_fetch_that_is_killed_loses_and_doubles_nothing(platform, fetch, point, when, nth):
    driver = Path(__file__).with_name("fetch_driver.py")
    data = str(platform.settings.data_dir)
    died = subprocess.run(
        [sys.executable, str(driver), platform.address, data, fetch, point, when, str(nth)],
        check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(driver.parents[1])},
    )  # fmt: skip
    assert died.returncode == -signal.SIGKILL, died.stderr
    was_committed = (point, when) == ("pages.commit_text", "after")
    assert len(platform.store(fetch).ids()) == was_committed
    platform.fetch(fetch)
    for table, contract in CONTRACTS.items():
        if contract.source_table.startswith(f"{fetch}:"):
            assert platform.load(table)[1:3] == EXPECTED[table][1:3]
            assert platform.rows(table, "count(*)") == [(EXPECTED[table][1],)]
    kept = [p for p in (platform.lake.root / "pages").rglob("*") if p.is_file()]
    assert len(kept) <= len(platform.store(fetch).ids())
