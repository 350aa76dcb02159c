"""What is said of each ensemble's forecast: widths, errors, differences, the frontier."""

import numpy as np
import pandas as pd
import xarray as xr

from cod_bayes.decide.allocation import find_efficient
from cod_bayes.evaluation.scores import (
    INTERVALS,
    POINTS,
    compute_interval,
    score_forecast,
    tabulate,
)
from cod_bayes.methods.protocol import DRAW, TARGET
from cod_bayes.methods.summary import summarise_draws
from cod_bayes.schema import BENCHMARK

ENSEMBLE = "ensemble"
CI_PROBS = tuple(percent / 100 for percent in INTERVALS)
WIDEST = CI_PROBS[-1]


def summarise_backtest(rows: pd.DataFrame) -> xr.Dataset:
    """Mean error, CRPS and coverage of the backtests, shares of 1; NaN where there are none."""
    if rows.empty:
        scores: dict[str, float] = {}
    else:
        scores = tabulate(rows).iloc[0].to_dict() | {"decades": rows["decades"].mean()}

    def share(name: str) -> float:
        return float(scores.get(name, np.nan)) / POINTS

    columns: dict[str, object] = {"backtest_n": int(scores.get("n", 0))}
    columns["backtest_decades"] = float(scores.get("decades", np.nan))
    for name in ("mae", "mae_se", "crps", "crps_se"):
        columns[f"backtest_{name}"] = share(name)
    for end in ("", "_low", "_high"):
        levels = [share(f"coverage_{percent}{end}") for percent in INTERVALS]
        columns[f"backtest_coverage{end}"] = ("ci_prob", levels)
    return xr.Dataset(columns, coords={"ci_prob": list(CI_PROBS)})


def describe_forecast(draws: xr.DataArray, truth: xr.DataArray | None) -> xr.Dataset:
    """Median and intervals of one new run's score, and its scores where the truth is known."""
    dims = (BENCHMARK, TARGET)
    values = draws.transpose(*dims, DRAW).values
    quantiles = np.apply_along_axis(summarise_draws, -1, values)
    ends = np.stack([compute_interval(quantiles, level) for level in CI_PROBS])
    interval = np.moveaxis(ends, (0, 1), (-2, -1))
    described = xr.Dataset(
        {
            "median": (dims, np.median(quantiles, axis=-1)),
            "interval": ((*dims, "ci_prob", "ci_bound"), interval),
            "width": ((*dims, "ci_prob"), interval[..., 1] - interval[..., 0]),
        },
        coords={
            **{dim: draws[dim].values for dim in dims},
            "ci_prob": list(CI_PROBS),
            "ci_bound": ["lower", "upper"],
        },
    )
    if truth is None:
        return described
    actual = truth.sel({BENCHMARK: draws[BENCHMARK].values}).transpose(*dims).values
    at = np.ndindex(*actual.shape)
    scored = pd.DataFrame([score_forecast(quantiles[i], float(actual[i])) for i in at])
    inside = scored[[f"covered_{percent}" for percent in INTERVALS]].to_numpy()
    return described.assign(
        error=(dims, scored["error"].to_numpy().reshape(actual.shape)),
        crps=(dims, scored["crps"].to_numpy().reshape(actual.shape)),
        inside=((*dims, "ci_prob"), inside.reshape(*actual.shape, -1)),
    )


def describe_difference(
    own: xr.DataArray, base: xr.DataArray, *, is_reference: bool = False
) -> xr.Dataset:
    """Median and 90 % interval of ``own - base``, draw by draw, and the chance that it is above 0.

    Draws are of two posteriors that were sampled apart: which one meets which is chance.
    """
    dims = (BENCHMARK, TARGET)
    n_draws = min(own.sizes[DRAW], base.sizes[DRAW])
    first, second = (d.transpose(DRAW, *dims).values[:n_draws] for d in (own, base))
    difference = first - second
    tails = [(1 - WIDEST) / 2, 0.5, (1 + WIDEST) / 2]
    lower, median, upper = np.quantile(difference, tails, axis=0)
    larger = (difference > 0).mean(axis=0) + 0.5 * (difference == 0).mean(axis=0)
    undefined = np.isnan(median) | is_reference
    return xr.Dataset(
        {
            "difference": (dims, median),
            "difference_lower": (dims, lower),
            "difference_upper": (dims, upper),
            "p_larger": (dims, np.where(undefined, np.nan, larger)),
        },
        coords={dim: own[dim].values for dim in dims},
    )


def find_frontier(table: xr.Dataset) -> xr.DataArray:
    """Which ensembles none beats in both cost and mean width, dims (ensemble, target)."""
    width = table["mean_width"].sel(ci_prob=WIDEST).transpose(ENSEMBLE, TARGET)
    precision = -width.fillna(np.inf).values
    by_target = [find_efficient(table["flops"].values, column) for column in precision.T]
    return width.copy(data=np.stack(by_target, axis=1)).drop_vars("ci_prob")
