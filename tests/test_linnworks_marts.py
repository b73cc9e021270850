"""From the Linnworks sandbox to the common models: control totals taken from its own books.

The sandbox knows its orders, purchases and returns as plain numbers, in cents and ticks. What the
models say is compared with these, not with the documents it writes of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest

from inventory_platform.assets.dbt_project import run_dbt
from inventory_platform.landing.views import create_views
from inventory_platform.registry import read_registry
from inventory_platform.sandbox.linnworks.channels import REDACTED
from inventory_platform.sandbox.linnworks.moments import SECOND
from inventory_platform.sandbox.linnworks.orders import Order, Status
from inventory_platform.sandbox.linnworks.world import World
from inventory_platform.settings import Settings
from inventory_platform.warehouse import open_warehouse
from tests.linnworks_account import account

pytestmark = pytest.mark.slow

ROWS = 2_000
MODELS = (
    "orders__linnworks",
    "order_lines__linnworks",
    "returns__linnworks",
    "order_status_changes__linnworks",
    "purchase_order_lines",
    "supplier_terms",
)
LOCATIONS = {"Default": "HUB", "Warehouse South": "STH", "Amazon FBA": "FBA"}


@pytest.fixture(scope="module")
def world() -> World:
    """The shop the server answers from; the same arguments make the same one."""
    return World(ROWS, seed=11)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse that knows this account alone, with the models of it built."""
    folder = tmp_path_factory.mktemp("linnworks")
    with account(folder / "data", ROWS) as shop:
        for name in shop.fetcher().fetches():
            shop.fetch(name)
        shop.load()
    settings = shop.settings
    with open_warehouse(settings) as con:
        create_views(con, shop.lake, read_registry(settings).relations.values())
    run_dbt(
        settings,
        "build",
        "--exclude-resource-type", "unit_test", "--indirect-selection", "cautious",
        "--select", *(f"+{model}" for model in MODELS),
        "--target-path", str(folder / "target"),
        "--log-path", str(folder / "logs"),
    )  # fmt: skip
    return settings


def ask(settings: Settings, sql: str) -> list[Any]:
    with open_warehouse(settings) as con:
        return con.sql(sql).fetchall()


def in_base(cents: int, order: Order) -> Decimal:
    """Cents of an order's currency in the base currency."""
    amount = Decimal(cents) / 100 * Decimal(str(order.rate))
    return amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def kits_of(world: World) -> Iterator[tuple[Order, Any]]:
    for order in world.orders:
        for line in order.lines:
            if line.children:
                yield order, line


def test_every_order_has_its_state_and_its_total_in_the_base_currency(world, settings):
    def state(order: Order) -> str:
        if order.cancelled is not None:
            return "cancelled"
        if order.status is Status.RETURN:
            return "returned"
        return "open" if order.processed is None else "despatched"

    expected = {
        f"linnworks-{o.id}": (state(o), o.is_resend, in_base(o.total, o), in_base(o.postage, o))
        for o in world.orders
    }
    rows = ask(
        settings,
        "select order_id, order_state, is_resend, total_amount, postage_amount "
        "from transformed.orders__linnworks",
    )
    assert {key: tuple(rest) for key, *rest in rows} == expected
    assert len(rows) == 2_060
    assert sum(row[1] == "cancelled" for row in rows) == 69
    assert sum(row[2] for row in rows) == 52
    assert sum(row[3] for row in rows if row[1] != "open").quantize(Decimal("0.01")) == Decimal(
        "87620.49"
    )


def test_lines_and_postage_are_the_total_of_every_order(world, settings):
    rows = ask(
        settings,
        "select order_id, sum(gross_amount) from transformed.order_lines__linnworks group by 1",
    )
    assert dict(rows) == {
        f"linnworks-{o.id}": in_base(o.total, o) - in_base(o.postage, o) for o in world.orders
    }


def test_lines_are_what_leaves_the_shelves(world, settings):
    """Kits as their components, resends too; unlinked articles go by their channel's name."""
    expected: Counter[tuple[str, str]] = Counter()
    for order in world.orders:
        for item, quantity in order.goods:
            expected[f"linnworks-{order.id}", item.sku] += quantity
    rows = ask(
        settings,
        "select order_id, product_id, sum(quantity) from transformed.order_lines__linnworks "
        "where product_id not like 'linnworks-%' group by all",
    )
    assert {(order, sku): quantity for order, sku, quantity in rows} == expected
    unlinked = sum(line.item is None for order in world.orders for line in order.lines)
    assert ask(
        settings,
        "select count(*) from transformed.order_lines__linnworks "
        "where product_id like 'linnworks-%'",
    ) == [(unlinked,)]
    # The same unlisted article is the same product in every order.
    assert ask(
        settings,
        "select distinct product_id from transformed.order_lines__linnworks "
        "where product_id like 'linnworks-%' and is_service",
    ) == [("linnworks-Gift wrapping",)]


def test_components_share_the_kits_money_by_what_they_cost(world, settings):
    rows = ask(
        settings,
        "select order_line_id, kit_line_id, kit_quantity, gross_amount "
        "from transformed.order_lines__linnworks where kit_line_id is not null",
    )
    amounts = {line: amount for line, _, _, amount in rows}
    money: defaultdict[str, Decimal] = defaultdict(Decimal)
    for _, kit, _, amount in rows:
        money[kit] += amount
    kits = list(kits_of(world))
    assert len(money) == len(kits) > 100
    for order, line in kits:
        kit = f"linnworks-{line.row}"
        discount = line.gross * order.discount / max(1, sum(other.gross for other in order.lines))
        whole = (line.gross - discount) / 100 * order.rate
        assert float(money[kit]) == pytest.approx(whole, abs=0.002)
        cost = sum(child.item.cost * child.quantity for child in line.children)
        for child in line.children:
            share = float(money[kit]) * child.item.cost * child.quantity / cost
            assert float(amounts[f"linnworks-{child.row}"]) == pytest.approx(share, abs=0.0002)


