import numpy as np
import pytest

from cod_bayes.methods.bank_walk import WANTED_ACCEPTANCE, Walk


def test_walk_draws_from_its_target(rng):
    def log_p(at):
        return -0.5 * ((at / np.array([1.0, 10.0])) ** 2).sum()

    walk, at, kept = Walk(2, 1.0), np.zeros(2), []
    for _ in range(30):
        for _ in range(25):
            at = walk.move(at, log_p, rng)
        rates = walk.accepted / walk.moves
        walk.tune()
    assert rates == pytest.approx(WANTED_ACCEPTANCE, abs=0.35)
    for _ in range(4000):
        at = walk.move(at, log_p, rng)
        kept.append(at)
    assert np.std(kept, axis=0) == pytest.approx([1.0, 10.0], rel=0.2)
