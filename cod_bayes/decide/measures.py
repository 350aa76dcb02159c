"""What draws of utility say of each candidate: risk, regret, and the worth of knowing more.

All functions take ``utility`` (draw, candidate), whose rows are *paired*: one draw of everything
unknown, seen through every candidate. Differences between candidates then keep what is common to
them. Larger is better; the risky tail is the lower one.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from cod_bayes.errors import DataError

type Floats = npt.NDArray[np.float64]


def compute_p_reach(scores: npt.ArrayLike, threshold: float) -> Floats:
    """Probability that each candidate's score is at least ``threshold``, shape (candidate,)."""
    reached: Floats = (_as_draws(scores, "scores") >= threshold).mean(axis=0)
    return reached


def compute_var(utility: npt.ArrayLike, alpha: float) -> Floats:
    """Value at risk: the lower ``alpha``-quantile of utility, shape (candidate,).

    The quantile is the inverse of the empirical distribution function: the least draw that at
    least a share ``alpha`` of the draws does not exceed. Threshold payoffs have ties, between
    which interpolation would invent utilities that nobody can get.

    Raises
    ------
    DataError
        If ``alpha`` lies outside (0, 1], or utility is no table of draws.
    """
    _check_share("alpha", alpha)
    draws = _as_draws(utility, "utility")
    # NumPy's inverted_cdf is this definition, but looks at floating-point dust in alpha * n
    position = max(int(np.ceil(alpha * len(draws) - 1e-9)) - 1, 0)
    quantile: Floats = np.partition(draws, position, axis=0)[position]
    return quantile


def compute_cvar(utility: npt.ArrayLike, alpha: float) -> Floats:
    """Conditional value at risk: mean utility of the worst share ``alpha``, shape (candidate,).

    ``VaR - mean(max(VaR - u, 0)) / alpha`` (Rockafellar and Uryasev 2002, Journal of Banking and
    Finance 26, 1443, theorem 10), right also where a draw straddles the share. ``alpha = 1`` is
    the mean.

    Raises
    ------
    DataError
        As :func:`compute_var`.
    """
    draws = _as_draws(utility, "utility")
    at_risk = compute_var(draws, alpha)
    shortfall: Floats = np.maximum(at_risk - draws, 0).mean(axis=0)
    return at_risk - shortfall / alpha


def compute_expected_regret(utility: npt.ArrayLike) -> Floats:
    """Mean over draws of what the best candidate of each draw gains more, shape (candidate,)."""
    mean: Floats = _compute_regret(utility).mean(axis=0)
    return mean


def compute_quantile_regret(utility: npt.ArrayLike, level: float = 0.95) -> Floats:
    """Regret that is not exceeded with probability ``level``, shape (candidate,).

    Its least value over candidates is the minimax-regret choice, made robust: the maximum over
    draws grows with their number and says nothing.

    Raises
    ------
    DataError
        As :func:`compute_var`.
    """
    return compute_var(_compute_regret(utility), level)


def compute_p_best(utility: npt.ArrayLike) -> Floats:
    """Probability that each candidate is the best, shape (candidate,); ties share their draw."""
    draws = _as_draws(utility, "utility")
    is_best = draws == draws.max(axis=1, keepdims=True)
    p_best: Floats = (is_best / is_best.sum(axis=1, keepdims=True)).mean(axis=0)
    return p_best


def compute_evpi(utility: npt.ArrayLike) -> float:
    """Expected value of perfect information: ``E[max_x u] - max_x E[u]``.

    What it would be worth to know every score before choosing: the most that any pilot is worth.
    It equals the least expected regret (Raiffa and Schlaifer 1961).
    """
    draws = _as_draws(utility, "utility")
    return float(draws.max(axis=1).mean() - draws.mean(axis=0).max())


def _compute_regret(utility: npt.ArrayLike) -> Floats:
    draws = _as_draws(utility, "utility")
    regret: Floats = draws.max(axis=1, keepdims=True) - draws
    return regret


def _as_draws(values: npt.ArrayLike, name: str) -> Floats:
    draws = np.asarray(values, dtype=float)
    if draws.ndim != 2 or 0 in draws.shape:
        raise DataError(
            f"{name} must be a table of draws and candidates, one of each or more; its shape is "
            f"{draws.shape}"
        )
    if not np.isfinite(draws).all():
        raise DataError(
            f"{name} has {int((~np.isfinite(draws)).sum())} values that are no finite number: "
            "leave candidates without a forecast out"
        )
    return draws


def _check_share(name: str, value: Any) -> None:
    if not 0 < value <= 1:
        raise DataError(f"{name} must be a share within (0, 1], as 0.1; got {value}")
