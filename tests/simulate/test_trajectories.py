"""Simulated trajectories: valid evals, what changes what, and faults that set in when they say."""

import numpy as np
import pytest

from cod_bayes.errors import ConfigError
from cod_bayes.schema import BENCHMARK
from cod_bayes.scores import tabulate_checkpoints
from cod_bayes.simulate import BenchmarkSpec
from cod_bayes.simulate.trajectories import simulate_trajectories
from cod_bayes.validation import validate_evals

SPECS = (BenchmarkSpec("A", 150, 0.0, 1.2), BenchmarkSpec("B", 100, 0.25, 0.8))


def scores(evals, run):
    own = evals.isel(llm=np.flatnonzero(evals["run"].values == run))
    return tabulate_checkpoints(own)["score"]


def test_ladder_and_runs_are_valid_evals():
    ladder, runs, truth = simulate_trajectories(SPECS, watched=["healthy"] * 2, n_checkpoints=10)
    validate_evals(ladder)
    validate_evals(runs, needs_ladder=False)
    assert ladder.sizes["llm"] == 80
    assert set(runs["role"].values) == {"target"}
    assert list(truth["run"].values) == ["watched-0", "watched-1"]
    assert truth["score"].dims == (BENCHMARK, "run")
    annealed = ladder["phase"].values == "annealed"
    assert annealed.sum() == 8  # one of ten checkpoints, of eight runs


def test_the_last_checkpoint_measures_the_final_score():
    _, runs, truth = simulate_trajectories(SPECS, n_trials=400)
    measured = scores(runs, "watched-0").isel(llm=-1)
    error = np.abs(measured.values - truth["score"].isel(run=0).values)
    assert (error < 5 * 0.5 / np.sqrt(400 * 100)).all()


def test_a_run_depends_on_the_seed_and_its_place_alone():
    one = simulate_trajectories(SPECS, watched=["healthy"], random_seed=4)
    two = simulate_trajectories(SPECS, watched=["healthy", "divergence"], random_seed=4)
    other = simulate_trajectories(SPECS, watched=["healthy"], random_seed=5)
    first = two[1].isel(llm=slice(0, 20))
    np.testing.assert_array_equal(one[0]["n_correct"], two[0]["n_correct"])
    np.testing.assert_array_equal(one[1]["n_correct"], first["n_correct"])
    assert (one[0]["n_correct"].values != other[0]["n_correct"].values).any()


@pytest.mark.parametrize("condition", ["data-bug", "divergence"])
def test_a_sick_run_is_a_healthy_one_up_to_its_fault(condition):
    """Trials aside: the courses share their streams, and part where the fault sets in."""
    healthy, sick = (
        simulate_trajectories(SPECS, watched=[kind], n_trials=4000, random_seed=7)
        for kind in ("healthy", condition)
    )
    fault_from = float(sick[2]["fault_from"].item())
    assert 0.2 <= fault_from <= 0.6
    share = np.arange(1, 21) / 20
    gap = (scores(healthy[1], "watched-0") - scores(sick[1], "watched-0")).values
    noise = 6 * 0.5 * np.sqrt(2 / (4000 * 100))
    assert np.abs(gap[:, share <= fault_from]).max() < noise
    assert (gap[:, -1] > noise).all()
    assert np.isnan(healthy[2]["fault_from"].item())


def test_scores_rise_along_training():
    ladder, _, _ = simulate_trajectories(SPECS)
    grown = scores(ladder, "12B").isel(llm=[1, 8, 19]).diff("llm")
    assert (grown.values > 0).all()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"watched": ["ill"]}, "watched knows healthy, data-bug, divergence; got 'ill'"),
        ({"n_checkpoints": 2}, "n_checkpoints must be at least 3; got 2"),
        ({"world": "flat"}, "world must be one of logis, exp, bend; got 'flat'"),
    ],
)
def test_what_cannot_be_simulated_is_refused(wrong, says):
    with pytest.raises(ConfigError, match=says):
        simulate_trajectories(SPECS, **wrong)
