"""Stock policy: when to order and up to where, for every product and location.

The position (available and on order) is compared with the reorder point, never what lies on the
shelf alone. Here: settings, the choice among suppliers, lot sizes, and the policy table. The
distributions behind it are in `lead_time`; what to do about a position is in `proposals`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import polars as pl

from inventory_platform.planning.classes import DAYS_OF_A_YEAR, SMOOTH, TOO_NEW
from inventory_platform.planning.demand import DORMANT_DAYS, WEEK, Demand, idle_days
from inventory_platform.planning.forecast import Forecasts
from inventory_platform.planning.frames import (
    KEY,
    PlanningError,
    Vector,
    nullable,
    require,
    require_unique,
    vector,
)
from inventory_platform.planning.lead_time import (
    empirical_policy,
    reorder_point,
    stockout_risk,
)

LONGEST_LEAD_TIME = 2 * DAYS_OF_A_YEAR
"""Days above which a lead time is a mistake in the data, as in dbt's `believed_lead_time`."""

SERVICE_LEVELS = {
    "AX": 0.98,
    "AY": 0.97,
    "AZ": 0.95,
    "BX": 0.96,
    "BY": 0.95,
    "BZ": 0.93,
    "CX": 0.95,
    "CY": 0.92,
    "CZ": 0.90,
}
"""Cycle service level (share of order cycles without stock-out) by ABC and XYZ class."""


@dataclass(frozen=True)
class PolicySettings:
    """How to keep stock.

    Attributes:
        service_levels: Cycle service level for each pair of ABC and XYZ class.
        other_service_level: The same for items that could not be classified.
        review_days: Days between two looks at the stock.
        order_cost: Cost of placing one order, in the currency of the unit costs; None if unknown.
        holding_rate: Cost of keeping stock for a year as a share of its value; None if unknown.
        longest_cover_days: The largest lot, in days of demand, however cheap holding it is.
        dormant_days: Days in stock without a sale after which an item is no longer ordered.
    """

    service_levels: Mapping[str, float] = field(default_factory=lambda: SERVICE_LEVELS)
    other_service_level: float = 0.95
    review_days: int = WEEK
    order_cost: float | None = None
    holding_rate: float | None = None
    longest_cover_days: int = 180
    dormant_days: int = DORMANT_DAYS

    def __post_init__(self) -> None:
        for level in (*self.service_levels.values(), self.other_service_level):
            if not 0.5 <= level < 1:
                raise PlanningError(
                    f"a service level of {level} cannot be planned for",
                    "use a share from 0.5 to below 1, such as 0.95",
                )
        if self.review_days < 0:
            raise PlanningError(
                f"a review period of {self.review_days} days does not exist", "use 0 days or more"
            )


def economic_order_quantity(
    annual_demand: npt.ArrayLike, order_cost: npt.ArrayLike, holding_cost: npt.ArrayLike
) -> Vector:
    """The lot with the least cost of ordering and holding: sqrt(2 * D * K / h).

    Harris (1913). NaN where a cost is unknown or holding costs nothing.

    Args:
        annual_demand: Units a year (D).
        order_cost: Cost of one order (K).
        holding_cost: Cost of keeping one unit for a year (h).
    """
    holding = np.asarray(holding_cost, dtype=float)
    per_holding = np.where(holding > 0, holding, np.nan)
    demand = np.asarray(annual_demand, dtype=float)
    return np.asarray(np.sqrt(2 * demand * np.asarray(order_cost, dtype=float) / per_holding))


def chosen_terms(terms: pl.DataFrame) -> pl.DataFrame:
    """The terms to order by: one row for each product.

    The preferred supplier is taken, among several the one whose lead time is known, then the
    cheapest (an unknown cost comes last), then the first by name.

    Args:
        terms: product, supplier, is_preferred, lead_time_days, lead_time_spread_days, unit_cost,
            min_order_quantity, pack_size, order_weekdays (list of ISO weekdays, 1 is Monday, on
            which the supplier takes orders; null for any day).

    Raises:
        PlanningError: If a column is missing, or a product has one supplier twice.
    """
    columns = ["product", "supplier", "is_preferred", *_TERMS]
    require(terms, "supplier terms", columns)
    require_unique(terms, "supplier terms", ["product", "supplier"])
    return (
        terms.select(columns)
        .sort(
            "product",
            pl.col("is_preferred").fill_null(value=False).not_(),
            pl.col("lead_time_days").is_null(),
            "unit_cost",
            "supplier",
            nulls_last=True,
        )
        .unique("product", keep="first", maintain_order=True)
        .drop("is_preferred")
    )


