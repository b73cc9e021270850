"""Erasing a person: gone everywhere, proven, the books still add up, and they stay gone."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from inventory_platform.cli import app
from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Money,
    Text,
    column,
    describe,
    table,
)
from inventory_platform.duck import literal
from inventory_platform.errors import ContractError, SettingsError
from inventory_platform.landing import suppression
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.suppression import (
    Fingerprints,
    Trace,
    keep_erasure,
    personal_columns,
    read_erasures,
)
from inventory_platform.operations import erasure
from inventory_platform.operations.compaction import compact
from inventory_platform.operations.erasure import Eraser, ErasureError
from inventory_platform.operations.people import Start, of_customer, of_email, of_key, read_people
from inventory_platform.registry import Registry, read_registry
from inventory_platform.settings import Settings
from inventory_platform.sources.files import FileReader
from inventory_platform.warehouse import open_warehouse
from tests.conftest import Shop

KEY = "a test's key, thirty-two letters long"
ADA = ["Ada Lovelace", "ada@engines.example", "+44 20 7946 0991", "Ockham Park 7"]


class Customers(Contract):
    """Who buys."""

    customer_id: Integer = column("CustomerID", "Identifies the customer.")
    name: Text = column("Name", "Name.", personal=True)
    email: Text = column("Email", "E-mail address.", nullable=True, personal=True)
    phone: Text = column("Phone", "Phone.", nullable=True, personal=True)
    town: Text = column("Town", "Town.", nullable=True, personal=True)

    class Config:
        metadata = table("Customers", key=["customer_id"])


class Orders(Contract):
    """What was bought."""

    order_id: Integer = column("OrderID", "Identifies the order.")
    customer_id: Integer = column("CustomerID", "Who bought.")
    ship_to: Text = column("ShipTo", "Where to.", nullable=True, personal=True)
    total: Money = column("Total", "Total.", ge=0)

    class Config:
        metadata = table(
            "Orders", key=["order_id"], references={"customer_id": "customers.customer_id"}
        )


class Clerks(Contract):
    """Who works here."""

    clerk_id: Integer = column("ClerkID", "Identifies the clerk.")
    name: Text = column("Name", "Name.", nullable=True, personal=True)
    customer_id: Integer = column("CustomerID", "Customer they look after.", nullable=True)

    class Config:
        metadata = table("Clerks", key=["clerk_id"])


CUSTOMERS, ORDERS, CLERKS = (describe(model, "shop") for model in (Customers, Orders, Clerks))
SHAPES = {
    "Customers": dict.fromkeys(("CustomerID", "Name", "Email", "Phone", "Town"), "TEXT"),
    "Orders": dict.fromkeys(("OrderID", "CustomerID", "ShipTo", "Total"), "TEXT"),
    "Clerks": dict.fromkeys(("ClerkID", "Name", "CustomerID"), "TEXT"),
}
FIRST = {
    "Customers": [
        ("1", ADA[0], ADA[1], "none yet", "London"),
        ("2", "Charles Babbage", "charles@engines.example", "+44 20 7946 0992", "London"),
        ("x", ADA[0], ADA[1], ADA[2], "London"),
    ],
    "Orders": [
        ("10", "1", ADA[3], "5.00"),
        ("11", "2", "Marylebone 1", "7.50"),
        ("12", "1", ADA[3], "-1"),
        ("13", "1", None, "2.50"),
    ],
    "Clerks": [("1", "Anne Milbanke", "1")],
}
SECOND = {
    **FIRST,
    "Customers": [("1", ADA[0], ADA[1], ADA[2], "London"), *FIRST["Customers"][1:]],
}


def platform(shop: Shop, people: str = '{ rows = "customers.customer_id" }') -> Registry:
    file = shop.folder / "people.toml"
    file.write_text(f"[customers]\nshop = {people}\n")
    shop.settings = shop.settings.model_copy(update={"people_file": file})
    return Registry(shop.settings, {}, {c.relation: c for c in (CUSTOMERS, ORDERS, CLERKS)})


def load(shop: Shop, tables: dict, now: datetime | None = None) -> list:
    records = []
    for contract in (CUSTOMERS, ORDERS, CLERKS):
        name = contract.source_table
        shop.write(name, tables[name], SHAPES[name])
        records.append(shop.load(contract, now=now))
    return records


@pytest.fixture(scope="module", autouse=True)
def key() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INVENTORY_ERASURE_KEY", KEY)
        yield


@pytest.fixture(scope="module")
def filled(open_shop, tmp_path_factory) -> Path:
    """Two loads, merged; and everything else that Ada may stand in."""
    folder = tmp_path_factory.mktemp("filled") / "data"
    with open_shop() as shop:
        registry = platform(shop)
        load(shop, FIRST, datetime(2026, 5, 1))
        load(shop, SECOND, datetime(2026, 5, 2))
        compact(registry, datetime(2026, 6, 10).date())
        data = shop.settings.data_dir
        pages = data / "lake/pages/shop/orders/ingest_date=2026-05-01/1.parquet"
        bodies = [
            json.dumps({"who": {"mail": ADA[1].upper(), "note": f"called {ADA[2]}"}, "n": 1}),
            json.dumps({"who": {"mail": "charles@engines.example"}, "n": 2}),
            f"<p>{ADA[0]}, London</p>",
        ]
        write(pages, {"request": ["/orders", "/orders", "/p"], "body": bodies})
        mart = data / "published/versions/1/mart.parquet"
        write(mart, {"label": [f"{ADA[0]} (1)", "Charles Babbage"], "total": [7, 8]})
        (data / "published/current").symlink_to("versions/1", target_is_directory=True)
        write(data / "lake/operations/rejects/1.parquet", {"reason": [f"bad: {ADA[2]}", "x"]})
        (data / "logs").mkdir()
        (data / "logs/run.log").write_text("customers loaded\n")
        with open_warehouse(shop.settings) as con:
            con.execute("create table staging as select unnest(?) as name", [[ADA[0], "x"]])
        ignored = shutil.ignore_patterns("duckdb_extensions")
        shutil.copytree(data, folder, symlinks=True, ignore=ignored)
    return folder


def write(path: Path, columns: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.fixture
def ada(shop, filled) -> Shop:
    shutil.copytree(filled, shop.settings.data_dir, symlinks=True, dirs_exist_ok=True)
    for contract in (CUSTOMERS, ORDERS, CLERKS):
        shop.write(
            contract.source_table, SECOND[contract.source_table], SHAPES[contract.source_table]
        )
    return shop


@pytest.fixture(scope="module")
def gone(open_shop, filled, tmp_path_factory) -> Path:
    """The same after Ada was erased."""
    folder = tmp_path_factory.mktemp("gone") / "data"
    with open_shop() as shop:
        data = shop.settings.data_dir
        shutil.copytree(filled, data, symlinks=True, dirs_exist_ok=True)
        erase(platform(shop))
        ignored = shutil.ignore_patterns("duckdb_extensions")
        shutil.copytree(data, folder, symlinks=True, ignore=ignored)
    return folder


@pytest.fixture
def erased(shop, gone) -> Shop:
    shutil.copytree(gone, shop.settings.data_dir, symlinks=True, dirs_exist_ok=True)
    platform(shop)
    return shop


def start(registry: Registry) -> list[Start]:
    return [of_key(registry, "shop", "customers", "1")]


def erase(registry: Registry):
    eraser = Eraser(registry)
    return eraser.erase(eraser.find(start(registry)), "privacy desk")


def places(data: Path) -> set[str]:
    """Files in which anything of Ada stands, read by another tool than the platform's."""
    found = set()
    for path in data.rglob("*"):
        if not path.is_file() or path.is_symlink():
            continue
        if path.suffix == ".parquet":
            text = str(pl.read_parquet(path, hive_partitioning=False).rows())
        else:
            text = path.read_bytes().decode(errors="replace")
        if any(value.lower() in text.lower() for value in ADA):
            found.add(str(path.relative_to(data)))
    return found


