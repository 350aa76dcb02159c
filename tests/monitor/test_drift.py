"""The e-process: bounded in expectation, deaf to one excursion, and as early as it can be."""

import numpy as np
import pytest
from scipy import integrate, stats

from cod_bayes.monitor.drift import CLIP, compute_evidence, locate_drift, pool_streams

SHARE = np.arange(1, 21) / 20


def test_one_step_is_the_mixture_by_quadrature():
    z, share = np.array([[1.3], [-0.4], [1.9]]), np.array([0.2, 0.5, 0.6])

    def mix(values):
        def integrand(d):
            return stats.norm.pdf(d) * np.exp(d * values.sum() - len(values) * d**2 / 2)

        return integrate.quad(integrand, -12, 12)[0]

    expected = 0.2 * mix(z[:, 0]) + 0.3 * mix(z[1:, 0]) + 0.1 * mix(z[2:, 0]) + 0.4
    assert compute_evidence(z, share)[-1, 0] == pytest.approx(expected)


@pytest.mark.parametrize("drift", [-3.0, -1.0, -0.2, 0.5, 2.0])
def test_clipped_normals_are_sub_gaussian(drift):
    """The inequality on which all rests, by quadrature: E exp(d f - d^2/2) <= 1."""

    def integrand(z):
        return stats.norm.pdf(z) * np.exp(drift * np.clip(z, -CLIP, CLIP) - drift**2 / 2)

    assert integrate.quad(integrand, -10, 10, points=[-CLIP, CLIP])[0] <= 1


def test_healthy_runs_ever_alarm_at_most_as_often_as_stated(rng):
    """Ville's inequality on exactly normal surprises, with streams that are all but one."""
    common = rng.standard_normal((4000, 20, 1))
    streams = np.sqrt(0.7) * common + np.sqrt(0.3) * rng.standard_normal((4000, 20, 4))
    surprises = np.concatenate([common, streams], axis=2)
    largest = [pool_streams(compute_evidence(one, SHARE)).max() for one in surprises]
    for alpha in (0.05, 0.2):
        n_alarms = int((np.array(largest) >= 1 / alpha).sum())
        assert stats.binom.sf(n_alarms - 1, 4000, alpha) > 1e-5


def test_evidence_is_one_in_expectation_at_most(rng):
    surprises = rng.standard_normal((4000, 20))
    last = compute_evidence(surprises.T, SHARE)[-1]
    assert last.mean() < 1 + 5 * last.std() / np.sqrt(4000)


@pytest.mark.parametrize("when", [0, 9, 19])
def test_one_excursion_is_no_alarm(when):
    """However large, on all benchmarks at once, and whenever it is."""
    surprises = np.zeros((20, 5))
    surprises[when] = -1e6
    assert pool_streams(compute_evidence(surprises, SHARE)).max() < 2


def test_persistent_drift_is_found_with_its_beginning_and_its_sign():
    surprises = np.where(SHARE >= 0.5, -1.8, 0.0)
    evidence = compute_evidence(surprises[:, None], SHARE)[:, 0]
    assert (np.diff(evidence[9:]) > 0).all()
    assert evidence[-1] > 20
    assert locate_drift(surprises, SHARE) == (pytest.approx(0.5), -1)


def test_drift_counts_the_same_both_ways():
    z = np.random.default_rng(1).normal(0.7, 1, (20, 2))
    np.testing.assert_allclose(compute_evidence(z, SHARE), compute_evidence(-z, SHARE))


def test_what_is_not_judged_adds_nothing():
    z = np.full((20, 1), 1.2)
    z[5:9] = np.nan
    evidence = compute_evidence(z, SHARE)
    kept = np.delete(np.arange(20), np.arange(5, 9))
    # weights of the beginnings aside, the sums are those of the judged checkpoints
    assert np.isfinite(evidence).all()
    assert compute_evidence(z[kept], SHARE[kept])[-1, 0] == pytest.approx(evidence[-1, 0])


def test_half_the_weight_is_the_common_streams():
    evidence = np.array([[8.0, 1.0, 1.0, 4.0]])
    assert pool_streams(evidence).item() == pytest.approx(0.5 * 8 + 0.5 * 2)
    assert pool_streams(np.array([[8.0, 8.0]])).item() == 8.0
