"""Point fits of every benchmark's score: from evaluations to replicates to a target's draws."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from cod_bayes.errors import ConfigError
from cod_bayes.law.data import COVARIATE, compute_reference
from cod_bayes.law.evaluate import log_scale_of
from cod_bayes.methods.bootstrap import (
    Array,
    PointCurve,
    Points,
    Replicates,
    bootstrap_points,
    draw_runs,
)
from cod_bayes.methods.protocol import LEAST_SQUARES, POSTERIOR, TARGET
from cod_bayes.schema import BENCHMARK, LLM, N_TRIALS
from cod_bayes.scores import tabulate_scores

# The share of a ladder run's weight that an anchor has: runs scatter about a map with sd 0.15 on
# the logit, and models of other families with 0.3 more (MappingPriors.scatter_sd, anchor_sd), so
# the ratio of variances is 0.15^2 / (0.15^2 + 0.3^2).
ANCHOR_WEIGHT = 0.2

# A benchmark's points and its guess floor -> the curve to fit to them.
MakeCurve = Callable[[Points, float], PointCurve]


@dataclass(frozen=True)
class FittedPoints:
    """Replicates of every benchmark's curve; for the others, why there are none."""

    curves: dict[str, PointCurve]
    replicates: dict[str, Replicates]
    reference: dict[str, float]
    missing: dict[str, str]
    draws: int

    @property
    def notes(self) -> list[str]:
        """``benchmark: why``, for benchmarks without a forecast."""
        return [f"{name}: {why}" for name, why in self.missing.items() if why]


def check_estimate(method: str, estimate: str, draws: int) -> None:
    """Refuse an ``estimate`` that is neither form, and a negative number of draws.

    Raises
    ------
    ConfigError
        Naming the choices.
    """
    if estimate not in (POSTERIOR, LEAST_SQUARES):
        raise ConfigError(
            f"{method}.estimate must be one of {POSTERIOR}, {LEAST_SQUARES}; got {estimate!r}"
        )
    if draws < 0:
        raise ConfigError(f"{method}.draws must be at least 0; got {draws}")


def fit_scores(
    evals: xr.Dataset,
    scales: tuple[str, ...],
    make_curve: MakeCurve,
    *,
    draws: int,
    anchor_weight: float = 0.0,
    random_seed: int,
) -> FittedPoints:
    """Fit a point curve to every benchmark's scores, and bootstrap it.

    Parameters
    ----------
    evals
        Evaluation data without targets.
    scales
        The covariates, see :data:`cod_bayes.law.data.COVARIATE`.
    make_curve
        Gives the curve for a benchmark's points and its guess floor.
    anchor_weight
        Weight of an anchor's point, a ladder run's being 1; without weight anchors stay out.
    """
    scores = tabulate_scores(evals)
    is_ladder = scores["role"].values == "ladder"
    reference = compute_reference(scores.isel({LLM: np.flatnonzero(is_ladder)}), scales)
    logs = [np.log(scores[COVARIATE[scale]].values / reference[scale]) for scale in scales]
    weight = np.where(is_ladder, 1.0, anchor_weight)
    rng = np.random.default_rng(random_seed)
    curves, replicates, missing = {}, {}, {}
    for name in scores[BENCHMARK].values:
        row = scores.sel({BENCHMARK: name})
        kept = np.flatnonzero((row[N_TRIALS].values > 0) & (weight > 0))
        points = Points(
            log_scale=np.array(logs)[:, kept],
            score=row["score"].values[kept],
            n_trials=row[N_TRIALS].values[kept].astype(float),
            weight=weight[kept],
        )
        curve = make_curve(points, float(row["guess_floor"]))
        missing[str(name)] = explain_shortage(points, curve)
        if not missing[str(name)]:
            curves[str(name)] = curve
            replicates[str(name)] = bootstrap_points(curve, points, draws, rng)
    return FittedPoints(curves, replicates, reference, missing, draws)


def explain_shortage(points: Points, curve: PointCurve) -> str:
    """Why a curve cannot be fitted and bootstrapped; empty where it can."""
    n, k = len(points.score), len(curve.lower)
    return f"{n} scored runs are too few for a curve of {k} parameters" if n <= k else ""


def draw_scores(
    fitted: FittedPoints, targets: xr.Dataset, random_seed: int
) -> dict[str, np.ndarray[Any, Any]]:
    """One new run's score for every replicate: benchmark -> (draw, target); NaN where missing."""
    rng = np.random.default_rng(random_seed)
    log_scale = log_scale_of_targets(targets, fitted.reference)
    draws: dict[str, Array] = {}
    for name in fitted.missing:
        if name in fitted.replicates:
            draws[name] = draw_runs(fitted.curves[name], fitted.replicates[name], log_scale, rng)
        else:
            draws[name] = np.full((max(fitted.draws, 1), targets.sizes[TARGET]), np.nan)
    return draws


def log_scale_of_targets(targets: xr.Dataset, reference: dict[str, float]) -> Array:
    """Targets' covariates in nats from the reference, shape (scale, target)."""
    values = {scale: targets[covariate].values for scale, covariate in COVARIATE.items()}
    return log_scale_of(values, reference, tuple(reference))
