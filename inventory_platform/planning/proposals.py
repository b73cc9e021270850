"""Purchase proposals: what to order, how much, when, from whom, at what cost, and why.

Every row of the policy comes back with a decision and one sentence of reasons with its numbers,
also those for which nothing is ordered or nothing can be said.
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from inventory_platform.planning.classes import (
    DAYS_TO_BE_RARE,
    FEWEST_DEMAND_DAYS,
    FEWEST_KNOWN_DAYS,
    TOO_NEW,
)
from inventory_platform.planning.demand import WEEK
from inventory_platform.planning.frames import KEY, require, require_unique

ORDER = "order"
WAIT = "wait"
UNKNOWN = "unknown"


def propose(
    policy: pl.DataFrame, as_of: date, excluded: pl.DataFrame | None = None
) -> pl.DataFrame:
    """What to do about each product and location.

    An item at or below its reorder point is ordered up to its target, at least the supplier's
    minimum, in whole packs. Nothing is ordered of excluded products, nor of what has been in
    stock for long without being sold, unless customers wait for it. Of what is too new to be
    planned, only what customers wait for is ordered.

    Args:
        policy: The policy, as `stock_policy` gives it.
        as_of: The day on which the stock was looked at; orders are placed on it or on the next
            day on which the supplier takes them.
        excluded: product, why (such as "the product is discontinued"): what is never ordered.

    Raises:
        PlanningError: If `excluded` lacks a column or repeats a product.

    Returns:
        product, location, decision ("order", "wait" or "unknown"), supplier, quantity (0 unless
        ordered, null when unknown), order_date, expected_date (null unless ordered), unit_cost,
        order_value (null when unknown), position, reorder_point, order_up_to, days_of_cover
        (position ÷ daily demand; null without demand), stockout_risk, reason.
    """
    if excluded is None:
        excluded = pl.DataFrame(schema={"product": policy.schema["product"], "why": pl.String})
    require(excluded, "excluded products", ["product", "why"])
    require_unique(excluded, "excluded products", ["product"])
    order_date = pl.coalesce(
        pl.when(pl.col("order_weekdays").is_null() | _takes_orders(as_of + timedelta(ahead))).then(
            pl.lit(as_of + timedelta(ahead))
        )
        for ahead in range(WEEK)
    )
    position = pl.col("position")
    is_planned = pl.all_horizontal(pl.col("lead_time_days", "review_days").is_not_null())
    is_owed = (pl.col("demand_class") == TOO_NEW) & (position < 0) & is_planned
    target = pl.when(is_owed).then(0.0).otherwise("order_up_to")
    point = pl.when(is_owed).then(0.0).otherwise("reorder_point")
    needed = target - position
    packs = (pl.max_horizontal(needed, "min_order_quantity") / pl.col("pack_size") - 1e-9).ceil()
    is_asleep = pl.col("is_dormant") & (position >= 0)
    is_below = (position <= point) & (needed > 0)
    is_due = is_below & pl.col("why").is_null() & is_asleep.not_()
    expected = pl.duration(days=(pl.col("lead_time_days") - 1e-9).ceil().cast(pl.Int64))
    return (
        policy.join(excluded, on="product", how="left", maintain_order="left")
        .with_columns(
            pl.when(is_due.is_null())
            .then(pl.lit(UNKNOWN))
            .when(is_due)
            .then(pl.lit(ORDER))
            .otherwise(pl.lit(WAIT))
            .alias("decision"),
            pl.when(is_due)
            .then(packs * pl.col("pack_size"))
            .otherwise(pl.when(is_due.is_not_null()).then(0.0))
            .alias("quantity"),
            needed.alias("needed"),
            target.alias("target"),
            pl.when(is_due).then(order_date).alias("order_date"),
            pl.when(pl.col("daily_mean") > 0)
            .then(pl.max_horizontal(position, 0) / pl.col("daily_mean"))
            .alias("days_of_cover"),
        )
        .with_columns(
            (pl.col("order_date") + expected).alias("expected_date"),
            (pl.col("unit_cost") * pl.col("quantity").cast(pl.Decimal(18, 4)))
            .cast(pl.Decimal(18, 2))
            .alias("order_value"),
            pl.when(pl.col("decision") == ORDER)
            .then(_reason_to_order(as_of))
            .when(pl.col("decision") == WAIT)
            .then(_reason_to_wait(is_asleep))
            .otherwise(_reason_not_to_know())
            .alias("reason"),
        )
        .select(
            *KEY,
            "decision",
            "supplier",
            "quantity",
            "order_date",
            "expected_date",
            "unit_cost",
            "order_value",
            "position",
            "reorder_point",
            "order_up_to",
            "days_of_cover",
            "stockout_risk",
            "reason",
        )
    )


def _takes_orders(day: date) -> pl.Expr:
    return pl.col("order_weekdays").list.contains(day.isoweekday())


def _number(value: pl.Expr) -> pl.Expr:
    """A number as a person writes it: one decimal at most, none where it is whole."""
    rounded = value.cast(pl.Float64).round(1)
    whole = rounded.cast(pl.Int64)
    return pl.when(rounded == whole).then(whole.cast(pl.String)).otherwise(rounded.cast(pl.String))


def _position() -> pl.Expr:
    return pl.format(
        "{} ({} on hand - {} reserved + {} on order)",
        _number(pl.col("position")),
        _number(pl.col("on_hand")),
        _number(pl.col("reserved")),
        _number(pl.col("on_order")),
    )


def _reason_to_order(as_of: date) -> pl.Expr:
    days = pl.col("lead_time_days") + pl.col("review_days")
    owed = pl.format(
        "Order {} from {}: customers wait for more than there is, the position is {}; the item is "
        "too new to be kept in stock by rule, {}",
        _number(pl.col("quantity")),
        pl.col("supplier_name"),
        _position(),
        _seen(),
    )
    point = pl.format(
        "Order {} from {}: the position of {} has reached the reorder point of {} ({} expected in "
        "{} days of lead time and review, {} safety for a service level of {} %)",
        _number(pl.col("quantity")),
        pl.col("supplier_name"),
        _position(),
        _number(pl.col("reorder_point")),
        _number(pl.col("expected_demand")),
        _number(days),
        _number(pl.col("safety_stock")),
        _number(pl.col("service_level") * 100),
    )
    amount = pl.format(
        "; {} bring it up to {}", _number(pl.col("needed")), _number(pl.col("target"))
    )
    raised = (
        pl.when(pl.col("quantity") <= pl.col("needed"))
        .then(pl.lit(""))
        .when(pl.col("min_order_quantity") > pl.col("needed"))
        .then(
            pl.format(
                ", raised to the minimum order of {} in packs of {}",
                _number(pl.col("min_order_quantity")),
                _number(pl.col("pack_size")),
            )
        )
        .otherwise(pl.format(", rounded up to whole packs of {}", _number(pl.col("pack_size"))))
    )
    wait = (
        pl.when(pl.col("order_date") > as_of)
        .then(pl.format(", on {}, the supplier's next order day", pl.col("order_date")))
        .otherwise(pl.lit(""))
    )
    unlisted = (
        pl.when(pl.col("unlisted_orders") > 0)
        .then(
            pl.format(
                ", not counting {} with the supplier whose lines are unknown",
                pl.when(pl.col("unlisted_orders") == 1)
                .then(pl.lit("1 open order"))
                .otherwise(pl.format("{} open orders", pl.col("unlisted_orders"))),
            )
        )
        .otherwise(pl.lit(""))
    )
    cost = (
        pl.when(pl.col("unit_cost").is_null())
        .then(pl.lit(", at unknown cost"))
        .otherwise(pl.lit(""))
    )
    point = pl.when(pl.col("demand_class") == TOO_NEW).then(owed).otherwise(point)
    return pl.concat_str(point, amount, raised, wait, unlisted, cost, pl.lit("."))


def _reason_to_wait(is_asleep: pl.Expr) -> pl.Expr:
    days = (pl.col("position") - pl.col("reorder_point")) / pl.col("daily_mean")
    return (
        pl.when(pl.col("why").is_not_null())
        .then(pl.format("Wait: {}, so it is not ordered.", pl.col("why")))
        .when(is_asleep)
        .then(
            pl.format(
                "Wait: nothing was sold in the last {} days in stock; the position is {}.",
                pl.col("idle_days"),
                _position(),
            )
        )
        .when(pl.col("daily_mean") == 0)
        .then(pl.format("Wait: no demand is expected and the position is {}.", _position()))
        .otherwise(
            pl.format(
                "Wait: the position of {} is above the reorder point of {}; at {} a day it gets "
                "there in about {} days.",
                _position(),
                _number(pl.col("reorder_point")),
                pl.col("daily_mean").round(2),
                _number(days.ceil()),
            )
        )
    )


def _reason_not_to_know() -> pl.Expr:
    return (
        pl.when(pl.col("supplier").is_null())
        .then(pl.lit("Not planned: no supplier is known for the product."))
        .when(pl.col("lead_time_days").is_null())
        .then(
            pl.format(
                "Not planned: no usable lead time is known for supplier {}.",
                pl.col("supplier_name"),
            )
        )
        .when(pl.col("review_days").is_null())
        .then(
            pl.format(
                "Not planned: supplier {} takes orders on no weekday.", pl.col("supplier_name")
            )
        )
        .when(pl.col("daily_mean").is_null())
        .then(pl.lit("Not planned: the item was never in stock, so its demand is unknown."))
        .when(pl.col("demand_class") == TOO_NEW)
        .then(
            pl.format(
                "Not planned: too new, {}; a proposal takes {} days with sales in at least {} "
                "known days, or {} known days.",
                _seen(),
                pl.lit(FEWEST_DEMAND_DAYS),
                pl.lit(FEWEST_KNOWN_DAYS),
                pl.lit(DAYS_TO_BE_RARE),
            )
        )
        .otherwise(pl.lit("Not planned: the stock on hand is unknown."))
    )


def _seen() -> pl.Expr:
    return pl.format("sold on {} of {} known days", pl.col("demand_days"), pl.col("known_days"))
