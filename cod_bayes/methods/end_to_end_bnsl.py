"""End-to-end forecast by the broken neural scaling law."""

import json
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.inference import Compiled, compile_once, sample_until_passed
from cod_bayes.law.curves import CURVES, LAPSE, Curve
from cod_bayes.law.data import COMPUTE_SCALE, pad_llms, pad_rows
from cod_bayes.law.model import IS_ANCHOR
from cod_bayes.law.sampling import LLMS_STEP, ROWS_STEP
from cod_bayes.methods.bnsl import (
    BREAK,
    SEGMENT,
    BnslPriors,
    bnsl_arrays,
    build_bnsl,
    compute_bnsl,
)
from cod_bayes.methods.bootstrap import Array, PointCurve, Points
from cod_bayes.methods.end_to_end import build_score_rows, check_anchors
from cod_bayes.methods.point_scores import (
    ANCHOR_WEIGHT,
    FittedPoints,
    check_estimate,
    draw_scores,
    fit_scores,
    log_scale_of_targets,
)
from cod_bayes.methods.protocol import POSTERIOR, RESIDUAL_BOOTSTRAP, Method
from cod_bayes.propagate import Chain, chain_benchmarks, draw_benchmarks
from cod_bayes.schema import CLUSTER, LLM

MAX_BREAKS = 3
# Of the point fit; all lie inside the bounds, drawn with a seed of their own.
N_STARTS, START_SEED = 30, 20221014
SLOPE, LOG_WIDTH = (0.0, 5.0), (np.log(0.1), np.log(5.0))
# Variables that only the sampler needs.
AUXILIARY = ("start_logit", "limit_logit", "break_logit", "log_slope", "bend_offset")


@dataclass(frozen=True)
class FittedBnsl:
    """Draws of the broken law of every benchmark, and what they are stated in."""

    posterior: xr.Dataset
    rows: xr.Dataset
    reference: dict[str, float]
    passed: bool

    @property
    def first(self) -> float:
        """Log compute of the smallest run, from the largest."""
        return float(self.rows["log_scale"].min())


@dataclass(frozen=True)
class BnslChain(Chain):
    """A chain whose rows follow the broken law from log compute ``first`` on; no curve is read."""

    curve: Curve = CURVES["paper"]
    first: float = 0.0

    @cached_property
    def rates(self) -> Array:
        """The rates at the targets, luck apart, shape (draw, cluster, target)."""
        by_row = {
            name: self.law[name].transpose("sample", CLUSTER).values[..., None]
            for name in ("start", "limit")
        }
        slopes, breaks = (
            self.law[name].transpose(dim, "sample", CLUSTER).values[..., None]
            for name, dim in (("slope", SEGMENT), ("break_at", BREAK))
        )
        widths = [self.law["width"].values[:, None, None]] * len(breaks)
        score: Array = compute_bnsl(
            self.log_scale[0], self.first, by_row["start"], by_row["limit"], slopes, breaks, widths
        )
        return LAPSE + (1 - 2 * LAPSE) * score


