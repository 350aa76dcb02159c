"""A Metropolis walk that tunes itself."""

from collections.abc import Callable

import numpy as np

from cod_bayes.methods.bank_curves import Array

WANTED_ACCEPTANCE = 0.44  # best for one coordinate at a time (Roberts and Rosenthal 2001)


class Walk:
    """Metropolis steps along one coordinate after the other, each with a step length of its own."""

    def __init__(self, size: int, step: float) -> None:
        self.steps, self.accepted, self.moves = np.full(size, step), np.zeros(size), 0

    def move(self, at: Array, log_p: Callable[[Array], float], rng: np.random.Generator) -> Array:
        """Where the walk stands after a step along every coordinate."""
        now = log_p(at)
        for d, step in enumerate(self.steps):
            moved = at.copy()
            moved[d] += step * rng.standard_normal()
            then = log_p(moved)
            if np.log(rng.random()) < then - now:
                at, now = moved, then
                self.accepted[d] += 1
        self.moves += 1
        return at

    def tune(self) -> None:
        """Change the steps towards the wanted acceptance; never while draws are kept."""
        self.steps *= np.exp(self.accepted / max(self.moves, 1) - WANTED_ACCEPTANCE)
        self.accepted[:], self.moves = 0, 0