def orders_total(shop) -> object:
    return shop.query(ORDERS, "select count(*), sum(total) from {raw} where not _is_deleted")


def test_everything_of_a_person_is_gone_and_the_rest_is_as_it_was(erased, filled):
    zones = {"/".join(place.split("/")[:2]) for place in places(filled)}
    assert zones == {
        *("lake/raw", "lake/quarantine", "lake/pages", "lake/operations"),
        *("published/versions", "warehouse.duckdb"),
    }
    assert places(erased.settings.data_dir) == set()
    (record,) = read_erasures(erased.lake)
    assert erased.current(CUSTOMERS) == [
        (1, "erased", None, None, None),
        (2, "Charles Babbage", "charles@engines.example", "+44 20 7946 0992", "London"),
    ]
    assert [o[2] for o in erased.current(ORDERS)] == [None, "Marylebone 1", None]
    assert orders_total(erased) == [(3, 15)]
    assert erased.current(CLERKS) == [(1, "Anne Milbanke", 1)]
    assert not erased.settings.warehouse_file.exists()
    assert record.proven_at is not None
    # Two versions of the customer, each in a small file and in the merged one; and one order.
    assert record.erased["raw"] == 2 * 2 + 1
    assert record.scanned["raw"] == 3 + 1
    assert (record.scanned["published"], record.scanned["logs"]) == (1, 1)