@dataclass(frozen=True)
class EndToEndBnsl(Method[FittedBnsl | FittedPoints]):
    """Broken neural scaling law of the error in compute (arXiv 2210.14891), by benchmark.

    ``y = a + b x^(-c0) prod_i (1 + (x/d_i)^(1/f_i))^(-c_i f_i)`` with ``y = 1 - score`` and ``x``
    the training compute, whatever ``law.scale`` says. The paper's law lets curves rise and fall;
    here exponents do not change sign, so that scores rise with compute and stay in [0, 1].

    breaks
        One to three; 3 + 3 times as many parameters in least squares.
    estimate
        ``posterior``: exponents pooled over benchmarks, breaks anywhere up to
        ``law.classes.horizon``, which is the point of this law: a bend that is still to come.
        ``least-squares``: benchmark by benchmark, the best of 30 random starts.
    anchors, anchor_weight
        As in ``end-to-end-exp``.
    draws
        Of the bootstrap.
    priors
        Of the posterior; noise has the law's, ``law.priors``.
    """

    name: ClassVar[str] = "end-to-end-bnsl"
    breaks: int = 1
    estimate: str = POSTERIOR
    anchors: bool = False
    anchor_weight: float = ANCHOR_WEIGHT
    draws: int = 100
    priors: BnslPriors = field(default_factory=BnslPriors)

    def __post_init__(self) -> None:
        check_estimate(self.name, self.estimate, self.draws)
        if not 1 <= self.breaks <= MAX_BREAKS:
            raise ConfigError(
                f"{self.name}.breaks must be 1 to {MAX_BREAKS}; got {self.breaks}. A law without "
                "a break is end-to-end-exp's kind; more breaks than that no ladder identifies"
            )

    def _fit(
        self, evals: xr.Dataset, config: Config, random_seed: int
    ) -> FittedBnsl | FittedPoints:
        check_anchors(self.name, evals, self.anchors)
        if self.estimate == POSTERIOR:
            return self._sample(evals, config, random_seed)
        return fit_scores(
            evals,
            COMPUTE_SCALE,
            partial(make_bnsl_curve, n_breaks=self.breaks, horizon=config.law.classes.horizon),
            draws=self.draws,
            anchor_weight=self.anchor_weight * self.anchors,
            random_seed=random_seed,
        )

    def _sample(self, evals: xr.Dataset, config: Config, random_seed: int) -> FittedBnsl:
        rows, reference = build_score_rows(evals, COMPUTE_SCALE, anchors=self.anchors)
        padded = pad_llms(rows, -(-rows.sizes[LLM] // LLMS_STEP) * LLMS_STEP)
        padded = pad_rows(padded, -(-rows.sizes[CLUSTER] // ROWS_STEP) * ROWS_STEP)
        tree, gate = sample_until_passed(
            self._compile(padded, config),
            config.sampler,
            random_seed=random_seed,
            data=bnsl_arrays(padded, config.law.classes.horizon),
            labels={dim: rows[dim].values for dim in (CLUSTER, LLM)},
            auxiliary=AUXILIARY,
        )
        posterior = tree["posterior"].to_dataset()
        return FittedBnsl(posterior, rows, reference, bool(gate["passed"]))

    def _compile(self, padded: xr.Dataset, config: Config) -> Compiled:
        anchor_sd = config.mapping.priors.anchor_sd if IS_ANCHOR in padded else None
        noise, horizon = config.law.priors, config.law.classes.horizon
        priors = json.dumps([asdict(self.priors), asdict(noise), repr(anchor_sd)], sort_keys=True)
        return compile_once(
            ("bnsl", self.breaks, priors, *padded.sizes.values()),
            lambda: build_bnsl(padded, self.breaks, self.priors, noise, horizon, anchor_sd),
            "low_rank",
        )

    def _predict(
        self, fitted: FittedBnsl | FittedPoints, targets: xr.Dataset, random_seed: int
    ) -> xr.DataArray:
        if isinstance(fitted, FittedPoints):
            draws = draw_scores(fitted, targets, random_seed)
            return self.label_draws(draws, RESIDUAL_BOOTSTRAP, notes=fitted.notes)
        draws = draw_bnsl(fitted, targets, random_seed)
        return self.label_draws(draws, POSTERIOR, passed=fitted.passed)


def draw_bnsl(fitted: FittedBnsl, targets: xr.Dataset, random_seed: int) -> dict[str, Array]:
    """One new run's score for every draw: benchmark -> (draw, target)."""
    log_scale = log_scale_of_targets(targets, fitted.reference)
    make = partial(BnslChain, first=fitted.first)
    chains = chain_benchmarks(fitted.posterior, fitted.rows["n_questions"], log_scale, make)
    return draw_benchmarks(chains, np.random.default_rng(random_seed))


def make_bnsl_curve(
    points: Points, guess_floor: float, *, n_breaks: int, horizon: float
) -> PointCurve:
    """The broken law for least squares: start, limit as a share of it, slopes, breaks, log widths.

    The guess floor is not part of the law.
    """
    first, last = float(points.log_scale.min()), float(np.log(horizon))
    bounds = [(0.0, 1.0), (0.0, 1.0)]
    bounds += [SLOPE] * (n_breaks + 1) + [(first, last)] * n_breaks + [LOG_WIDTH] * n_breaks
    return PointCurve(
        partial(predict_bnsl, first=first, n_breaks=n_breaks),
        partial(start_bnsl, first=first, last=last, n_breaks=n_breaks),
        tuple(low for low, _ in bounds),
        tuple(high for _, high in bounds),
    )


def predict_bnsl(parameters: Array, log_scale: Array, *, first: float, n_breaks: int) -> Array:
    """Score of the broken law, shape (..., point), within [0, 1].

    Where breaks of different width overlap the error may rise: it is cut off at 1.
    """
    start, share, *rest = np.moveaxis(parameters, -1, 0)[..., None]
    slopes, breaks = rest[: n_breaks + 1], rest[n_breaks + 1 : 2 * n_breaks + 1]
    widths = [np.exp(log_width) for log_width in rest[2 * n_breaks + 1 :]]
    score = compute_bnsl(log_scale[0], first, start, share * start, slopes, breaks, widths)
    inside: Array = np.clip(score, 0.0, 1.0)
    return inside


def start_bnsl(
    log_scale: Array, score: Array, *, first: float, last: float, n_breaks: int
) -> Array:
    """Random starts over the bounds, from the smallest run's score."""
    rng = np.random.default_rng(START_SEED)
    smallest = 1 - score[np.argmin(log_scale[0])]
    return np.column_stack(
        [
            np.clip(smallest + rng.normal(0, 0.02, N_STARTS), 0.01, 0.99),
            rng.uniform(0, 0.5, N_STARTS),
            rng.gamma(1.0, 0.2, (N_STARTS, n_breaks + 1)),
            np.sort(rng.uniform(first, last, (N_STARTS, n_breaks)), axis=1),
            rng.uniform(*LOG_WIDTH, (N_STARTS, n_breaks)),
        ]
    )
