"""Learning the within-run model back from runs that it made itself."""

from dataclasses import replace

import numpy as np
import pytest

from cod_bayes.errors import DataError
from cod_bayes.monitor import learn_trajectories
from cod_bayes.monitor.checkpoints import read_checkpoints
from cod_bayes.monitor.law_path import trace_law
from cod_bayes.monitor.structure import build_covariance, follow, stack_values

from .hand_made import TRUTH, make_evals, make_fitted

SHARE = np.array([0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0])
RUNS = {f"run-{i}": size for i, size in enumerate(np.geomspace(4e8, 1e9, 5))}
GAIN = -0.2


def draw_ladder(fitted, rng, phase=None):
    """Runs from the model itself: law, progress, level, scatter; GAIN outside the last phase."""
    blank = {name: np.full((len(SHARE), 2), 0.5) for name in RUNS}
    evals = make_evals(blank, share=SHARE, params=RUNS, phase=phase)
    scores = {}
    for name in RUNS:
        run = read_checkpoints(evals.isel(llm=np.flatnonzero(evals["run"].values == name)))
        (path,) = trace_law(fitted, [run])
        stack = stack_values(run, str(run.phase[-1]))
        slope = follow(path, path.rate, stack, TRUTH.progress) * stack.log_share
        level = 0.1 * rng.standard_normal(2)[stack.benchmark]
        mean = follow(path, path.mean, stack, TRUTH.progress) + level + GAIN * stack.departs
        truth = replace(TRUTH, gain_sd=0.0)
        logit = rng.multivariate_normal(mean, build_covariance(stack, slope, truth))
        scores[name] = (1 / (1 + np.exp(-logit))).reshape(len(SHARE), 2)
    return make_evals(scores, share=SHARE, params=RUNS, phase=phase)


@pytest.fixture(scope="module")
def fitted():
    return make_fitted()


def test_progress_is_recovered(fitted, rng):
    learnt = learn_trajectories(fitted, draw_ladder(fitted, rng))
    assert learnt.runs == tuple(RUNS)
    assert not learnt.has_gain
    progress = np.array([draw.progress for draw in learnt.draws])
    assert abs(learnt.structure.progress - TRUTH.progress) < 4 * max(progress.std(), 0.02)
    assert progress.std() < 0.15
    # the model being right, held-out runs surprise as much as is stated
    assert 1 <= learnt.inflation_own < 1.5
    assert 1 <= learnt.inflation_common < 2


def test_the_gain_of_the_other_phase_is_recovered(fitted, rng):
    phase = np.array(["stable"] * 5 + ["annealed"] * 2)
    learnt = learn_trajectories(fitted, draw_ladder(fitted, rng, phase))
    assert learnt.has_gain
    assert learnt.final_phase == "annealed"
    gains, sd = learnt.departures.mean[3:], learnt.departures.sd[3:]
    assert (np.abs(gains - GAIN) < 4 * np.maximum(sd, 0.02)).all()
    assert (sd < 0.1).all()


def test_checkpoints_below_the_smallest_finished_model_are_left_out(fitted, rng):
    from cod_bayes.monitor.trajectories import read_references

    runs = read_references(fitted, draw_ladder(fitted, rng))
    smallest = 120 * 1e8**2
    assert all((run.flops * run.share >= smallest).all() for run in runs)
    assert [len(run.names) for run in runs] == [7] * 5
    # the first run's four last checkpoints, and none before, have that compute
    ladder = draw_ladder(fitted, rng)
    of_first = np.sort(ladder["flops"].values[ladder["run"].values == "run-0"])
    lowered = ladder.assign_coords(flops=ladder["flops"] * 1.001 * smallest / of_first[-4])
    runs = read_references(fitted, lowered)
    assert all((run.flops * run.share >= smallest).all() for run in runs)
    assert len(runs[0].names) == 4
    assert len(runs[-1].names) == 7


def test_too_few_trajectories_and_mixed_ends_are_refused(fitted, rng):
    ladder = draw_ladder(fitted, rng)
    two = ladder.isel(llm=np.flatnonzero(np.isin(ladder["run"].values, ["run-0", "run-1"])))
    with pytest.raises(DataError, match="at least 3 runs of the ladder with 3 or more checkpoints"):
        learn_trajectories(fitted, two)
    phase = np.where(ladder["run"].values == "run-2", "annealed", "stable")
    with pytest.raises(DataError, match="end in different phases"):
        learn_trajectories(fitted, ladder.assign_coords(phase=("llm", phase)))
    strange = ladder.assign_coords(benchmark=("item", ["A", "Z"]))
    with pytest.raises(DataError, match="benchmark 'Z'"):
        learn_trajectories(fitted, strange)
