"""Promise 4: the cursor never passes data that is not committed, and never skips a row."""


# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

from dataclasses import replace
from datetime import datetime

import pytest

from inventory_platform import contracts
from inventory_platform.contracts.base import (
    Contract,
    Date,
    Integer,
    Text,
    column,
    contracts_of,
    describe,
    table,
)
from inventory_platform.errors import ContractError


class Numbered(Contract):
    """Rows with a running number."""

    row_id: Integer = column("RowID", "Identifies the row.")
    word: Text = column("Word", "A word.", nullable=True)

    class Config:
        metadata = table("Numbered", key=["row_id"], cursor="row_id")


class Daily(Contract):
    """Rows with a day."""

    row_id: Integer = column("RowID", "Identifies the row.")
    day: Date = column("Day", "Day of the row.")

    class Config:
        metadata = table("Daily", key=["row_id"], cursor="day")


def ids(shop, contract):
    return [row[0] for row in shop.current(contract)]


def test_a_load_reads_from_the_cursor_on(shop, events):
    shop.write("Events", [(1, 1, "2026-01-01 10:00:00"), (2, 2, "2026-01-01 12:00:00")])
    first = shop.load(events)
    assert (first.kind, first.cursor_column) == ("incremental", "changed_at")
    assert (first.cursor_from, first.cursor_to) == (None, "2026-01-01 12:00:00")
    shop.execute("insert into Events values (3, 3, '2026-01-01 13:00:00')")
    second = shop.load(events)
    assert (second.rows_read, second.rows_loaded, second.rows_deduplicated) == (2, 1, 1)
    assert (second.cursor_from, second.cursor_to) == ("2026-01-01 12:00:00", "2026-01-01 13:00:00")


def test_rows_committed_late_are_found_within_the_lookback(shop, events):
    shop.write("Events", [(1, 1, "2026-01-01 12:00:00")])
    shop.load(events)
    shop.execute("insert into Events values (2, 2, '2026-01-01 11:50:00')")
    shop.execute("insert into Events values (3, 3, '2026-01-01 11:49:59')")
    assert shop.load(events).rows_loaded == 1
    assert ids(shop, events) == [1, 2]
    assert shop.lake.last_record(events).cursor_to == "2026-01-01 12:00:00"


def numbered(lookback):
    class Moves(Contract):
        """Movements, numbered as they begin and not as they are committed."""

        move_id: Integer = column("MoveID", "Identifies the movement.")

        class Config:
            metadata = table("Moves", key=["move_id"], cursor="move_id", lookback=lookback)

    return describe(Moves, "shop")


def test_rows_committed_late_are_found_within_a_lookback_of_numbers(shop):
    moves = numbered(2)
    shop.write("Moves", [(1,), (5,)], {"MoveID": "INTEGER"})
    shop.load(moves)
    shop.execute("insert into Moves values (2), (3)")
    record = shop.load(moves)
    assert (record.rows_loaded, record.cursor_to) == (1, "5")
    assert shop.current(moves) == [(1,), (3,), (5,)]


_MOVES = """
from datetime import timedelta
from inventory_platform.contracts.base import Contract, Integer, Timestamp, column, table

class Moves(Contract):
    "Movements."
    move_id: Integer = column("MoveID", "Identifies the movement.")
    moved_at: Timestamp = column("MovedAt", "When it was.")
    class Config:
        metadata = table("Moves", key=["move_id"], cursor="{}", lookback={})
"""


@pytest.mark.parametrize(
    ("cursor", "lookback", "fits"),
    [
        ("move_id", "5", True),
        ("moved_at", "timedelta(hours=1)", True),
        ("move_id", "timedelta(hours=1)", False),
        ("moved_at", "5", False),
    ],
)
def test_a_lookback_is_of_the_kind_of_its_cursor(monkeypatch, tmp_path, cursor, lookback, fits):
    name = f"moves_{cursor}_{fits}".lower()
    (tmp_path / f"{name}.py").write_text(_MOVES.format(cursor, lookback))
    monkeypatch.setattr(contracts, "__path__", [*contracts.__path__, str(tmp_path)])
    if fits:
        assert contracts_of(name)["moves"].cursor == cursor
    else:
        with pytest.raises(ContractError, match="does not fit its cursor"):
            contracts_of(name)


def test_equal_instants_at_the_cursor_are_neither_lost_nor_doubled(shop, events):
    shop.write("Events", [(1, 1, "2026-01-01 12:00:00")])
    shop.load(events)
    shop.execute("insert into Events values (2, 2, '2026-01-01 12:00:00')")
    assert shop.load(events).rows_loaded == 1
    assert shop.load(events).rows_loaded == 0
    assert ids(shop, events) == [1, 2]
    assert len(shop.versions(events)) == 2


def test_the_year_2999_is_quarantined_and_does_not_move_the_cursor(shop, events):
    shop.write("Events", [(1, 1, "2026-01-01 12:00:00"), (2, 2, "2999-12-31 00:00:00")])
    record = shop.load(events)
    assert record.cursor_to == "2026-01-01 12:00:00"
    assert shop.rejects(events) == [(2, "in_the_future")]
    again = shop.load(events)
    assert (again.rows_quarantined, again.rows_deduplicated) == (0, 2)
    shop.execute("insert into Events values (3, 3, '2026-01-02 12:00:00')")
    assert shop.load(events).rows_loaded == 1


def test_a_clock_that_is_a_little_ahead_is_tolerated(shop, events):
    shop.write("Events", [(1, 1, "2026-01-02 11:00:00")])
    record = shop.load(events, now=datetime(2026, 1, 1, 12))
    assert (record.rows_loaded, record.cursor_to) == (1, "2026-01-02 11:00:00")


