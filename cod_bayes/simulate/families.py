"""Families of models on the same items: the paper's ladder, mixtures of experts, annealed models.

A family departs from what its compute and an item's curve say, by amounts that are the same for all
its models, ladder and target alike. No forecaster is told them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cod_bayes.simulate.ladder import Run, annealed_runs, expert_runs, paper_runs

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Departure:
    """How a family departs on one benchmark: decades of effective compute, logits (item,)."""

    decades: float
    logits: Array


@dataclass(frozen=True)
class Family:
    """Models of one recipe on their ladder.

    name
        Also the key of all that is random in it, so that two families differ.
    runs
        Ladder in order of compute, then the target.
    decades, decades_sd
        Effective compute beyond the compute that is stated; mean, and scatter over benchmarks.
    item_sd
        Logits by which items are easier or harder for this family.
    uplift, uplift_share
        Logits that a share of the items gains, the same for each of them.
    trained_on
        Whether its models are those of the first family, trained on: they keep its runs' luck,
        skills and floors, and a checkpoint's own luck is drawn anew.
    """

    name: str
    runs: tuple[Run, ...]
    decades: float = 0.0
    decades_sd: float = 0.0
    item_sd: float = 0.0
    uplift: float = 0.0
    uplift_share: float = 0.0
    trained_on: bool = False

    def depart(self, rng: np.random.Generator, n_items: int) -> Departure:
        """Draw the departure on one benchmark."""
        logits = self.item_sd * rng.standard_normal(n_items)
        logits += self.uplift * (rng.random(n_items) < self.uplift_share)
        return Departure(float(rng.normal(self.decades, self.decades_sd)), logits)


DENSE = Family("dense", paper_runs())
# A mixture of experts is worth about 1.6 times its active compute.
MIXTURE_OF_EXPERTS = Family(
    "mixture-of-experts", expert_runs(), decades=0.2, decades_sd=0.05, item_sd=0.5
)
# A tenth more tokens, of a better mixture: two items in five gain. A run's earlier checkpoints gain
# as much: that is not what annealing does, but laws are fitted to final ones alone.
ANNEALED = Family(
    "annealed", annealed_runs(0.1), item_sd=0.15, uplift=0.8, uplift_share=0.4, trained_on=True
)
