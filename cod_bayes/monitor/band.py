"""The watched run before it is seen: all its checkpoints and its end as one Gaussian."""

import numpy as np

from cod_bayes.monitor.checkpoints import Floats
from cod_bayes.monitor.gaussian import Gaussian
from cod_bayes.monitor.law_path import LawPath
from cod_bayes.monitor.structure import (
    Stack,
    Structure,
    build_covariance,
    build_regressors,
    follow,
)
from cod_bayes.monitor.trajectories import Trajectories


def build_joint(path: LawPath, stack: Stack, trajectories: Trajectories) -> Gaussian:
    """Mean and covariance of the run's logit scores, in the order of ``stack``: (value,).

    By the law of total variance. What is uncertain about the law and about the within-run
    parameters (draws of the one paired with draws of the other) moves the means; given both, the
    run has the level, the progress, the scatter and the noise of its own.
    """
    draws, best = trajectories.draws, trajectories.structure
    slope = follow(path, path.rate, stack, best.progress) * stack.log_share
    regressors = build_regressors(stack, slope, len(trajectories.benchmarks))
    departures = trajectories.departures
    means = _follow_draws(path, stack, np.array([one.progress for one in draws]))
    own = [
        build_covariance(stack, slope, one) + spread_level(leave_level(path.luck, one), stack)
        for one in draws
    ]
    return Gaussian(
        means.mean(axis=0) + regressors @ departures.mean,
        np.mean(own, axis=0)
        + np.cov(means, rowvar=False)
        + regressors @ departures.covariance @ regressors.T,
    )


def build_law_joint(path: LawPath, stack: Stack) -> Gaussian:
    """The same by a law in parameters and tokens alone: no scatter of checkpoints is known."""
    means = _follow_draws(path, stack, np.ones(1))
    own = spread_level(path.luck, stack) + np.diag(stack.variance)
    return Gaussian(means.mean(axis=0), own + np.cov(means, rowvar=False))


def leave_level(luck: Floats, structure: Structure) -> Floats:
    """What a run's luck leaves of itself when the scatter of one checkpoint is taken out.

    The law's luck is that of finished runs, and their last checkpoints scatter as all do: the
    level is the lasting part. Where scatter alone is more than the luck, nothing lasts; negative
    eigenvalues become zero. Shape (benchmark, benchmark).
    """
    scatter = structure.common_sd**2 + (structure.own_sd**2 + structure.jitter_sd**2) * np.eye(
        len(luck)
    )
    values, vectors = np.linalg.eigh(luck - scatter)
    level: Floats = (vectors * np.maximum(values, 0.0)) @ vectors.T
    return level


def spread_level(level: Floats, stack: Stack) -> Floats:
    """A level's covariance by benchmark, between all values of a run: (value, value)."""
    spread: Floats = level[np.ix_(stack.benchmark, stack.benchmark)]
    return spread


def _follow_draws(path: LawPath, stack: Stack, progress: Floats) -> Floats:
    """Each draw of the law at its own effective compute, (draw, value).

    Draws of ``progress`` take turns. The grid is even, so that interpolation is a weighted pair.
    """
    n_draws, _, n_grid = path.draws.shape
    powers = np.resize(progress, n_draws)
    step = path.log_share[1] - path.log_share[0]
    place = (np.outer(powers, stack.log_share) - path.log_share[0]) / step
    lower = np.clip(place.astype(int), 0, n_grid - 2)
    share = np.clip(place - lower, 0.0, 1.0)
    of_draw = np.arange(n_draws)[:, None]
    low, high = (path.draws[of_draw, stack.benchmark, lower + i] for i in (0, 1))
    followed: Floats = low + share * (high - low)
    return followed