def test_looking_changes_nothing_and_counts_what_would_go(ada):
    registry = platform(ada)
    before = {p: p.stat().st_mtime_ns for p in ada.settings.data_dir.rglob("*") if p.is_file()}
    found = Eraser(registry).find(start(registry))
    assert found.rows == {"shop__customers": 2, "shop__orders": 1}
    assert found.values == {ADA[0].lower(), ADA[1], ADA[2], ADA[3].lower(), "none yet"}
    after = {p: p.stat().st_mtime_ns for p in ada.settings.data_dir.rglob("*") if p.is_file()}
    assert after == before


def test_what_others_have_too_stays_where_it_is_theirs(erased):
    pages = next(erased.settings.lake_dir.rglob("pages/**/*.parquet"))
    bodies = pl.read_parquet(pages, hive_partitioning=False)["body"].to_list()
    assert json.loads(bodies[0]) == {"who": {"mail": "erased", "note": "called erased"}, "n": 1}
    assert json.loads(bodies[1])["who"]["mail"] == "charles@engines.example"
    assert bodies[2] == "<p>erased, London</p>"
    mart = pl.read_parquet(erased.settings.published_dir / "versions/1/mart.parquet")
    assert mart.rows() == [("erased (1)", 7), ("Charles Babbage", 8)]


def test_a_rejected_row_keeps_what_is_not_personal(erased):
    rows = erased.query(ORDERS, "select payload from ops.quarantine")
    assert [json.loads(p) for (p,) in rows] == [{"OrderID": "12", "CustomerID": "1", "Total": "-1"}]
    # The rejected customer has no key that could be read; the texts in it are Ada's all the same.
    (payload,) = erased.query(CUSTOMERS, "select payload from ops.quarantine")[0]
    assert json.loads(payload) == {
        "CustomerID": "x", "Name": "erased", "Email": "erased", "Phone": "erased",
        "Town": "London",
    }  # fmt: skip


def test_a_later_load_that_brings_them_again_keeps_them_blank(erased):
    before = erased.versions(CUSTOMERS), erased.versions(ORDERS)
    again = load(erased, SECOND)
    assert [r.rows_loaded for r in again] == [0, 0, 0]
    assert [r.rows_quarantined for r in again] == [0, 0, 0]
    assert (erased.versions(CUSTOMERS), erased.versions(ORDERS)) == before
    moved = [("1", ADA[0], "ada@new.example", ADA[2], "Paris"), *SECOND["Customers"][1:]]
    bought = [*SECOND["Orders"], ("14", "1", ADA[3], "1.00"), ("15", "1", ADA[3], "-2")]
    load(erased, {**SECOND, "Customers": moved, "Orders": bought})
    assert erased.current(CUSTOMERS)[0] == (1, "erased", None, None, None)
    assert (14, 1, None, 1) in erased.current(ORDERS)
    assert places(erased.settings.data_dir) == set()


class Members(Contract):
    """Who collects points, as a file says."""

    customer_id: Integer = column("CustomerID", "Identifies the customer.")
    name: Text = column("Name", "Name.", nullable=True, personal=True)
    points: Integer = column("Points", "Points.")

    class Config:
        metadata = table("members.csv", key=["customer_id"], increments=True)


MEMBERS = describe(Members, "shop")


