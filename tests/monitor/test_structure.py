"""The within-run covariance against brute force, and what stands for what in it."""

import numpy as np
import pytest

from cod_bayes.monitor.band import build_joint, leave_level
from cod_bayes.monitor.gaussian import Gaussian
from cod_bayes.monitor.structure import (
    Structure,
    build_covariance,
    build_regressors,
    follow,
    stack_values,
    with_end,
)
from cod_bayes.monitor.trajectories import Trajectories

from .hand_made import TRUTH, make_path, make_run

SHARE = np.array([0.2, 0.5, 1.0, 1.0])
PHASE = np.array(["stable", "stable", "stable", "annealed"])


@pytest.fixture
def stack():
    logit = np.arange(8.0).reshape(4, 2) / 10
    logit[1, 0] = np.nan
    return stack_values(make_run(logit, SHARE, PHASE), "annealed")


def test_values_stand_in_time_and_what_was_not_tried_is_left_out(stack):
    assert stack.time.tolist() == [0, 0, 1, 2, 2, 3, 3]
    assert stack.benchmark.tolist() == [0, 1, 1, 0, 1, 0, 1]
    assert stack.departs.tolist() == [1, 1, 1, 1, 1, 0, 0]
    ended = with_end(stack, 2)
    assert ended.benchmark[-2:].tolist() == [0, 1]
    assert ended.time[-1] == 4
    assert np.isnan(ended.logit[-2:]).all()


def test_covariance_term_by_term(stack):
    slope, s = 0.4 * stack.log_share, TRUTH
    expected = np.zeros((7, 7))
    for i in range(7):
        for j in range(7):
            same = stack.benchmark[i] == stack.benchmark[j]
            lag = abs(np.log(stack.share[i] / stack.share[j]))
            decay = np.exp(-lag / s.memory)
            expected[i, j] = (
                slope[i] * slope[j] * (s.progress_run_sd**2 + same * s.progress_own_sd**2)
            )
            expected[i, j] += decay * (s.common_sd**2 + same * s.own_sd**2)
            expected[i, j] += same * stack.departs[i] * stack.departs[j] * s.gain_sd**2
            at_once = stack.share[i] == stack.share[j] and stack.departs[i] == stack.departs[j]
            expected[i, j] += same * at_once * s.jitter_sd**2
    expected += np.diag(stack.variance)
    np.testing.assert_allclose(build_covariance(stack, slope, s), expected)


def test_effective_compute_is_followed_along_the_law(stack):
    path = make_path()
    followed = follow(path, path.mean, stack, 0.6)
    ends = np.array([0.3, 0.6])
    np.testing.assert_allclose(followed, ends[stack.benchmark] + 0.5 * 0.6 * stack.log_share)


def test_regressors_are_the_derivatives_of_the_mean(stack):
    path, slope = make_path(), 0.5 * np.log(stack.share)
    regressors = build_regressors(stack, slope, 2)
    raised = follow(path, path.mean, stack, 0.61) - follow(path, path.mean, stack, 0.6)
    np.testing.assert_allclose(regressors[:, 1:3].sum(axis=1) * 0.01, raised, atol=1e-12)
    np.testing.assert_array_equal(regressors[:, 3:].sum(axis=1), stack.departs)
    np.testing.assert_allclose(regressors[:, 0], 0.5 * np.log(stack.share) ** 2)


def test_luck_is_what_a_finished_run_has_in_all():
    """Level and scatter of the end together are the law's luck, where luck is large enough."""
    luck = 0.01 * np.eye(2) + 0.004
    level = leave_level(luck, TRUTH)
    scatter = TRUTH.common_sd**2 + (TRUTH.own_sd**2 + TRUTH.jitter_sd**2) * np.eye(2)
    np.testing.assert_allclose(level + scatter, luck)
    np.testing.assert_allclose(leave_level(0.0 * luck, TRUTH), 0, atol=1e-15)


def known(structure: Structure = TRUTH) -> Trajectories:
    """Trajectories without uncertainty of their own."""
    nothing = Gaussian(np.zeros(5), np.zeros((5, 5)))
    return Trajectories(("A", "B"), structure, (structure,) * 4, nothing, "annealed", True, 1.0,
                        1.0, ("x", "y", "z"))  # fmt: skip


def test_the_end_before_the_run_is_the_laws(stack):
    path = make_path(n_draws=400, sd=0.2)
    joint = build_joint(path, with_end(stack, 2), known())
    np.testing.assert_allclose(joint.mean[-2:], path.draws[:, :, -1].mean(axis=0))
    total = np.cov(path.draws[:, :, -1], rowvar=False) + path.luck
    np.testing.assert_allclose(joint.covariance[-2:, -2:], total)


def test_the_order_of_benchmarks_does_not_matter(stack):
    """Swap the two benchmarks everywhere: the joint distribution is the same, relabelled."""
    path = make_path(n_draws=100, sd=0.2)
    swapped = type(path)(path.log_share, path.draws[:, ::-1], path.luck[::-1, ::-1])
    logit = np.arange(8.0).reshape(4, 2) / 10
    plain, other = (
        build_joint(p, stack_values(make_run(x, SHARE, PHASE), "annealed"), known())
        for p, x in ((path, logit), (swapped, logit[:, ::-1]))
    )
    order = np.array([1, 0, 3, 2, 5, 4, 7, 6])
    np.testing.assert_allclose(other.mean, plain.mean[order])
    np.testing.assert_allclose(other.covariance, plain.covariance[np.ix_(order, order)])
