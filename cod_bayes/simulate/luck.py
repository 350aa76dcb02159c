"""What differs from run to run: effective compute, skills, item noise, guess floors.

A run's luck has a part shared by all its checkpoints and a part of each checkpoint's own.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cod_bayes.simulate.benchmarks import BenchmarkSpec
from cod_bayes.simulate.worlds import Items

Array = npt.NDArray[np.float64]

# Shares of variance that adjacent checkpoints of one run have in common.
SHIFT_SHARE, NOISE_SHARE = 0.5, 0.8
# Beta concentration of an item's floor over models.
_FLOOR_CONCENTRATION = 150.0
# Models of other families: decades of effective compute, and a factor on the item noise.
ANCHOR_SHIFT_SD, ANCHOR_NOISE_FACTOR = 0.25, 1.5
# Wider scatter of checkpoints in the world whose returns bend.
BEND_SHIFT_FACTOR = 1.5

_N_SKILLS = 2
_QUADRATURE_NODES = (5, 9)


@dataclass(frozen=True)
class Luck:
    """Standard normal luck of models: shift (llm,), noise (item, llm)."""

    shift: Array
    noise: Array

    def with_own(self, own: "Luck") -> "Luck":
        """Add the checkpoints' own luck to what they share with their run; variance stays 1."""
        return Luck(
            np.sqrt(SHIFT_SHARE) * self.shift + np.sqrt(1 - SHIFT_SHARE) * own.shift,
            np.sqrt(NOISE_SHARE) * self.noise + np.sqrt(1 - NOISE_SHARE) * own.noise,
        )

    def take(self, runs: npt.NDArray[np.intp]) -> "Luck":
        """Luck of the given runs, in that order."""
        return Luck(self.shift[runs], self.noise[:, runs])

    def beside(self, others: "Luck") -> "Luck":
        """Luck of these models, then of the others."""
        return Luck(
            np.concatenate([self.shift, others.shift]),
            np.concatenate([self.noise, others.noise], axis=1),
        )

    def scattered_over(self, final: npt.NDArray[np.bool_], earlier: "Luck") -> "Luck":
        """Luck of all checkpoints, from that of final ones and of the earlier."""
        shift = np.empty(final.size)
        noise = np.empty((self.noise.shape[0], final.size))
        for mask, luck in ((final, self), (~final, earlier)):
            shift[mask], noise[:, mask] = luck.shift, luck.noise
        return Luck(shift, noise)


@dataclass(frozen=True)
class Models:
    """Luck of runs: shared by a run's checkpoints, the final one's own; skills in logits, floors.

    ``skills`` and ``floor`` are (item, run).
    """

    shared: Luck
    own: Luck
    skills: Array
    floor: Array

    def beside(self, others: "Models") -> "Models":
        """These runs, then the others."""
        return Models(
            self.shared.beside(others.shared),
            self.own.beside(others.own),
            np.concatenate([self.skills, others.skills], axis=1),
            np.concatenate([self.floor, others.floor], axis=1),
        )


@dataclass(frozen=True)
class Scatter:
    """Sizes of luck for one benchmark, one value a model: decades, logits; (llm,)."""

    shift_sd: Array
    noise_sd: Array


def draw_luck(rng: np.random.Generator, n_items: int, n_models: int) -> Luck:
    """Draw standard normal luck."""
    return Luck(rng.standard_normal(n_models), rng.standard_normal((n_items, n_models)))


def draw_models(
    rng: np.random.Generator, spec: BenchmarkSpec, items: Items, loadings: Array, n_runs: int
) -> Models:
    """Draw all that runs do not owe to their compute."""
    return Models(
        shared=draw_luck(rng, spec.n_items, n_runs),
        own=draw_luck(rng, spec.n_items, n_runs),
        skills=draw_skills(rng, spec, loadings, n_runs),
        floor=draw_floors(rng, items, n_runs),
    )


def draw_floors(rng: np.random.Generator, items: Items, n_runs: int) -> Array:
    """Guess floors, scattered about the items' own by a Beta: (item, run)."""
    mean = np.clip(items.floor, 1e-6, 1 - 1e-6)[:, None]
    shape = (mean.size, n_runs)
    drawn = rng.beta(_FLOOR_CONCENTRATION * mean, _FLOOR_CONCENTRATION * (1 - mean), shape)
    return np.where(items.floor[:, None] == 0, 0.0, drawn)


def draw_skills(
    rng: np.random.Generator, spec: BenchmarkSpec, loadings: Array, n_runs: int
) -> Array:
    """Two skill factors of each run, times the items' loadings (item, 2): logits (item, run)."""
    return loadings @ (spec.skill_sd * rng.standard_normal((_N_SKILLS, n_runs)))


def draw_loadings(rng: np.random.Generator, n_items: int) -> Array:
    """How much an item asks of each skill: (item, 2)."""
    return rng.standard_normal((n_items, _N_SKILLS))


def expected_scores(
    items: Items, spec: BenchmarkSpec, loadings: Array, x: Array, uplift: Array, scatter: Scatter
) -> Array:
    """Mean score over all luck, by Gauss-Hermite quadrature: x (llm,) in decades -> (llm,).

    ``uplift``, logits (item, llm), is what a family has on an item: no luck. The outer
    rule is over effective compute, the inner over the sum of skills and item noise, which is
    normal for each item. Floors enter linearly, so their mean is enough.
    """
    (shifts, outer), (noises, inner) = map(_normal_rule, _QUADRATURE_NODES)
    skill_var = spec.skill_sd**2 * (loadings**2).sum(axis=1, keepdims=True)
    noise_sd = np.sqrt(skill_var + scatter.noise_sd**2)
    floor = items.floor[:, None]
    score = np.zeros_like(x)
    for shift, outer_weight in zip(shifts, outer, strict=True):
        logit = items.logit(x + scatter.shift_sd * shift) + uplift
        for noise, inner_weight in zip(noises, inner, strict=True):
            p = items.probability(logit + noise_sd * noise, floor)
            score += outer_weight * inner_weight * p.mean(axis=0)
    return score


def _normal_rule(n_nodes: int) -> tuple[Array, Array]:
    """Nodes and weights that integrate against the standard normal density."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(n_nodes)
    return nodes, weights / weights.sum()
