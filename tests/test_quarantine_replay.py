"""Quarantine and replay: rejected rows get another chance when the contract was corrected."""

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
