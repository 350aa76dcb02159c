"""Conditioning against the precision matrix, and surprises against one Cholesky factor."""

import numpy as np
import pytest

from cod_bayes.monitor.gaussian import Gaussian, innovate


@pytest.fixture
def joint(rng):
    root = rng.normal(size=(7, 7))
    return Gaussian(rng.normal(size=7), root @ root.T + np.eye(7))


def test_conditioning_is_that_of_the_precision_matrix(joint, rng):
    seen, wanted = np.array([0, 2, 3]), np.array([1, 4, 5, 6])
    values = rng.normal(size=3)
    given = joint.condition(seen, values, wanted)
    precision = np.linalg.inv(joint.covariance)
    among, across = precision[np.ix_(wanted, wanted)], precision[np.ix_(wanted, seen)]
    mean = joint.mean[wanted] - np.linalg.solve(among, across @ (values - joint.mean[seen]))
    np.testing.assert_allclose(given.mean, mean)
    np.testing.assert_allclose(given.covariance, np.linalg.inv(among))


def test_without_anything_seen_it_is_the_marginal(joint):
    wanted = np.array([1, 4])
    given = joint.condition(np.array([], dtype=int), np.array([]), wanted)
    np.testing.assert_array_equal(given.covariance, joint.covariance[np.ix_(wanted, wanted)])


def test_surprises_one_at_a_time_are_those_of_the_cholesky_factor(joint, rng):
    values = rng.normal(size=7)
    surprises = [i.own.item() for i in innovate(joint, values, np.arange(7))]
    whitened = np.linalg.solve(np.linalg.cholesky(joint.covariance), values - joint.mean)
    np.testing.assert_allclose(surprises, whitened)


def test_common_surprises_of_a_right_model_are_standard_normal_and_independent(joint, rng):
    time = np.array([0, 0, 0, 1, 1, 2, 2])
    draws = rng.multivariate_normal(joint.mean, joint.covariance, 4000)
    common = np.array([[i.common for i in innovate(joint, one, time)] for one in draws])
    np.testing.assert_allclose(common.mean(axis=0), 0, atol=5 / np.sqrt(4000))
    np.testing.assert_allclose(np.cov(common, rowvar=False), np.eye(3), atol=0.12)


def test_the_order_of_benchmarks_does_not_matter(joint, rng):
    time, values = np.array([0, 0, 0, 1, 1, 1, 1]), rng.normal(size=7)
    order = np.array([2, 0, 1, 6, 3, 5, 4])
    plain = list(innovate(joint, values, time))
    moved = list(innovate(joint.take(order), values[order], time[order]))
    for one, other in zip(plain, moved, strict=True):
        assert one.common == pytest.approx(other.common)
        where = order[other.positions] - one.positions[0]
        np.testing.assert_allclose(one.own[where], other.own)


def test_widening_stops_at_what_was_known_before(joint):
    most = joint.sd * np.array([1.05, 1.1, 2.0, 2.0, 0.5, 1.2, 3.0])
    wide = joint.widen(1.2, most)
    np.testing.assert_allclose(wide.sd / joint.sd, [1.05, 1.1, 1.2, 1.2, 1.0, 1.2, 1.2])
    np.testing.assert_array_equal(wide.mean, joint.mean)
    scale = np.outer(wide.sd, wide.sd) / np.outer(joint.sd, joint.sd)
    np.testing.assert_allclose(wide.covariance, joint.covariance * scale)
