"""Nothing lost between layers: ledger and raw zone, raw and staging, source and mart totals."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import dagster as dg
import duckdb

from asset_checks.base import Rule, Verdict, listing
from inventory_platform.assets.raw import raw_key
from inventory_platform.contracts.base import TableContract
from inventory_platform.duck import identifier
from inventory_platform.registry import Registry


def rules(registry: Registry) -> Iterator[Rule]:
    """Ledger and staging rules for every table, totals of what is made of several."""
    for contract in registry.contracts.values():
        yield Rule(
            asset=raw_key(contract),
            name="ledger",
            description=(
                "Every load accounts for every row it read (read = loaded + quarantined + "
                "deduplicated), and the table holds exactly the rows the ledger says."
            ),
            evaluate=partial(check_ledger, contract=contract),
            blocking=True,
        )
        yield Rule(
            asset=dg.AssetKey(["staging", f"stg_{contract.relation}"]),
            name="equals_raw",
            description="Staging holds the newest version of every raw row, no more, no less.",
            evaluate=partial(check_staging, contract=contract),
            blocking=True,
            needs=[raw_key(contract)],
        )
    for model, what, model_sql, raw_relations, raw_sql in _TOTALS:
        contracts = [registry.contracts.get(name) for name in raw_relations]
        if all(contracts):
            yield Rule(
                asset=dg.AssetKey(model.split("/")),
                name=f"equals_source_{what}",
                description="Rows, quantities and amounts are those of the source tables.",
                evaluate=partial(
                    check_totals,
                    model_sql=model_sql,
                    raw_sql=raw_sql,
                    contracts=[c for c in contracts if c],
                ),
                blocking=True,
                needs=[raw_key(c) for c in contracts if c],
            )


# Model → what is compared, its totals, the raw tables, and the same totals from those, written
# independently of the models in between. Lines and orders are compared before they become facts
# by month: what came late for a month that is not built yet is the check `late_data`'s to tell.
_LINES = (
    "select count(*) as rows, sum(l.quantity) as quantity, sum(l.gross_amount) as amount "
    "from transformed.order_lines l join transformed.orders o using (order_id) "
    "where l.source = '{}' and {}"
)
_TOTALS = [
    (
        "transformed/order_lines",
        "till",
        _LINES.format("inventory_db", "o.source_channel = 'till'"),
        ["inventory_db__sales_transactions"],
        "select count(*) as rows, sum(quantity_sold) as quantity, sum(total_price) as amount "
        "from inventory_db__sales_transactions",
    ),
    (
        "transformed/order_lines",
        "ecommerce",
        _LINES.format("inventory_db", "o.source_channel <> 'till' and o.is_sale"),
        ["inventory_db__ecommerce_orders"],
        "select count(*) as rows, sum(quantity_ordered) as quantity, sum(total_price) as amount "
        "from inventory_db__ecommerce_orders where order_status in "
        "('Pending', 'Processing', 'Shipped', 'Delivered', 'Returned')",
    ),
    (
        "transformed/order_lines",
        "receipts",
        _LINES.format("pos_api", "true"),
        ["pos_api__receipts", "pos_api__receipt_lines"],
        "select count(*) as rows, sum(quantity) as quantity, "
        "sum(quantity * unit_price - discount) as amount from pos_api__receipt_lines "
        "join pos_api__receipts using (receipt_id) where status is distinct from 'returned'",
    ),
    (
        "transformed/order_lines",
        "wholesale",
        _LINES.format("shop_files", "true"),
        ["shop_files__orders"],
        "select count(*) as rows, sum(quantity) as quantity, sum(total) as amount "
        "from shop_files__orders",
    ),
    (
        "transformed/orders",
        "ecommerce",
        "select count(*) as rows, sum(total_amount) as amount from transformed.orders "
        "where source = 'inventory_db' and source_channel <> 'till'",
        ["inventory_db__ecommerce_orders"],
        "select count(*) as rows, sum(total_price) as amount from inventory_db__ecommerce_orders",
    ),
    (
        "transformed/orders",
        "receipts",
        "select count(*) as rows, sum(total_amount) as amount from transformed.orders "
        "where source = 'pos_api'",
        ["pos_api__receipts"],
        "select count(*) as rows, sum(total) as amount from pos_api__receipts "
        "where status is distinct from 'returned'",
    ),
    (
        "marts/fct_payments",
        "payments",
        "select payment_status as status, count(*) as rows, sum(amount) as amount "
        "from marts.fct_payments group by 1",
        ["inventory_db__payments"],
        "select status, count(*) as rows, sum(amount) as amount "
        "from inventory_db__payments group by 1",
    ),
    (
        "marts/fct_purchase_orders",
        "purchase_orders",
        "select count(*) as rows, sum(total_amount) as amount from marts.fct_purchase_orders "
        "where source = 'inventory_db'",
        ["inventory_db__purchase_orders"],
        "select count(*) as rows, sum(total_amount) as amount from inventory_db__purchase_orders",
    ),
    (
        "transformed/order_lines",
        "northwind",
        _LINES.format("northwind", "true"),
        ["northwind__order_details"],
        "select count(*) as rows, sum(quantity) as quantity, "
        "sum(cast(cast(quantity * unit_price * (1 - discount) as decimal(18, 4)) * "
        "coalesce(conversion_rate, 1) as decimal(18, 4))) as amount "
        "from northwind__order_details cross join reference.sales_channels as channels "
        "where channels.source = 'northwind'",
    ),
    (
        "transformed/order_lines",
        "model_cars",
        _LINES.format("model_cars", "true"),
        ["model_cars__order_details"],
        "select count(*) as rows, sum(quantity_ordered) as quantity, "
        "sum(cast(quantity_ordered * price_each * coalesce(conversion_rate, 1) "
        "as decimal(18, 4))) as amount "
        "from model_cars__order_details cross join reference.sales_channels as channels "
        "where channels.source = 'model_cars'",
    ),
    (
        "marts/kpi_job_salaries",
        "salaries",
        "select sum(salaries) as rows, sum(total_salary_usd) as amount from marts.kpi_job_salaries",
        ["data_jobs__salaries"],
        "select count(*) as rows, sum(salary_in_usd) as amount from data_jobs__salaries",
    ),
    (
        "marts/fct_sales_opportunities",
        "deals",
        "select deal_stage, count(*) as rows, count(company_name) as with_account, "
        "sum(close_value) as amount from marts.fct_sales_opportunities group by 1",
        ["crm_sales__sales_pipeline"],
        "select deal_stage, count(*) as rows, count(account) as with_account, "
        "sum(close_value) as amount from crm_sales__sales_pipeline group by 1",
    ),
    (
        "marts/fct_share_prices",
        "prices",
        "select count(*) as rows, sum(volume) as volume, sum(close_usd) as amount "
        "from marts.fct_share_prices",
        ["nvidia_prices__daily_prices"],
        "select count(*) as rows, sum(volume) as volume, sum(close_usd) as amount "
        "from nvidia_prices__daily_prices",
    ),
    (
        "marts/fct_country_indicators",
        "world_bank",
        "select count(distinct country_code) as countries, count(gdp_usd) as rows, "
        "sum(cast(gdp_usd as decimal(28, 2))) as amount from marts.fct_country_indicators "
        "where income_group is not null",
        ["world_indicators__world_bank"],
        "select count(distinct country_code) as countries, count(gdp_usd) as rows, "
        "sum(cast(gdp_usd as decimal(28, 2))) as amount from world_indicators__world_bank",
    ),
    (
        "marts/fct_country_indicators",
        "human_development",
        "select count(human_development_index) as rows, "
        "sum(cast(human_development_index as decimal(18, 3))) as amount "
        "from marts.fct_country_indicators",
        ["world_indicators__human_development"],
        "select count(*) as rows, sum(cast(figure as decimal(18, 3))) as amount from (unpivot "
        "(select iso3, columns('^hdi_[0-9]{4}$') from world_indicators__human_development) "
        "on columns(* exclude (iso3)) into name year_name value figure) where iso3 not like '%.%'",
    ),
]


def check_ledger(con: duckdb.DuckDBPyConnection, contract: TableContract) -> Verdict:
    """Check the equation of every load, and the table against the sum of the ledger."""
    found = con.execute(
        "select count(*), count(*) filter (rows_read <> rows_loaded + rows_quarantined + "
        "rows_deduplicated), coalesce(sum(rows_read), 0), coalesce(sum(rows_loaded), 0), "
        "coalesce(sum(rows_quarantined), 0), coalesce(sum(rows_deduplicated), 0), "
        "coalesce(sum(rows_vanished), 0), "
        f"(select count(*) from raw.{contract.relation}) "
        "from ops.loads where source = ? and table_name = ?",
        [contract.source, contract.name],
    ).fetchall()[0]
    loads, broken, read, loaded, quarantined, deduplicated, vanished, rows = map(int, found)
    facts = {
        "loads": loads,
        "rows_read": read,
        "rows_loaded": loaded,
        "rows_quarantined": quarantined,
        "rows_deduplicated": deduplicated,
        "rows_vanished": vanished,
        "rows_in_table": rows,
    }
    if broken:
        return Verdict(False, f"{broken} of {loads} loads do not account for every row.", facts)
    return Verdict(
        rows == loaded + vanished,
        f"{read} read = {loaded} loaded + {quarantined} quarantined + {deduplicated} "
        f"deduplicated over {loads} loads; the table holds {rows} row versions.",
        facts,
    )


def check_staging(con: duckdb.DuckDBPyConnection, contract: TableContract) -> Verdict:
    """Compare staging with the newest raw version of every row."""
    staging = f"staging.stg_{contract.relation}"
    if not contract.key:
        counts = con.execute(
            f"select (select count(*) from {staging}), "
            f"(select count(*) from ({current_rows(contract)}))"
        ).fetchall()[0]
        return Verdict(
            counts[0] == counts[1],
            f"{counts[0]} rows in staging, {counts[1]} current rows in raw.",
            {"rows": counts[0], "raw_rows": counts[1]},
        )
    key = ", ".join(identifier(k) for k in contract.key)
    differing = (
        f"select 'missing in staging' as problem, {key} from (select {key} from "
        f"({current_rows(contract)}) except all select {key} from {staging}) union all "
        f"select 'not in raw', {key} from (select {key} from {staging} except all select {key} "
        f"from ({current_rows(contract)}))"
    )
    count, rows = con.execute(
        f"select (select count(*) from ({differing})), (select count(*) from {staging})"
    ).fetchall()[0]
    metadata = {"rows": rows, "differing": count}
    if count:
        metadata["keys"] = listing(con, differing)
    return Verdict(count == 0, f"{rows} rows in staging, {count} differ from raw.", metadata)


def current_rows(contract: TableContract) -> str:
    """SQL of the newest version of each row, vanished rows left out."""
    identity = ", ".join(identifier(n) for n in contract.identity)
    newest = f"{identifier(contract.cursor)} desc nulls last, " if contract.cursor else ""
    return (
        "select * from (select *, row_number() over (partition by "
        f"{identity} order by {newest}_load_id desc) as _version "
        f"from raw.{contract.relation}) where _version = 1 and not _is_deleted"
    )


def check_totals(
    con: duckdb.DuckDBPyConnection, model_sql: str, raw_sql: str, contracts: list[TableContract]
) -> Verdict:
    """Compare a model's totals with those of the source tables."""
    current = ", ".join(f"{c.relation} as ({current_rows(c)})" for c in contracts)
    expected = f"with {current} select * from ({raw_sql})"
    differing = f"(({model_sql}) except ({expected})) union all (({expected}) except ({model_sql}))"
    row = con.execute(f"select count(*) from ({differing})").fetchone()
    count = int(row[0]) if row else 0
    return Verdict(
        count == 0,
        "Totals equal the source's." if count == 0 else "Totals differ from the source's.",
        {"model": listing(con, model_sql), "source": listing(con, expected)},
    )
