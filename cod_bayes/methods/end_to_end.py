"""End-to-end law: one performance-compute law on each benchmark's whole score."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.law.curves import CURVES, Curve, compute_log_hazard, compute_score, load_curve
from cod_bayes.law.data import (
    add_scales,
    build_rows,
    choose_scale,
    compute_reference,
    select_runs,
)
from cod_bayes.law.model import IS_ANCHOR
from cod_bayes.law.sampling import sample_law
from cod_bayes.methods.bootstrap import Array, Link, PointCurve, Points, identity
from cod_bayes.methods.point_scores import (
    ANCHOR_WEIGHT,
    FittedPoints,
    check_estimate,
    draw_scores,
    fit_scores,
    log_scale_of_targets,
)
from cod_bayes.methods.protocol import POSTERIOR, RESIDUAL_BOOTSTRAP, Method, require
from cod_bayes.propagate import Chain, chain_benchmarks, draw_benchmarks
from cod_bayes.schema import LLM
from cod_bayes.scores import positions_of_benchmarks

# Bounds of the point fit: log-hazard at the largest ladder run, slope, and c of exp(-c) >= 0.67 %.
LOG_HAZARD, SLOPE, FAILING = (-50.0, 50.0), (0.0, 5.0), (0.0, 5.0)
START_SLOPES, START_FAILING = (0.1, 0.3, 0.6, 1.2), (0.0, 0.3)


@dataclass(frozen=True)
class FittedRows:
    """Draws of a law whose rows are benchmarks, and what they are stated in."""

    posterior: xr.Dataset
    rows: xr.Dataset
    reference: dict[str, float]
    curve: str
    passed: bool


@dataclass(frozen=True)
class EndToEnd(Method[FittedRows | FittedPoints]):
    """The law of a whole benchmark, partially pooled over benchmarks.

    ``p(C) = g + (1 - g) exp(-a C^-b - c)`` (arXiv 2502.17262, section 3, "end-to-end (exp)"), by
    default with a frailty for the items' heterogeneity, and in parameters and tokens where the
    ladder tells them apart; ``end-to-end-exp[law.curve=paper, law.scale=compute]`` is the paper's
    law, and with ``estimate="least-squares"`` the paper's fit of it.

    estimate
        ``posterior``, or ``least-squares``: benchmark by benchmark, ``g`` at chance, ``c >= 0``.
        The point fit has no frailty (a ladder is too short for a free one): there the curve
        ``frailty`` means ``paper``.
    anchors
        Whether models of other families enter. They bring a discrepancy of their own on the
        logit: learnt in the posterior (prior ``mapping.priors.anchor_sd``), stated by
        ``anchor_weight`` in least squares.
    anchor_weight
        An anchor's weight in least squares; 1 makes anchors exact points, as the paper has them.
    draws
        Of the bootstrap.
    """

    name: ClassVar[str] = "end-to-end-exp"
    estimate: str = POSTERIOR
    anchors: bool = False
    anchor_weight: float = ANCHOR_WEIGHT
    draws: int = 100

    def __post_init__(self) -> None:
        check_estimate(self.name, self.estimate, self.draws)

    def _fit(
        self, evals: xr.Dataset, config: Config, random_seed: int
    ) -> FittedRows | FittedPoints:
        check_anchors(self.name, evals, self.anchors)
        if self.estimate == POSTERIOR:
            return fit_rows(evals, config, random_seed, anchors=self.anchors)
        scales = choose_scale(select_runs(evals, "ladder"), config.law.scale)
        return fit_scores(
            evals,
            scales,
            partial(make_law_curve, curve=config.law.curve, n_scales=len(scales)),
            draws=self.draws,
            anchor_weight=self.anchor_weight * self.anchors,
            random_seed=random_seed,
        )

    def _predict(
        self, fitted: FittedRows | FittedPoints, targets: xr.Dataset, random_seed: int
    ) -> xr.DataArray:
        return predict_either(self, fitted, targets, random_seed)


def predict_either(
    method: Method[Any],
    fitted: FittedRows | FittedPoints,
    targets: xr.Dataset,
    random_seed: int,
) -> xr.DataArray:
    """Draws of a method that has both forms, from whichever was fitted."""
    if isinstance(fitted, FittedRows):
        draws = draw_rows(fitted, targets, random_seed)
        return method.label_draws(draws, POSTERIOR, passed=fitted.passed)
    draws = draw_scores(fitted, targets, random_seed)
    return method.label_draws(draws, RESIDUAL_BOOTSTRAP, notes=fitted.notes)


def check_anchors(method: str, evals: xr.Dataset, wanted: bool) -> None:
    """Refuse to fit with anchors where there are none."""
    has_any = bool((evals["role"].values == "anchor").any())
    remedy = 'mark models of other families by role = "anchor", or set anchors=false'
    require(has_any or not wanted, method, "anchors, as asked for by anchors=true", remedy)


def with_curve(config: Config, curve: str) -> Config:
    """The configuration with another curve."""
    return replace(config, law=replace(config.law, curve=curve))


def fit_rows(
    evals: xr.Dataset,
    config: Config,
    random_seed: int,
    *,
    anchors: bool = False,
    scales: tuple[str, ...] = (),
) -> FittedRows:
    """Sample the law of all benchmarks' scores on the ladder, and on anchors if wanted.

    ``scales`` are the covariates; those of ``law.scale`` if omitted.
    """
    scales = scales or choose_scale(select_runs(evals, "ladder"), config.law.scale)
    rows, reference = build_score_rows(evals, scales, anchors=anchors)
    tree, gate = sample_law(rows, config, random_seed=random_seed)
    posterior = tree["posterior"].to_dataset()
    return FittedRows(posterior, rows, reference, config.law.curve, bool(gate["passed"]))


def build_score_rows(
    evals: xr.Dataset, scales: tuple[str, ...], *, anchors: bool
) -> tuple[xr.Dataset, dict[str, float]]:
    """A row a benchmark, as :func:`~cod_bayes.law.build_law` takes them, and their reference.

    With anchors the rows have them behind the ladder, marked by ``is_anchor`` (llm).
    """
    runs = ladder = select_runs(evals, "ladder")
    reference = compute_reference(ladder, scales)
    if anchors:
        runs = xr.concat([ladder, select_runs(evals, "anchor")], dim=LLM)
    rows = build_rows(runs, positions_of_benchmarks(evals))
    if anchors:
        rows[IS_ANCHOR] = (LLM, np.arange(runs.sizes[LLM]) >= ladder.sizes[LLM])
    return add_scales(rows, runs, scales, reference), reference


def draw_rows(fitted: FittedRows, targets: xr.Dataset, random_seed: int) -> dict[str, Array]:
    """One new run's score for every draw: benchmark -> (draw, target)."""
    log_scale = log_scale_of_targets(targets, fitted.reference)
    make = partial(Chain, curve=load_curve(fitted.curve))
    chains = chain_benchmarks(fitted.posterior, fitted.rows["n_questions"], log_scale, make)
    return draw_benchmarks(chains, np.random.default_rng(random_seed))


