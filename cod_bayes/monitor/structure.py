"""How a run's checkpoints hang together: the within-run model, as means and covariances.

At share ``t`` of its training, run ``i`` has on benchmark ``b`` the logit score

    y = law_b(effective ln C) + gain + level + scatter + jitter + sampling noise,
    effective ln C = ln C_end + (progress + d_b + u_i + v_ib) ln t + bend (ln t)^2.

``progress`` is what tokens at fixed parameters are worth, relative to growth along the ladder: 1
if the law across finished models held along a run. ``d_b`` is a benchmark's departure from it,
``u`` and ``v`` a run's own, shared by its benchmarks and not; ``bend`` is the same for all. A
checkpoint outside the phase in
which the ladder ends departs by a gain, the benchmark's and the run's own. Scatter is an
Ornstein-Uhlenbeck process in ``ln t``, a part common to all benchmarks and a part each one's own:
checkpoints of one run are serially correlated. Jitter is each checkpoint's alone. All is Gaussian
on the logit; runs' own progress enters through the law's slope there (the delta method).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from cod_bayes.monitor.checkpoints import Checkpoints, Floats
from cod_bayes.monitor.law_path import LawPath


@dataclass(frozen=True)
class Structure:
    """Parameters of the within-run model that all runs share; standard deviations are positive.

    progress
        Effective compute (nats) per nat of tokens.
    progress_run_sd, progress_own_sd
        Of ``u`` and ``v``.
    common_sd, own_sd, memory
        Scatter: standard deviations in logits, memory in nats of tokens.
    jitter_sd, gain_sd
        In logits.
    """

    progress: float
    progress_run_sd: float
    progress_own_sd: float
    common_sd: float
    own_sd: float
    memory: float
    jitter_sd: float
    gain_sd: float


@dataclass(frozen=True)
class Stack:
    """A run's values one after another, in time; arrays have dims (value,).

    time, benchmark
        Position of the checkpoint and of the benchmark.
    departs
        Whether the checkpoint is outside the phase in which the ladder ends.
    logit, variance
        What was measured, and its sampling variance; NaN and 0 for what was not.
    """

    time: npt.NDArray[np.intp]
    benchmark: npt.NDArray[np.intp]
    share: Floats
    departs: Floats
    logit: Floats
    variance: Floats

    @cached_property
    def log_share(self) -> Floats:
        """Natural log of the share of training."""
        log_share: Floats = np.log(self.share)
        return log_share

    @cached_property
    def same_benchmark(self) -> npt.NDArray[np.bool_]:
        """Which pairs of values are of one benchmark, (value, value)."""
        same: npt.NDArray[np.bool_] = self.benchmark[:, None] == self.benchmark
        return same

    @cached_property
    def same_model(self) -> npt.NDArray[np.bool_]:
        """Which pairs of values are of one benchmark and one state of the weights."""
        at_once = (self.share[:, None] == self.share) & (self.departs[:, None] == self.departs)
        same: npt.NDArray[np.bool_] = at_once & self.same_benchmark
        return same


def stack_values(run: Checkpoints, final_phase: str) -> Stack:
    """All that was measured on a run's checkpoints; what was not tried is left out."""
    time, benchmark = np.nonzero(np.isfinite(run.logit))
    return Stack(
        time=time,
        benchmark=benchmark,
        share=run.share[time],
        departs=(run.phase != final_phase)[time].astype(float),
        logit=run.logit[time, benchmark],
        variance=run.variance[time, benchmark],
    )


def with_end(stack: Stack, n_benchmarks: int) -> Stack:
    """The same values, then the true score on every benchmark at the end of training."""
    ones, zeros = np.ones(n_benchmarks), np.zeros(n_benchmarks)
    after = int(stack.time.max(initial=-1)) + 1
    return Stack(
        time=np.concatenate([stack.time, np.full(n_benchmarks, after)]),
        benchmark=np.concatenate([stack.benchmark, np.arange(n_benchmarks)]),
        share=np.concatenate([stack.share, ones]),
        departs=np.concatenate([stack.departs, zeros]),
        logit=np.concatenate([stack.logit, ones * np.nan]),
        variance=np.concatenate([stack.variance, zeros]),
    )


def follow(path: LawPath, values: Floats, stack: Stack, progress: float) -> Floats:
    """A curve along the run (benchmark, grid), at the stack's effective compute: (value,)."""
    followed: Floats = np.empty(len(stack.share))
    for benchmark in np.unique(stack.benchmark):
        own = stack.benchmark == benchmark
        followed[own] = np.interp(
            progress * stack.log_share[own], path.log_share, values[benchmark]
        )
    return followed


def build_covariance(stack: Stack, slope: Floats, structure: Structure) -> Floats:
    """Covariance of a run's values about the law, its level apart: (value, value).

    ``slope`` is the logit's rise per nat of progress, which is the law's rate times ``ln t``.
    """
    same = stack.same_benchmark
    runs = np.outer(slope, slope) * (
        structure.progress_run_sd**2 + structure.progress_own_sd**2 * same
    )
    gains = structure.gain_sd**2 * np.outer(stack.departs, stack.departs) * same
    total: Floats = runs + gains + build_scatter(stack, structure) + np.diag(stack.variance)
    return total


def build_scatter(stack: Stack, structure: Structure) -> Floats:
    """The part of :func:`build_covariance` that checkpoints' scatter and jitter have."""
    distance = np.abs(stack.log_share[:, None] - stack.log_share) / structure.memory
    size = structure.common_sd**2 + structure.own_sd**2 * stack.same_benchmark
    scatter: Floats = size * np.exp(-distance) + structure.jitter_sd**2 * stack.same_model
    return scatter


def build_regressors(stack: Stack, slope: Floats, n_benchmarks: int) -> Floats:
    """What ``bend``, ``d_b`` and gains are multiplied by: (value, 1 + 2 benchmark)."""
    of_benchmark = np.eye(n_benchmarks)[stack.benchmark]
    bend = slope * stack.log_share
    regressors: Floats = np.column_stack(
        [bend, slope[:, None] * of_benchmark, stack.departs[:, None] * of_benchmark]
    )
    return regressors
