"""Quarantine and replay: rejected rows get another chance when the contract was corrected."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest

from inventory_platform.contracts.base import (
    Contract,
    Integer,
    Money,
    Text,
    Timestamp,
    column,
    describe,
    table,
)
from inventory_platform.landing.loader import Loader
from inventory_platform.sources.files import FileReader


class Loose:
    """The contracts of the shop, corrected."""

    class Items(Contract):
        """Negative prices turned out to be right, and names may be missing."""

        item_id: Integer = column("ItemID", "Identifies the item.")
        name: Text = column("Name", "Name.", nullable=True)
        price: Money = column("Price", "Price.", nullable=True)

        class Config:
            metadata = table("Items", key=["item_id"])

    class Events(Contract):
        """`n/a` turned out to mean no amount."""

        event_id: Integer = column("EventID", "Identifies the event.")
        amount: Integer = column("Amount", "Amount.", nullable=True, null_values=["n/a"])
        changed_at: Timestamp = column("ChangedAt", "Last change.")

        class Config:
            metadata = table("Events", key=["event_id"], cursor="changed_at")

    class Notes(Contract):
        """`n/a` turned out to mean no amount."""

        word: Text = column("Word", "A word.")
        amount: Integer = column("Amount", "Amount.", nullable=True, null_values=["n/a"])

        class Config:
            metadata = table("Notes")


LOOSE_ITEMS = describe(Loose.Items, "shop")
LOOSE_EVENTS = describe(Loose.Events, "shop")
LOOSE_NOTES = describe(Loose.Notes, "shop")
STATUS = "select position, status from ops.quarantine order by position"


def test_rows_that_pass_the_corrected_contract_are_loaded_and_marked(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", -2), (3, None, 3), (4, "cap", "x")])
    shop.load(items)
    done = shop.replay(LOOSE_ITEMS)
    assert (done.replayed, done.superseded, done.still_rejected) == (2, 0, 1)
    assert [(i, n, str(p)) for i, n, p in shop.current(LOOSE_ITEMS)] == [
        (1, "pen", "1.00"),
        (2, "ink", "-2.00"),
        (3, None, "3.00"),
    ]
    assert shop.query(items, STATUS) == [(2, "replayed"), (3, "replayed"), (4, "open")]
    assert shop.query(items, "select item_id, _position from {raw} order by 1") == [
        (1, 1),
        (2, 2),
        (3, 3),
    ]


def test_a_replay_has_a_line_of_its_own_in_the_ledger(shop, items, adds_up):
    shop.write("Items", [(1, "pen", 1), (2, "ink", -2), (4, "cap", "x")])
    shop.load(items)
    record = shop.replay(LOOSE_ITEMS).record
    assert (record.kind, record.address) == ("replay", "quarantine")
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (2, 1, 1)
    assert adds_up(record)
    assert shop.query(items, "select kind from ops.loads order by load_id") == [
        ("snapshot",),
        ("replay",),
    ]


def test_a_second_replay_changes_nothing(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", -2)])
    shop.load(items)
    shop.replay(LOOSE_ITEMS)
    before = shop.files()
    assert shop.replay(LOOSE_ITEMS) is None
    assert shop.files() == before


def test_a_replay_of_rows_that_still_fail_leaves_them_open(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", "x")])
    shop.load(items)
    done = shop.replay(items)
    assert (done.replayed, done.superseded, done.still_rejected) == (0, 0, 1)
    assert shop.query(items, STATUS) == [(2, "open")]


def test_a_table_without_quarantine_has_nothing_to_replay(shop, items):
    assert shop.replay(items) is None
    shop.write("Items", [(1, "pen", 1)])
    shop.load(items)
    assert shop.replay(items) is None


def test_a_row_whose_key_has_meanwhile_arrived_is_superseded(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", -2)])
    shop.load(items)
    shop.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    shop.load(items)
    done = shop.replay(LOOSE_ITEMS)
    assert (done.replayed, done.superseded) == (0, 1)
    assert [str(price) for *_, price in shop.current(LOOSE_ITEMS)] == ["1.00", "2.00"]
    assert shop.query(items, STATUS) == [(2, "superseded")]


def test_of_two_rejected_rows_of_a_key_the_later_is_replayed(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", -2)])
    shop.load(items)
    shop.write("Items", [(1, "pen", 1), (2, "ink", -3)])
    shop.load(items)
    done = shop.replay(LOOSE_ITEMS)
    assert (done.replayed, done.superseded) == (1, 1)
    assert [str(price) for *_, price in shop.current(LOOSE_ITEMS)] == ["1.00", "-3.00"]


def test_a_replayed_row_is_known_to_the_next_load(shop, items, adds_up):
    shop.write("Items", [(1, "pen", 1), (2, "ink", -2)])
    shop.load(items)
    shop.replay(LOOSE_ITEMS)
    record = shop.load(LOOSE_ITEMS)
    assert adds_up(record)
    assert (record.rows_loaded, record.rows_deduplicated, record.rows_vanished) == (0, 2, 0)


def test_an_incremental_table_gets_what_the_cursor_has_passed(shop, events):
    shop.write("Events", [(1, "n/a", "2026-01-01 10:00:00"), (2, 2, "2026-01-01 12:00:00")])
    assert shop.load(events).cursor_to == "2026-01-01 12:00:00"
    done = shop.replay(LOOSE_EVENTS)
    assert done.replayed == 1
    assert done.record.cursor_to == "2026-01-01 12:00:00"
    assert [row[:2] for row in shop.current(LOOSE_EVENTS)] == [(1, None), (2, 2)]
    assert shop.load(LOOSE_EVENTS).rows_loaded == 0


def test_an_older_rejected_version_does_not_hide_a_newer_one(shop, events):
    shop.write("Events", [(1, "n/a", "2026-01-01 10:00:00"), (1, 5, "2026-01-01 12:00:00")])
    shop.load(events)
    done = shop.replay(LOOSE_EVENTS)
    assert (done.replayed, done.superseded) == (0, 1)
    assert [row[1] for row in shop.current(LOOSE_EVENTS)] == [5]


def test_rows_without_identity_are_added_to_their_equals(shop, notes):
    shop.write("Notes", [("a", None), ("a", "n/a"), ("b", "n/a"), ("c", "x")])
    shop.load(notes)
    done = shop.replay(LOOSE_NOTES)
    assert (done.replayed, done.still_rejected) == (2, 1)
    assert shop.current(LOOSE_NOTES) == [("a", None), ("a", None), ("b", None)]


def test_a_replay_survives_columns_the_contract_does_not_know(shop, items):
    shape = {"ItemID": "INTEGER", "Name": "TEXT", "Price": "DECIMAL(18,2)", "Extra/1": "TEXT"}
    shop.write("Items", [(1, "pen", 1, "x"), (2, "ink", -2, "it's")], shape)
    shop.load(items)
    assert shop.replay(LOOSE_ITEMS).replayed == 1
    assert shop.query(LOOSE_ITEMS, "select extra_1 from {raw} order by item_id") == [
        ("x",),
        ("it's",),
    ]


def test_a_malformed_row_stays_in_quarantine(shop, tmp_path):
    (tmp_path / "Items.csv").write_text("ItemID,Name,Price\n1,pen,1\n2,ink\n")
    contract = describe(type("Items", (Loose.Items,), {"Config": _config("Items.csv")}), "shop")
    Loader(shop.settings, FileReader(str(tmp_path), {}), address="csv").load(contract)
    assert shop.rejects(contract) == [(3, "malformed_row")]
    done = shop.replay(contract)
    assert (done.replayed, done.still_rejected) == (0, 1)
    assert shop.query(contract, STATUS) == [(3, "open")]


def _config(name):
    return type("Config", (), {"metadata": table(name, key=["item_id"])})


# -- which of two versions is the newer ---------------------------------------------------------


def test_a_rejected_version_that_came_later_takes_the_place_of_an_accepted_one(shop, items):
    shop.write("Items", [(1, "pen", 1)])
    shop.load(items)
    shop.write("Items", [(1, "pen", -1)])
    shop.load(items)
    done = shop.replay(LOOSE_ITEMS)
    assert (done.replayed, done.superseded) == (1, 0)
    assert [str(price) for *_, price in shop.current(LOOSE_ITEMS)] == ["-1.00"]


@pytest.mark.parametrize(
    ("accepted_at", "rejected_at", "amount"),
    [("10:00", "11:00", None), ("10:00", "10:00", None), ("11:00", "10:00", 5)],
)
def test_the_cursor_says_which_version_is_newer_and_where_it_does_not_the_load(
    shop, events, accepted_at, rejected_at, amount
):
    shop.write("Events", [(1, 5, f"2026-01-01 {accepted_at}:00")])
    shop.load(events)
    shop.write("Events", [(1, "n/a", f"2026-01-01 {rejected_at}:00")])
    # Nothing is left out as too old.
    shop.load(replace(events, lookback=timedelta(days=1)))
    done = shop.replay(LOOSE_EVENTS)
    assert (done.replayed, done.superseded) == ((1, 0) if amount is None else (0, 1))
    assert [row[1] for row in shop.current(LOOSE_EVENTS)] == [amount]


def test_a_later_accepted_version_with_an_equal_cursor_value_is_the_newer(shop, events):
    shop.write("Events", [(1, "n/a", "2026-01-01 10:00:00")])
    shop.load(events)
    shop.write("Events", [(1, 5, "2026-01-01 10:00:00")])
    shop.load(events)
    done = shop.replay(LOOSE_EVENTS)
    assert (done.replayed, done.superseded) == (0, 1)
    assert [row[1] for row in shop.current(LOOSE_EVENTS)] == [5]


@pytest.mark.parametrize(
    ("rows", "price"),
    [([(1, "pen", -1), (1, "pen", 1)], "1.00"), ([(1, "pen", 1), (1, "pen", -1)], "-1.00")],
)
def test_of_two_rows_of_one_load_the_one_further_down_is_the_newer(shop, items, rows, price):
    shop.write("Items", rows)
    shop.load(items)
    shop.replay(LOOSE_ITEMS)
    assert [str(price) for *_, price in shop.current(LOOSE_ITEMS)] == [price]


def test_a_row_that_lost_against_one_that_was_known_already_is_not_replayed(shop, items):
    shop.write("Items", [(1, "pen", 1)])
    shop.load(items)
    shop.write("Items", [(1, "pan", 1), (1, "pen", 1)])
    assert shop.load(items).rows_quarantined == 1
    done = shop.replay(items)
    assert (done.replayed, done.superseded) == (0, 1)
    assert [name for _, name, _ in shop.current(items)] == ["pen"]


# -- rows without identity ----------------------------------------------------------------------


def test_equal_rejected_rows_without_identity_are_all_kept_and_all_replayed(shop, notes, adds_up):
    shop.write("Notes", [("a", None), ("b", "n/a"), ("b", "n/a"), ("b", "n/a")])
    first = shop.load(notes)
    assert (first.rows_loaded, first.rows_quarantined) == (1, 3)
    again = shop.load(notes)
    assert (again.rows_quarantined, again.rows_deduplicated) == (0, 4)
    assert adds_up(first)
    assert adds_up(again)
    assert shop.replay(LOOSE_NOTES).replayed == 3
    assert shop.current(LOOSE_NOTES) == [("a", None), *[("b", None)] * 3]
    assert shop.load(LOOSE_NOTES).rows_deduplicated == 4


def test_a_replayed_row_without_identity_is_counted_among_its_equals_only(shop, notes):
    shop.write("Notes", [*[("a", None)] * 3, ("b", "n/a"), ("a", "n/a")])
    shop.load(notes)
    shop.replay(LOOSE_NOTES)
    counted = shop.query(notes, "select word, _occurrence from {raw} order by all")
    assert counted == [("a", 1), ("a", 2), ("a", 3), ("a", 4), ("b", 1)]


def test_a_replay_of_rows_without_identity_survives_columns_the_contract_does_not_know(shop, notes):
    shape = {"Word": "TEXT", "Amount": "INTEGER"}
    shop.write("Notes", [("a", 1)], shape)
    shop.load(notes)
    shop.write("Notes", [("a", 1, "x"), ("a", "n/a", "y")], shape | {"Extra": "TEXT"})
    shop.load(notes)
    assert shop.replay(LOOSE_NOTES).replayed == 1
    assert shop.query(LOOSE_NOTES, "select amount, extra from {raw} order by 1 nulls last") == [
        (1, None),
        (None, "y"),
    ]


def test_increments_bring_every_rejected_row_once_more(shop, notes, tmp_path):
    strict, loose = (
        replace(contract, source_table="notes_*.csv", increments=True)
        for contract in (notes, LOOSE_NOTES)
    )
    loader = Loader(shop.settings, FileReader(str(tmp_path), {"settle_seconds": 0}), address="drop")
    (tmp_path / "notes_1.csv").write_text("Word,Amount\nb,n/a\nb,n/a\na,1\n")
    (tmp_path / "notes_2.csv").write_text("Word,Amount\nb,n/a\n")
    assert loader.load(strict).rows_quarantined == 3
    (tmp_path / "notes_2.csv").write_text("Word,Amount\nb,n/a\na,1\n")
    assert loader.load(strict).rows_quarantined == 1
    assert shop.replay(loose).replayed == 4
    assert shop.current(loose) == [("a", 1), ("a", 1), *[("b", None)] * 4]


def test_a_refused_file_of_rows_without_identity_is_told_once(shop, notes, tmp_path):
    contract = replace(notes, source_table="notes_*.csv", increments=True)
    loader = Loader(shop.settings, FileReader(str(tmp_path), {"settle_seconds": 0}), address="drop")
    (tmp_path / "notes_1.csv").write_text("nothing,of,this\n1,2,3\n")
    assert loader.load(contract).rows_quarantined == 1
    # Another version of the contract looks at refused files again.
    again = loader.load(replace(contract, clock_tolerance=timedelta(days=2)))
    assert (again.rows_read, again.rows_quarantined, again.rows_deduplicated) == (1, 0, 1)


def test_the_id_of_a_rejected_row_with_a_key_is_that_of_its_content(shop, items):
    shop.write("Items", [(2, "ink", "x")])
    shop.load(items)
    payload = '{"ItemID":"2","Name":"ink","Price":"x"}'
    told = f"shop__items|not_a_number|{payload}"
    assert shop.query(items, "select reject_id, payload from ops.quarantine") == [
        (hashlib.md5(told.encode()).hexdigest(), payload)
    ]


def test_rows_whose_columns_were_named_otherwise_are_replayed_with_all_their_values(shop):
    def parts(kind):
        class Parts(Contract):
            """Parts, in files of several people."""

            part_id: Integer = column("ID", "Identifies the part.")
            shelf: kind = column("Shelf", "Where it lies.", nullable=True)

            class Config:
                metadata = table("parts_*.csv", key=["part_id"], increments=True)

        return describe(Parts, "shop")

    for number, names in enumerate(("ID,Shelf", "ID,SHELF", "id,Shelf.", "ID,Shelf,Note"), start=1):
        row = f"{number},A{number}" + (",n" if "Note" in names else "")
        (shop.folder / f"parts_{number}.csv").write_text(f"{names}\n{row}\n")
    reader = FileReader(str(shop.folder), {"settle_seconds": 0})
    record = Loader(shop.settings, reader, address="files").load(parts(Integer))
    assert record.rows_quarantined == 4
    assert shop.replay(parts(Text)).replayed == 4
    assert shop.current(parts(Text)) == [(1, "A1"), (2, "A2"), (3, "A3"), (4, "A4")]
