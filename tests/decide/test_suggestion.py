"""Pilots ranked: by value to a decision, by narrowing, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from cod_bayes.decide import (
    Costs,
    Decision,
    Hardware,
    NewRun,
    PointValue,
    Remeasure,
    ThresholdValue,
    allocate,
    suggest,
)
from cod_bayes.errors import ConvergenceError, DataError

CANDIDATES = pd.DataFrame({"name": ["small", "large"], "flops": [2e23, 4e24]})
COSTS = Costs(gpu_hour=1e-4, hardware=Hardware(gpus=1000, peak_flops=1e15))
NEAR = NewRun("near", flops=1e24, price=1.0)
SMALL = NewRun("small again", flops=1e22, price=1.0)
TRIALS = Remeasure("trials", "12B", price=1.0)


@pytest.fixture(scope="module")
def decision(small_fit):
    """A threshold that the small run may reach and the large one does: both are worth the same."""
    table = allocate(small_fit, CANDIDATES, [PointValue("SUMS", 1.0)], COSTS, force=True)
    median = table["median"].sel(benchmark="SUMS", candidate="small").item()
    return Decision(CANDIDATES, (ThresholdValue("SUMS", median, payoff=526),))


@pytest.fixture(scope="module")
def ranked(small_fit, decision):
    return suggest(small_fit, [TRIALS, SMALL, NEAR], decision, COSTS, force=True, random_seed=2)


def test_no_pilot_is_worth_more_than_the_law(ranked):
    limit = ranked.attrs["value_of_law"] + 3 * ranked.attrs["value_of_law_se"]
    assert (ranked["evsi"] < limit).all()
    np.testing.assert_allclose(ranked["net_value"], ranked["evsi"] - ranked["price"])


def test_of_very_many_candidates_those_that_may_be_best_stand_for_all(small_fit, decision):
    many = pd.DataFrame({"flops": np.append(np.geomspace(1e22, 2e23, 79), 4e24)})
    table = suggest(small_fit, [NEAR], Decision(many, decision.values), COSTS, force=True)
    few = Decision(many.iloc[[-2, -1]], decision.values)
    alone = suggest(small_fit, [NEAR], few, COSTS, force=True)
    assert table.attrs["value_of_law"] > 0
    assert table["evsi"].item() > alone["evsi"].item() - 4 * alone["evsi_se"].item()


def test_narrowing_grows_with_what_a_pilot_tells_and_ends_at_the_law(ranked):
    assert (ranked["narrowing"] <= ranked["narrowing_limit"]).all()
    mean = ranked["mean_narrowing"]
    assert mean.sel(pilot="near") > mean.sel(pilot="small again") > mean.sel(pilot="trials")
    assert ((ranked["law_share"] > 0) & (ranked["law_share"] <= 1)).all()


def test_without_a_decision_narrowing_is_ranked_by_price(small_fit):
    dear = NewRun("dear", flops=1e24, price=1e6)
    table = suggest(small_fit, [dear, SMALL], flops=4e24, force=True)
    assert "evsi" not in table
    assert table.attrs["recommended"] == "small again"
    assert table.attrs["target_flops"] == 4e24
    np.testing.assert_allclose(
        table["narrowing_per_price"], table["mean_narrowing"] / table["price"]
    )


def test_what_costs_more_than_it_brings_is_not_recommended(small_fit, decision):
    dear = NewRun("dear", flops=1e24, price=1e5)
    table = suggest(small_fit, [dear], decision, COSTS, force=True)
    assert table.attrs["recommended"] == ""
    assert "no pilot is worth its price" in table.attrs["reason"]


def test_a_pilot_that_eats_the_budget_leaves_nothing_to_choose(small_fit, decision):
    training = float(COSTS.price_training(CANDIDATES["flops"].min()))
    costs = Costs(gpu_hour=1e-4, hardware=COSTS.hardware, budget=training + 5.0)
    greedy = NewRun("greedy", flops=1e24, price=10.0)
    table = suggest(small_fit, [greedy, NEAR], decision, costs, force=True)
    assert np.isnan(table["evsi"].sel(pilot="greedy"))
    assert np.isfinite(table["evsi"].sel(pilot="near"))


def test_allocate_says_that_it_is_too_early_to_decide(small_fit, decision):
    free = NewRun("the run itself", flops=2e23, seeds=8, price=0.0)
    table = allocate(small_fit, CANDIDATES, decision.values, COSTS, pilots=[free], force=True)
    assert table.attrs["pilot"] == "the run itself"
    assert "more than it costs" in table.attrs["pilot_reason"]
    assert allocate(small_fit, CANDIDATES, decision.values, COSTS, force=True).attrs["pilot"] == ""


@pytest.mark.parametrize(
    ("pilots", "about", "says"),
    [
        ([], {"flops": 1e24}, "there are no pilots"),
        ([NEAR, NEAR], {"flops": 1e24}, "pilot 'near' stands there twice"),
        ([NEAR], {}, "there is neither a decision nor a target"),
    ],
)
def test_questions_without_meaning_are_refused(small_fit, pilots, about, says):
    with pytest.raises(DataError, match=says):
        suggest(small_fit, pilots, force=True, **about)


def test_a_failed_gate_is_refused(small_fit):
    with pytest.raises(ConvergenceError):
        suggest(small_fit, [NEAR], flops=4e24)
