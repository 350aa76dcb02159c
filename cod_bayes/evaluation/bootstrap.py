"""Monte-Carlo error of a mean over cells that come in clusters: the cluster bootstrap.

Benchmarks of one seed share the luck of the same checkpoints, so 20 seeds of 8 benchmarks are 20
independent observations rather than 160. Whole clusters are resampled (Davison and Hinkley 1997,
section 3.8).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[np.float64]

N_RESAMPLES = 2000
LOW, HIGH = 0.025, 0.975
BY_SEED, BY_BENCHMARK = "seed", "benchmark"


@dataclass(frozen=True)
class Means:
    """Means of several columns, their standard errors, 95 % intervals; arrays over columns."""

    mean: Array
    se: Array
    low: Array
    high: Array


def name_clusters(cells: pd.DataFrame) -> tuple[Array, str]:
    """Number each row's cluster: its seed, or its benchmark in a study that has one seed.

    Real data have no second seed: their benchmarks are resampled instead, which leaves out what
    all benchmarks of the one target share. Say so wherever such an error is shown.

    Returns
    -------
    codes, resampled
        A number a row; "seed", "benchmark", or "seed, benchmark" where studies of both kinds meet.
    """
    many = cells.groupby("study", dropna=False)["seed"].transform("nunique").to_numpy() > 1
    cluster = cells["seed"].astype(str).where(many, cells["benchmark"].astype(str))
    keys = cells[["study"]].assign(many=many, cluster=cluster)
    codes: Array = keys.groupby(list(keys), dropna=False).ngroup().to_numpy()
    resampled = [name for name, held in ((BY_SEED, many), (BY_BENCHMARK, ~many)) if held.any()]
    return codes, ", ".join(resampled)


def bootstrap_means(
    values: Array, clusters: Array, *, random_seed: int = 0, n_resamples: int = N_RESAMPLES
) -> Means:
    """Mean of every column, its standard error and its percentile interval.

    Parameters
    ----------
    values
        Shape (cell, column), without NaN.
    clusters
        Shape (cell,), a label each.

    Returns
    -------
    Means
        Errors are NaN with fewer than two clusters.
    """
    totals, counts = sum_by_cluster(values, clusters)
    mean = totals.sum(axis=0) / counts.sum() if len(counts) else np.full(values.shape[1], np.nan)
    if len(counts) < 2:
        unknown = np.full_like(mean, np.nan)
        return Means(mean, unknown, unknown, unknown)
    resampled = resample_means(totals, counts, random_seed, n_resamples)
    low, high = np.quantile(resampled, [LOW, HIGH], axis=0)
    return Means(mean, resampled.std(axis=0, ddof=1), low, high)


def sum_by_cluster(values: Array, clusters: Array) -> tuple[Array, Array]:
    """Sums (cluster, column) and numbers of cells (cluster,)."""
    labels, codes = np.unique(clusters, return_inverse=True)
    totals = np.zeros((len(labels), values.shape[1]))
    np.add.at(totals, codes, values)
    return totals, np.bincount(codes, minlength=len(labels)).astype(float)


def resample_means(totals: Array, counts: Array, random_seed: int, n_resamples: int) -> Array:
    """Means (resample, column) of as many clusters as there are, drawn with replacement."""
    rng = np.random.default_rng(random_seed)
    n_clusters = len(counts)
    weights = rng.multinomial(n_clusters, np.full(n_clusters, 1 / n_clusters), n_resamples)
    means: Array = (weights @ totals) / (weights @ counts)[:, None]
    return means


def widen_degenerate(means: Means, n_clusters: int) -> Means:
    """Give shares of 0 or 1, whose bootstrap has no spread, the exact interval of so many trials.

    Clopper and Pearson's bound with a cluster as one trial: of 20 seeds without a miss, misses in
    up to 17 % of seeds remain possible at 97.5 %.
    """
    bound = LOW ** (1 / max(n_clusters, 1))
    low = np.where(means.mean >= 1, bound, np.where(means.mean <= 0, 0.0, means.low))
    high = np.where(means.mean <= 0, 1 - bound, np.where(means.mean >= 1, 1.0, means.high))
    return Means(means.mean, means.se, low, high)