def test_what_came_back_is_told_once_in_goods_and_money(world, settings):
    """Only refunds that were actioned are money; those of cancelled orders are no returns."""
    came_back = [back for back in world.returns if not back.is_cancellation]
    assert len(came_back) == 80
    expected = {
        back.number: in_base(back.amount if back.actioned else 0, back.order) for back in came_back
    }
    rows = ask(
        settings,
        "select cast(split_part(return_id, '-', 3) as integer), sum(refund_amount) "
        "from transformed.returns__linnworks where return_type = 'return' group by 1",
    )
    assert dict(rows) == expected
    paid = {back.number: back.actioned // SECOND for back in came_back if back.actioned}
    rows = ask(
        settings,
        "select distinct cast(split_part(return_id, '-', 3) as integer), "
        "epoch_ms(refunded_at) // 1000 from transformed.returns__linnworks "
        "where refunded_at is not null",
    )
    assert dict(rows) == paid, "money is of the day it left, not of the day the goods came"
    units: Counter[str] = Counter()
    for back in came_back:
        for leaf in back.line.children or [back.line]:
            if leaf.item is not None:
                units[leaf.item.sku] += leaf.quantity * back.quantity // back.line.quantity
    rows = ask(
        settings,
        "select product_id, sum(quantity) from transformed.returns__linnworks "
        "where product_id is not null group by 1",
    )
    assert dict(rows) == units


def test_every_order_tells_what_happened_to_it(world, settings):
    expected = Counter(
        received=len(world.orders),
        paid=sum(o.paid is not None for o in world.orders),
        processed=sum(o.processed is not None and o.cancelled is None for o in world.orders),
        cancelled=69,
        returned=sum(o.status is Status.RETURN for o in world.orders),
    )
    rows = ask(
        settings,
        "select source_status, count(*) from transformed.order_status_changes__linnworks "
        "group by 1",
    )
    assert dict(rows) == expected


def test_open_lines_of_purchases_are_what_suppliers_still_owe(world, settings):
    names = {location.id: LOCATIONS[location.name] for location in world.catalogue.locations}
    skus = {item.id: item.sku for item in world.catalogue.items}
    expected = {
        (skus[item], names[place]): units for (item, place), units in world.due().items() if units
    }
    rows = ask(
        settings,
        "select product_id, location_id, sum(quantity - delivered_quantity) "
        "from transformed.purchase_order_lines where is_open group by all",
    )
    assert {(product, place): units for product, place, units in rows} == expected


def test_purchases_cost_what_their_lines_cost_and_are_there_with_the_last_goods(world, settings):
    expected = {
        f"linnworks-{p.id}": (
            Decimal(sum(line.cost for line in p.lines)) / 100,
            Decimal(sum(line.cost - line.tax for line in p.lines)) / 100,
            sum(d.quantity for d in p.deliveries),
        )
        for p in world.purchases
    }
    rows = ask(
        settings,
        "select p.purchase_order_id, p.total_amount, sum(l.line_cost), sum(l.delivered_quantity) "
        "from transformed.purchase_orders p join transformed.purchase_order_lines l "
        "using (purchase_order_id) group by all",
    )
    assert {key: (total, net, int(units)) for key, total, net, units in rows} == expected


def test_each_product_is_bought_from_one_supplier_first(world, settings):
    """Terms of Linnworks alone, as no price list was loaded."""
    expected = {item.sku for item in world.active_items if item.supplier is not None}
    rows = ask(
        settings,
        "select product_id, sum(cast(is_preferred as integer)), min(lead_time_days) "
        "from transformed.supplier_terms group by 1",
    )
    assert {product for product, _, _ in rows} == expected
    assert {preferred for _, preferred, _ in rows} == {1}
    leads = {i.sku: i.supplier.lead_days for i in world.active_items if i.supplier is not None}
    assert {product: lead for product, _, lead in rows} == leads


def test_no_personal_value_of_the_source_is_behind_the_raw_tables(settings: Settings) -> None:
    contracts = read_registry(settings).of_source("linnworks").values()
    # Towns and streets are those of suppliers too; nobody else has these.
    telling = ("email", "phone_number", "full_name", "buyer_user_name")
    with open_warehouse(settings) as con:
        clear = {
            str(value)
            for contract in contracts
            for column in contract.personal_columns
            if column.name.removeprefix("billing_") in telling
            for (value,) in con.execute(
                f"select distinct trim({column.name}) from {contract.clear_relation} "
                f"where length(trim({column.name})) > 5"
            ).fetchall()
        } - {REDACTED}
        built = con.execute(
            "select schema_name || '.' || table_name, list(column_name) from duckdb_columns() "
            "where schema_name in ('staging', 'transformed', 'marts') and data_type = 'VARCHAR' "
            "group by all"
        ).fetchall()
        assert len(clear) > 100
        assert len(built) > 10
        shown = {
            (relation, value)
            for relation, columns in built
            for name in columns
            for (value,) in con.execute(f'select distinct "{name}" from {relation}').fetchall()
            if value in clear
        }
    assert shown == set()
