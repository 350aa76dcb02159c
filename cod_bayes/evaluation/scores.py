"""Scores of one forecast, tables of many, and paired comparisons of methods.

A forecast is kept as ``N_QUANTILES`` mid-quantiles of its draws (:mod:`cod_bayes.methods.summary`)
and is from then on the equal-weight sample of these: all methods, however many draws they have,
are scored alike.
Proper scoring rules after Gneiting and Raftery, JASA 102 (2007) 359.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from cod_bayes.errors import DataError
from cod_bayes.evaluation.bootstrap import (
    Means,
    bootstrap_means,
    name_clusters,
    widen_degenerate,
)
from cod_bayes.methods.summary import N_QUANTILES

Array = npt.NDArray[np.float64]

INTERVALS = (50, 80, 90)  # per cent, equal-tailed
POINTS = 100.0  # of a score of 1

# A cell is what every method is asked to forecast once.
CELL = ("study", "case", "seed", "benchmark", "target")

# column of a scored forecast -> column of a table
_AVERAGED = {
    "absolute_error": "mae",
    "error": "bias",
    "crps": "crps",
    **{f"interval_score_{q}": f"interval_score_{q}" for q in INTERVALS},
    "width_90": "width_90",
}
_COVERAGE = {f"covered_{q}": f"coverage_{q}" for q in INTERVALS}
_WITH_INTERVAL = {"crps", *_COVERAGE.values()}


def compute_crps(quantiles: Array, truth: npt.ArrayLike) -> Array:
    """CRPS of the equal-weight samples along the last axis, exact for each sample.

    ``E|X - y| - E|X - X'| / 2``, the second term from the sorted sample:
    ``sum_i (2 i - n - 1) x_(i) / n^2`` with i from 1.
    """
    x = np.sort(np.asarray(quantiles, float), axis=-1)
    n = x.shape[-1]
    distance = np.abs(x - np.asarray(truth, float)[..., None]).mean(axis=-1)
    spread = (x * (2 * np.arange(1, n + 1) - n - 1)).sum(axis=-1) / n**2
    crps: Array = distance - spread
    return crps


def compute_interval(quantiles: Array, level: float) -> tuple[Array, Array]:
    """Ends of the equal-tailed interval of probability ``level``, along the last axis."""
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.quantile(np.asarray(quantiles, float), ends, axis=-1, method="hazen")
    return low, high


def compute_pit(quantiles: Array, truth: float) -> float:
    """Mid-PIT: the middle of the truth's place among the n + 1 places beside n sample points.

    ``(below + equal/2 + 1/2) / (n + 1)``: deterministic, never 0 or 1, uniform on its n + 1 places
    if the truth is one more draw from the sample; ties count half.
    """
    below, equal = (quantiles < truth).sum(), (quantiles == truth).sum()
    return float((below + equal / 2 + 0.5) / (len(quantiles) + 1))


def score_forecast(quantiles: npt.ArrayLike, truth: float) -> dict[str, float]:
    """Score one forecast against what came true.

    Parameters
    ----------
    quantiles
        From :func:`cod_bayes.methods.summary.summarise_draws`, shape (200,), scores in 0..1.
    truth
        The measured score, 0..1.

    Returns
    -------
    dict
        ``median``, ``mean``, ``sd``, ``error`` (median - truth), ``absolute_error``, ``crps``,
        ``pit`` (see :func:`compute_pit`), and for 50, 80 and 90 %: ``interval_score_*``,
        ``covered_*`` (0 or 1), ``width_*``. In units of the score; all NaN where a quantile or the
        truth is.

    Raises
    ------
    DataError
        If there are not 200 quantiles.
    """
    sample = np.asarray(quantiles, float)
    if sample.shape != (N_QUANTILES,):
        raise DataError(
            f"a forecast has {N_QUANTILES} quantiles; got shape {sample.shape}. "
            "Make them with summarise_draws(draws)."
        )
    if np.isnan(sample).any() or np.isnan(truth):
        sample = np.full(N_QUANTILES, np.nan)
    median = float(np.median(sample))
    known = not np.isnan(median)
    scores = {
        "median": median,
        "mean": float(sample.mean()),
        "sd": float(sample.std()),
        "error": median - truth,
        "absolute_error": abs(median - truth),
        "crps": float(compute_crps(sample, truth)),
        "pit": compute_pit(sample, truth) if known else float("nan"),
    }
    for percent in INTERVALS:
        low, high = (float(end) for end in compute_interval(sample, percent / 100))
        miss = max(low - truth, truth - high, 0.0)
        width = high - low
        penalty = 2 / (1 - percent / 100)
        scores[f"interval_score_{percent}"] = width + penalty * miss if known else float("nan")
        scores[f"covered_{percent}"] = float(miss == 0) if known else float("nan")
        scores[f"width_{percent}"] = width
    return scores


def tabulate(
    results: pd.DataFrame, by: Sequence[str] = ("method",), *, random_seed: int = 0
) -> pd.DataFrame:
    """Average scores over cells, with their Monte-Carlo errors, a row a group.

    Parameters
    ----------
    results
        A row a (study, case, seed, method, benchmark, target): the columns of
        :func:`score_forecast`, and ``reason`` (why there is no forecast), ``passed``, ``seconds``.
    by
        Columns that make a group.

    Returns
    -------
    DataFrame
        ``n`` forecasts of ``n_asked``; in points (hundredths of the score, per cent for
        coverage): ``mae``, ``max_ae``, ``bias``, ``crps``, ``interval_score_*``, ``coverage_*``,
        ``width_90``; ``*_se`` by a cluster bootstrap over seeds, ``*_low`` and ``*_high`` (95 %)
        for CRPS and coverage; ``share_passed`` and ``seconds`` over the forecasts made;
        ``resampled``: "seed", or "benchmark" where there is one seed only. Groups in order of
        appearance.

    Notes
    -----
    Means are over what a method forecast. Two methods that declined different cells are compared
    by :func:`compare`.
    """
    _require(results, [*CELL, *by, *_AVERAGED, *_COVERAGE, "passed", "seconds"])
    rows = []
    for key, group in results.groupby(list(by), sort=False, dropna=False):
        names = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
        rows.append(names | _summarise(group, random_seed))
    return pd.DataFrame(rows)


def compare(
    results: pd.DataFrame,
    baseline: str,
    by: Sequence[str] = (),
    *,
    random_seed: int = 0,
) -> pd.DataFrame:
    """Paired differences to a baseline, on the cells that both methods forecast.

    Parameters
    ----------
    results
        As for :func:`tabulate`.
    baseline
        A value of ``method``.
    by
        Compare within groups of these columns, such as ``["study"]``.

    Returns
    -------
    DataFrame
        A row a method (and group): ``n_common`` cells, and in points ``mae_difference`` and
        ``crps_difference`` (method - baseline: below zero the method is better) with ``*_low``,
        ``*_high`` (95 %, cluster bootstrap) and ``resampled``.

    Raises
    ------
    DataError
        If no row is of the baseline.
    """
    _require(results, [*CELL, *by, "method", "absolute_error", "crps"])
    known = list(dict.fromkeys(results["method"]))
    if baseline not in known:
        raise DataError(f"no results of baseline {baseline!r}; there are {', '.join(known)}")
    made = results[results["crps"].notna()]
    cell = [*CELL, *(name for name in by if name not in CELL)]
    columns = [*cell, "absolute_error", "crps"]
    base = made.loc[made["method"] == baseline, columns]
    rows = []
    for method in known:
        if method == baseline:
            continue
        own = made.loc[made["method"] == method, columns]
        pairs = own.merge(base, on=cell, suffixes=("", "_base"), validate="one_to_one")
        groups = pairs.groupby(list(by), sort=False, dropna=False) if by else [((), pairs)]
        for key, group in groups:
            names = dict(zip(by, key if isinstance(key, tuple) else (key,), strict=True))
            about = names | {"method": method, "baseline": baseline}
            rows.append(about | _compare_pairs(group, random_seed))
    return pd.DataFrame(rows)


def _summarise(group: pd.DataFrame, random_seed: int) -> dict[str, object]:
    made = group[group["crps"].notna()]
    columns = [*_AVERAGED, *_COVERAGE]
    clusters, resampled = name_clusters(made) if len(made) else (np.zeros(0), "")
    means = bootstrap_means(made[columns].to_numpy(float), clusters, random_seed=random_seed)
    shares = widen_degenerate(means, len(np.unique(clusters)))
    row: dict[str, object] = {"n": len(made), "n_asked": len(group)}
    for i, name in enumerate((_AVERAGED | _COVERAGE).values()):
        own = shares if name.startswith("coverage") else means
        row |= _columns(own, i, name, se=True, interval=name in _WITH_INTERVAL)
    return row | {
        "max_ae": POINTS * float(made["absolute_error"].max()),
        "share_passed": float(made["passed"].astype(float).mean()),
        "seconds": float(made["seconds"].mean()),
        "resampled": resampled,
    }


def _compare_pairs(pairs: pd.DataFrame, random_seed: int) -> dict[str, object]:
    differences = np.column_stack(
        [pairs[name] - pairs[f"{name}_base"] for name in ("absolute_error", "crps")]
    )
    clusters, resampled = name_clusters(pairs) if len(pairs) else (np.zeros(0), "")
    means = bootstrap_means(differences, clusters, random_seed=random_seed)
    row: dict[str, object] = {"n_common": len(pairs)}
    for i, name in enumerate(("mae_difference", "crps_difference")):
        row |= _columns(means, i, name, se=False, interval=True)
    return row | {"resampled": resampled}


def _columns(means: Means, i: int, name: str, *, se: bool, interval: bool) -> dict[str, float]:
    columns = {name: POINTS * float(means.mean[i])}
    if se:
        columns[f"{name}_se"] = POINTS * float(means.se[i])
    if interval:
        columns |= {f"{name}_low": POINTS * float(means.low[i])}
        columns |= {f"{name}_high": POINTS * float(means.high[i])}
    return columns


def _require(results: pd.DataFrame, columns: Sequence[str]) -> None:
    missing = [name for name in dict.fromkeys(columns) if name not in results]
    if missing:
        raise DataError(
            f"results lack the columns {', '.join(missing)}; score forecasts with "
            "score_forecast and add what they are forecasts of"
        )
