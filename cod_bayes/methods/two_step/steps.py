"""The two steps as functions, and how each is fitted by least squares."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

HUBER_DELTA = 1e-3  # of the log loss: arXiv 2412.04403, section 3.1
# Beyond it, a term of the loss law would be e^10 times, or e^-10 of, the largest run's loss.
WIDEST_LOG = 10.0
STEEPEST = 1e3

type Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Step:
    """One of the two steps: a function of its input, and how it is fitted.

    compute
        ``compute(parameters, x)``; parameters have a last axis of their own, and broadcast.
    fit
        ``fit(x, y, start)``: parameters; from several starts where ``start`` is None.
    n_parameters
        With ``n_scales`` covariates.
    """

    compute: Callable[[Array, Array], Array]
    fit: Callable[[Array, Array, Array | None], Array]
    n_parameters: Callable[[int], int]


def compute_floor_law(parameters: Array, log_scale: Array) -> Array:
    """Log loss ``ln(sum_s exp(term_s - slope_s x_s) + E)``; parameters (terms, slopes, E).

    With ``x`` the logs of parameters and tokens it is ``L = A/N^alpha + B/D^beta + E``.

    Parameters
    ----------
    parameters
        Shape (..., 2 scales + 1).
    log_scale
        Shape (scale, x); the result has shape (..., x).
    """
    n_scales = len(log_scale)
    total = parameters[..., -1, None]
    for s in range(n_scales):
        slope = parameters[..., n_scales + s, None]
        total = total + np.exp(parameters[..., s, None] - slope * log_scale[s])
    return np.log(total)


def fit_floor_law(log_scale: Array, log_loss: Array, start: Array | None = None) -> Array:
    """Fit :func:`compute_floor_law` by Huber's loss of the log residuals (delta 1e-3).

    Losses are relative to the largest run's, covariates too, so the same starts serve all data.
    """
    n = len(log_scale)
    if start is None:
        terms = (0.1, 0.4)
        starts = [
            np.array([*[np.log(term)] * n, *[slope] * n, 1 - n * term])
            for term in terms
            for slope in (0.15, 0.3, 0.6)
        ]
    else:
        starts = [start]
    low = [-WIDEST_LOG] * n + [0.0] * n + [0.0]
    high = [WIDEST_LOG] * n + [WIDEST_LOG] * n + [WIDEST_LOG]

    def residuals(parameters: Array) -> Array:
        return compute_floor_law(parameters, log_scale) - log_loss

    def jacobian(parameters: Array) -> Array:
        total = np.exp(compute_floor_law(parameters, log_scale))
        terms = np.exp(parameters[:n, None] - parameters[n : 2 * n, None] * log_scale)
        columns = [*terms, *(-terms * log_scale), np.ones_like(total)]
        return (np.array(columns) / total).T

    return _best(residuals, jacobian, starts, low, high, loss="huber", f_scale=HUBER_DELTA)


def compute_power_law(parameters: Array, log_scale: Array) -> Array:
    """Log loss ``level - slope x``: ``L = (C / C_N)^-slope``, without an irreducible part."""
    log_loss: Array = parameters[..., 0, None] - parameters[..., 1, None] * log_scale[0]
    return log_loss


def fit_power_law(log_scale: Array, log_loss: Array, start: Array | None = None) -> Array:
    """Fit :func:`compute_power_law` by least squares of the logs; ``start`` is not needed."""
    slope, level = np.polyfit(log_scale[0], log_loss, 1)
    return np.array([level, -slope])


def compute_sigmoid(parameters: Array, loss: Array) -> Array:
    """Score ``a / (1 + exp(-k (L - L0))) + b``; parameters (a, L0, k, b), shape (..., 4)."""
    a, midpoint, steepness, top = (parameters[..., i, None] for i in range(4))
    # clipped where the exponential would overflow: the sigmoid is 0 there to 1e-300
    exponent = np.clip(-steepness * (loss - midpoint), -700, 700)
    score: Array = a / (1 + np.exp(exponent)) + top
    return score


def fit_sigmoid(loss: Array, score: Array, start: Array | None = None) -> Array:
    """Fit :func:`compute_sigmoid` by least squares, as the ladder's code does.

    The score falls with the loss (``-1 <= a <= 0``), its top is at most 1 (``0 <= b <= 1``), and
    the ideal point (no loss, all solved) is one of the data.
    """
    x, y = np.append(loss, 0.0), np.append(score, 1.0)
    if start is None:
        low_score, middle = float(score.min()), float(np.median(loss))
        starts = [
            np.array([min(low_score - 1.0, -1e-3), midpoint * middle, steepness / middle, 0.999])
            for midpoint in (0.6, 0.9, 1.2)
            for steepness in (3.0, 10.0)
        ]
    else:
        starts = [start]

    def jacobian(parameters: Array) -> Array:
        a, midpoint, steepness, _ = parameters
        rise = compute_sigmoid(np.array([1.0, midpoint, steepness, 0.0]), x)
        slope = a * rise * (1 - rise)
        columns = [rise, -steepness * slope, (x - midpoint) * slope, np.ones_like(x)]
        return np.array(columns).T

    return _best(
        lambda parameters: compute_sigmoid(parameters, x) - y,
        jacobian,
        starts,
        [-1.0, 0.0, 0.0, 0.0],
        [0.0, np.inf, STEEPEST, 1.0],
    )


def compute_line(parameters: Array, loss: Array) -> Array:
    """Score ``w0 + w1 L``; parameters (w0, w1), shape (..., 2)."""
    score: Array = parameters[..., 0, None] + parameters[..., 1, None] * loss
    return score


def fit_line(loss: Array, score: Array, start: Array | None = None) -> Array:
    """Fit :func:`compute_line` by least squares; ``start`` is not needed."""
    slope, level = np.polyfit(loss, score, 1)
    return np.array([level, slope])


FLOOR_LAW = Step(compute_floor_law, fit_floor_law, lambda n_scales: 2 * n_scales + 1)
POWER_LAW = Step(compute_power_law, fit_power_law, lambda n_scales: 2)
SIGMOID = Step(compute_sigmoid, fit_sigmoid, lambda n_scales: 4)
LINE = Step(compute_line, fit_line, lambda n_scales: 2)


def _best(
    residuals: Callable[[Array], Array],
    jacobian: Callable[[Array], Array],
    starts: list[Array],
    low: list[float],
    high: list[float],
    **settings: Any,
) -> Array:
    """The best of the minima that are reached from ``starts``."""
    lower, upper = np.array(low), np.array(high)
    inner = np.minimum(upper, 1e6) - 1e-9, lower + 1e-9
    # a refit starts where it ends, all but a residual's worth: a bootstrap needs no more digits
    tolerance = 1e-8 if len(starts) > 1 else 1e-5
    fits = [
        least_squares(
            residuals,
            np.clip(start, inner[1], inner[0]),
            jac=jacobian,
            bounds=(lower, upper),
            x_scale="jac",
            ftol=tolerance,
            xtol=tolerance,
            gtol=tolerance,
            **settings,
        )
        for start in starts
    ]
    best: Array = min(fits, key=lambda fit: fit.cost).x
    return best
