"""The paper's maps from subset score to full score: curves through (0, 0) and (1, 1).

Version 1 of arXiv 2502.17262 (section 4; Figure A1) takes a quartic polynomial and compares a
cubic and a quintic; version 4 a cubic smoothing spline whose smoothing is relaxed until its
root-mean-square error is 0.005 or less. Neither says how the ends are held or the curve kept
rising. Here the polynomial holds both ends exactly and the spline by weights, none is forced to
rise (with few pairs a polynomial may well fall between them and an end), and all are cut to [0, 1].
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import make_smoothing_spline

from cod_bayes.errors import ConfigError
from cod_bayes.mapping.curves import NO_MAP

type Floats = NDArray[np.float64]
type PointMap = Callable[[Floats], Floats]

DEGREES = {"cubic": 3, "quartic": 4, "quintic": 5}
SPLINE = "spline"
POINT_MAPS = (*DEGREES, SPLINE, NO_MAP)

END_WEIGHT = 1e6  # a pair's is 1
SMOOTHEST, ROUGHEST = 1e3, 1e-12  # penalty on the squared second derivative
N_HALVINGS = 12  # of the range of its logarithm: the penalty to within a per cent
SAME_SUBSET = 1e-6  # pairs nearer than this are one, with the mean of their full scores


def fit_point_map(subset: Floats, full: Floats, form: str, rmse: float = 0.005) -> PointMap:
    """Fit a map to pairs of scores by least squares.

    Parameters
    ----------
    subset, full
        Shape (pair,), scores of ladder runs and anchors in [0, 1]. Without any, the map is the
        diagonal.
    form
        ``cubic``, ``quartic``, ``quintic``, ``spline``, or ``none``: the subset's score stands
        for the full set's.
    rmse
        The spline's: the smoothest with no larger root-mean-square error is taken.

    Returns
    -------
    callable
        From subset scores to full scores, any shape, within [0, 1].

    Raises
    ------
    ConfigError
        For an unknown form.
    """
    check_form(form)
    subset, full = np.asarray(subset, float), np.asarray(full, float)
    if form == NO_MAP or len(subset) == 0:
        return _clip(lambda s: s)
    if form == SPLINE:
        return _clip(_fit_spline(subset, full, rmse))
    return _clip(_fit_polynomial(subset, full, DEGREES[form]))


def check_form(form: str) -> None:
    """Refuse the name of a map that does not exist.

    Raises
    ------
    ConfigError
        Naming those that do.
    """
    if form not in POINT_MAPS:
        raise ConfigError(f"there is no point map {form!r}; there are {', '.join(POINT_MAPS)}")


def _clip(curve: PointMap) -> PointMap:
    return lambda subset: np.clip(curve(np.asarray(subset, float)), 0.0, 1.0)


def _fit_polynomial(subset: Floats, full: Floats, degree: int) -> PointMap:
    """``s + sum_k w_k (s^k - s)``, k = 2..degree: every member meets both ends.

    With fewer pairs than weights, the one nearest to the diagonal of those that meet all pairs.
    """
    powers = np.arange(2, degree + 1)
    basis = subset[:, None] ** powers - subset[:, None]
    weights = np.linalg.lstsq(basis, full - subset, rcond=None)[0]
    return lambda s: s + (s[..., None] ** powers - s[..., None]) @ weights


def _fit_spline(subset: Floats, full: Floats, rmse: float) -> PointMap:
    """Natural cubic smoothing spline, relaxed until the pairs' root-mean-square error is small.

    At the strongest smoothing it is the diagonal, for the ends are held.
    """
    knots, heights, weights = _add_ends(*_merge(subset, full))

    def fit(log_penalty: float) -> PointMap:
        penalty = float(np.exp(log_penalty))
        spline: PointMap = make_smoothing_spline(knots, heights, weights, lam=penalty)
        return spline

    rough, smooth = np.log(ROUGHEST), np.log(SMOOTHEST)
    for _ in range(N_HALVINGS):
        middle = (rough + smooth) / 2
        error = np.sqrt(np.mean((fit(middle)(subset) - full) ** 2))
        rough, smooth = (middle, smooth) if error <= rmse else (rough, middle)
    return fit(rough)


def _merge(subset: Floats, full: Floats) -> tuple[Floats, Floats, Floats]:
    """Rising subset scores inside (0, 1), mean full scores, and how many pairs each stands for."""
    place = np.rint(np.clip(subset, 0, 1) / SAME_SUBSET).astype(np.int64)
    places, group, count = np.unique(place, return_inverse=True, return_counts=True)
    mean = np.asarray(np.bincount(group, full) / count, dtype=np.float64)
    inside = (places > 0) & (places < round(1 / SAME_SUBSET))
    merged = np.asarray(places[inside] * SAME_SUBSET, dtype=np.float64)
    return merged, mean[inside], count[inside].astype(float)


def _add_ends(subset: Floats, full: Floats, weights: Floats) -> tuple[Floats, Floats, Floats]:
    """Pairs with (0, 0) and (1, 1); a spline needs five, so the diagonal fills up what is missing.

    The filling has no weight to speak of.
    """
    missing = max(3 - len(subset), 0)
    filling = np.setdiff1d(np.array([0.3, 0.5, 0.7]), subset)[:missing]
    x = np.concatenate([[0.0], subset, filling, [1.0]])
    y = np.concatenate([[0.0], full, filling, [1.0]])
    w = np.concatenate([[END_WEIGHT], weights, np.full(len(filling), 1e-6), [END_WEIGHT]])
    order = np.argsort(x, kind="stable")
    return x[order], y[order], w[order]
