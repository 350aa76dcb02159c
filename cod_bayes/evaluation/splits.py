"""Hide the largest models of a ladder: all beyond an origin in compute, size or tokens."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import xarray as xr

from cod_bayes.errors import ConfigError, DataError
from cod_bayes.law.data import select_runs
from cod_bayes.methods import describe_targets
from cod_bayes.schema import BENCHMARK, LLM
from cod_bayes.scores import tabulate_checkpoints

TARGET = "target"
# What an origin is measured in: training compute, or parameters, or tokens.
ORDERS = ("flops", "params_active", "tokens")
# Levels differ by more than this factor: the last checkpoints of one size see equal compute.
SAME_LEVEL = 1.02


@dataclass(frozen=True)
class Case:
    """One question with its answer: a ladder to fit, targets to forecast, their true scores.

    name
        What was hidden, such as ``seed-3`` or ``up to 2e+19 flops``; unique within a study.
    seed
        Cases of one seed share luck: errors are resampled by it.
    evals
        Ladder and anchors. Nothing of the targets is in it.
    targets
        Dim target: covariates alone, and the coordinate ``target_llm``.
    truth
        Dims (benchmark, target): scores in [0, 1], NaN where unknown.
    item_truth
        Dim item, as in ``evals``: true scores of a single target; None where nobody knows them.
    """

    name: str
    seed: int
    evals: xr.Dataset = field(repr=False)
    targets: xr.Dataset = field(repr=False)
    truth: xr.DataArray = field(repr=False)
    item_truth: xr.DataArray | None = field(default=None, repr=False)


def make_case(name: str, seed: int, evals: xr.Dataset, hidden: xr.Dataset) -> Case:
    """Pose the final models in ``hidden`` (dims llm, item) as targets to ``evals``.

    Raises
    ------
    DataError
        If a hidden model is among those to be fitted.
    """
    both = sorted(set(hidden[LLM].values.tolist()) & set(evals[LLM].values.tolist()))
    if both:
        raise DataError(f"case {name}: {', '.join(both)} would be fitted and forecast; hide it")
    scores = tabulate_checkpoints(hidden)["score"].transpose(BENCHMARK, LLM)
    return pose_case(name, seed, evals, hidden, scores)


def pose_case(
    name: str, seed: int, evals: xr.Dataset, llms: xr.Dataset, scores: xr.DataArray
) -> Case:
    """Pose models whose true scores, dims (benchmark, llm), are known without their items."""
    about = {"target_llm": (TARGET, llms[LLM].values.astype(str))}
    targets = describe_targets(llms).assign_coords(about)
    truth = xr.DataArray(
        scores.transpose(BENCHMARK, LLM).values,
        dims=(BENCHMARK, TARGET),
        coords={BENCHMARK: scores[BENCHMARK].values.astype(str), TARGET: targets[TARGET].values},
    )
    return Case(name, seed, evals, targets, truth)


def hide_largest(evals: xr.Dataset, n_levels: int = 1, by: str = "flops", *, seed: int = 0) -> Case:
    """Hide the ladder's runs at the ``n_levels`` largest values of ``by``: leave-largest-out.

    Parameters
    ----------
    evals
        Evaluation data with a ladder; models of role ``target`` are left out altogether.
    n_levels
        Distinct values to hide, counted from the largest.
    by
        ``flops``, ``params_active`` or ``tokens``.

    Raises
    ------
    DataError
        If fewer than two levels would remain.
    """
    levels = find_levels(evals, by)
    if not 1 <= n_levels <= len(levels) - 2:
        raise DataError(
            f"the ladder has {len(levels)} levels of {by}; hiding {n_levels} leaves too few. "
            f"Hide between 1 and {len(levels) - 2}"
        )
    return _cut(evals, levels[-n_levels - 1], by, seed)


def rolling_origin(
    evals: xr.Dataset, min_levels: int = 5, by: str = "flops", *, seed: int = 0
) -> Iterator[Case]:
    """Cut the ladder at every level from ``min_levels`` on: all that is larger is hidden.

    Raises
    ------
    DataError
        If the ladder has no more levels than that.
    """
    levels = find_levels(evals, by)
    if len(levels) <= min_levels:
        raise DataError(
            f"the ladder has {len(levels)} levels of {by}; a rolling origin from {min_levels} "
            "needs more. Lower the first origin, or hide the largest alone"
        )
    for level in levels[min_levels - 1 : -1]:
        yield _cut(evals, level, by, seed)


def find_levels(evals: xr.Dataset, by: str) -> np.ndarray:
    """Distinct values of ``by`` over the ladder's runs, rising; near-equal ones count once."""
    if by not in ORDERS:
        raise ConfigError(f"an origin is in {', '.join(ORDERS)}; got {by!r}")
    values = np.sort(select_runs(evals, "ladder")[by].values.astype(float))
    last_of_level = np.append(values[1:] / values[:-1] > SAME_LEVEL, True)
    levels: np.ndarray = values[last_of_level]
    return levels


def _cut(evals: xr.Dataset, level: float, by: str, seed: int) -> Case:
    """Fit runs up to ``level``; the final checkpoints of all larger runs are targets."""
    ladder = select_runs(evals, "ladder")
    larger = ladder[by].values > level
    hidden = ladder.isel({LLM: np.flatnonzero(larger)})
    role, run = evals["role"].values, evals["run"].values
    known = (role == "ladder") & ~np.isin(run, hidden["run"].values)
    # an anchor is another family's finished model: known, whatever its compute
    keep = np.flatnonzero(known | (role == "anchor"))
    return make_case(f"up to {level:.3g} {by}", seed, evals.isel({LLM: keep}), hidden)


def drop_anchors(evals: xr.Dataset) -> xr.Dataset:
    """The evaluations without models of other families."""
    return evals.isel({LLM: np.flatnonzero(evals["role"].values != "anchor")})
