"""The contracts of Linnworks: every field has a place, and means what Linnworks means by it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventory_platform.contracts.linnworks import NEVER
from inventory_platform.landing.loader import Loader
from inventory_platform.landing.pages import PageReader, PageStore
from inventory_platform.sources.base import Checkpoint, Fetch, FetchItem, Page
from tests.linnworks_account import CONTRACTS, TABLES_OF, THE_END, Account, Clock, account

FIELDS = {
    "processed_orders": 62,
    "processed_order_items": 58,
    "processed_order_item_components": 58,
    "processed_order_item_bin_racks": 5,
    "processed_order_notes": 7,
    "processed_order_extended_properties": 4,
    "processed_order_identifiers": 6,
    "open_order_items": 58,
    "stock_items": 32,
    "stock_item_levels": 19,
    "stock_level_snapshots": 19,
    "stock_item_suppliers": 16,
    "stock_item_extended_properties": 5,
    "stock_item_channel_titles": 6,
    "stock_item_channel_descriptions": 6,
    "stock_item_channel_prices": 11,
    "stock_item_images": 10,
    "stock_locations": 16,
    "stock_location_details": 15,
    "purchase_orders": 24,
    "purchase_order_items": 25,
    "purchase_order_delivered_records": 9,
    "suppliers": 15,
    "returns_refunds": 75,
}
"""Fields of a row in the API's description. Locations: both shapes together."""

