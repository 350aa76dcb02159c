"""Studies: sets of cases, each a ladder and targets whose truth is known.

Simulated studies have truth without measuring error and as many seeds as wanted; real ones have one
target, or their own larger runs. A study makes its cases when they are asked for, so that it can be
sent to another process by name.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import xarray as xr

from cod_bayes.cluster import cluster_items, keep_labels
from cod_bayes.datasets import load_dataset, load_truth
from cod_bayes.errors import ConfigError
from cod_bayes.evaluation.splits import (
    Case,
    drop_anchors,
    find_levels,
    hide_largest,
    pose_case,
    rolling_origin,
)
from cod_bayes.schema import LLM
from cod_bayes.simulate import (
    ANNEALED,
    DENSE,
    MIXTURE_OF_EXPERTS,
    PAPER_BENCHMARKS,
    Family,
    simulate_evals,
)

# Simulated benchmarks have at most so many items: enough for clusters, and a case takes minutes.
MAX_ITEMS = 1000
# Seeds below a hundred are for development: nothing is reported on them.
FIRST_SEED = 100
N_SEEDS = 20
# A ladder of fewer sizes than this is no ladder.
MIN_LEVELS = 6


@dataclass(frozen=True)
class Study:
    """A named set of cases.

    name
        As results name it.
    summary
        What it is, in a line.
    cases
        Names of its cases.
    make
        Makes a case by name.
    data
        Tells the study's data from others under the same name; part of a result's key.
    """

    name: str
    summary: str
    cases: tuple[str, ...]
    make: Callable[[str], Case]
    data: str = "1"

    def load(self, case: str) -> Case:
        """Make the case: its evaluations, targets and truth."""
        return self.make(case)


# ------------------------------------------------------------------ simulated


def simulate_paper_case(
    world: str,
    case: str,
    *,
    family: Family = DENSE,
    max_items: int = MAX_ITEMS,
    n_trials: int = 100,
) -> Case:
    """The paper's eight benchmarks in one of the simulator's worlds, on a family's ladder.

    On any ladder but the first its items bear the labels of the first's clusters too, for
    ``cluster.algorithm = "kept"``.
    """
    seed = int(case.removeprefix("seed-"))
    specs = [replace(spec, n_items=min(spec.n_items, max_items)) for spec in PAPER_BENCHMARKS]
    simulate = partial(simulate_evals, specs, world=world, n_trials=n_trials, random_seed=seed)
    evals, truth = simulate(family=family, item_scores=True)
    if family != DENSE:
        evals = keep_labels(cluster_items(simulate()[0]), evals)
    target = truth.isel({LLM: np.flatnonzero(truth["role"].values == "target")})
    posed = pose_case(case, seed, evals, target, target["score"])
    return replace(posed, item_truth=truth["item_score"])


@dataclass(frozen=True)
class PaperStudy:
    """Makes the cases of one simulated world and family."""

    world: str
    n_trials: int = 100
    family: Family = DENSE

    def __call__(self, case: str) -> Case:
        """Simulate the case of a seed."""
        return simulate_paper_case(self.world, case, family=self.family, n_trials=self.n_trials)


def paper_study(
    world: str, n_trials: int = 100, first_seed: int = FIRST_SEED, n_seeds: int = N_SEEDS
) -> Study:
    """Simulate the paper's study: eight benchmarks a seed, eight models, one 68.5B target."""
    name = f"paper-{world}" + ("" if n_trials == 100 else f"-{n_trials}-trial")
    return _simulated_study(name, PaperStudy(world, n_trials), first_seed, n_seeds)


def transfer_study(
    name: str, family: Family, first_seed: int = FIRST_SEED, n_seeds: int = N_SEEDS
) -> Study:
    """The paper's items on another family's ladder, which may keep the first one's clusters."""
    return _simulated_study(name, PaperStudy("logis", family=family), first_seed, n_seeds)


def _simulated_study(name: str, make: PaperStudy, first_seed: int, n_seeds: int) -> Study:
    whose = "" if make.family == DENSE else f"family {make.family.name}, "
    return Study(
        name if first_seed >= FIRST_SEED else f"{name}-development",
        f"simulated, world {make.world}, {whose}{make.n_trials} trial(s) an item, "
        f"seeds {first_seed} to {first_seed + n_seeds - 1}",
        tuple(f"seed-{seed}" for seed in range(first_seed, first_seed + n_seeds)),
        make,
        data=f"1 at most {MAX_ITEMS} items",
    )


# ------------------------------------------------------------------ real


@dataclass(frozen=True)
class TargetStudy:
    """Makes the one case of a data set that has a target of its own."""

    dataset: str
    anchors: bool = True

    def __call__(self, case: str) -> Case:
        """Load ladder and truth."""
        evals = load_dataset(self.dataset)
        truth = load_truth(self.dataset)
        target = truth.isel({LLM: np.flatnonzero(truth["role"].values == "target")})
        known = evals if self.anchors else drop_anchors(evals)
        return pose_case(case, 0, known, target, target["score"])


