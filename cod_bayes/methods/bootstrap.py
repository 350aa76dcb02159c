"""Point curves: least squares from several starts, and a residual bootstrap for their spread.

The rivals' papers fit a curve and stop there. To compare them with posteriors, the fit is repeated
on replicates of the ladder: fitted scores plus resampled residuals. A new run departs from its
curve as the ladder's runs did, so the target gets a resampled residual of its own
(Davison and Hinkley, Bootstrap Methods and their Application, 1997, sections 6.2 and 7.2).

Residuals are taken on ``arcsin(sqrt(score))``, on which a share's noise has the same size
everywhere. On the logit they have not: least squares on the score leaves residuals of a few points
near zero, which are several logits there, and would be half the scale at the target.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from cod_bayes.errors import DataError

Array = np.ndarray[Any, Any]
Predict = Callable[[Array, Array], Array]
Link = Callable[[Array], Array]

# Scores that a curve forecasts stay this far inside (0, 1), where logits are finite.
TINY = 1e-9
# Of central differences: near the cube root of the machine's precision.
STEP = 6e-6


def identity(score: Array) -> Array:
    """The score itself: squares of its errors are summed."""
    return score


def log_neg_log(score: Array) -> Array:
    """``log(-log score)``, in which ``exp(-a C^-b)`` is a straight line."""
    return np.log(-np.log(score))


@dataclass(frozen=True)
class PointCurve:
    """A parametric curve of the score.

    Functions of a module, or ``functools.partial`` of them, so that fits can cross processes.

    predict
        ``predict(parameters, log_scale)``: parameters (..., k) and log covariates (scale, point)
        to scores (..., point); must broadcast over the leading axes.
    starts
        ``starts(log_scale, score)``: parameters to start from, (start, k).
    lower, upper
        Bounds of the k parameters.
    link
        The scale on which squared errors are summed.
    """

    predict: Predict
    starts: Callable[[Array, Array], Array]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    link: Link = identity

    def rates(self, parameters: Array, log_scale: Array) -> Array:
        """The curve's scores, kept inside (0, 1)."""
        return np.clip(self.predict(parameters, log_scale), TINY, 1 - TINY)


@dataclass(frozen=True)
class Points:
    """What a curve is fitted to.

    log_scale
        Log covariates, shape (scale, point).
    score
        Shape (point,), 0 to 1.
    n_trials
        Trials behind each score: one of 0 or 1 counts as half a trial away from it, so that
        its logit is finite.
    weight
        Of the squared errors: the inverse of a point's variance relative to a ladder run's.
    """

    log_scale: Array
    score: Array
    n_trials: Array
    weight: Array

    def clip(self, score: Array) -> Array:
        """Keep scores as far inside (0, 1) as half a trial; at most at one half."""
        edge = np.minimum(0.5 / np.maximum(self.n_trials, 1.0), 0.5)
        return np.clip(score, edge, 1 - edge)

    def with_score(self, score: Array) -> "Points":
        """The same points with other scores."""
        return Points(self.log_scale, score, self.n_trials, self.weight)


@dataclass(frozen=True)
class Replicates:
    """A fit and its bootstrap.

    best, parameters
        Of the fit to the data, shape (k,), and of the fits to replicates, shape (draw, k).
    residuals
        Inflated and centred, on the angle of :func:`to_angle`, of a point of weight one.
    """

    best: Array
    parameters: Array
    residuals: Array


def fit_points(curve: PointCurve, points: Points, starts: Array | None = None) -> Array:
    """Weighted least squares within the bounds, from the best of several starts.

    Parameters
    ----------
    starts
        Shape (start, k); the curve's own if omitted.

    Returns
    -------
    ndarray
        The parameters of the smallest sum of squares, shape (k,).
    """
    score = points.clip(points.score)
    goal, root = curve.link(score), np.sqrt(points.weight)

    def errors(parameters: Array) -> Array:
        rates = curve.rates(parameters, points.log_scale)
        difference: Array = root * (curve.link(rates) - goal)
        return difference

    def jacobian(parameters: Array) -> Array:
        step = STEP * np.maximum(1.0, np.abs(parameters))
        change = errors(parameters + np.diag(step)) - errors(parameters - np.diag(step))
        slopes: Array = change.T / (2 * step)
        return slopes

    bounds = (np.array(curve.lower), np.array(curve.upper))
    first = curve.starts(points.log_scale, score) if starts is None else starts
    fits = [
        least_squares(errors, np.clip(start, *bounds), jac=jacobian, bounds=bounds)
        for start in first
    ]
    best: Array = min(fits, key=lambda fit: float(fit.cost)).x
    return best


def bootstrap_points(
    curve: PointCurve, points: Points, draws: int, rng: np.random.Generator
) -> Replicates:
    """Fit, then fit again on ``draws`` replicates, each started from the fit to the data.

    Residuals are divided by a point's relative standard deviation, inflated by
    ``sqrt(n / (n - k))`` for the k parameters that they have been spent on, and centred. Without
    draws, the fit to the data is the only replicate, and nothing departs from it.

    Raises
    ------
    DataError
        With no more points than parameters: nothing is left to resample.
    """
    n, k = len(points.score), len(curve.lower)
    if n <= k:
        raise DataError(
            f"a curve of {k} parameters was given {n} points, and a residual bootstrap needs more "
            "points than parameters; add runs, or take a curve with fewer parameters"
        )
    best = fit_points(curve, points)
    if draws == 0:
        return Replicates(best, best[None], np.zeros(1))
    rates, root = curve.rates(best, points.log_scale), np.sqrt(points.weight)
    residuals = root * (to_angle(points.score) - to_angle(rates)) * np.sqrt(n / (n - k))
    residuals -= residuals.mean()
    scores = shift_rate(rates, rng.choice(residuals, (draws, n)) / root)
    parameters = [fit_points(curve, points.with_score(score), best[None]) for score in scores]
    return Replicates(best, np.array(parameters), residuals)


def to_angle(rate: Array) -> Array:
    """``arcsin(sqrt(rate))``, the scale on which a share's noise does not depend on the share."""
    angle: Array = np.arcsin(np.sqrt(np.clip(rate, 0.0, 1.0)))
    return angle


def shift_rate(rate: Array, shift: Array) -> Array:
    """Move a rate in [0, 1] on the scale of :func:`to_angle`; it stops at 0 and 1."""
    moved: Array = np.sin(np.clip(to_angle(rate) + shift, 0.0, np.pi / 2)) ** 2
    return moved


def draw_runs(
    curve: PointCurve, fitted: Replicates, log_scale: Array, rng: np.random.Generator
) -> Array:
    """One new run's score for every replicate, shape (draw, target).

    Parameters
    ----------
    log_scale
        The targets' log covariates, shape (scale, target). Targets share a draw's residual, as
        they share a draw's luck elsewhere: marginally each has its own.
    """
    rates = curve.rates(fitted.parameters, log_scale)
    residual = rng.choice(fitted.residuals, len(rates))
    return shift_rate(rates, residual[:, None])