def load_members(shop: Shop, text: str) -> list[dict]:
    """Load a file; returns the payloads of everything that was rejected so far."""
    (shop.folder / "members.csv").write_text(text)
    reader = FileReader(str(shop.folder), {"settle_seconds": 0})
    Loader(shop.settings, reader, address="files").load(MEMBERS)
    rows = shop.query(MEMBERS, "select payload from ops.quarantine order by load_id, position")
    return [json.loads(payload) for (payload,) in rows]


def erase_first_member(shop: Shop) -> None:
    (record,) = read_erasures(shop.lake)
    first = Fingerprints(shop.settings).of("1")
    trace = Trace(MEMBERS.relation, ("customer_id",), frozenset({first}))
    keep_erasure(shop.lake, replace(record, traces=(*record.traces, trace)))


def erase_again(shop: Shop) -> None:
    known = {c.relation: c for c in (CUSTOMERS, ORDERS, CLERKS, MEMBERS)}
    Eraser(Registry(shop.settings, {}, known)).replay()


@pytest.mark.parametrize("written", ["01", "1.0", " +1 "])
@pytest.mark.parametrize("header", ["CustomerID,Name,Points", "customer id,NAME,points"])
def test_a_rejected_row_of_an_erased_person_is_known_however_it_is_written(erased, header, written):
    key, name, points = header.split(",")
    text = f"{header}\n{written},Ada,many\n2,Bo,none\n"
    hers, his = {key: written, points: "many"}, {key: "2", name: "Bo", points: "none"}
    assert load_members(erased, text) == [{**hers, name: "Ada"}, his]
    erase_first_member(erased)
    assert load_members(erased, text + f"{written},Ada L.,few\n") == [
        *({**hers, name: "Ada"}, his),
        {key: written, points: "few"},
    ]
    erase_again(erased)
    assert load_members(erased, text) == [hers, his, {**hers, points: "few"}]


def test_of_a_line_that_cannot_be_split_nothing_is_left_where_people_were_erased(erased):
    text = "CustomerID,Name,Points\n1,Ada,5,x\n"
    assert load_members(erased, text) == [{"line": "1,Ada,5,x"}]
    erase_first_member(erased)
    nothing = {"line": "not kept, as people were erased from this table"}
    assert load_members(erased, text + "2,Bo,6,x\n") == [{"line": "1,Ada,5,x"}, nothing]
    erase_again(erased)
    assert load_members(erased, text) == [nothing, nothing]


def test_the_record_says_what_when_who_and_how_much_and_nothing_personal(erased, monkeypatch):
    (path,) = (erased.settings.lake_dir / "erasures").glob("*.json")
    told = json.loads(path.read_text())
    assert told["requested_by"] == "privacy desk"
    assert told["begun_at"] < told["proven_at"]
    assert told["files"] == sum([4, 2, 1, 1, 1])  # raw, quarantine, pages, operations, published
    prints = [f for trace in told["traces"] for f in trace["fingerprints"]] + told["values"]
    assert all(len(f) == 64 for f in prints)
    assert Fingerprints(erased.settings).of("1") in prints
    monkeypatch.setenv("INVENTORY_ERASURE_KEY", "b" * 32)
    assert Fingerprints(erased.settings).of("1") not in prints


def test_after_a_restore_the_erasures_are_replayed(ada, filled):
    registry = platform(ada)
    erase(registry)
    for zone in ("raw", "quarantine", "pages"):
        shutil.rmtree(ada.settings.lake_dir / zone)
        shutil.copytree(filled / "lake" / zone, ada.settings.lake_dir / zone)
    assert places(ada.settings.data_dir)
    (again,) = Eraser(registry).replay()
    assert places(ada.settings.data_dir) == set()
    assert again.erased["raw"] == 2 * 5
    assert Eraser(registry).replay() == [replace(again, proven_at=read_proof(ada))]


def read_proof(shop) -> str | None:
    return read_erasures(shop.lake)[0].proven_at