DETAIL_FIELDS = {"": 15, "GeneralInfo": 29, "ShippingInfo": 13, "TotalsInfo": 13}


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account that was read whole; not to be changed."""
    with account(tmp_path_factory.mktemp("linnworks") / "data") as opened:
        for name in opened.fetcher().fetches():
            opened.fetch(name)
        opened.load()
        yield opened


class Told:
    """A fetcher that answers what a test wrote down."""

    def __init__(self, stream: str, document: Any) -> None:
        self.items: list[FetchItem] = [
            Page(stream, "told", json.dumps(document)),
            Checkpoint("done"),
        ]
        self.stream = stream

    def fetches(self) -> dict[str, Fetch]:
        return {"told": Fetch([self.stream], "What a test says.")}

    def fetch(self, name: str, resume: str | None) -> Iterator[FetchItem]:
        return iter(self.items)


def load(data_dir: Path, table: str, document: Any) -> tuple[Account, Any]:
    """Load one table out of one document."""
    shop = Account("", data_dir, Clock())
    told = Told(CONTRACTS[table].source_table.partition(":")[0], document)
    PageStore(shop.lake, "linnworks", "told").collect(told, timeout_seconds=5)
    reader = PageReader(shop.lake, "linnworks", told.fetches())
    return shop, Loader(shop.settings, reader, address="told").load(CONTRACTS[table])


def fields(table: str, inside: str = "") -> set[str]:
    """Names a contract has for the fields of a row, or of an object in it."""
    contract = CONTRACTS[table]
    named = {c.source for c in contract.columns if c.source[0] not in "^@#"}
    named = {name.removeprefix("./") for name in named | set(contract.elsewhere)}
    if inside:
        named = {n.removeprefix(f"{inside}.") for n in named if n.startswith(f"{inside}.")}
    return {name.split(".")[0] for name in named}


# -- completeness ----------------------------------------------------------------------------


@pytest.mark.parametrize(("table", "count"), FIELDS.items())
def test_every_field_the_api_describes_has_a_place(table, count):
    assert len(fields(table)) == count


@pytest.mark.parametrize(("inside", "count"), DETAIL_FIELDS.items())
def test_every_field_of_an_order_in_full_has_a_place(inside, count):
    assert len(fields("processed_order_details", inside)) == count


@pytest.mark.parametrize("address", ["Address", "BillingAddress"])
def test_every_field_of_an_address_has_a_place(address):
    assert len(fields("processed_order_details", f"CustomerInfo.{address}")) == 13


def test_an_open_order_is_described_as_far_as_a_processed_one(loaded):
    described = fields("processed_order_details")
    assert described <= fields("open_orders")
    for inside in ("GeneralInfo", "ShippingInfo", "TotalsInfo"):
        assert fields("processed_order_details", inside) == fields("open_orders", inside)


def test_every_column_says_what_it_means():
    for contract in CONTRACTS.values():
        assert contract.description
        for column in contract.columns:
            assert column.description.endswith("."), f"{contract.name}.{column.name}"


def test_only_ids_are_required():
    for contract in CONTRACTS.values():
        required = {c.name for c in contract.columns if not c.nullable}
        links = {c.name for c in contract.columns if c.source.startswith(("^", "@", "#"))}
        assert required - links <= set(contract.key), contract.name


def test_every_table_belongs_to_a_stream_that_is_fetched(loaded):
    streams = [s for fetch in loaded.fetcher().fetches().values() for s in fetch.streams]
    assert sorted(TABLES_OF) == sorted(streams)


# -- meaning ---------------------------------------------------------------------------------

PAIRS = [
    *("order_number", "processed_at", "received_at", "paid_at", "status_code", "currency"),
    *("total_charge", "subtotal", "tax", "postage_cost", "postage_cost_ex_tax"),
    *("total_discount", "profit_margin", "country_tax_rate", "is_cancelled", "channel"),
    *("channel_account", "reference_number", "external_reference", "tracking_number"),
    *("courier", "postal_service", "item_weight", "total_weight", "full_name", "email"),
    *("phone_number", "company", "town", "post_code", "country", "buyer_user_name", "tax_id"),
    *("billing_full_name", "billing_post_code", "billing_country", "package_category"),
]


@pytest.mark.parametrize("column", PAIRS)
def test_what_both_streams_say_of_an_order_is_the_same(loaded, column):
    # The two write the same instant in different ways, and an empty text also as null.
    [(orders, different)] = loaded.query(
        f"select count(*), count(*) filter (nullif(cast(o.{column} as varchar), '') is distinct "
        f"from nullif(cast(d.{column} as varchar), '')) from {{processed_orders}} o "
        "join {processed_order_details} d using (order_id)"
    )
    assert (orders, different) == (300, 0)


def test_every_order_in_one_stream_is_in_the_other(loaded):
    [(apart,)] = loaded.query(
        "select count(*) from {processed_orders} o full join {processed_order_details} d "
        "using (order_id) where o.order_id is null or d.order_id is null"
    )
    assert apart == 0


def test_the_name_of_a_location_in_one_stream_is_its_id_in_the_other(loaded):
    [(different,)] = loaded.query(
        "select count(*) from {processed_orders} o join {processed_order_details} d using "
        "(order_id) left join {stock_locations} l on l.stock_location_id = "
        "d.fulfilment_location_id where l.location_name is distinct from o.fulfilment_location"
    )
    assert different == 0


def test_lines_add_up_to_the_total_of_their_order(loaded):
    [(orders, wrong)] = loaded.query(
        "select count(*), count(*) filter (abs(d.total_charge - i.gross - d.postage_cost + "
        "d.total_discount) > 0.005) from {processed_order_details} d join (select order_id, "
        "sum(line_total) as gross from {processed_order_items} group by all) i using (order_id)"
    )
    assert (orders, wrong) == (300, 0)


def test_components_carry_quantities_and_their_kit_the_money(loaded):
    [(components, money, units)] = loaded.query(
        "select count(*), sum(c.line_total), count(*) filter (c.quantity % i.quantity <> 0) "
        "from {processed_order_item_components} c join {processed_order_items} i "
        "on i.order_item_id = c.kit_order_item_id and i.order_id = c.order_id"
    )
    [(all_components,)] = loaded.query("select count(*) from {processed_order_item_components}")
    assert components == all_components > 0
    assert (money, units) == (0, 0)


def test_a_line_without_a_stock_item_is_kept_without_one(loaded):
    [(unlinked, linked_to_nothing, money)] = loaded.query(
        "select count(*) filter (is_unlinked), count(*) filter (stock_item_id like '00000000%'), "
        "sum(line_total) filter (is_unlinked and stock_item_id is null) "
        "from {processed_order_items}"
    )
    assert unlinked > 0
    assert linked_to_nothing == 0
    assert money > 0


def test_the_default_location_keeps_its_zeros(loaded):
    assert loaded.query(
        "select location_name from {stock_locations} where stock_location_id like '00000000-%'"
    ) == [("Default",)]


def test_never_is_no_date(loaded):
    [(never, cancelled)] = loaded.query(
        "select count(*) filter (cancelled_at is null), count(*) filter (is_cancelled) "
        "from {processed_orders}"
    )
    assert never + cancelled == 300
    assert cancelled > 0


@pytest.mark.parametrize("text", NEVER)
def test_every_spelling_of_never_is_no_date(tmp_path, text):
    rows = [{"pkOrderID": "a", "dCancelledOn": text, "dPaidOn": "2026-01-01T00:00:00.1234567Z"}]
    shop, record = load(tmp_path, "processed_orders", {"ProcessedOrders": {"Data": rows}})
    assert record.rows_loaded == 1
    [(cancelled, paid)] = shop.query("select cancelled_at, paid_at from {processed_orders}")
    assert cancelled is None
    assert paid.isoformat() == "2026-01-01T00:00:00.123456"


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-01-10T13:49:50.2091357+00:00", "2026-01-10T13:49:50.209135"),
        ("2026-01-10T13:49:50.20Z", "2026-01-10T13:49:50.200000"),
        ("2026-01-10T13:49:50", "2026-01-10T13:49:50"),
        ("2026-01-10T13:49:50.5", "2026-01-10T13:49:50.500000"),
        ("2026-01-10T13:49:50+01:00", "2026-01-10T12:49:50"),
    ],
)
def test_an_instant_is_utc_however_it_is_written(tmp_path, text, utc):
    rows = [{"pkOrderID": "a", "dProcessedOn": text}]
    shop, _ = load(tmp_path, "processed_orders", {"ProcessedOrders": {"Data": rows}})
    [(processed,)] = shop.query("select processed_at from {processed_orders}")
    assert processed.isoformat() == utc


def test_an_order_without_anything_but_its_id_is_kept(tmp_path):
    _, record = load(tmp_path, "processed_order_details", [{"OrderId": "a"}])
    assert (record.rows_loaded, record.rows_quarantined) == (1, 0)


def test_an_order_without_id_is_quarantined_and_the_others_go_on(tmp_path):
    document = [{"OrderId": "a"}, {"OrderId": None}, {"OrderId": "b"}]
    shop, record = load(tmp_path, "processed_order_details", document)
    assert (record.rows_loaded, record.rows_quarantined) == (2, 1)
    assert shop.query("select reason_code from ops.quarantine") == [("missing_value",)]


def test_a_new_status_is_kept(tmp_path):
    shop, record = load(
        tmp_path, "processed_order_details", [{"OrderId": "a", "GeneralInfo": {"Status": 9}}]
    )
    assert record.rows_quarantined == 0
    assert shop.query("select status_code from {processed_order_details}") == [(9,)]


def test_amounts_keep_the_decimals_linnworks_works_out(tmp_path):
    totals = {"TotalCharge": 27.99, "Subtotal": 8.333333333333334, "Tax": 4.665}
    shop, record = load(
        tmp_path, "processed_order_details", [{"OrderId": "a", "TotalsInfo": totals}]
    )
    assert record.rows_quarantined == 0
    [(charge, subtotal, tax)] = shop.query(
        "select cast(total_charge as varchar), subtotal, tax from {processed_order_details}"
    )
    assert (charge, subtotal, tax) == ("27.990000", 8.333333333333334, 4.665)


def test_checksums_that_differ_in_one_capital_are_two_columns(loaded):
    rows = loaded.query(
        "select image_checksum, internal_checksum, raw_checksum from {stock_item_images}"
    )
    assert len(rows) == 66
    assert all(image is not None for image, _, _ in rows)
    assert {internal == image for image, internal, _ in rows if internal} == {True}
    assert any(internal is None for _, internal, _ in rows)


def test_barcodes_keep_their_leading_zeros(loaded):
    [(barcodes,)] = loaded.query(
        "select count(*) from {stock_items} where barcode like '0%' and length(barcode) = 14"
    )
    assert barcodes > 0


def test_a_misspelt_field_is_found(loaded):
    assert loaded.query(
        "select distinct property_name from {stock_item_extended_properties} order by all"
    ) == [("Material",), ("Season",)]


def test_stock_below_zero_and_without_minimum_is_kept(loaded):
    [(short, untracked, wrong)] = loaded.query(
        "select count(*) filter (available < 0), count(*) filter (minimum_level = -1), "
        "count(*) filter (available <> stock_level - in_orders) from {stock_item_levels}"
    )
    assert short > 0
    assert untracked > 0
    assert wrong == 0


def test_the_day_of_a_stock_reading_is_part_of_its_key(loaded):
    [(day, rows, levels)] = loaded.query(
        "select any_value(snapshot_date), count(*), (select count(*) from {stock_item_levels}) "
        "from {stock_level_snapshots}"
    )
    assert day == THE_END.date()
    assert rows == levels


def test_receipts_add_up_to_what_the_lines_say_was_delivered(loaded):
    [(lines, wrong)] = loaded.query(
        "select count(*), count(*) filter (coalesce(r.units, 0) <> i.delivered_quantity) from "
        "{purchase_order_items} i left join (select purchase_order_item_id, "
        "sum(delivered_quantity) as units from {purchase_order_delivered_records} group by all) r "
        "using (purchase_order_item_id)"
    )
    assert lines > 0
    assert wrong == 0


def test_purchase_orders_have_as_many_lines_as_they_say(loaded):
    [(wrong,)] = loaded.query(
        "select count(*) from {purchase_orders} p left join (select purchase_order_id, count(*) "
        "as lines from {purchase_order_items} group by all) i using (purchase_order_id) "
        "where p.line_count is distinct from i.lines"
    )
    assert wrong == 0


def test_a_return_and_its_refund_are_two_rows(loaded):
    assert loaded.query(
        "select row_type, count(*) > 0, count(*) filter (return_id <> 0) = count(*) "
        "from {returns_refunds} group by all order by all"
    ) == [("Cancellation", True, False), ("Refund", True, False), ("Return", True, True)]


def test_columns_with_personal_data_are_marked(loaded):
    # Redaction replaces what is personal; regions and continents are no person.
    allowed = {"region", "billing_region"}
    names = [c for c in CONTRACTS["processed_order_details"].columns if c.type == "VARCHAR"]
    for column in names:
        [(redacted,)] = loaded.query(
            f"select count(*) from {{processed_order_details}} where {column.name} = 'Redacted'"
        )
        if redacted and column.name not in allowed:
            assert column.personal, column.name