_TERMS = (
    "supplier_name",
    "lead_time_days",
    "lead_time_spread_days",
    "unit_cost",
    "min_order_quantity",
    "pack_size",
    "order_weekdays",
    "unlisted_orders",
)


def stock_policy(
    demand: Demand,
    forecasts: Forecasts,
    classes: pl.DataFrame,
    terms: pl.DataFrame,
    stock: pl.DataFrame,
    settings: PolicySettings | None = None,
) -> pl.DataFrame:
    """When to order and up to where, with the risk of running out at the present position.

    The reorder point covers lead time and review period, since a need that shows right after a
    look at the stock is ordered only at the next one. Smooth demand is taken as normal with the
    spread of the forecast's errors; all other demand as it was seen. The lot is the economic
    order quantity where its costs are known, otherwise the demand of a review period.

    Args:
        demand: The series.
        forecasts: Their forecasts.
        classes: Their classes, as `classify` gives them.
        terms: Supplier terms, as `chosen_terms` asks for them. Null minimum and pack size mean
            none, a null spread of the lead time that it is not known to vary.
        stock: product, location, on_hand, reserved (for customers), on_order (at suppliers).
            A null on_hand is unknown; null reserved or on_order is none.
        settings: How to keep stock.

    Returns:
        One row for each series, with what it was computed from. reorder_point and order_up_to
        are whole units; they are null where demand or lead time is unknown, the item is too new
        to be classified or the supplier never takes orders; position and stockout_risk where
        the stock is unknown; unit_cost where it is unknown. basis is "normal", "empirical" or
        null. idle_days are the days in stock since the last sale; is_dormant says that they are
        too many.

    Raises:
        PlanningError: If a frame lacks a column or repeats a key.
    """
    settings = settings or PolicySettings()
    require(stock, "stock", [*KEY, "on_hand", "reserved", "on_order"])
    require_unique(stock, "stock", KEY)
    held = stock.select(*KEY, "on_hand", "reserved", "on_order")
    idle = pl.Series("idle_days", idle_days(demand.units))
    table = (
        demand.keys.with_columns(idle_days=idle, is_dormant=idle > settings.dormant_days)
        .join(
            forecasts.series.select(*KEY, "demand_class", "method", "daily_mean", "daily_error"),
            on=KEY,
            how="left",
            maintain_order="left",
        )
        .join(
            classes.select(*KEY, "abc", "xyz", "known_days", "demand_days"),
            on=KEY,
            how="left",
            maintain_order="left",
        )
        .join(held, on=KEY, how="left", maintain_order="left")
        .join(chosen_terms(terms), on="product", how="left", maintain_order="left")
        .with_columns(
            pl.coalesce("supplier_name", "supplier").alias("supplier_name"),
            pl.col("reserved", "on_order", "unlisted_orders").fill_null(0),
            pl.col("unit_cost").cast(pl.Decimal(18, 6)),
            pl.col("lead_time_days").cast(pl.Float64),
            pl.col("order_weekdays").cast(pl.List(pl.Int64)),
            pl.col("min_order_quantity").cast(pl.Float64).fill_null(0).clip(lower_bound=0),
            _usable_pack().alias("pack_size"),
            _review_days(settings.review_days).alias("review_days"),
            (pl.col("abc") + pl.col("xyz"))
            .replace_strict(
                settings.service_levels,
                default=settings.other_service_level,
                return_dtype=pl.Float64,
            )
            .alias("service_level"),
        )
        .with_columns(
            pl.when(pl.col("lead_time_days").is_between(0, LONGEST_LEAD_TIME)).then(
                pl.col("lead_time_days")
            ),
            pl.col("lead_time_spread_days")
            .cast(pl.Float64)
            .fill_null(0)
            .clip(0, LONGEST_LEAD_TIME / 2),
            position=pl.col("on_hand") - pl.col("reserved") + pl.col("on_order"),
        )
    )
    points, risks, basis = _points_and_risks(demand, table)
    is_new = (table["demand_class"] == TOO_NEW).fill_null(value=False).to_numpy()
    points[is_new] = np.nan
    risks[is_new] = np.where(vector(table["position"])[is_new] < 0, 1.0, np.nan)
    mean = vector(table["daily_mean"])
    covered = vector(table["lead_time_days"]) + vector(table["review_days"])
    whole = np.ceil(points - 1e-6)
    lot = np.where(is_new, np.nan, _lots(table, settings))
    return table.with_columns(
        nullable(mean * covered).alias("expected_demand"),
        nullable(whole - mean * covered).alias("safety_stock"),
        nullable(whole).alias("reorder_point"),
        nullable(lot).alias("lot"),
        nullable(whole + lot).alias("order_up_to"),
        nullable(risks).alias("stockout_risk"),
        pl.when(nullable(whole).is_not_null()).then(basis).alias("basis"),
    )