# Nine files are written: three outside, two of rejects, four of the raw zone.
@pytest.mark.parametrize("cut_at", [1, 3, 5, 7, 9])
def test_an_erasure_that_is_cut_off_is_completed_by_a_replay(ada, monkeypatch, cut_at):
    registry = platform(ada)
    eraser = Eraser(registry)
    found = eraser.find(start(registry))
    calls = 0
    original = erasure.place

    def place(staged: Path, target: Path) -> None:
        nonlocal calls
        calls += 1
        if calls == cut_at:
            raise OSError("No space left on device")
        original(staged, target)

    with monkeypatch.context() as patch:
        patch.setattr(erasure, "place", place)
        with pytest.raises(OSError, match="No space"):
            eraser.erase(found, "privacy desk")
    assert read_erasures(ada.lake)[0].proven_at is None
    assert places(ada.settings.data_dir)
    Eraser(registry).replay()
    assert read_erasures(ada.lake)[0].proven_at is not None
    assert places(ada.settings.data_dir) == set()


def test_the_proof_fails_when_something_is_left_and_says_where(ada):
    registry = platform(ada)
    (ada.settings.data_dir / "logs/run.log").write_text(f"loaded {ADA[1]}\n")
    with pytest.raises(ErasureError, match=r"left something in 1 files, such as .*run\.log"):
        erase(registry)
    assert read_erasures(ada.lake)[0].proven_at is None
    # Nor does a replay prove it, as the rows still tell what to look for.
    for _ in range(2):
        with pytest.raises(ErasureError, match=r"such as .*run\.log"):
            Eraser(registry).replay()
    (ada.settings.data_dir / "logs/run.log").unlink()
    Eraser(registry).replay()
    assert read_erasures(ada.lake)[0].proven_at is not None
    assert places(ada.settings.data_dir) == set()


@pytest.mark.parametrize("place", ["logs/server/old.log", "alerts/state.json"])
def test_logs_in_folders_and_what_alerts_keep_are_looked_through(ada, place):
    file = ada.settings.data_dir / place
    file.parent.mkdir(parents=True)
    file.write_text(f"loaded {ADA[2]}\n")
    with pytest.raises(ErasureError, match=place):
        erase(platform(ada))


def test_what_killed_processes_left_behind_is_removed(ada):
    data = ada.settings.data_dir
    left = [
        "tmp/tables-1/a.csv",
        "tmp/.backup-1/copy",
        "tmp/spill/x",
        "lake/.staging/shop__orders/1",
    ]
    left.append("published/versions/.20260501T000000000000/half.parquet")
    for name in left:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(ADA[0])
    erase(platform(ada))
    assert [name for name in left if (data / name).exists()] == []
    assert read_erasures(ada.lake)[0].proven_at is not None


def test_what_nobody_knows_any_more_is_not_called_gone_until_it_is_named(ada):
    registry = platform(ada)
    done = erase(registry)
    # As if it had been cut off where the rows were blank before anything else was looked at.
    keep_erasure(ada.lake, replace(done, proven_at=None, scanned={}))
    note = ada.settings.published_dir / "versions/1/note.parquet"
    write(note, {"note": [f"asked {ADA[1]} again"]})
    with pytest.raises(ErasureError, match=r"was cut off, and 5 of the 5 texts .* known no longer"):
        Eraser(registry).replay()
    with pytest.raises(ErasureError, match="was cut off, and 1 of the 5"):
        Eraser(registry).replay([*ADA, "of somebody else"])
    assert read_erasures(ada.lake)[0].proven_at is None
    Eraser(registry).replay([*ADA, "None yet"])
    assert read_erasures(ada.lake)[0].proven_at is not None
    assert pl.read_parquet(note).rows() == [("asked erased again",)]


def test_an_erasure_that_cannot_be_proven_keeps_no_other_from_being_replayed(ada, filled):
    registry = platform(ada)
    done = erase(registry)
    keep_erasure(ada.lake, replace(done, erasure_id="2026", proven_at=None, scanned={}))
    unknown = replace(done, erasure_id="2025", values=frozenset({"0" * 64}))
    keep_erasure(ada.lake, replace(unknown, traces=(), proven_at=None, scanned={}))
    shutil.rmtree(ada.settings.lake_dir / "raw")
    shutil.copytree(filled / "lake/raw", ada.settings.lake_dir / "raw")
    with pytest.raises(ErasureError, match="Erasure 2025 was cut off, and 1 of the 1 texts"):
        Eraser(registry).replay()
    proven = {e.erasure_id: e.proven_at is not None for e in read_erasures(ada.lake)}
    assert proven["2025"] is False
    assert proven[done.erasure_id] is True
    assert places(ada.settings.data_dir) == set()