@pytest.mark.parametrize("unreadable", ["yesterday", None, "", "epoch"])
def test_a_row_whose_cursor_cannot_be_read_is_quarantined_once(shop, events, unreadable):
    shop.write("Events", [(1, 1, "2026-01-01 12:00:00"), (2, 2, unreadable)])
    first = shop.load(events)
    second = shop.load(events)
    assert (first.rows_quarantined, second.rows_quarantined) == (1, 0)
    assert (second.rows_read, second.rows_deduplicated) == (2, 2)
    assert len(shop.rejects(events)) == 1


def test_an_older_version_that_arrives_after_a_newer_one_is_history_only(shop, events):
    shop.write("Events", [(1, 20, "2026-01-01 12:00:00")])
    shop.load(events)
    shop.write("Events", [(1, 10, "2026-01-01 11:55:00")])
    assert shop.load(events).rows_loaded == 1
    assert shop.current(events) == [(1, 20, datetime(2026, 1, 1, 12))]
    assert [row[1] for row in shop.versions(events)] == [10, 20]


def test_two_versions_of_a_key_in_one_load_are_both_kept_and_the_newer_is_current(shop, events):
    shop.write("Events", [(1, 20, "2026-01-01 12:00:00"), (1, 10, "2026-01-01 11:00:00")])
    assert shop.load(events).rows_loaded == 2
    assert [row[1] for row in shop.current(events)] == [20]


def test_a_correction_without_a_new_instant_wins_over_what_it_corrects(shop, events):
    shop.write("Events", [(1, 10, "2026-01-01 12:00:00")])
    shop.load(events)
    shop.write("Events", [(1, 20, "2026-01-01 12:00:00")])
    assert shop.load(events).rows_loaded == 1
    assert [row[1] for row in shop.current(events)] == [20]


def test_an_incremental_table_without_news_keeps_cursor_and_rows(shop, events):
    shop.write("Events", [(1, 1, "2026-01-01 12:00:00")])
    shop.load(events)
    shop.write("Events", [])
    record = shop.load(events)
    assert (record.rows_read, record.rows_vanished) == (0, 0)
    assert record.cursor_to == "2026-01-01 12:00:00"
    assert ids(shop, events) == [1]


def test_a_failed_load_leaves_the_cursor(shop, events, monkeypatch):
    shop.write("Events", [(1, 1, "2026-01-01 12:00:00")])
    shop.load(events)
    shop.execute("insert into Events values (2, 2, '2026-01-01 13:00:00')")
    with monkeypatch.context() as patch:
        patch.setattr("inventory_platform.landing.lake.Lake._commit_record", _fail)
        with pytest.raises(RuntimeError):
            shop.load(events)
    assert shop.lake.last_record(events).cursor_to == "2026-01-01 12:00:00"
    assert shop.load(events).rows_loaded == 1
    assert ids(shop, events) == [1, 2]


def _fail(*_):
    raise RuntimeError("power cut")


def test_a_number_is_a_cursor_too(shop):
    numbered = describe(Numbered, "shop")
    columns = {"RowID": "INTEGER", "Word": "TEXT"}
    shop.write("Numbered", [(9, "a"), (10, "b")], columns)
    assert shop.load(numbered).cursor_to == "10"
    shop.execute("insert into Numbered values (11, 'c')")
    record = shop.load(numbered)
    assert (record.rows_read, record.rows_loaded, record.cursor_to) == (2, 1, "11")


def test_a_day_is_a_cursor_too_and_its_whole_day_is_read_again(shop):
    daily = describe(Daily, "shop")
    shop.write("Daily", [(1, "2026-01-01"), (2, "2026-01-02")], {"RowID": "INTEGER", "Day": "DATE"})
    shop.load(daily)
    shop.execute("insert into Daily values (3, '2026-01-02'), (4, '2026-01-03')")
    record = shop.load(daily)
    assert (record.rows_loaded, record.cursor_to) == (2, "2026-01-03")
    assert ids(shop, daily) == [1, 2, 3, 4]


def test_a_clock_that_jumps_back_does_not_reorder_loads(shop, events):
    shop.write("Events", [(1, 10, "2025-01-01 12:00:00")])
    late = shop.load(events, now=datetime(2026, 6, 1))
    shop.write("Events", [(1, 20, "2025-01-01 12:00:00")])
    early = shop.load(events, now=datetime(2026, 5, 1))
    assert early.load_id > late.load_id
    assert [row[1] for row in shop.current(events)] == [20]


def test_a_contract_that_names_another_cursor_reads_from_the_beginning(shop, events):
    shop.write("Events", [(1, 10, "2026-01-05 10:00:00"), (2, 20, "2026-01-06 10:00:00")])
    shop.load(events)
    by_number = replace(events, cursor="event_id")
    load = shop.load(by_number)
    assert (load.cursor_from, load.cursor_to) == (None, "2")
    assert (load.rows_read, load.rows_loaded) == (2, 0)


def test_rows_without_a_key_that_are_read_again_behind_the_cursor_stay_as_many(shop, events):
    keyless = replace(events, key=())
    rows = [(1, 10, "2026-01-05 10:00:00"), (1, 10, "2026-01-05 10:00:00")]
    shop.write("Events", rows)
    assert shop.load(keyless).rows_loaded == 2
    again = shop.load(keyless)
    assert (again.rows_read, again.rows_loaded, again.rows_deduplicated) == (2, 0, 2)
    shop.write("Events", [*rows, (1, 10, "2026-01-05 10:00:00")])
    assert shop.load(keyless).rows_loaded == 1
