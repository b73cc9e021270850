"""Promise 1: any load may be repeated, split or reordered, and the result is the same."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_platform.contracts.base import Contract, Date, Integer, Text, column, describe, table

FAST = settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
START = datetime(2026, 1, 1)


def at(minutes: int) -> str:
    return str(START + timedelta(minutes=minutes))


def test_a_changed_row_is_a_new_version_and_an_unchanged_one_is_deduplicated(shop, items):
    shop.write("Items", [(1, "pen", 1.5), (2, "ink", 2)])
    first = shop.load(items)
    shop.write("Items", [(1, "pen", 1.75), (2, "ink", 2)])
    second = shop.load(items)
    assert (first.rows_read, first.rows_loaded, first.rows_deduplicated) == (2, 2, 0)
    assert (second.rows_read, second.rows_loaded, second.rows_deduplicated) == (2, 1, 1)
    prices = shop.query(items, "select item_id, price::varchar from {raw} order by all")
    assert prices == [(1, "1.50"), (1, "1.75"), (2, "2.00")]


def test_a_repeated_load_writes_no_data_file(shop, items):
    shop.write("Items", [(1, "pen", 1.5)])
    shop.load(items)
    before = shop.files()
    again = shop.load(items)
    assert (again.rows_read, again.rows_deduplicated, again.raw_file) == (1, 1, None)
    assert [f for f in shop.files() if f not in before] == [
        f"loads/shop/items/{again.load_id}.json"
    ]


def test_a_vanished_row_is_marked_and_a_returning_one_is_a_new_version(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    shop.load(items)
    shop.write("Items", [(1, "pen", 1)])
    gone = shop.load(items)
    assert (gone.rows_read, gone.rows_deduplicated, gone.rows_vanished) == (1, 1, 1)
    assert [row[0] for row in shop.current(items)] == [1]
    still_gone = shop.load(items)
    assert still_gone.rows_vanished == 0
    shop.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    back = shop.load(items)
    assert (back.rows_loaded, back.rows_deduplicated) == (1, 1)
    history = shop.query(items, "select _is_deleted from {raw} where item_id = 2 order by _load_id")
    assert history == [(False,), (True,), (False,)]
    assert [row[0] for row in shop.current(items)] == [1, 2]


def test_a_value_that_goes_and_comes_back_is_three_versions(shop, items):
    for price in (1, 2, 1):
        shop.write("Items", [(1, "pen", price)])
        assert shop.load(items).rows_loaded == 1
    assert shop.query(items, "select cast(price as integer) from {raw} order by _load_id") == [
        (1,),
        (2,),
        (1,),
    ]


class Shifts(Contract):
    """What is known of a shift, by day."""

    shift_id: Integer = column("ShiftID", "Identifies the shift.")
    state: Text = column("State", "State.")
    day: Date = column("Day", "Day of the last change.")

    class Config:
        metadata = table("Shifts", key=["shift_id"], cursor="day")


def test_a_value_that_comes_back_while_the_cursor_stands_still_is_three_versions(shop):
    shifts = describe(Shifts, "shop")
    shape = {"ShiftID": "INTEGER", "State": "TEXT", "Day": "DATE"}
    for state in ("open", "closed", "open"):
        shop.write("Shifts", [(1, state, "2026-01-01"), (2, "open", "2026-01-01")], shape)
        shop.load(shifts)
        assert [row[1] for row in shop.current(shifts)] == [state, "open"]
    again = shop.load(shifts)
    assert (again.rows_loaded, again.rows_deduplicated) == (0, 2)
    assert [state for number, state, *_ in shop.versions(shifts) if number == 1] == [
        "closed",
        "open",
        "open",
    ]


def test_rows_without_a_key_are_not_told_apart_by_columns_nobody_declared(shop, notes, adds_up):
    shape = {"Word": "TEXT", "Amount": "INTEGER", "Extra": "TEXT"}
    for extra in (["x", "y"], ["x", "y"], ["y", "z"]):
        shop.write("Notes", [("a", 1, word) for word in extra], shape)
        record = shop.load(notes)
        assert adds_up(record)
        assert shop.current(notes) == [("a", 1), ("a", 1)]
    assert (record.rows_deduplicated, record.rows_vanished) == (2, 0)
    assert shop.query(notes, "select extra, _occurrence from {raw} order by 2") == [
        ("x", 1),
        ("y", 2),
    ]


def test_a_row_that_becomes_invalid_has_not_vanished(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    shop.load(items)
    shop.write("Items", [(1, "pen", 1), (2, "ink", "two")])
    record = shop.load(items)
    assert (record.rows_vanished, record.rows_quarantined) == (0, 1)
    assert [(i, str(p)) for i, _, p in shop.current(items)] == [(1, "1.00"), (2, "2.00")]


def test_a_row_with_an_unreadable_key_does_not_hide_which_rows_vanished(shop, items):
    shop.write("Items", [(1, "pen", 1), (2, "ink", 2)])
    shop.load(items)
    shop.write("Items", [(1, "pen", 1), ("two", "ink", 2)])
    record = shop.load(items)
    assert (record.rows_quarantined, record.rows_vanished) == (1, 1)


def test_exact_copies_of_a_row_are_kept_once(shop, items):
    shop.write("Items", [(1, "pen", 1), (1, "pen", 1), (1, "pen", 1)])
    record = shop.load(items)
    assert (record.rows_read, record.rows_loaded, record.rows_deduplicated) == (3, 1, 2)


def test_of_contradicting_rows_the_last_wins_and_the_others_are_quarantined(shop, items):
    shop.write("Items", [(1, "pen", 1), (1, "pan", 1), (1, "pin", 1)])
    record = shop.load(items)
    assert (record.rows_loaded, record.rows_quarantined) == (1, 2)
    assert [name for _, name, _ in shop.current(items)] == ["pin"]
    assert shop.rejects(items) == [(1, "duplicate_key"), (2, "duplicate_key")]


@pytest.mark.parametrize(
    ("before", "after", "loaded", "vanished"),
    [(2, 5, 3, 0), (5, 2, 0, 3), (3, 3, 0, 0), (0, 2, 2, 0)],
)
def test_repeats_of_a_keyless_row_are_counted(shop, notes, before, after, loaded, vanished):
    other = [("other", 1)]
    shop.write("Notes", [("same", 1)] * before + other)
    shop.load(notes)
    shop.write("Notes", other + [("same", 1)] * after)
    record = shop.load(notes)
    assert (record.rows_loaded, record.rows_vanished) == (loaded, vanished)
    assert shop.current(notes) == sorted(other + [("same", 1)] * after)


rows_of_items = st.lists(
    st.tuples(
        st.integers(1, 5) | st.none() | st.just("x"),
        st.sampled_from(["pen", "ink", None, ""]),
        st.sampled_from([1, 2.5, "abc", "1,5", None, -1, 0.001, "3"]),
    ),
    max_size=8,
)
rows_of_notes = st.lists(
    st.tuples(st.sampled_from(["a", "b", None]), st.sampled_from([1, 2, "x", None])), max_size=8
)


@FAST
@given(rows=rows_of_items)
def test_loading_twice_is_loading_once(open_shop, items, adds_up, rows):
    with open_shop() as shop:
        shop.write("Items", rows)
        first = shop.load(items)
        state = shop.versions(items), shop.rejects(items)
        if rows:
            second = shop.load(items)
            assert adds_up(first)
            assert adds_up(second)
            assert second.rows_deduplicated == second.rows_read == len(rows)
        assert (shop.versions(items), shop.rejects(items)) == state


@FAST
@given(rows=rows_of_notes)
def test_loading_keyless_rows_twice_is_loading_them_once(open_shop, notes, adds_up, rows):
    with open_shop() as shop:
        shop.write("Notes", rows)
        first = shop.load(notes)
        state = shop.versions(notes), shop.rejects(notes)
        if rows:
            second = shop.load(notes)
            assert adds_up(first)
            assert adds_up(second)
            assert second.rows_deduplicated == len(rows)
        assert (shop.versions(notes), shop.rejects(notes)) == state


@FAST
@given(
    rows=st.lists(
        st.tuples(
            st.integers(1, 9), st.sampled_from(["pen", "ink"]), st.sampled_from([1, 2, "abc"])
        ),
        unique_by=lambda row: row[0],
        min_size=1,
        max_size=8,
    ),
    data=st.data(),
)
def test_the_order_of_source_rows_does_not_matter(open_shop, items, rows, data):
    states = []
    for order in (rows, data.draw(st.permutations(rows))):
        with open_shop() as shop:
            shop.write("Items", order)
            shop.load(items)
            states.append(shop.current(items))
    assert states[0] == states[1]


versions_of_events = st.lists(
    st.tuples(st.integers(1, 4), st.integers(0, 3), st.integers(0, 30)),
    unique_by=lambda row: (row[0], row[2]),
    min_size=1,
    max_size=8,
)


@FAST
@given(rows=versions_of_events, data=st.data())
def test_any_split_into_successive_states_gives_the_same_rows(open_shop, events, rows, data):
    ordered = sorted(((i, n, at(m)) for i, n, m in rows), key=lambda row: row[2])
    cuts = sorted(data.draw(st.lists(st.integers(1, len(ordered)), max_size=3)))
    with open_shop() as whole, open_shop() as split:
        whole.write("Events", ordered)
        whole.load(events)
        for end in [*cuts, len(ordered)]:
            split.write("Events", ordered[:end])
            split.load(events)
        assert split.current(events) == whole.current(events)
        assert split.versions(events) == whole.versions(events)


@FAST
@given(rows=versions_of_events)
def test_a_source_that_keeps_only_the_latest_version_ends_in_the_same_state(
    open_shop, events, rows
):
    ordered = sorted(((i, n, at(m)) for i, n, m in rows), key=lambda row: row[2])
    with open_shop() as shop:
        for end in range(1, len(ordered) + 1):
            latest = {row[0]: row for row in ordered[:end]}
            shop.write("Events", list(latest.values()))
            shop.load(events)
        expected = sorted(
            (i, n, datetime.fromisoformat(t)) for i, n, t in {r[0]: r for r in ordered}.values()
        )
        assert shop.current(events) == expected