def test_who_has_only_rejected_rows_is_erased_with_what_refers_to_them(ada):
    rejected = ("3", None, "mary@sea.example", "+44 20 7946 0993", "Lyme")
    ordered = ("16", "3", "Broad Street 2", "1.00")
    mary = ["mary@sea.example", "+44 20 7946 0993", "Broad Street 2"]
    load(
        ada,
        {
            **SECOND,
            "Customers": [*SECOND["Customers"], rejected],
            "Orders": [*SECOND["Orders"], ordered],
        },
    )
    registry = platform(ada)
    for starts in (
        [of_key(registry, "shop", "customers", "3")],
        list(of_email(registry, "Mary@sea.example")),
    ):
        found = Eraser(registry).find(starts)
        assert found.rejected == {"shop__customers": 1}
        assert found.rows == {"shop__orders": 1}
        assert found.values == {text.lower() for text in mary}
    Eraser(registry).erase(found, "privacy desk")
    rows = ada.query(CUSTOMERS, "select payload from ops.quarantine")
    assert {"CustomerID": "3"} in [json.loads(payload) for (payload,) in rows]
    assert not any(text in payload for (payload,) in rows for text in mary)
    assert (16, 3, None, 1) in ada.current(ORDERS)


def test_an_address_that_stands_in_no_row_is_looked_for_itself(ada):
    registry = platform(ada)
    page = ada.settings.lake_dir / "pages/shop/orders/ingest_date=2026-05-01/2.parquet"
    write(page, {"request": ["/o"], "body": ["from mary@sea.example, again"]})
    eraser = Eraser(registry)
    found = eraser.find(of_email(registry, "Mary@sea.example"))
    assert (dict(found.rows), dict(found.rejected)) == ({}, {})
    assert eraser.erase(found, "privacy desk").erased["pages"] == 1
    assert pl.read_parquet(page, hive_partitioning=False)["body"].to_list() == [
        "from erased, again"
    ]
    with pytest.raises(ErasureError, match="nothing to erase"):
        eraser.erase(eraser.find(of_email(registry, "nobody@sea.example")), "privacy desk")


def test_without_a_key_nothing_is_erased_and_no_erased_table_is_loaded(ada, monkeypatch):
    registry = platform(ada)
    erase(registry)
    monkeypatch.delenv("INVENTORY_ERASURE_KEY")
    with pytest.raises(SettingsError, match="INVENTORY_ERASURE_KEY"):
        Eraser(registry)
    with pytest.raises(SettingsError, match="INVENTORY_ERASURE_KEY"):
        ada.load(CUSTOMERS)
    ada.load(CLERKS)


def test_nobody_of_that_key_is_an_error(ada):
    registry = platform(ada)
    eraser = Eraser(registry)
    found = eraser.find([of_key(registry, "shop", "customers", "77")])
    with pytest.raises(ErasureError, match="nothing to erase"):
        eraser.erase(found, "privacy desk")
    assert read_erasures(ada.lake) == []


def test_what_refers_to_a_row_is_theirs_only_where_customers_begin(ada):
    registry = platform(ada, '{ rows = "orders.customer_id" }')
    found = Eraser(registry).find(start(registry))
    assert found.rows == {"shop__customers": 2}


def test_an_address_finds_the_rows_it_stands_in_and_what_is_theirs(ada):
    registry = platform(ada)
    found = Eraser(registry).find(of_email(registry, "ADA@engines.example "))
    assert found.rows == {"shop__customers": 2, "shop__orders": 1}


def test_an_address_that_stands_in_rows_of_others_is_told(ada):
    shared = [SECOND["Customers"][0], ("2", "Charles Babbage", ADA[1], "1", "London")]
    load(ada, {**SECOND, "Customers": shared})
    registry = platform(ada)
    assert Eraser(registry).find(start(registry)).elsewhere == ("shop__customers",)


