"""Earlier states can be read beside the present one: tables as of a load, marts as published."""

# ruff: noqa: DTZ001  Instants in the lake are UTC and have no zone.

from datetime import date, datetime

import pytest

from inventory_platform import duck
from inventory_platform.errors import PublishError
from inventory_platform.operations.compaction import compact
from inventory_platform.operations.query import query, reader
from inventory_platform.operations.retention import RetentionError, retain
from inventory_platform.publishing.parquet import publish
from inventory_platform.registry import Registry


def price(shop, items, **when):
    with reader(shop.settings, {items.relation: items}, **when) as con:
        return query(con, "select max(price), count(*) from raw.shop__items").fetchall()


@pytest.fixture
def registry(shop, items) -> Registry:
    rules = shop.folder / "retention.toml"
    rules.write_text("[default]\nhistory = 9")
    shop.settings = shop.settings.model_copy(update={"retention_file": rules})
    return Registry(shop.settings, {}, {items.relation: items})


def test_tables_and_ledger_are_read_as_of_a_load_also_after_a_compaction(shop, items, registry):
    ids = []
    for day in (1, 2, 3):
        shop.write("Items", [(1, "pen", day)])
        ids.append(shop.load(items, now=datetime(2026, 6, day)).load_id)
    compact(registry, date(2026, 7, 1))
    assert [price(shop, items, as_of=i) for i in ids] == [[(1, 1)], [(2, 2)], [(3, 3)]]
    with reader(shop.settings, registry.relations, as_of=ids[1]) as con:
        assert query(con, "select count(*) from ops.loads").fetchall() == [(2,)]
    retain(registry, date(2026, 6, 12), apply=True)
    assert price(shop, items, as_of=ids[2]) == [(3, 2)]
    with pytest.raises(RetentionError, match="before 2026-06-03 was removed"):
        price(shop, items, as_of=ids[1])


def test_marts_are_read_as_they_were_published(shop, registry):
    versions = []
    with duck.connect(shop.settings) as con:
        con.execute("create schema marts")
        for total in (10, 20):
            con.execute(f"create or replace table marts.fct_sales as select {total} as total")
            versions.append(
                publish(
                    shop.settings.published_dir, con, keep=2, marts=["fct_sales"], run_id="",
                    code_version="", loads={}, inputs="",
                ).version
            )  # fmt: skip

    def total(version: str | None) -> object:
        with reader(shop.settings, registry.relations, version=version) as con:
            return query(con, "from marts.fct_sales").fetchall()

    assert [total(v) for v in (*versions, None)] == [[(10,)], [(20,)], [(20,)]]
    with pytest.raises(PublishError, match=f"Kept are: {versions[0]}, {versions[1]}"):
        total("20200101T000000000000")
