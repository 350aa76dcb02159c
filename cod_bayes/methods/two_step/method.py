"""What ladder and FLP have in common: two steps, two kinds of estimate."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.methods.protocol import (
    LEAST_SQUARES,
    POSTERIOR,
    RESIDUAL_BOOTSTRAP,
    TARGET,
    Method,
    require,
)
from cod_bayes.methods.two_step.data import (
    Selection,
    TwoStepData,
    build_two_step,
    log_scale_of_targets,
)
from cod_bayes.methods.two_step.model import Shape
from cod_bayes.methods.two_step.point import (
    FittedBenchmark,
    Observations,
    draw_point,
    fit_benchmark,
    predict_point,
)
from cod_bayes.methods.two_step.priors import TwoStepPriors
from cod_bayes.methods.two_step.sampling import draw_two_step, sample_two_step
from cod_bayes.methods.two_step.steps import FLOOR_LAW, LINE, POWER_LAW, SIGMOID, Step
from cod_bayes.schema import BENCHMARK

ALL_CHECKPOINTS = -1.0
"""No score lies so far below chance: keeps every checkpoint."""


@dataclass(frozen=True)
class FittedTwoStep:
    """Both steps fitted: draws of one posterior, or point fits with their refits.

    missing
        Benchmark -> why it has no forecast.
    """

    data: TwoStepData
    passed: bool
    missing: dict[str, str]
    posterior: xr.Dataset | None = None
    points: dict[str, FittedBenchmark] = field(default_factory=dict)


@dataclass(frozen=True)
class TwoStep(Method[FittedTwoStep]):
    """From scale to loss on final checkpoints, from loss to score on those along the way.

    estimate
        ``posterior`` or ``least-squares`` (draws by residual bootstrap).
    loss
        ``task`` (mean ``gold_nll``) or one of the data's loss domains.
    scale
        ``params-tokens``, ``compute``, or ``auto``: params-tokens where the ladder tells them
        apart.
    skip
        Share of a run's first checkpoints that the second step leaves out.
    smoothing
        Checkpoints that the least-squares second step's points average.
    checkpoints
        How many of a run's checkpoints the posterior's second step sees: more say little, since
        they share the run's weights.
    emergence
        The second step keeps checkpoints that score more than this above chance.
    draws
        Of the bootstrap.
    """

    irreducible: ClassVar[bool]
    sigmoid: ClassVar[bool]

    estimate: str = POSTERIOR
    loss: str = "task"
    scale: str = "auto"
    skip: float = 0.1
    smoothing: int = 5
    checkpoints: int = 5
    emergence: float = ALL_CHECKPOINTS
    draws: int = 200
    priors: TwoStepPriors = field(default_factory=TwoStepPriors)

    def __post_init__(self) -> None:
        checks = (
            ("estimate", self.estimate in (POSTERIOR, LEAST_SQUARES), "posterior or least-squares"),
            (
                "scale",
                self.scale in ("auto", "compute", *(["params-tokens"] * self.irreducible)),
                "auto, compute" + (" or params-tokens" if self.irreducible else ""),
            ),
            ("skip", 0 <= self.skip < 1, "within [0, 1)"),
            ("smoothing", self.smoothing >= 1, "at least 1"),
            ("checkpoints", self.checkpoints >= 1, "at least 1"),
            ("draws", self.draws >= 1, "at least 1"),
        )
        for name, holds, rule in checks:
            if not holds:
                value = getattr(self, name)
                raise ConfigError(f"{self.name}: {name} must be {rule}; got {value!r}")

    @property
    def steps(self) -> tuple[Step, Step]:
        """The two least-squares steps."""
        return FLOOR_LAW if self.irreducible else POWER_LAW, SIGMOID if self.sigmoid else LINE

    @property
    def shape(self) -> Shape:
        """The form of the two Bayesian steps."""
        return Shape(self.irreducible, self.sigmoid)

    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> FittedTwoStep:
        # a power law without floor is one in compute: parameters and tokens would need a sum
        scale = self.scale if self.irreducible else "compute"
        selection = Selection(self.loss, scale, self.skip, self.smoothing, self.emergence)
        data, missing = drop_unfit(
            build_two_step(evals, selection, self.name), self.steps, self.name
        )
        if self.estimate == LEAST_SQUARES:
            return FittedTwoStep(data, True, missing, points=self._fit_points(data, random_seed))
        posterior, gate = sample_two_step(
            data,
            self.loss,
            self.checkpoints,
            self.shape,
            self.priors,
            config.sampler,
            random_seed,
        )
        return FittedTwoStep(data, bool(gate["passed"]), missing, posterior)

    def _fit_points(self, data: TwoStepData, random_seed: int) -> dict[str, FittedBenchmark]:
        rng = np.random.default_rng(random_seed)
        return {
            name: fit_benchmark(observe(data, k), *self.steps, self.draws, rng)
            for k, name in enumerate(data.benchmarks)
        }

    def _predict(
        self, fitted: FittedTwoStep, targets: xr.Dataset, random_seed: int
    ) -> xr.DataArray:
        rng = np.random.default_rng(random_seed)
        log_scale = log_scale_of_targets(fitted.data, targets)
        draws = {}
        for k, name in enumerate(fitted.data.benchmarks):
            if fitted.posterior is None:
                draws[name] = draw_point(fitted.points[name], *self.steps, log_scale, rng)
            else:
                n_questions = float(fitted.data.points["n_questions"][k])
                draws[name] = draw_two_step(
                    fitted.posterior, name, n_questions, log_scale, self.shape, rng
                )
        shape = next(iter(draws.values())).shape
        draws |= {name: np.full(shape, np.nan) for name in fitted.missing}
        return self.label_draws(
            draws,
            RESIDUAL_BOOTSTRAP if fitted.posterior is None else POSTERIOR,
            passed=fitted.passed,
            notes=[f"{name}: {why}" for name, why in fitted.missing.items()],
        )

    def predict_points(self, fitted: FittedTwoStep, targets: xr.Dataset) -> xr.DataArray:
        """The least-squares forecast itself, without a bootstrap: dims (benchmark, target)."""
        log_scale = log_scale_of_targets(fitted.data, targets)
        values = [predict_point(f, *self.steps, log_scale) for f in fitted.points.values()]
        return xr.DataArray(
            np.array(values), dims=(BENCHMARK, TARGET), coords={BENCHMARK: list(fitted.points)}
        )


def observe(data: TwoStepData, k: int) -> Observations:
    """One benchmark's data of both steps, without what was not measured."""
    loss = data.finals["relative_loss"].values[k]
    known = np.isfinite(loss)
    chosen = data.points["chosen"].values[k]
    return Observations(
        data.finals["log_scale"].values[:, known],
        np.log(loss[known]),
        data.points["smooth_loss"].values[k, chosen],
        data.points["smooth_score"].values[k, chosen],
        data.points["run"].values[chosen],
    )