def test_a_customer_of_the_marts_is_found_by_the_sources_key_or_its_hash(ada, monkeypatch):
    registry = platform(ada)
    assert list(of_customer(registry, "shop-1")) == [
        Start("shop__customers", ("customer_id",), ("1",))
    ]
    mappings = ada.folder / "mappings.csv"
    mappings.write_text("source,source_key,customer_id,note\nshop,1,lady,\nelse,9,lady,\n")
    monkeypatch.setattr(Settings, "customer_mappings_file", mappings)
    assert [s.value for s in of_customer(registry, "lady")] == [("1",)]
    with pytest.raises(SettingsError, match="no customer 'nobody'"):
        list(of_customer(registry, "nobody"))
    hashed = duckdb.sql("select md5('1:1')").fetchall()[0][0]
    hashing = platform(ada, '{ rows = "customers.customer_id", fingerprint = true }')
    found = Eraser(hashing).find(of_customer(hashing, f"shop-{hashed}"))
    assert found.rows["shop__customers"] == 2


def test_a_wrong_declaration_of_people_is_named(ada):
    with pytest.raises(SettingsError, match=r"no 'customers\.nothing'"):
        read_people(platform(ada, '{ rows = "customers.nothing" }'))
    with pytest.raises(SettingsError, match=r"people\.toml cannot be used"):
        read_people(platform(ada, '{ table = "customers" }'))


def test_a_key_of_too_few_columns_is_refused(ada):
    registry = platform(ada)
    longer = replace(CLERKS, key=("clerk_id", "customer_id"))
    relations = {**registry.relations, "shop__clerks": longer}
    with pytest.raises(SettingsError, match="clerk_id, customer_id"):
        of_key(replace(registry, contracts=relations), "shop", "clerks", "1")
    assert of_key(registry, "shop", "clerks", "1").columns == ("clerk_id",)


def test_a_personal_column_that_tells_rows_apart_is_refused_and_one_hosted_table_has_one():
    with pytest.raises(ContractError, match="'name' tells rows apart"):
        personal_columns(replace(CUSTOMERS, key=("name",)))
    registry = read_registry(Settings())
    count, keyed = 0, set()
    for contract in registry.relations.values():
        try:
            count += len(personal_columns(contract))
        except ContractError:
            keyed.add(contract.relation)
    assert count > 50
    # Its publisher knows no other key than the agents' names.
    assert keyed == {"crm_sales__sales_teams"}
    assert set(read_people(registry)) >= {"inventory_db", "linnworks", "northwind"}


def test_a_payload_that_is_no_row_is_left_to_the_search_for_values(erased):
    kept = suppression.Suppression.of(erased.settings, erased.lake, CUSTOMERS)
    assert kept is not None
    payloads = {
        "1,broken": "1,broken",
        '["1"]': '["1"]',
        '{"CustomerID": "2", "Name": "C"}': '{"CustomerID": "2", "Name": "C"}',
        '{"CustomerID": "1", "Name": "A", "x": 1}': '{"CustomerID": "1"}',
    }
    rows = ", ".join(f"({literal(payload)}, 'not_allowed')" for payload in payloads)
    with duckdb.connect() as con:
        left = kept.left_of_payloads(con, f"(values {rows}) as v(payload, reason_code)")
    assert {payload: left(payload) for payload in payloads} == payloads


def test_the_command_reports_erases_and_proves_and_asks_who(ada, monkeypatch):
    registry = platform(ada)
    monkeypatch.setattr("inventory_platform.cli.lifecycle.get_settings", lambda: ada.settings)
    monkeypatch.setattr("inventory_platform.registry.read_registry", lambda _: registry)

    def command(*arguments: str) -> tuple[int, str]:
        result = CliRunner().invoke(app, ["erase", *arguments])
        return result.exit_code, " ".join(result.output.split())

    row = ("--source", "shop", "--table", "customers", "--key", "1")
    assert command("--source", "shop")[0] == 2
    assert command()[0] == 2
    code, told = command(*row)
    assert (code, "shop__customers │ 2" in told, "Nothing was changed" in told) == (0, True, True)
    code, told = command(*row, "--by", "the desk", "--apply")
    assert (code, "nothing left in files" in told) == (0, True)
    assert ADA[1] not in told
    code, told = command("--replay")
    assert (code, "1 erasures hold." in told) == (0, True)
    assert read_erasures(ada.lake)[0].requested_by == "the desk"
