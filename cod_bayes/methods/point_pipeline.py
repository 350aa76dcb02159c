"""The paper's pipeline on one benchmark: laws, thresholds, subset, map; and its bootstrap."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cod_bayes.law.least_squares import PointLaw, fit_point_law
from cod_bayes.mapping.point import PointMap
from cod_bayes.methods.bootstrap import shift_rate, to_angle

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]

N_LAW_PARAMETERS = 3


@dataclass(frozen=True)
class BenchmarkScores:
    """What the pipeline sees of one benchmark; NaN where a run tried nothing.

    flops
        Shape (run,), of the ladder's runs.
    rates
        Shape (cluster, run + anchor): the ladder's runs first.
    full
        Shape (run + anchor,), the benchmark's score.
    sizes, floors
        Shape (cluster,): questions in each cluster; probability of a lucky guess.
    """

    flops: Floats
    rates: Floats
    full: Floats
    sizes: Floats
    floors: Floats

    @property
    def n_runs(self) -> int:
        """Runs of the ladder; the other columns are anchors."""
        return len(self.flops)

    @property
    def tried(self) -> NDArray[np.bool_]:
        """Which runs tried a cluster, shape (cluster, run)."""
        return np.isfinite(self.rates[:, : self.n_runs])


@dataclass(frozen=True)
class Settings:
    """The choices that make a variant of the pipeline.

    law
        As :func:`~cod_bayes.law.least_squares.fit_point_law` names them.
    select
        Which of the fitted laws, shape (cluster,), can be extrapolated.
    fit_map
        From pairs (subset, full) to a map; None where the subset's score stands for the full one.
    """

    law: str
    select: Callable[[PointLaw], Any]
    fit_map: Callable[[Floats, Floats], PointMap] | None


@dataclass(frozen=True)
class Estimate:
    """The fitted pipeline.

    laws
        Fields of shape (cluster,).
    weights
        Shape (cluster,): share of the subset; zero for clusters outside it.
    map
        From subset to full score, or None.
    shifts
        Shape (cluster, run), angles: residuals of the laws, a column a checkpoint's luck.
    map_shifts
        Shape (run + anchor,), angles: residuals of the map.
    """

    laws: PointLaw
    weights: Floats
    map: PointMap | None
    shifts: Floats
    map_shifts: Floats

    def score_subset(self, flops: Floats, run: int | None = None) -> Floats:
        """Subset's score at computes (target,), with the luck that a run of the ladder had."""
        rates = _column(self.laws)(flops[None, :])
        if run is not None:
            rates = shift_rate(rates, self.shifts[:, run, None])
        score: Floats = self.weights @ rates
        return score

    def score_full(self, subset: Floats, run: int | None = None) -> Floats:
        """Full score of a subset's score, with the map's residual on a run of the ladder."""
        if self.map is None:
            return subset
        full = self.map(subset)
        return full if run is None else shift_rate(full, self.map_shifts[run])


def fit_pipeline(data: BenchmarkScores, settings: Settings) -> Estimate | None:
    """Fit laws, subset and map; None where no cluster can be extrapolated."""
    laws = _fit_laws(data, data.rates, settings.law)
    weights = _weigh(data, settings.select(laws))
    if weights is None:
        return None
    fitted = _column(laws)(data.flops[None, :])
    shifts = _find_shifts(data, fitted)
    mapped, map_shifts = _fit_map(data, weights, data.full, settings)
    return Estimate(laws, weights, mapped, shifts, map_shifts)


def bootstrap_pipeline(
    data: BenchmarkScores, point: Estimate, settings: Settings, rng: np.random.Generator
) -> Estimate:
    """Fit the pipeline to one replicate of the data.

    A replicate gives every run the luck that a run drawn with replacement had: the residuals of
    all clusters together, since a checkpoint's luck is shared by them, and the map's with them.
    Laws are searched from the point estimate's; the thresholds are applied anew, and where no
    cluster meets them the point estimate's subset stays.
    """
    luck = rng.integers(data.n_runs, size=data.n_runs)
    fitted = _column(point.laws)(data.flops[None, :])
    rates = data.rates.copy()
    drawn = shift_rate(fitted, point.shifts[:, luck])
    rates[:, : data.n_runs] = np.where(data.tried, drawn, np.nan)
    laws = _fit_laws(data, rates, settings.law, point.laws)
    weights = _weigh(data, settings.select(laws))
    weights = point.weights if weights is None else weights
    mapped, map_shifts = _fit_map(data, weights, data.full, settings)
    if mapped is not None:
        n_anchors = len(data.full) - data.n_runs
        anchors = data.n_runs + rng.integers(max(n_anchors, 1), size=n_anchors)
        order = np.concatenate([luck, anchors])
        full = shift_rate(mapped(_subset(data, weights)), map_shifts[order])
        mapped, _ = _fit_map(data, weights, full, settings)
    return Estimate(laws, weights, mapped, point.shifts, map_shifts)


def _fit_laws(
    data: BenchmarkScores, rates: Floats, law: str, near: PointLaw | None = None
) -> PointLaw:
    """Every cluster's law, one after the other; fields of shape (cluster,)."""
    laws = []
    for k, known in enumerate(data.tried):
        starts = None if near is None else [(near.log_a[k], np.log(near.b[k]))]
        score = rates[k, : data.n_runs][known]
        laws.append(fit_point_law(data.flops[known], score, data.floors[k], law, starts))
    columns = {n: np.array([getattr(fit, n) for fit in laws]) for n in ("log_a", "b", "c", "floor")}
    return PointLaw(**columns)


def _column(laws: PointLaw) -> PointLaw:
    """Laws to be evaluated at a row of computes."""
    return replace(laws, **{n: getattr(laws, n)[:, None] for n in ("log_a", "b", "c", "floor")})


def _weigh(data: BenchmarkScores, chosen: Any) -> Floats | None:
    """Each cluster's share of the questions in the subset; None for an empty subset."""
    sizes = np.where(chosen, data.sizes, 0.0)
    return sizes / sizes.sum() if sizes.sum() > 0 else None


def _find_shifts(data: BenchmarkScores, fitted: Floats) -> Floats:
    """Residuals, centred, and widened for the parameters that they were spent on."""
    known = data.tried
    residuals = np.where(known, to_angle(data.rates[:, : data.n_runs]) - to_angle(fitted), 0.0)
    n_known = known.sum(axis=1, keepdims=True)
    centred = np.where(known, residuals - residuals.sum(axis=1, keepdims=True) / n_known, 0.0)
    widened: Floats = centred * np.sqrt(n_known / (n_known - N_LAW_PARAMETERS))
    return widened


def _subset(data: BenchmarkScores, weights: Floats) -> Floats:
    """The subset's observed score on every run and anchor; NaN where a part was not tried."""
    used = weights > 0
    score: Floats = weights[used] @ data.rates[used]
    return score


def _fit_map(
    data: BenchmarkScores, weights: Floats, full: Floats, settings: Settings
) -> tuple[PointMap | None, Floats]:
    """The map of the pairs at hand, and its residuals (zero where there is none)."""
    shifts = np.zeros(len(full))
    if settings.fit_map is None:
        return None, shifts
    subset = _subset(data, weights)
    known = np.isfinite(subset) & np.isfinite(full)
    mapped = settings.fit_map(subset[known], full[known])
    shifts[known] = to_angle(full[known]) - to_angle(mapped(subset[known]))
    return mapped, shifts
