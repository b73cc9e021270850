"""Small loads: history is opened only where it can matter, and nothing changes by that."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_platform.contracts.base import (
    Contract,
    Date,
    Integer,
    Text,
    Timestamp,
    column,
    contracts_of,
    describe,
    table,
)
from inventory_platform.landing import settlement
from inventory_platform.landing.loader import Loader, contract_version
from inventory_platform.sources.base import Relation

NOON = datetime(2026, 6, 1, 12)


class Counts(Contract):
    """Goods counted by a sensor."""

    event_id: Text = column("event_id", "Identifies the event.")
    quantity: Integer = column("quantity", "Units.")
    event_at: Timestamp = column("event_at", "When it happened.")

    class Config:
        metadata = table(
            "counts",
            key=["event_id"],
            cursor="event_at",
            increments=True,
            clock_tolerance=timedelta(minutes=10),
        )


class Ticks(Contract):
    """What a sensor without numbers says: rows without a key."""

    word: Text = column("word", "A word.")
    event_at: Timestamp = column("event_at", "When it was said.")

    class Config:
        metadata = table("ticks", cursor="event_at", increments=True)


class Days(Contract):
    """The same goods, when only the day is told."""

    event_id: Text = column("event_id", "Identifies the event.")
    quantity: Integer = column("quantity", "Units.")
    event_at: Date = column("event_at", "Day it happened.")

    class Config:
        metadata = table("counts", key=["event_id"], cursor="event_at", increments=True)


COUNTS, TICKS = (describe(model, "shop") for model in (Counts, Ticks))
DAYS = replace(describe(Days, "shop"), name=COUNTS.name)


class Batch:
    """A reader that answers with the rows it was given, like messages that arrived."""

    def __init__(self, rows: Sequence[Sequence[Any]], names: Sequence[str]) -> None:
        self.names = names
        self.arrived = {
            name: pa.array([str(row[place]) for row in rows], pa.string())
            for place, name in enumerate(names)
        }

    def attach(self, con):
        con.register("arrived", pa.table(self.arrived))

    def relations(self, _con, _request):
        yield Relation(
            sql="select *, row_number() over () as _row from arrived",
            columns=dict.fromkeys(self.names, "VARCHAR"),
            position="_row",
            resume="on",
        )


def load(shop, rows, contract=COUNTS, now=NOON + timedelta(days=2)):
    names = [c.source for c in contract.columns]
    return Loader(shop.settings, Batch(rows, names), address="test").load(contract, now=now)


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


@pytest.fixture
def opened(monkeypatch):
    """How many files of history each load opened, from the second on."""
    counts: list[int] = []
    choose = settlement.Settlement._files_to_compare

    def count(self):
        files = choose(self)
        counts.append(len(files))
        return files

    monkeypatch.setattr(settlement.Settlement, "_files_to_compare", count)
    return counts


def test_a_load_says_where_the_cursor_values_of_its_file_lie(shop):
    record = load(shop, [("a", 1, at(0)), ("b", 1, at(1)), ("c", 1, at(100)), ("d", 1, at(99))])
    assert record.cursor_spans == [
        ["2026-06-01 12:00:00", "2026-06-01 12:01:00"],
        ["2026-06-01 13:39:00", "2026-06-01 13:40:00"],
    ]
    told = shop.query(COUNTS, "select cursor_spans from ops.loads")
    assert told == [(record.cursor_spans,)]


def test_a_load_without_new_rows_and_a_table_without_a_cursor_say_nothing_of_spans(shop, items):
    load(shop, [("a", 1, at(0))])
    assert load(shop, [("a", 1, at(0))]).cursor_spans == []
    shop.write("Items", [(1, "pen", 1)])
    assert shop.load(items).cursor_spans == []


def test_the_spans_of_a_file_are_few_however_its_values_lie(shop):
    record = load(shop, [(n, 1, at(n * n % 977)) for n in range(977)])
    assert 1 < len(record.cursor_spans) <= settlement._SPANS
    assert record.cursor_spans[0][0] == "2026-06-01 12:00:00"


def test_a_large_file_is_one_span(shop, monkeypatch):
    monkeypatch.setattr(settlement, "_SMALL", 2)
    record = load(shop, [("a", 1, at(0)), ("b", 1, at(1)), ("c", 1, at(100))])
    assert record.cursor_spans == [["2026-06-01 12:00:00", "2026-06-01 13:40:00"]]
    assert load(shop, [("b", 1, at(1)), ("d", 1, at(1))]).rows_deduplicated == 1


def test_only_files_that_can_hold_an_incoming_row_are_opened(shop, opened):
    for hour in range(5):
        load(shop, [(f"{hour}-{n}", 1, at(60 * hour + n)) for n in range(3)])
    record = load(shop, [("1-1", 1, at(61)), ("new", 1, at(61)), ("late", 1, at(183))])
    assert opened == [0, 0, 0, 0, 1]
    assert (record.rows_loaded, record.rows_deduplicated) == (2, 1)


@pytest.mark.parametrize("minute", [60, 62])
def test_a_row_at_the_first_or_last_instant_of_a_file_is_recognised(shop, minute):
    load(shop, [("a", 1, at(60)), ("b", 1, at(61)), ("c", 1, at(62))])
    known = {60: "a", 62: "c"}[minute]
    assert load(shop, [(known, 1, at(minute))]).rows_deduplicated == 1


def test_a_wrong_clock_does_not_make_every_file_look_as_if_it_mattered(shop, opened):
    for minute in range(0, 40, 2):
        load(shop, [(f"{minute}", 1, at(minute)), (f"{minute}-slow", 1, at(minute - 31))])
    assert opened == [0] * 19
    assert load(shop, [("38", 1, at(38)), ("38-slow", 1, at(7))]).rows_deduplicated == 2
    assert opened[-1] == 1


def test_a_record_that_says_nothing_of_spans_is_always_read(shop, opened):
    first = load(shop, [("a", 1, at(0))])
    path = shop.lake.log_dir(COUNTS) / f"{first.load_id}.json"
    path.write_text(replace(first, cursor_spans=[]).to_json())
    record = load(shop, [("b", 1, at(500))])
    assert (opened, record.rows_loaded) == ([1], 1)
    assert load(shop, [("a", 1, at(0))]).rows_deduplicated == 1


def test_spans_of_another_column_are_not_believed(shop, opened):
    first = load(shop, [("a", 1, at(0))])
    path = shop.lake.log_dir(COUNTS) / f"{first.load_id}.json"
    told = replace(first, cursor_column="sent_at", cursor_spans=[["2020-01-01", "2020-01-02"]])
    path.write_text(told.to_json())
    assert load(shop, [("a", 1, at(0))]).rows_deduplicated == 1
    assert opened == [1]


def test_spans_hold_when_the_cursor_becomes_a_day(shop, opened):
    load(shop, [("a", 1, at(0)), ("b", 1, at(1))])
    load(shop, [("c", 1, at(60 * 24))])
    record = load(shop, [("a", 1, "2026-06-01"), ("d", 1, "2026-06-01")], DAYS)
    assert (record.rows_deduplicated, record.rows_loaded) == (1, 1)
    assert opened[-1] == 1


def test_spans_that_cannot_be_read_as_the_cursor_are_not_believed(shop, opened):
    first = load(shop, [("a", 1, at(0))])
    path = shop.lake.log_dir(COUNTS) / f"{first.load_id}.json"
    path.write_text(replace(first, cursor_spans=[["noon", "later"]]).to_json())
    assert load(shop, [("a", 1, at(0))]).rows_deduplicated == 1
    assert opened == [1]


def test_a_replayed_row_is_recognised_when_it_comes_again(shop, opened):
    load(shop, [("a", 1, at(0)), ("b", 1, at(13))], now=NOON)
    assert shop.rejects(COUNTS) == [(2, "in_the_future")]
    done = shop.replay(COUNTS)
    assert done.replayed == 1
    assert done.record.cursor_spans == [["2026-06-01 12:13:00"] * 2]
    assert load(shop, [("b", 1, at(13))]).rows_deduplicated == 1
    assert opened[-1] == 1


def test_a_load_whose_rows_are_all_refused_opens_no_history(shop, opened):
    load(shop, [("a", 1, at(0))])
    assert load(shop, [("b", "x", at(0))]).rows_quarantined == 1
    assert opened == [0]


def test_a_record_is_parsed_once_and_again_when_its_file_is_another(shop):
    record = load(shop, [("a", 1, at(0))])
    seen = shop.lake.record(COUNTS, record.load_id)
    assert shop.lake.record(COUNTS, record.load_id) is seen
    path = shop.lake.log_dir(COUNTS) / f"{record.load_id}.json"
    path.write_text(replace(record, address="elsewhere").to_json())
    assert shop.lake.record(COUNTS, record.load_id).address == "elsewhere"
    path.unlink()
    with pytest.raises(FileNotFoundError):
        shop.lake.record(COUNTS, record.load_id)


# -- clocks --------------------------------------------------------------------------------


def test_a_clock_may_be_ahead_by_the_tolerance_and_no_more(shop):
    ahead = [NOON + timedelta(minutes=10, microseconds=m) for m in (0, 1)]
    record = load(shop, [("just", 1, ahead[0]), ("too far", 1, ahead[1])], now=NOON)
    assert (record.rows_loaded, record.cursor_to) == (1, "2026-06-01 12:10:00")
    assert shop.rejects(COUNTS) == [(2, "in_the_future")]


def test_the_tolerance_is_a_day_where_a_contract_does_not_say(events, shop):
    assert events.clock_tolerance == timedelta(days=1)
    ahead = ["2026-06-02 12:00:00", "2026-06-02 12:00:00.000001"]
    shop.write("Events", [(n, 1, text) for n, text in enumerate(ahead)])
    assert shop.load(events, now=NOON).cursor_to == "2026-06-02 12:00:00"


def test_the_tolerance_is_part_of_the_contracts_version():
    other = replace(COUNTS, clock_tolerance=timedelta(minutes=11))
    assert contract_version(other) != contract_version(COUNTS)


@pytest.mark.parametrize("source", ["iot_devices", "shop_events"])
def test_events_of_streams_may_be_ahead_by_ten_minutes(source):
    tolerances = {c.clock_tolerance for c in contracts_of(source).values()}
    assert tolerances == {timedelta(minutes=10)}


# -- in whatever portions ------------------------------------------------------------------

# Instants far apart and close together, so that spans meet, nest and leave gaps.
_EVENTS = st.lists(
    st.tuples(
        st.integers(0, 8),
        st.integers(0, 2),
        st.sampled_from([0, 1, 2, 30, 31, 500, 501, 1000]),
    ),
    min_size=1,
    max_size=14,
)


def _same_version_once(events):
    """One content per key and instant: which of two wins depends on the order by design."""
    return [(f"e{k}", q, at(m)) for (k, m), q in {(k, m): q for k, q, m in events}.items()]


@st.composite
def _portions(draw):
    events = _same_version_once(draw(_EVENTS))
    sent = events + draw(st.lists(st.sampled_from(events), max_size=8))
    sent = draw(st.permutations(sent))
    cuts = sorted(draw(st.sets(st.integers(1, len(sent)), max_size=5)) | {len(sent)})
    return events, [sent[a:b] for a, b in zip([0, *cuts], cuts, strict=False)]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_portions())
def test_events_in_any_portions_and_order_give_the_state_of_one_load(open_shop, adds_up, given):
    events, portions = given
    with open_shop() as at_once, open_shop() as in_portions:
        load(at_once, events)
        records = [load(in_portions, portion) for portion in portions]
        assert in_portions.current(COUNTS) == at_once.current(COUNTS)
        assert in_portions.versions(COUNTS) == at_once.versions(COUNTS)
    assert all(map(adds_up, records))
    assert [r.rows_read for r in records] == [len(portion) for portion in portions]
    assert sum(r.rows_loaded for r in records) == len(events)
    first_seen: set[Any] = set()
    for record, portion in zip(records, portions, strict=True):
        assert record.rows_loaded == len(set(portion) - first_seen)
        first_seen |= set(portion)


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(_portions())
def test_rows_without_a_key_are_all_kept_in_whatever_portions_they_come(open_shop, given):
    _, portions = given
    said = [[(event, instant) for event, _, instant in portion] for portion in portions]
    with open_shop() as shop:
        records = [load(shop, portion, TICKS) for portion in said]
        kept = shop.current(TICKS)
    assert kept == sorted(row for portion in said for row in portion)
    assert [r.rows_loaded for r in records] == [len(portion) for portion in said]