def drop_unfit(
    data: TwoStepData, steps: tuple[Step, Step], method: str
) -> tuple[TwoStepData, dict[str, str]]:
    """Set benchmarks aside with too few data for a step's parameters, saying why.

    Raises
    ------
    DataError
        If none is left.
    """
    law, curve = steps
    needed = law.n_parameters(data.finals.sizes["scale"])
    missing = {}
    for k, name in enumerate(data.benchmarks):
        n_losses = int(np.isfinite(data.finals["relative_loss"].values[k]).sum())
        chosen = data.points["chosen"].values[k]
        n_scores = int(chosen.sum())
        n_runs = len(set(data.points["run"].values[chosen].tolist()))
        if n_losses <= needed:
            missing[name] = f"{n_losses} runs with a loss; the loss law has {needed} parameters"
        elif n_scores < curve.n_parameters(0) or n_runs < 2:
            missing[name] = (
                f"{n_scores} checkpoints of {n_runs} runs have a loss and a risen score: too few"
            )
    kept = [k for k, name in enumerate(data.benchmarks) if name not in missing]
    reasons = "; ".join(f"{name}: {why}" for name, why in missing.items())
    require(bool(kept), method, "a benchmark with losses and scores", reasons or "add runs")
    reduced = TwoStepData(
        data.finals.isel({BENCHMARK: kept}),
        data.points.isel({BENCHMARK: kept}),
        data.loss_reference[kept],
        data.scale_reference,
    )
    return reduced, missing