@dataclass(frozen=True)
class RollingStudy:
    """Makes the cases of a ladder whose larger runs are hidden; the real target is never opened."""

    dataset: str
    by: str = "flops"
    min_levels: int = MIN_LEVELS
    anchors: bool = True

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of all origins."""
        return tuple(case.name for case in self._roll())

    def __call__(self, case: str) -> Case:
        """Cut the ladder at one origin."""
        return next(made for made in self._roll() if made.name == case)

    def _roll(self) -> tuple[Case, ...]:
        evals = load_dataset(self.dataset)
        known = evals if self.anchors else drop_anchors(evals)
        return tuple(rolling_origin(known, self.min_levels, self.by))


def target_study(name: str, dataset: str, summary: str, *, anchors: bool = True) -> Study:
    """A data set with a target of its own."""
    return Study(name, summary, ("target",), TargetStudy(dataset, anchors))


def rolling_study(
    name: str, dataset: str, summary: str, *, by: str = "flops", min_levels: int = MIN_LEVELS
) -> Study:
    """The larger runs of a data set's ladder, from every origin."""
    make = RollingStudy(dataset, by, min_levels)
    return Study(name, summary, make.cases, make)


@dataclass(frozen=True)
class OwnStudy:
    """Makes the cases of evaluation data at hand."""

    evals: xr.Dataset
    by: str
    hide: int
    min_levels: int

    def __call__(self, case: str) -> Case:
        """Cut the ladder at one origin."""
        return next(made for made in self.roll() if made.name == case)

    def roll(self) -> tuple[Case, ...]:
        """All origins, or the one that hides the largest levels."""
        if self.hide:
            return (hide_largest(self.evals, self.hide, self.by),)
        return tuple(rolling_origin(self.evals, self.min_levels, self.by))


def own_study(
    name: str,
    evals: xr.Dataset,
    *,
    digest: str,
    by: str = "flops",
    hide: int = 0,
    min_levels: int = MIN_LEVELS,
) -> Study:
    """Evaluation data of the user's own.

    Parameters
    ----------
    digest
        Of the data: results of other data are not taken for theirs.
    hide
        Hide so many of the largest levels, once; 0 rolls the origin over all of them.
    """
    make = OwnStudy(evals, by, hide, min(min_levels, len(find_levels(evals, by)) - 1))
    return Study(
        name, f"{name}, larger runs hidden", tuple(c.name for c in make.roll()), make, digest
    )


STUDIES: dict[str, Callable[[], Study]] = {
    "paper-logis": lambda: paper_study("logis"),
    "paper-exp": lambda: paper_study("exp"),
    "paper-bend": lambda: paper_study("bend"),
    "paper-logis-development": lambda: paper_study("logis", first_seed=0, n_seeds=10),
    "paper-exp-development": lambda: paper_study("exp", first_seed=0, n_seeds=10),
    "paper-moe": lambda: transfer_study("paper-moe", MIXTURE_OF_EXPERTS),
    "paper-continued": lambda: transfer_study("paper-continued", ANNEALED),
    "paper-moe-development": lambda: transfer_study(
        "paper-moe", MIXTURE_OF_EXPERTS, first_seed=0, n_seeds=10
    ),
    "paper-continued-development": lambda: transfer_study(
        "paper-continued", ANNEALED, first_seed=0, n_seeds=10
    ),
    "paper-logis-1-trial": lambda: paper_study("logis", n_trials=1),
    "tinyladder": lambda: target_study(
        "tinyladder", "tinyladder", "nine benchmarks, stable phase, with anchors"
    ),
    "tinyladder-no-anchors": lambda: target_study(
        "tinyladder-no-anchors", "tinyladder", "the same without anchors", anchors=False
    ),
    "tinyladder-annealed": lambda: target_study(
        "tinyladder-annealed", "tinyladder-annealed", "the same after annealing"
    ),
    "tinyladder-inner": lambda: rolling_study(
        "tinyladder-inner", "tinyladder", "tinyladder's own larger runs", min_levels=6
    ),
    "olmo": lambda: target_study("olmo", "olmo-ladder", "OLMo ladder, eight tasks, target 7B-4T"),
    "olmo-3b": lambda: target_study(
        "olmo-3b", "olmo-ladder-3b", "OLMo ladder, eight tasks, targets 3B at 1, 2, 5 and 10xC"
    ),
    "olmo-inner": lambda: rolling_study(
        "olmo-inner", "olmo-ladder", "OLMo ladder's own larger sizes", by="params_active",
        min_levels=2,
    ),
    "pythia-gsm8k": lambda: target_study(
        "pythia-gsm8k", "pythia-gsm8k", "Pythia on GSM8K, item-level; targets 6.9B and 12B"
    ),
    "pythia-tasks": lambda: target_study(
        "pythia-tasks", "pythia-tasks", "Pythia, zero-shot tasks; largest size held out"
    ),
}  # fmt: skip


def load_study(name: str) -> Study:
    """A study by name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name not in STUDIES:
        raise ConfigError(f"there is no study {name!r}; there are {', '.join(STUDIES)}")
    return STUDIES[name]()
