"""From evals to empirical logits: order, shares, refusals."""

import numpy as np
import pytest

from cod_bayes.errors import DataError
from cod_bayes.monitor.checkpoints import read_checkpoints

from .hand_made import make_evals

SHARE = np.array([0.25, 0.5, 0.75])


@pytest.fixture
def evals():
    scores = {"run": np.array([[0.0, 0.2], [0.3, 0.4], [0.5, 1.0]])}
    return make_evals(scores, share=SHARE, params={"run": 1e9}, n_questions=100)


def test_shares_are_of_the_planned_tokens_and_flops_of_the_whole_plan(evals):
    run = read_checkpoints(evals.isel(llm=[2, 0, 1]), tokens=2e10)
    np.testing.assert_allclose(run.share, SHARE)
    assert run.flops == pytest.approx(6 * 1e9 * 2e10)
    assert run.names[0] == "run@0.250"
    np.testing.assert_allclose(read_checkpoints(evals).share, SHARE / 0.75)


def test_empirical_logits_are_finite_at_both_ends(evals):
    run = read_checkpoints(evals, tokens=2e10)
    assert run.logit[0, 0] == pytest.approx(np.log(0.5 / 100.5))
    assert run.variance[0, 0] == pytest.approx(1 / 0.5 + 1 / 100.5)
    assert run.logit[1, 1] == pytest.approx(np.log(40.5 / 60.5))
    assert run.score[2, 1] == 1.0


def test_what_was_not_tried_is_not_a_number(evals):
    evals["n_trials"][1, 0] = evals["n_correct"][1, 0] = 0
    run = read_checkpoints(evals, tokens=2e10)
    assert np.isnan(run.logit[1]).tolist() == [True, False]
    aligned = run.align(("B", "C", "A"))
    assert np.isnan(aligned.logit).sum(axis=0).tolist() == [0, 3, 1]


def test_what_is_no_run_is_refused(evals):
    with pytest.raises(DataError, match=r"more than the 1e\+10 planned"):
        read_checkpoints(evals, tokens=1e10)
    several = evals.assign_coords(run=("llm", ["a", "a", "b"]))
    with pytest.raises(DataError, match=r"these evals hold 2 \(a, b\)"):
        read_checkpoints(several)
    blank = evals.assign_coords(tokens=("llm", [1e9, np.nan, 2e9]))
    with pytest.raises(DataError, match="1 checkpoints have no tokens"):
        read_checkpoints(blank)
