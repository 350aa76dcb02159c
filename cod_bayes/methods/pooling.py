"""Pools of forecasts: the equal average of quantiles on the logit, and predictive stacking.

Both work on forecasts as quantiles at the same levels, so a pool costs nothing where its members'
forecasts are stored.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

from cod_bayes.errors import ConfigError

type Floats = npt.NDArray[np.float64]

# A score of exactly 0 or 1 has no logit; this is a tenth of a question in ten thousand.
EDGE = 1e-5
# Distances between forecasts need fewer levels than the forecasts themselves.
_THIN = 4


def average_quantiles(members: Floats) -> Floats:
    """Average quantile functions on the logit: shape (member, ..., level) -> (..., level).

    Members without a forecast (NaN) are left out; without any the average is NaN.
    """
    inside = np.clip(members, EDGE, 1 - EDGE)
    logit = np.log(inside / (1 - inside))
    known = ~np.isnan(logit)
    total = np.where(known, logit, 0.0).sum(axis=0)
    with np.errstate(invalid="ignore"):  # none known: 0 / 0 is the NaN that is meant
        mean = total / known.sum(axis=0)
    averaged: Floats = 1 / (1 + np.exp(-mean))
    return averaged


def pool_linearly(members: Floats, weights: Floats) -> Floats:
    """Quantiles of the mixture: members (member, level), each level an equal share of its mass.

    Raises
    ------
    ConfigError
        If members and weights differ in number.
    """
    if len(members) != len(weights):
        raise ConfigError(f"{len(members)} members need as many weights; got {len(weights)}")
    known = ~np.isnan(members).any(axis=1)
    if not known.any() or weights[known].sum() <= 0:
        return np.full(members.shape[1], np.nan)
    values = members[known].ravel()
    mass = np.repeat(weights[known] / weights[known].sum(), members.shape[1]) / members.shape[1]
    order = np.argsort(values)
    levels = (np.arange(members.shape[1]) + 0.5) / members.shape[1]
    middle = np.cumsum(mass[order]) - mass[order] / 2
    pooled: Floats = np.interp(levels, middle, values[order])
    return pooled


def stack_weights(members: Floats, truth: Floats) -> Floats:
    """Weights of the linear pool that has the least mean CRPS on known truths.

    With ``X_i`` the members' forecasts and ``y`` the truth, the CRPS of the pool is the convex
    quadratic ``sum_i w_i E|X_i - y| - 1/2 sum_ij w_i w_j E|X_i - X_j|`` in weights on the simplex
    (the stacking of Yao et al. 2018, arXiv 1704.02030, by CRPS in place of the log score).

    Parameters
    ----------
    members
        Shape (member, case, level), quantiles; cases with a NaN are left out.
    truth
        Shape (case,).

    Returns
    -------
    Floats
        Shape (member,), summing to one; equal where no case is complete.
    """
    complete = ~np.isnan(members).any(axis=(0, 2)) & ~np.isnan(truth)
    n = len(members)
    equal = np.full(n, 1 / n)
    if n == 1 or not complete.any():
        return equal
    forecasts, y = members[:, complete], truth[complete]
    error = np.abs(forecasts - y[:, None]).mean(axis=(1, 2))
    spread = np.array([[_mean_distance(a, b) for b in forecasts] for a in forecasts])

    def crps(w: Floats) -> float:
        return float(w @ error - w @ spread @ w / 2)

    def slope(w: Floats) -> Floats:
        gradient: Floats = error - spread @ w
        return gradient

    on_simplex: Any = {"type": "eq", "fun": lambda w: w.sum() - 1}
    found = minimize(
        crps, equal, jac=slope, bounds=[(0, 1)] * n, constraints=on_simplex, method="SLSQP"
    )
    weights: Floats = np.clip(found.x, 0, 1)
    return weights / weights.sum()


def _mean_distance(first: Floats, second: Floats) -> float:
    """``E|X - Y|`` of independent draws from two sets of quantiles, averaged over cases."""
    x, y = first[:, ::_THIN], second[:, ::_THIN]
    return float(np.abs(x[:, :, None] - y[:, None, :]).mean())
