"""What data that one could buy are worth: to a decision, and to a forecast's width."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cod_bayes.errors import DataError

type Floats = npt.NDArray[np.float64]

# Additive splines, and as much ridge as leave-one-out asks for. Draws come chain by chain.
N_KNOTS, RIDGES, N_FOLDS = 5, np.geomspace(1e-3, 1e3, 7), 5
MIN_DRAWS = 100


@dataclass(frozen=True)
class Estimate:
    """A mean over draws and its Monte-Carlo standard error."""

    value: float
    se: float


def compute_evsi(
    utility: npt.ArrayLike,
    data: npt.ArrayLike,
    affordable: npt.ArrayLike | None = None,
    *,
    random_seed: int = 0,
) -> Estimate:
    """Expected value of sample information: ``E_y[max_x E(u_x | y)] - max_x E(u_x)``.

    What a pilot's data ``y`` would add to the expected utility of choosing well, its price not
    taken off. ``E(u_x | y)`` is learnt by regressing the draws of utility on simulated data, on
    additive splines (Strong, Oakley, Brennan and Breeze, Medical Decision Making 35, 2015, 570).
    To be honest about what was learnt, each fold of draws is decided by a rule learnt on the
    others, and the rule's worth is the utility of those draws themselves: the estimate has no
    optimism, and is low by what a perfect rule would gain over the learnt one. Data that change no
    choice are worth exactly nothing.

    Parameters
    ----------
    utility
        Shape (draw, candidate), of candidates that can be chosen without the pilot.
    data
        Shape (draw, feature): the pilot's data simulated from the same draws, with all its noise.
    affordable
        Shape (candidate,): what can still be chosen once the pilot is paid for; all by default.

    Returns
    -------
    Estimate
        Negative where the pilot leaves nothing to choose that is as good.

    Raises
    ------
    DataError
        For fewer than a hundred draws, tables of unequal length, or numbers that are not finite.
    """
    from sklearn.model_selection import KFold  # not at the top: it takes a second

    u, y = _check_tables(utility, data)
    left = np.ones(u.shape[1], bool) if affordable is None else np.asarray(affordable, bool)
    if not left.any():
        raise DataError("no candidate is left to choose once the pilot is paid for")
    now = int(u.mean(axis=0).argmax())
    options = u[:, left]
    chosen = np.empty(len(u), dtype=np.intp)
    folds = KFold(min(N_FOLDS, len(u)), shuffle=True, random_state=random_seed)
    for known, new in folds.split(y):
        chosen[new] = regress_utility(y[known], options[known], y[new]).argmax(axis=1)
    gain = options[np.arange(len(u)), chosen] - u[:, now]
    return Estimate(float(gain.mean()), float(gain.std(ddof=1) / np.sqrt(len(u))))


def compute_variance_share(target: npt.ArrayLike, data: npt.ArrayLike) -> Floats:
    """Share of the target's variance that data are expected to remove.

    In the linear-Gaussian case the expected reduction is ``cov(f, y) Var(y)^-1 cov(y, f)``, with a
    single datum ``cov(f, y)^2 / (var(y) + sigma^2)``; here as a share of ``var(f)``, adjusted for
    the number of features. Where the law bends more than that, data may teach more. A ranking
    proxy: not the value of sample information.

    Parameters
    ----------
    target
        Shape (draw,) or (draw, target), for instance the score to be forecast.
    data
        Shape (draw, feature), with all of the pilot's own noise.

    Returns
    -------
    ndarray
        Shape (target,), within [0, 1].
    """
    f, y = _check_tables(np.reshape(target, (len(np.asarray(target)), -1)), data)
    f, y = f - f.mean(axis=0), y - y.mean(axis=0)
    weights, *_ = np.linalg.lstsq(y, f, rcond=None)
    total = (f**2).sum(axis=0)
    unexplained = ((f - y @ weights) ** 2).sum(axis=0)
    lost = (len(f) - 1) / (len(f) - 1 - y.shape[1])
    share: Floats = np.clip(1 - lost * unexplained / np.where(total > 0, total, 1.0), 0, 1)
    return np.where(total > 0, share, 0.0)


def compute_narrowing(share: npt.ArrayLike) -> Floats:
    """By which fraction an interval narrows when this share of the variance goes."""
    narrowing: Floats = 1 - np.sqrt(1 - np.asarray(share, float))
    return narrowing


def regress_utility(y: Floats, u: Floats, at: Floats) -> Floats:
    """Expected utilities at new data, shape (new, candidate), learnt from draws of both."""
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import SplineTransformer, StandardScaler

    splines = SplineTransformer(N_KNOTS, knots="quantile", extrapolation="linear")
    rule = make_pipeline(StandardScaler(), splines, RidgeCV(alphas=RIDGES))
    predicted: Floats = rule.fit(y, u).predict(at).reshape(len(at), -1)
    return predicted


def _check_tables(values: npt.ArrayLike, data: npt.ArrayLike) -> tuple[Floats, Floats]:
    first, second = np.asarray(values, float), np.asarray(data, float)
    if first.ndim != 2 or second.ndim != 2 or len(first) != len(second) or 0 in first.shape:
        raise DataError(
            "draws of what is decided and of the pilot's data must be tables of as many draws; "
            f"their shapes are {first.shape} and {second.shape}"
        )
    if len(first) < MIN_DRAWS:
        raise DataError(
            f"{len(first)} draws are too few to learn what data would teach; {MIN_DRAWS} are the "
            "least. Fit with more draws (sampler.draws)"
        )
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise DataError("draws must be finite numbers; leave out what has no forecast")
    return first, second
