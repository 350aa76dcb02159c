"""Losses on several domains: their power laws, and their principal components."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr

from cod_bayes.errors import DataError
from cod_bayes.law.data import select_runs
from cod_bayes.methods.protocol import require
from cod_bayes.methods.two_step.data import thin
from cod_bayes.schema import BENCHMARK, LLM, LOSS, LOSS_DOMAIN, N_CORRECT, N_TRIALS
from cod_bayes.scores import tabulate_checkpoints

TOTAL = "overall"
"""The loss over all domains: no domain."""

SHARE = "share_"
"""What the names of coordinates begin with that say which share of its data a run had of a source.

Dims (llm,); ``share_code`` is the share of the source ``code``.
"""

BELOW_CHANCE = 0.05
"""What scores so far below chance does not yet answer in the form that is asked for."""

type Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class DomainData:
    """Domain losses of a ladder, and the scores beside them.

    design
        First step, one row a run: ones, log compute over the largest run's, and for every source
        whose share differs between runs the log of its compute over the largest run's;
        shape (run, column).
    final_losses
        Log losses of the runs' final checkpoints, shape (run, domain).
    losses
        Log losses of the second step's checkpoints, run by run, each run's last at its end;
        shape (point, domain).
    run
        Which run a point is of, shape (point,).
    n_correct, n_trials
        Shape (benchmark, point); no trials where it was not scored, or far below chance.
    floor, n_questions
        Shape (benchmark,).
    reference
        Compute of the largest run.
    remarks
        What a reader of a forecast should know.
    """

    benchmarks: list[str]
    design: Array
    final_losses: Array
    losses: Array
    run: np.ndarray
    n_correct: np.ndarray
    n_trials: np.ndarray
    floor: Array
    n_questions: Array
    reference: float
    remarks: tuple[str, ...]

    def select(self, benchmarks: list[int]) -> "DomainData":
        """These benchmarks alone."""
        return replace(
            self,
            benchmarks=[self.benchmarks[k] for k in benchmarks],
            n_correct=self.n_correct[benchmarks],
            n_trials=self.n_trials[benchmarks],
            floor=self.floor[benchmarks],
            n_questions=self.n_questions[benchmarks],
        )

    def design_targets(self, flops: Array) -> Array:
        """The first step's rows of targets, which are given the largest run's mixture."""
        log_compute = np.log(flops / self.reference)
        # at equal shares the compute of every source grows as the total does
        columns = [np.ones_like(flops), *[log_compute] * (self.design.shape[1] - 1)]
        return np.stack(columns, axis=1)


def build_domains(evals: xr.Dataset, checkpoints: int, method: str) -> DomainData:
    """Tabulate the ladder's domain losses and scores.

    Parameters
    ----------
    checkpoints
        Of each run so many enter the second step, evenly from its first to its last.

    Raises
    ------
    DataError
        If fewer than two domains' losses are known on every run, runs are too few, or a share is
        not positive.
    """
    ladder = evals.isel({LLM: np.flatnonzero(evals["role"].values == "ladder")})
    finals = select_runs(ladder, "ladder")
    position = {name: i for i, name in enumerate(ladder[LLM].values)}
    at_finals = [position[name] for name in finals[LLM].values]
    log_loss = _read_losses(ladder, at_finals, method)
    n_runs = len(at_finals)
    require(n_runs >= 3, method, "three runs or more", f"there are {n_runs}")
    design, remarks = _design(finals)
    table = tabulate_checkpoints(ladder)
    known = np.isfinite(log_loss).all(axis=1) & (table[N_TRIALS].values > 0).any(axis=0)
    kept, of_run = [], []
    for place, run in enumerate(finals["run"].values):
        of = np.flatnonzero((ladder["run"].values == run) & known)
        of = thin(of[np.argsort(ladder["checkpoint"].values[of], kind="stable")], checkpoints)
        kept.append(of)
        of_run.append(np.full(len(of), place))
    order = np.concatenate(kept)
    n_correct, n_trials = (table[name].values[:, order] for name in (N_CORRECT, N_TRIALS))
    floor = table["guess_floor"].values.astype(float)
    answers = n_correct >= (floor[:, None] - BELOW_CHANCE) * n_trials
    return DomainData(
        [str(name) for name in table[BENCHMARK].values],
        design,
        log_loss[at_finals],
        log_loss[order],
        np.concatenate(of_run),
        n_correct * answers,
        n_trials * answers,
        floor,
        table["n_questions"].values.astype(float),
        float(finals["flops"].values.max()),
        remarks,
    )


def _read_losses(ladder: xr.Dataset, at_finals: list[int], method: str) -> Array:
    """Log losses of the domains that every run's final checkpoint has, shape (llm, domain)."""
    have = LOSS in ladder
    require(have, method, "losses on several domains (loss)", "the data have none")
    domains = np.flatnonzero(ladder[LOSS_DOMAIN].values != TOTAL)
    values = ladder[LOSS].transpose(LLM, LOSS_DOMAIN).values[:, domains].astype(float)
    known = (values[at_finals] > 0).all(axis=0)  # NaN is not
    remedy = f"{int(known.sum())} of {len(domains)} are; {TOTAL!r} is not counted"
    require(int(known.sum()) >= 2, method, "two domains whose loss is known on every run", remedy)
    values = values[:, known]
    log_loss: Array = np.log(np.where(values > 0, values, np.nan))
    return log_loss