def make_law_curve(
    points: Points, guess_floor: float, *, curve: str, n_scales: int, link: Link = identity
) -> PointCurve:
    """The law for least squares: log-hazards and slopes by scale, then ``c`` if it has a ceiling.

    Parameters
    ----------
    points
        Not needed: the law is stated at the reference.
    """
    shape = CURVES["paper"] if curve == "frailty" else load_curve(curve)
    shape = replace(shape, has_frailty=False)
    floor = guess_floor if shape.has_floor else 0.0
    bounds = [LOG_HAZARD] * n_scales + [SLOPE] * n_scales + [FAILING] * shape.has_ceiling
    return PointCurve(
        partial(predict_law, shape=shape, floor=floor, n_scales=n_scales),
        partial(start_law, shape=shape, floor=floor, n_scales=n_scales),
        tuple(low for low, _ in bounds),
        tuple(high for _, high in bounds),
        link,
    )


def predict_law(
    parameters: Array, log_scale: Array, *, shape: Curve, floor: float, n_scales: int
) -> Array:
    """Score of the law, shape (..., point); parameters as in :func:`make_law_curve`."""
    by_scale = np.moveaxis(parameters, -1, 0)[..., None]
    x = log_scale.reshape(n_scales, *[1] * (parameters.ndim - 1), -1)
    hazard = compute_log_hazard(by_scale[:n_scales], by_scale[n_scales : 2 * n_scales], x)
    ceiling = np.exp(-by_scale[-1]) if shape.has_ceiling else 1.0
    score: Array = compute_score(hazard, ceiling, floor, 0.0, shape)
    return score


def start_law(
    log_scale: Array, score: Array, *, shape: Curve, floor: float, n_scales: int
) -> Array:
    """Slopes and ``c`` over a grid, each with the hazard that meets the best or the middle run."""
    share = np.clip((score - floor) / (1 - floor), 0.01, 0.99)
    order = np.argsort(log_scale.sum(axis=0))
    starts = []
    for slope in START_SLOPES:
        for failing in START_FAILING if shape.has_ceiling else (0.0,):
            for at in (order[-1], order[len(order) // 2]):
                hazard = max(-np.log(share[at]) - failing, 0.05)
                # the scales' hazards start equal at that run, and sum to its hazard
                log_hazards = np.log(hazard / n_scales) + slope * log_scale[:, at]
                tail = [failing] * shape.has_ceiling
                starts.append([*log_hazards, *[slope] * n_scales, *tail])
    return np.array(starts)
