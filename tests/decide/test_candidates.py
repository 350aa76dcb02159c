"""Candidates: what is derived, what copies cost and bring, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from cod_bayes.decide import Costs, PointValue, ThresholdValue, allocate
from cod_bayes.decide.candidates import describe_candidates, draw_outcome
from cod_bayes.errors import DataError
from cod_bayes.stages import load_stages

COSTS = Costs(gpu_hour=1e-4, budget=100.0, reserve=20.0)


def test_of_compute_parameters_and_tokens_two_give_the_third(small_fit):
    free = pd.DataFrame({"flops": [6e23, 6e23], "params": [1e10, 2e10]})
    runs = describe_candidates(small_fit, free, COSTS)[0].runs
    np.testing.assert_allclose(runs["tokens"], [1e13, 5e12])
    by_tokens = pd.DataFrame({"flops": [6e23], "tokens": [1e13]})
    assert describe_candidates(small_fit, by_tokens, COSTS)[0].runs["params"] == pytest.approx(1e10)


def test_what_is_spent_before_is_not_left(small_fit):
    options, _ = describe_candidates(small_fit, pd.DataFrame({"flops": [1e23, 1e24]}), COSTS)
    price = options.training
    assert (price[0], price[1]) == pytest.approx((price[0], 10 * price[0]))
    for spent in (0.0, 80.0 - 1.01 * price[1], 80.0 - 0.99 * price[1], 79.9999, 80.0, 1e6):
        expected = price <= 80.0 - spent if spent < 80.0 else [False, False]
        np.testing.assert_array_equal(options.still_feasible(spent), expected)


def test_the_best_of_several_copies_is_kept(small_fit):
    table = pd.DataFrame({"name": ["one", "five"], "flops": [1e24, 1e24], "copies": [1, 5]})
    options, _ = describe_candidates(small_fit, table, Costs())
    outcome = draw_outcome(load_stages(small_fit), options, [PointValue("SUMS", 1.0)])
    one, five = outcome.worth.T
    assert (five >= one - 1e-12).mean() > 0.5
    assert five.mean() > one.mean()
    np.testing.assert_allclose(outcome.worth, 100 * outcome.scores["SUMS"])
    np.testing.assert_allclose(options.training[1], 5 * options.training[0])


def test_copies_raise_the_chance_of_a_threshold_by_luck_alone(small_fit):
    table = pd.DataFrame({"name": ["one", "three"], "flops": [1e24, 1e24], "copies": [1, 3]})
    median = allocate(small_fit, table, [PointValue("SUMS", 1.0)], force=True)["median"]
    value = ThresholdValue("SUMS", float(median.sel(candidate="one").item()), payoff=1)
    found = allocate(small_fit, table, [value], force=True)
    one, three = found["p_reach_all"].values
    # what the law does not know is common to all copies
    assert one < three < 1 - (1 - one) ** 3
    np.testing.assert_array_equal(found["copies"], [1, 3])
    np.testing.assert_allclose(found["days"][1], 3 * found["days"][0])


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (pd.DataFrame({"flops": [1e24], "copies": [0]}), "copies of candidate 1 must be 1, 2"),
        (pd.DataFrame({"flops": [1e24], "copies": [1.5]}), "copies of candidate 1 must be 1, 2"),
        (pd.DataFrame({"params": [1e10]}), "params and tokens belong together"),
        (pd.DataFrame({"name": ["a"]}), "neither flops nor params and tokens are given"),
        (pd.DataFrame(), "there are no candidates"),
    ],
)
def test_faults_are_named(small_fit, table, says):
    with pytest.raises(DataError, match=says):
        describe_candidates(small_fit, table, COSTS)
