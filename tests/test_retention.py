"""Retention: what the rules remove is history alone, and readers of today see no difference."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

import json
import shutil
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from inventory_platform.cli import app
from inventory_platform.errors import SettingsError
from inventory_platform.landing.pages import PageStore
from inventory_platform.operations.compaction import compact
from inventory_platform.operations.retention import (
    Policy,
    RetentionError,
    Rules,
    read_policy,
    require_history,
    retain,
)
from inventory_platform.registry import Registry, read_registry
from inventory_platform.settings import Settings
from tests.conftest import Shop

TODAY = date(2026, 6, 30)


def platform(shop: Shop, rules: str, *contracts) -> Registry:
    file = shop.folder / "retention.toml"
    file.write_text(rules)
    shop.settings = shop.settings.model_copy(update={"retention_file": file})
    return Registry(shop.settings, {}, {c.relation: c for c in contracts})


@pytest.fixture(scope="module")
def filled(open_shop, items, tmp_path_factory) -> Path:
    """A pen whose price changed on each of four days, a lid that vanished, an ink that stayed."""
    folder = tmp_path_factory.mktemp("filled") / "lake"
    with open_shop() as shop:
        for n, day in enumerate((1, 2, 20, 21)):
            lid = [(3, "lid", 1)] if day == 1 else []
            shop.write("Items", [(1, "pen", n), (2, "ink", 9), *lid])
            shop.load(items, now=datetime(2026, 6, day))
        shutil.copytree(shop.settings.lake_dir, folder)
    return folder


@pytest.fixture
def history(shop, filled) -> Shop:
    shutil.copytree(filled, shop.settings.lake_dir)
    return shop


def test_looking_reports_what_would_go_and_why_and_changes_nothing(history, items):
    registry = platform(history, "[default]\nhistory = 20", items)
    before = history.versions(items), history.files()
    (kept,) = retain(registry, TODAY, apply=False)
    # Before 10 June: the pen's first price, and the lid itself; its deletion is its present state.
    assert (kept.name, kept.zone, kept.rows, kept.files) == ("shop__items", "history", 2, 1)
    assert (kept.before, kept.oldest, kept.newest) == (
        date(2026, 6, 10),
        date(2026, 6, 1),
        date(2026, 6, 1),
    )
    assert kept.why == "default.history = 20 days"
    assert kept.bytes == (history.lake.paths("raw", items)[0]).stat().st_size
    assert (history.versions(items), history.files()) == before


def test_superseded_versions_go_and_the_present_and_every_later_state_stay(history, items):
    registry = platform(history, "[default]\nhistory = 20", items)
    ids = history.lake.load_ids(items)
    now = history.current(items)
    later = [history.query(items, CURRENT, load_id) for load_id in ids[1:]]
    ledger = history.query(items, "from ops.loads order by all")
    retain(registry, TODAY, apply=True)
    assert history.versions(items) == [
        (1, "pen", 1, False),
        (1, "pen", 2, False),
        (1, "pen", 3, False),
        (2, "ink", 9, False),
        (3, "lid", 1, True),
    ]
    assert history.current(items) == now
    assert [history.query(items, CURRENT, load_id) for load_id in ids[1:]] == later
    assert history.query(items, "from ops.loads order by all") == ledger
    assert retain(registry, TODAY, apply=True) == []


CURRENT = (
    "select item_id, price from (select *, row_number() over (partition by item_id order by "
    "_load_id desc) as n from {raw}) where n = 1 and not _is_deleted order by all"
)


def test_a_load_after_it_brings_nothing_back(history, items):
    retain(platform(history, "[default]\nhistory = 1", items), TODAY, apply=True)
    history.write("Items", [(1, "pen", 3), (2, "ink", 9)])
    again = history.load(items)
    assert (again.rows_deduplicated, again.rows_loaded, again.rows_vanished) == (2, 0, 0)


def test_a_merged_file_loses_its_superseded_rows_too(history, items):
    registry = platform(history, "[default]\nhistory = 1", items)
    compact(registry, date(2026, 7, 1))
    now = history.current(items)
    assert retain(registry, date(2026, 7, 10), apply=True)[0].rows == 4
    assert history.current(items) == now
    assert len(history.lake.covered("raw", items)) == 0


def test_versions_are_told_apart_by_the_cursor_where_there_is_one(shop, events):
    registry = platform(shop, "[default]\nhistory = 5", events)
    for day, row in ((1, (1, 5, "2026-06-01 10:00:00")), (2, (1, 6, "2026-06-02 10:00:00"))):
        shop.write("Events", [row])
        shop.load(events, now=datetime(2026, 6, day, 12))
    retain(registry, TODAY, apply=True)
    assert [row[1] for row in shop.versions(events)] == [6]


def test_a_state_of_which_rows_were_removed_is_refused_and_a_later_one_is_not(history, items):
    registry = platform(history, "[default]\nhistory = 20", items)
    ids = history.lake.load_ids(items)
    require_history(history.settings, ids[0])
    retain(registry, TODAY, apply=True)
    with pytest.raises(RetentionError, match=r"shop__items before 2026-06-10 was removed"):
        require_history(history.settings, ids[1])
    require_history(history.settings, ids[2])
    with pytest.raises(RetentionError, match="'yesterday' is not the id of a load"):
        require_history(history.settings, "yesterday")
    (record,) = (history.settings.lake_dir / "retention").glob("*.json")
    assert json.loads(record.read_text())["removed"][0]["rows"] == 2


def test_rejected_rows_that_were_dealt_with_go_and_open_ones_stay(shop, items):
    registry = platform(shop, "[default]\nquarantine = 5", items)
    shop.write("Items", [(1, "pen", "1,5"), (2, "ink", "x")])
    shop.load(items, now=datetime(2026, 6, 1))
    shop.write("Items", [(1, "pen", 2), (2, "ink", "x")])
    shop.load(items, now=datetime(2026, 6, 2))
    replayed = shop.replay(replace(items, columns=(
        *items.columns[:2], replace(items.columns[2], decimal_mark=","),
    )))  # fmt: skip
    assert replayed.superseded == 1
    assert len(shop.rejects(items)) == 2
    assert retain(registry, TODAY, apply=True) == []  # it was dealt with just now
    (gone,) = retain(registry, date.today() + timedelta(days=10), apply=True)  # noqa: DTZ011
    assert (gone.zone, gone.rows) == ("quarantine", 2)  # the rejection, and what became of it
    assert shop.query(items, "select position, status from ops.quarantine") == [(2, "open")]


def test_pages_go_when_every_table_was_read_from_them_and_the_newest_stays(shop, items):
    registry = platform(shop, "[default]\npages = 5", items)
    store = PageStore(shop.lake, "shop", "stock")
    ids = ["20260601T000000000000", "20260602T000000000000", "20260603T000000000000"]
    for fetch_id in ids:
        store.file(fetch_id).parent.mkdir(parents=True)
        store.file(fetch_id).write_bytes(b"pages")
        record = {
            "fetch_id": fetch_id, "source": "shop", "fetch": "stock", "fetched_at": "",
            "committed_at": "", "pages": 4, "bytes": 5, "fingerprint": "", "resume": "",
        }  # fmt: skip
        path = shop.settings.lake_dir / f"fetches/shop/stock/{fetch_id}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record))
    fetched = _Fetched(registry, items)
    assert retain(fetched, TODAY, apply=True) == []  # no table was read from them yet
    shop.write("Items", [(1, "pen", 1)])
    load = shop.load(items)
    path = shop.lake.log_dir(items) / f"{load.load_id}.json"
    path.write_text(replace(load, resume=ids[1]).to_json())
    (gone,) = retain(fetched, TODAY, apply=True)
    assert (gone.zone, gone.files, gone.rows, gone.bytes) == ("pages", 2, 8, 10)
    assert [store.file(i).exists() for i in ids] == [False, False, True]
    assert store.ids() == ids


class _Fetched(Registry):
    """A registry whose one source answers pages."""

    def __init__(self, registry: Registry, items) -> None:
        super().__init__(registry.settings, {"shop": _Source()}, registry.contracts)

    def page_reader(self, source):
        return _Reader()


class _Source:
    name, is_fetched = "shop", True


class _Reader:
    def __init__(self) -> None:
        self.fetches = {"stock": None}

    @staticmethod
    def fetch_of(table: str) -> str:
        return "stock"


def test_the_rule_of_a_table_counts_more_than_its_sources_and_that_more_than_the_default():
    policy = Policy(
        default=Rules(history=3, pages=9),
        sources={"a": Rules(history=2)},
        tables={"a__x": Rules(history=1)},
    )
    assert policy.days("history", "a", "a__x") == (1, "tables.a__x.history = 1 days")
    assert policy.days("history", "a", "a__y") == (2, "sources.a.history = 2 days")
    assert policy.days("history", "b", "b__y") == (3, "default.history = 3 days")
    assert policy.days("pages", "a", "a__x") == (9, "default.pages = 9 days")
    assert policy.days("quarantine", "a", "a__x") is None


@pytest.mark.parametrize(
    ("rules", "named"),
    [
        ("[default]\nhistory = 0", "default.history"),
        ("[default]\nhistroy = 10", "default.histroy"),
        ("[tables.shop__itms]\nhistory = 10", "shop__itms"),
        ("[sources.shp]\nhistory = 10", "shp"),
        ("[default", "cannot be used"),
    ],
)
def test_a_wrong_rule_is_named_and_nothing_is_removed(shop, items, rules, named):
    with pytest.raises(SettingsError, match=named):
        retain(platform(shop, rules, items), TODAY, apply=True)


def test_the_rules_that_are_shipped_can_be_read():
    assert read_policy(read_registry(Settings())).default.history == 1095


def test_the_command_reports_and_removes_and_compaction_tells_what_it_merged(
    history, items, monkeypatch
):
    registry = platform(history, "[default]\nhistory = 1", items)
    monkeypatch.setattr("inventory_platform.cli.lifecycle.get_settings", lambda: history.settings)
    monkeypatch.setattr("inventory_platform.registry.read_registry", lambda _: registry)

    def command(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    assert "4 files became 1." in command("compact")
    told = command("retention")
    assert "4 rows may go" in told
    assert "default.history = 1 days" in told
    assert "4 rows removed" in command("retention", "--apply")
    assert "0 rows may go" in command("retention")
