"""Promise 3: every row read is loaded, quarantined or deduplicated, and the ledger says which."""

import json
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventory_platform import duck
from inventory_platform.contracts.base import contracts_of
from inventory_platform.landing.compiler import warning_conditions
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.views import create_views
from inventory_platform.sandbox.inventory_db import generate
from inventory_platform.sources.sqlite import SqliteReader


@pytest.fixture(scope="module")
def sandbox(open_shop, tmp_path_factory):
    """The sandbox's database, loaded once: what was planted, the ledger, and the views."""
    generated = generate(tmp_path_factory.mktemp("sandbox") / "inventory.sqlite", rows=2_000)
    contracts = contracts_of("inventory_db")
    with open_shop() as shop:
        loader = Loader(shop.settings, SqliteReader(str(generated.path)), address="sqlite")
        records = {c.source_table: loader.load(c) for c in contracts.values()}
        with duck.connect(shop.settings) as con:
            create_views(con, shop.lake, contracts.values())
            yield generated, records, con


def _name(table: str) -> str:
    return {c.source_table: c.name for c in contracts_of("inventory_db").values()}[table]


def test_every_rejected_row_of_the_sandbox_is_quarantined_where_it_stands_for_its_reason(sandbox):
    generated, _, con = sandbox
    expected = {
        (_name(d.table), row_id): d.expected.removeprefix("quarantined:")
        for d in generated.dirt
        if d.expected.startswith("quarantined:")
        for row_id in d.row_ids
    }
    found = con.sql("select table_name, position, reason_code from ops.quarantine").fetchall()
    assert {(name, position): code for name, position, code in found} == expected
    assert len(found) == len(expected)


def test_the_copies_of_the_sandbox_are_deduplicated_and_nothing_else_is(sandbox):
    generated, records, _ = sandbox
    expected = Counter()
    for dirt in generated.dirt:
        if dirt.expected == "deduplicated":
            expected[dirt.table] += len(dirt.row_ids)
    assert {t: r.rows_deduplicated for t, r in records.items() if r.rows_deduplicated} == expected


def test_rows_of_the_sandbox_that_only_warn_are_loaded(sandbox):
    generated, _, con = sandbox
    contracts = {c.source_table: c for c in contracts_of("inventory_db").values()}
    warned = [d for d in generated.dirt if d.expected == "warned"]
    assert warned
    for dirt in warned:
        listed = ", ".join(map(str, dirt.row_ids))
        relation = contracts[dirt.table].relation
        row = con.sql(f"select count(*) from raw.{relation} where _position in ({listed})")
        assert row.fetchone() == (len(dirt.row_ids),), dirt.note


def test_a_status_nobody_declared_is_found_by_the_rule_that_warns(sandbox):
    _, _, con = sandbox
    contract = contracts_of("inventory_db")["ecommerce_orders"]
    condition = warning_conditions(contract)["order_status"]
    found = con.sql(f"select order_status from raw.{contract.relation} where {condition}")
    assert found.fetchall() == [("On Hold",)]


def test_the_ledger_accounts_for_every_row_of_every_table_of_the_sandbox(sandbox, adds_up):
    generated, records, con = sandbox
    assert {t: r.rows_read for t, r in records.items()} == generated.row_counts
    assert all(adds_up(r) for r in records.values())
    assert con.sql(
        "select count(*), sum(rows_read) = sum(rows_loaded + rows_quarantined + "
        "rows_deduplicated) from ops.loads"
    ).fetchone() == (11, True)
    for table, record in records.items():
        relation = f"raw.inventory_db__{_name(table)}"
        assert con.sql(f"select count(*) from {relation}").fetchone() == (record.rows_loaded,)


def test_the_payload_of_a_rejected_row_is_the_row_as_it_came(shop, items):
    shop.write("Items", [(1, "pen", 1), (7, 'a "quoted"\nname', "1,5")])
    shop.load(items)
    ((position, code, reason, payload),) = shop.query(
        items, "select position, reason_code, reason, payload from ops.quarantine"
    )
    assert (position, code) == (2, "not_a_number")
    assert reason == "Price: '1,5' is not a number, or too large for its column"
    assert json.loads(payload) == {
        "ItemID": "7",
        "Name": 'a "quoted"\nname',
        "Price": "1,5",
    }


def test_a_row_with_several_defects_is_one_row_that_names_them_all(shop, items):
    shop.write("Items", [("x", None, -1)])
    record = shop.load(items)
    assert (record.rows_read, record.rows_quarantined) == (1, 1)
    ((reason,),) = shop.query(items, "select reason from ops.quarantine")
    assert reason == (
        "ItemID: 'x' is not a number, or too large for its column; "
        "Name has no value but needs one; "
        "Price: '-1.00' must be greater than or equal to 0"
    )


def test_equal_rejected_rows_are_quarantined_one_by_one(shop, items, adds_up):
    shop.write("Items", [(1, "pen", "x"), (1, "pen", "x"), (2, "ink", 1)])
    record = shop.load(items)
    assert adds_up(record)
    assert (record.rows_loaded, record.rows_quarantined, record.rows_deduplicated) == (1, 1, 1)


dirty = st.sampled_from([1, 2, 2.5, "3", "x", "1,5", "", " ", None, -1, 10**25, "1e2", 0.1 + 0.2])


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    states=st.lists(st.lists(st.tuples(dirty, dirty, dirty), min_size=1, max_size=6), max_size=3)
)
def test_rows_read_are_loaded_quarantined_or_deduplicated_whatever_comes(
    open_shop, items, notes, adds_up, states
):
    with open_shop() as shop:
        for rows in states:
            loadable = [
                [str(v) if isinstance(v, int) and v > 2**63 else v for v in r] for r in rows
            ]
            shop.write("Items", loadable)
            shop.write("Notes", [r[:2] for r in loadable])
            for contract in (items, notes):
                record = shop.load(contract)
                assert record.rows_read == len(rows)
                assert adds_up(record)
        for contract in (items, notes):
            ids = shop.lake.load_ids(contract)
            records = [shop.lake.record(contract, i) for i in ids]
            kept = sum(r.rows_loaded + r.rows_vanished for r in records)
            assert len(shop.versions(contract)) == kept
            assert len(shop.rejects(contract)) == sum(r.rows_quarantined for r in records)