def _points_and_risks(demand: Demand, table: pl.DataFrame) -> tuple[Vector, Vector, pl.Series]:
    """Reorder points, stock-out risks and which distribution they come from."""
    mean = vector(table["daily_mean"])
    error = vector(table["daily_error"])
    days = vector(table["lead_time_days"])
    spread = vector(table["lead_time_spread_days"])
    level = vector(table["service_level"])
    position = vector(table["position"])
    review = vector(table["review_days"])
    points = reorder_point(level, mean, error, days + review, spread)
    risks = stockout_risk(position, mean, error, days, spread)
    is_normal = (table["demand_class"] == SMOOTH).fill_null(value=False).to_numpy()
    rows = np.flatnonzero(~is_normal & ~np.isnan(points))
    points[rows], risks[rows] = empirical_policy(
        demand.units[rows],
        service_level=level[rows],
        daily_mean=mean[rows],
        lead_days=days[rows],
        lead_spread=spread[rows],
        review_days=review[rows].astype(np.int64),
        position=position[rows],
    )
    return points, risks, pl.Series(np.where(is_normal, "normal", "empirical"))


def _lots(table: pl.DataFrame, settings: PolicySettings) -> Vector:
    """Units from the reorder point up to the target; at least the minimum order, if any demand."""
    mean = vector(table["daily_mean"])
    unknown = float("nan")
    order_cost = unknown if settings.order_cost is None else settings.order_cost
    rate = unknown if settings.holding_rate is None else settings.holding_rate
    economic = economic_order_quantity(
        mean * DAYS_OF_A_YEAR, order_cost, vector(table["unit_cost"]) * rate
    )
    of_review = mean * np.maximum(vector(table["review_days"]), 1)
    lot = np.where(
        np.isnan(economic), of_review, np.minimum(economic, mean * settings.longest_cover_days)
    )
    smallest = np.maximum(vector(table["min_order_quantity"]), 1)
    return np.asarray(np.where(mean == 0, 0.0, np.ceil(np.maximum(lot, smallest) - 1e-6)))


def _usable_pack() -> pl.Expr:
    """Units in a pack; one where the supplier states none or nonsense."""
    pack = pl.col("pack_size").cast(pl.Float64)
    return pl.when(pack > 0).then(pack).otherwise(1.0)


def _review_days(review_days: int) -> pl.Expr:
    """Days between two chances to order: the review period or the longest wait for an order day.

    Null where the supplier takes no orders on any weekday.
    """
    taken = pl.col("order_weekdays").cast(pl.List(pl.Int64))
    listed = taken.list.eval(pl.element().filter(pl.element().is_between(1, WEEK)))
    ordered = listed.list.unique().list.sort()
    around = ordered.list.last() - ordered.list.first()
    longest_gap = pl.max_horizontal(ordered.list.diff().list.max(), WEEK - around)
    return (
        pl.when(taken.is_null())
        .then(review_days)
        .otherwise(
            pl.when(ordered.list.len() > 0).then(pl.max_horizontal(longest_gap, review_days))
        )
        .cast(pl.Int64)
    )