def _design(finals: xr.Dataset) -> tuple[Array, tuple[str, ...]]:
    """Columns of the first step, and what was decided about the sources.

    Raises
    ------
    DataError
        If a share is not positive: its compute has no logarithm.
    """
    flops = finals["flops"].values.astype(float)
    largest = int(flops.argmax())
    log_compute = np.log(flops / flops[largest])
    total = np.stack([np.ones_like(log_compute), log_compute], axis=1)
    sources = []
    for name in sorted(str(n) for n in finals.coords if str(n).startswith(SHARE)):
        share = finals[name].values.astype(float)
        if not (share > 0).all():
            raise DataError(
                f"{name} must be positive on every run, its compute enters by its logarithm; got "
                f"{share.min()}; leave the coordinate out, or give unused sources a small share"
            )
        if np.ptp(share) > 1e-9:
            sources.append(log_compute + np.log(share / share[largest]))
    if sources:
        design = np.concatenate([total, np.stack(sources, axis=1)], axis=1)
        if len(flops) > design.shape[1] and np.linalg.matrix_rank(design) == design.shape[1]:
            return design, ("targets are taken to have the largest run's mixture",)
        return total, ("too few runs to tell the sources' compute from the total: total alone",)
    mixtures = set(finals["mixture"].values.tolist()) if "mixture" in finals.coords else set()
    if len(mixtures) > 1:
        return total, (f"{len(mixtures)} mixtures, no {SHARE}* coordinates: their laws are one",)
    return total, ()


@dataclass(frozen=True)
class Components:
    """Standardised log losses, turned to their principal components.

    mean, sd
        Of each domain over the points, shape (domain,).
    axes
        Shape (domain, component); they hold the factor ``1 / sqrt(domains)``, so that the first
        component varies by about one, and the others by as much less as they matter less.
    """

    mean: Array
    sd: Array
    axes: Array

    def project(self, log_loss: Array) -> Array:
        """Components, shape (..., component), of log losses, shape (..., domain)."""
        projected: Array = (log_loss - self.mean) / self.sd @ self.axes
        return projected


def find_components(log_loss: Array, n_components: int) -> Components:
    """The first principal components of points' log losses, shape (point, domain).

    Signs are such that every component falls as losses rise on the whole.
    """
    mean, sd = log_loss.mean(axis=0), np.maximum(log_loss.std(axis=0), 1e-9)
    _, _, axes = np.linalg.svd((log_loss - mean) / sd, full_matrices=False)
    axes = axes[:n_components].T / np.sqrt(len(mean))
    signs = np.where(axes.sum(axis=0) > 0, -1.0, 1.0)
    return Components(mean, sd, axes * signs)
