"""The forecast of a month's end: what is there, and a range for the days that are not.

A model of daily counts with a weekly season (exponential smoothing, `statsmodels`) is continued
many times at random, with a fixed seed; four of five of these ends lie in the range. The library
takes seconds to import, and is imported by the first forecast alone.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

WEEK = 7
DAYS_MIN = 2 * WEEK  # with fewer full days there is no weekly season to learn
TREND_DAYS_MIN = 8 * WEEK  # a shorter trend is rather noise
PATHS = 500
SEED = 20261001
QUANTILES = (0.1, 0.5, 0.9)


@dataclass(frozen=True)
class Forecast:
    """What a span will hold at its end; whole units."""

    done: int  # of the days that are complete
    low: int
    middle: int
    high: int
    daily: list[tuple[int, int, int]]  # low, middle and high of each day that is to come


def forecast(history: Sequence[int], *, done: int, days: int) -> Forecast | None:
    """Forecast a span of which `days` full days are missing.

    Args:
        history: The quantity of each full day up to the first missing one, without gaps.
        done: What the span holds of these.

    Returns:
        None where the history is too short for a weekly season.
    """
    if not days:
        return Forecast(done, done, done, done, [])
    known = _since_first(history)
    if len(known) < DAYS_MIN:
        return None
    if len(set(known)) == 1:  # nothing varies: the model has nothing to fit
        end = done + known[0] * days
        return Forecast(done, end, end, end, [(known[0],) * 3] * days)
    paths = _continued(known, days)
    ends = done + np.quantile(paths.sum(axis=0), QUANTILES)
    daily = np.quantile(paths, QUANTILES, axis=1).T
    low, middle, high = (round(end) for end in ends.tolist())
    rows = [(round(row[0]), round(row[1]), round(row[2])) for row in daily.tolist()]
    return Forecast(done, low, middle, high, rows)


def _since_first(history: Sequence[int]) -> list[int]:
    """Leave out the days before anything was counted."""
    begun = next((n for n, quantity in enumerate(history) if quantity), len(history))
    return list(history[begun:])


def _continued(known: Sequence[int], days: int) -> np.ndarray:
    """Continue a series `PATHS` times: an array of days and paths, nothing below zero."""
    # Two and a half seconds of import, which no other page should wait for.
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel  # noqa: PLC0415

    has_trend = len(known) >= TREND_DAYS_MIN
    with warnings.catch_warnings():
        # That the fit stopped short of its tolerance moves a range by less than its own width.
        warnings.simplefilter("ignore")
        model = ETSModel(
            np.asarray(known, dtype="double"),
            error="add",
            trend="add" if has_trend else None,
            damped_trend=has_trend,
            seasonal="add",
            seasonal_periods=WEEK,
            initialization_method="heuristic" if len(known) >= 3 * WEEK else "estimated",
        )
        fitted = model.fit(disp=False, maxiter=200)
        paths = fitted.simulate(
            days, anchor="end", repetitions=PATHS, rng=np.random.default_rng(SEED)
        )
    found: np.ndarray = np.clip(np.asarray(paths).reshape(days, PATHS), 0, None)
    return found
