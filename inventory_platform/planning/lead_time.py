"""The demand between ordering and receiving: the distribution that reorder points are made of.

For steady demand its mean and spread are enough (normal distribution). Rare or uneven demand is
not normal, and mean and spread aim too low or too high. There the whole distribution is
computed: the sum of as many days as the lead time has, each drawn from the days that were seen.
The sum is exact (by Fourier transform), not a simulation, so that equal input gives equal
reorder points.

All functions take one number for each series and answer likewise; NaN is unknown.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from inventory_platform.planning.frames import Matrix, Vector

BINS = 2048
SERIES_AT_ONCE = 256
DAYS_LOOKED_AT = 730
SMALLEST_SPREAD = 0.5  # days; less cannot be told apart in whole days
INTERPOLATED_VARIANCE = 1 / 6  # day²
PARTS_OF_A_DAY = 16  # in which the density of a lead time is added up
ROUNDING = 1e-9  # of a probability, so that 0.95 is reached by 0.9499999999


def safety_stock(
    service_level: npt.ArrayLike,
    daily_mean: npt.ArrayLike,
    daily_spread: npt.ArrayLike,
    days: npt.ArrayLike,
    days_spread: npt.ArrayLike,
) -> Vector:
    """Units kept against uncertain demand and uncertain lead time.

    z * sqrt(L * sd^2 + d^2 * sL^2), demand and lead time being independent. Silver, Pyke &
    Thomas, Inventory and Production Management in Supply Chains, 4th ed., section 6.10.

    Args:
        service_level: Share of order cycles without stock-out (not the share of units served).
        daily_mean: Units a day (d).
        daily_spread: Standard deviation of a day's demand or of its forecast error (sd).
        days: Days to be covered (L): lead time, plus review period when reviewed periodically.
        days_spread: Standard deviation of the lead time in days (sL).
    """
    return z_value(service_level) * lead_time_spread(daily_mean, daily_spread, days, days_spread)


def reorder_point(
    service_level: npt.ArrayLike,
    daily_mean: npt.ArrayLike,
    daily_spread: npt.ArrayLike,
    days: npt.ArrayLike,
    days_spread: npt.ArrayLike,
) -> Vector:
    """The position at which to order: expected demand of the days plus safety stock, never < 0.

    Arguments as for `safety_stock`.
    """
    safety = safety_stock(service_level, daily_mean, daily_spread, days, days_spread)
    return np.asarray(np.maximum(_numbers(daily_mean) * _numbers(days) + safety, 0.0))


def stockout_risk(
    position: npt.ArrayLike,
    daily_mean: npt.ArrayLike,
    daily_spread: npt.ArrayLike,
    days: npt.ArrayLike,
    days_spread: npt.ArrayLike,
) -> Vector:
    """The probability that demand in the given days exceeds the position (normal demand)."""
    spread = lead_time_spread(daily_mean, daily_spread, days, days_spread)
    excess = _numbers(daily_mean) * _numbers(days) - _numbers(position)
    with np.errstate(divide="ignore", invalid="ignore"):
        standardised = excess / (spread * math.sqrt(2))
    certain = np.where(excess > 0, 1.0, 0.0)
    uncertain = 0.5 * (1 + np.vectorize(math.erf, otypes=[float])(standardised))
    return np.where(
        np.isnan(excess) | np.isnan(spread), np.nan, np.where(spread > 0, uncertain, certain)
    )


def lead_time_spread(
    daily_mean: npt.ArrayLike,
    daily_spread: npt.ArrayLike,
    days: npt.ArrayLike,
    days_spread: npt.ArrayLike,
) -> Vector:
    """Standard deviation of the demand in the given days."""
    of_demand = _numbers(days) * np.square(_numbers(daily_spread))
    of_lead_time = np.square(_numbers(daily_mean) * _numbers(days_spread))
    return np.asarray(np.sqrt(of_demand + of_lead_time))


def z_value(service_level: npt.ArrayLike) -> Vector:
    """The standard normal quantile; few levels are in use, each is computed once."""
    levels, place = np.unique(_numbers(service_level), return_inverse=True)
    quantiles = [math.nan if math.isnan(level) else NormalDist().inv_cdf(level) for level in levels]
    return np.asarray(np.array(quantiles, dtype=float)[place])


def empirical_policy(
    units: Matrix,
    *,
    service_level: Vector,
    daily_mean: Vector,
    lead_days: Vector,
    lead_spread: Vector,
    review_days: npt.NDArray[np.int64],
    position: Vector,
) -> tuple[Vector, Vector]:
    """Reorder points and stock-out risks for demand that is rare or uneven.

    A day's demand is drawn from the known days of the last two years. So that the forecast counts
    (an item that is dying, a season that begins), days with demand are made rarer or more
    frequent until the mean is that of the forecast; where every day has demand already, sizes
    grow instead.

    Args:
        units: Demand of each series and day, NaN where unknown.
        service_level: Share of order cycles without stock-out.
        daily_mean: Forecast units a day.
        lead_days: Mean lead time.
        lead_spread: Standard deviation of the lead time.
        review_days: Days between two chances to order, covered as well by the reorder point.
        position: Units available and on order; NaN where unknown.

    Returns:
        The smallest number of units that is not exceeded in lead time and review period with
        the probability of the service level; and the probability that demand in the lead time
        alone exceeds the position.
    """
    points = np.full(len(units), np.nan)
    risks = np.full(len(units), np.nan)
    for start in range(0, len(units), SERIES_AT_ONCE):
        part = slice(start, start + SERIES_AT_ONCE)
        points[part], risks[part] = _empirical_part(
            units[part, -DAYS_LOOKED_AT:],
            service_level[part],
            daily_mean[part],
            lead_time_weights(lead_days[part], lead_spread[part]),
            review_days[part],
            position[part],
        )
    return points, risks


def lead_time_weights(days: Vector, spread: Vector) -> Matrix:
    """The probability of each whole lead time, from 0 days on, one row for each series.

    With a spread it is a gamma distribution, because lead times are never negative and more
    often much too long than much too short. A lead time between two whole days is one or the
    other, the nearer one more often, which leaves the mean as it is and adds a sixth of a day²
    to the variance (the mean of f * (1 - f) over all fractions f of a day); so much less is
    taken for the gamma distribution. Without a spread there is only the mean to be divided so.
    """
    pairs, place = np.unique(np.stack([days, spread], axis=1), axis=0, return_inverse=True)
    days, spread = pairs[:, 0], pairs[:, 1]  # many series share a supplier
    longest = _longest_lead_time(days, spread)
    day = np.arange(longest.max(initial=0) + 1)[None, :]
    between = np.clip(1 - np.abs(day - days[:, None]), 0, 1)
    varies = (spread >= SMALLEST_SPREAD) & (days > 0)
    weights = np.where(
        varies[:, None],
        _gamma_weights(np.where(varies, days, 1.0), np.where(varies, spread, 1.0), day.shape[1]),
        between,
    )
    weights[day > longest[:, None]] = 0.0
    weights /= weights.sum(axis=1, keepdims=True)
    return np.asarray(weights[place.reshape(-1)])


def _gamma_weights(days: Vector, spread: Vector, length: int) -> Matrix:
    """The density of the gamma distribution over small parts of a day, shared by whole days."""
    variance = np.square(spread) - INTERPOLATED_VARIANCE
    shape, scale = np.square(days) / variance, variance / days
    time = (np.arange(length * PARTS_OF_A_DAY) + 0.5) / PARTS_OF_A_DAY
    logarithm = (shape[:, None] - 1) * np.log(time) - time / scale[:, None]
    # At zero the density may be infinite; the mean of time^(shape-1) over the first part is not.
    power = (shape - 1) * math.log(1 / PARTS_OF_A_DAY) - np.log(shape)
    logarithm[:, 0] = power - time[0] / scale
    density = np.exp(logarithm - logarithm.max(axis=1, keepdims=True))
    of_day = density.reshape(len(days), length, PARTS_OF_A_DAY)
    fraction = time[:PARTS_OF_A_DAY]
    weights = of_day @ (1 - fraction)
    weights[:, 1:] += (of_day @ fraction)[:, :-1]
    return np.asarray(weights)


def _longest_lead_time(days: Vector, spread: Vector) -> npt.NDArray[np.int64]:
    """The longest lead time that counts, in days: the mean and at least five deviations.

    One that varies more than its mean has a longer tail, like exp(-time / scale); eight scales
    hold all but three thousandths of its mean. Beyond two years more nothing is counted.
    """
    scale = np.divide(np.square(spread), days, out=np.zeros_like(spread), where=days > 0)
    reach = np.maximum(5 * spread, np.minimum(8 * scale, DAYS_LOOKED_AT))
    return np.asarray(np.ceil(np.nan_to_num(days + reach)) + 1, dtype=np.int64)


def _empirical_part(
    units: Matrix,
    service_level: Vector,
    daily_mean: Vector,
    weights: Matrix,
    review_days: npt.NDArray[np.int64],
    position: Vector,
) -> tuple[Vector, Vector]:
    """The two results for a handful of series."""
    is_known = ~np.isnan(units)
    known = np.maximum(is_known.sum(axis=1), 1)
    sizes = np.where(is_known, units, 0.0)
    seen_mean = sizes.sum(axis=1) / known
    seen_rate = (sizes > 0).sum(axis=1) / known
    can_sell = (seen_mean > 0) & (daily_mean > 0)
    wanted = np.divide(daily_mean, seen_mean, out=np.zeros_like(daily_mean), where=can_sell)
    more_often = np.minimum(
        wanted, np.divide(1.0, seen_rate, out=np.zeros_like(wanted), where=can_sell)
    )
    larger = np.divide(wanted, more_often, out=np.ones_like(wanted), where=more_often > 0)
    sizes = sizes * larger[:, None]

    longest = weights.shape[1] - np.argmax(weights[:, ::-1] > 0, axis=1) - 1 + review_days
    step = _step(sizes, daily_mean, longest)
    of_day = _distribution(sizes, step, more_often / known)
    spectrum = np.fft.rfft(of_day, axis=1)
    lead = np.zeros_like(spectrum)
    for days in range(weights.shape[1] - 1, -1, -1):  # Horner's rule: sum of weight * spectrum^days
        lead *= spectrum
        lead += weights[:, days, None]
    covered = lead * spectrum ** review_days[:, None]

    reached = np.cumsum(np.fft.irfft(covered, BINS, axis=1), axis=1)
    reached[:, -1] = 1.0
    points = (reached >= service_level[:, None] - ROUNDING).argmax(axis=1) * step
    in_lead_time = np.cumsum(np.fft.irfft(lead, BINS, axis=1), axis=1)
    place = np.floor(position / step + ROUNDING)
    inside = np.clip(np.nan_to_num(place), 0, BINS - 1).astype(int)
    exceeded = np.clip(1 - in_lead_time[np.arange(len(units)), inside], 0.0, 1.0)
    exceeded[exceeded < ROUNDING] = 0.0
    risks = np.where(np.isnan(position), np.nan, np.where(position < 0, 1.0, exceeded))
    unknown = np.isnan(daily_mean) | np.isnan(service_level) | np.isnan(weights).any(axis=1)
    return np.where(unknown, np.nan, points), np.where(unknown, np.nan, risks)


def _step(sizes: Matrix, daily_mean: Vector, longest: npt.NDArray[np.int64]) -> Vector:
    """Units per bin: one where whole units fit into the bins, otherwise as fine as they allow.

    The bins must hold every sum that matters, because larger ones come back in at the bottom:
    the largest possible sum, or its mean and twelve standard deviations.
    """
    largest = sizes.max(axis=1, initial=0.0)
    spread = np.sqrt(longest) * np.maximum(sizes.std(axis=1), largest / 10)
    likely = np.nan_to_num(daily_mean) * longest + 12 * spread + largest
    bound = np.maximum(np.minimum(largest * longest, likely), 1.0)
    finest = bound / (BINS - 2)
    is_whole = (sizes == np.round(sizes)).all(axis=1)
    return np.asarray(np.where(is_whole, np.maximum(np.ceil(finest), 1.0), finest))


def _distribution(sizes: Matrix, step: Vector, weight: Vector) -> Matrix:
    """The probability of each bin for one day; a size between two bins is shared by both."""
    series = np.arange(len(sizes))[:, None]
    exact = sizes / step[:, None]
    below = np.floor(exact + ROUNDING)
    share = np.maximum(exact - below, 0.0)
    below = np.minimum(below.astype(int), BINS - 2)
    has_demand = sizes > 0
    flat = (series * BINS + below).reshape(-1)
    lower = np.where(has_demand, (1 - share) * weight[:, None], 0.0).reshape(-1)
    upper = np.where(has_demand, share * weight[:, None], 0.0).reshape(-1)
    length = len(sizes) * BINS
    found = np.bincount(flat, lower, length) + np.bincount(flat + 1, upper, length)
    probabilities = found.reshape(len(sizes), BINS)
    probabilities[:, 0] += 1 - probabilities.sum(axis=1)
    return np.asarray(probabilities)


def _numbers(values: npt.ArrayLike) -> Vector:
    return np.asarray(values, dtype=float)
