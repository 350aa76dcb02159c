"""Do forecasts hold what they promise? Uniformity of PITs and ranks, coverage at every level.

A forecaster whose probabilities are right has uniform PIT values. Their empirical distribution
function is compared with the uniform's inside a band that holds at all levels at once
(Säilynoja, Bürkner and Vehtari 2022, arXiv 2103.10522).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cod_bayes.errors import DataError
from cod_bayes.evaluation.bootstrap import (
    Means,
    bootstrap_means,
    name_clusters,
    sum_by_cluster,
    widen_degenerate,
)

Array = npt.NDArray[np.float64]

FALSE_ALARM = 0.05
N_SIMULATIONS = 5000
# Of mid-PITs, which lie in the middle of 201 places: the ECDF is exact at their edges.
N_PLACES = 201
PIT_LEVELS: Array = np.arange(2, N_PLACES - 1, 2) / N_PLACES
COVERAGE_LEVELS: Array = np.arange(1, 20) / 20


@dataclass(frozen=True)
class Band:
    """An ECDF minus the uniform's, and where it would stay if all were right.

    level
        Where it is evaluated, in (0, 1).
    difference, lower, upper
        At each level.
    false_alarm
        Probability to leave the band anywhere, if the values are uniform.
    n
        Independent values, or as many as dependent ones are worth.
    """

    level: Array
    difference: Array
    lower: Array
    upper: Array
    false_alarm: float
    n: int

    @property
    def inside(self) -> bool:
        """Whether the difference stays within the band at every level."""
        low = self.difference >= self.lower - 1e-12
        return bool((low & (self.difference <= self.upper + 1e-12)).all())


def compute_ecdf(values: npt.ArrayLike, levels: Array) -> Array:
    """Share of values at most as large as each level."""
    ordered = np.sort(np.asarray(values, float))
    shares: Array = np.searchsorted(ordered, levels, side="right") / max(len(ordered), 1)
    return shares


def compute_band(ecdf: Array, n: int, levels: Array, false_alarm: float = FALSE_ALARM) -> Band:
    """The simultaneous band of ``n`` independent uniform values' ECDF.

    At each level the count is binomial; the pointwise level of the intervals is lowered until
    simulated uniform samples leave them, anywhere, with probability ``false_alarm`` at most
    (Säilynoja et al., algorithm 1). Discrete ranks are covered exactly where ``levels`` are edges
    of their places.
    """
    lower, upper = simulate_envelope(n, tuple(levels.tolist()), false_alarm)
    return Band(levels, ecdf - levels, lower - levels, upper - levels, false_alarm, n)


@lru_cache(maxsize=64)
def simulate_envelope(n: int, levels: tuple[float, ...], false_alarm: float) -> tuple[Array, Array]:
    """Lowest and highest ECDF at each level, simulated with a fixed seed."""
    z = np.array(levels)
    rng = np.random.default_rng(2103_10522)
    slices = np.diff(z, prepend=0.0, append=1.0)
    counts = rng.multinomial(n, slices, N_SIMULATIONS)[:, :-1].cumsum(axis=1)
    # tail probabilities of every possible count, looked up: cheaper than a million of them
    possible = np.arange(n + 1)[:, None]
    below, above = stats.binom.cdf(possible, n, z), stats.binom.sf(possible - 1, n, z)
    at = np.arange(len(z))
    tails = np.minimum(below[counts, at], above[counts, at]).min(axis=1)
    # a hair lower, so that a tail equal to the limit is inside
    limit = np.quantile(tails, false_alarm, method="lower") * (1 - 1e-9)
    lower, upper = stats.binom.ppf(limit, n, z), stats.binom.isf(limit, n, z)
    return lower / n, upper / n


def check_pit(results: pd.DataFrame, false_alarm: float = FALSE_ALARM) -> Band:
    """The PITs of forecasts against the uniform, in a band that knows of their clusters.

    Benchmarks of one seed share checkpoint luck, so their PITs are no independent values and the
    envelope of as many would cry wolf. They count as :func:`effective_number` independent ones.

    Parameters
    ----------
    results
        Rows of one method, with ``pit``, ``study``, ``seed``, ``benchmark``; NaN PITs are left out.

    Raises
    ------
    DataError
        If there are no PITs, or they come from a single cluster.
    """
    made = results[results["pit"].notna()]
    if not len(made):
        raise DataError("there are no PIT values: no forecast was made and scored")
    clusters, _ = name_clusters(made)
    below = made["pit"].to_numpy(float)[:, None] <= PIT_LEVELS
    n = effective_number(below.astype(float), clusters, PIT_LEVELS)
    return compute_band(below.mean(axis=0), n, PIT_LEVELS, false_alarm)


def effective_number(below: Array, clusters: Array, levels: Array) -> int:
    """How many independent values would leave the ECDF as uncertain as these clusters do.

    The number of values over Kish's design effect: the variance of the ECDF between clusters
    relative to the binomial's, both averaged over levels, where it is more.

    Parameters
    ----------
    below
        Shape (value, level), 1 where a value is at most the level.

    Raises
    ------
    DataError
        With fewer than two clusters.
    """
    totals, counts = sum_by_cluster(below, clusters)
    n, n_clusters = counts.sum(), len(counts)
    if n_clusters < 2:
        raise DataError("PITs of one seed and benchmark have no error; score several")
    residuals = totals - counts[:, None] * (totals.sum(axis=0) / n)
    variance = n_clusters / (n_clusters - 1) * (residuals**2).sum(axis=0) / n**2
    effect = variance.mean() / (levels * (1 - levels) / n).mean()
    return max(round(n / max(effect, 1.0)), 1)


def coverage_curve(
    results: pd.DataFrame,
    levels: Array = COVERAGE_LEVELS,
    by: Sequence[str] = ("method",),
    *,
    random_seed: int = 0,
) -> pd.DataFrame:
    """Coverage of equal-tailed intervals against their nominal level.

    Parameters
    ----------
    results
        Rows with ``pit`` and what names clusters; an interval of probability q covers the truth
        where ``|pit - 1/2| <= q / 2``.
    levels
        Nominal, in (0, 1).

    Returns
    -------
    DataFrame
        A row a group and level: ``nominal``, ``coverage``, ``coverage_low``, ``coverage_high``
        (95 %, cluster bootstrap), all 0 to 1; ``n``; ``resampled``.
    """
    made = results[results["pit"].notna()]
    rows: list[dict[str, object]] = []
    for key, group in made.groupby(list(by), sort=False, dropna=False):
        names = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        clusters, resampled = name_clusters(group)
        inside = np.abs(group["pit"].to_numpy(float)[:, None] - 0.5) <= levels / 2
        means = bootstrap_means(inside.astype(float), clusters, random_seed=random_seed)
        means = widen_degenerate(means, len(np.unique(clusters)))
        about = names | {"n": len(group), "resampled": resampled}
        rows.extend(about | row for row in _coverage_rows(levels, means))
    return pd.DataFrame(rows)


def _coverage_rows(levels: Array, means: Means) -> list[dict[str, float]]:
    columns = (levels, means.mean, means.low, means.high)
    names = ("nominal", "coverage", "coverage_low", "coverage_high")
    return [dict(zip(names, map(float, row), strict=True)) for row in zip(*columns, strict=True)]
