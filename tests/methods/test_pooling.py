"""Averages of quantiles, mixtures and their weights."""

import numpy as np
import pytest
from scipy.special import expit
from scipy.stats import norm

from cod_bayes.errors import ConfigError
from cod_bayes.methods import load_method, parse_variant
from cod_bayes.methods.average import Stacked
from cod_bayes.methods.pooling import average_quantiles, pool_linearly, stack_weights
from cod_bayes.methods.summary import LEVELS


def normal_logit(mean, sd):
    return expit(norm.ppf(LEVELS, mean, sd))


def test_the_average_of_logit_normals_is_logit_normal():
    members = np.array([normal_logit(-1.0, 0.2), normal_logit(2.0, 0.6)])
    np.testing.assert_allclose(average_quantiles(members), normal_logit(0.5, 0.4), rtol=1e-9)


def test_a_member_without_a_forecast_is_left_out():
    members = np.array([normal_logit(0.3, 0.2), np.full(LEVELS.size, np.nan)])
    np.testing.assert_allclose(average_quantiles(members), members[0])
    np.testing.assert_allclose(pool_linearly(members, np.array([0.1, 0.9])), members[0])
    assert np.isnan(average_quantiles(members[1:])).all()
    assert np.isnan(pool_linearly(members[1:], np.array([1.0]))).all()


def test_scores_of_nought_and_one_can_be_averaged():
    averaged = average_quantiles(np.array([np.zeros(LEVELS.size), np.ones(LEVELS.size)]))
    np.testing.assert_allclose(averaged, 0.5)


def test_the_linear_pool_has_the_mixtures_quantiles():
    members = np.array([norm.ppf(LEVELS, 0.3, 0.02), norm.ppf(LEVELS, 0.7, 0.05)])
    weights = np.array([0.25, 0.75])
    pooled = pool_linearly(members, weights)
    mixture = 0.25 * norm.cdf(pooled, 0.3, 0.02) + 0.75 * norm.cdf(pooled, 0.7, 0.05)
    np.testing.assert_allclose(mixture, LEVELS, atol=0.01)


def test_weights_must_fit_the_members():
    with pytest.raises(ConfigError, match="2 members need as many weights; got 3"):
        pool_linearly(np.zeros((2, 5)), np.ones(3))


def test_stacking_trusts_the_calibrated_member(rng):
    centre = rng.uniform(0.3, 0.7, 300)
    truth = rng.normal(centre, 0.05)
    right = centre[:, None] + norm.ppf(LEVELS, 0, 0.05)
    biased = right + 0.2
    weights = stack_weights(np.array([right, biased]), truth)
    np.testing.assert_allclose(weights.sum(), 1)
    assert weights[0] > 0.95


def test_stacking_splits_between_members_that_err_to_either_side(rng):
    truth = rng.normal(0.5, 0.1, 500)
    low, high = (np.tile(norm.ppf(LEVELS, 0.5 + shift, 0.05), (500, 1)) for shift in (-0.1, 0.1))
    np.testing.assert_allclose(stack_weights(np.array([low, high]), truth), 0.5, atol=0.1)


def test_stacked_weights_minimise_the_crps_of_the_mixture(rng):
    """Against brute force: the pool's own CRPS at every weight."""
    truth = rng.normal(0.5, 0.1, 200)
    members = np.array([np.tile(norm.ppf(LEVELS, 0.45, 0.12), (200, 1)),
                        np.tile(norm.ppf(LEVELS, 0.6, 0.05), (200, 1))])  # fmt: skip
    grid = np.linspace(0, 1, 41)
    crps = []
    for share in grid:
        pooled = pool_linearly(members[:, 0], np.array([share, 1 - share]))
        spread = np.abs(pooled[:, None] - pooled).mean() / 2
        crps.append(np.abs(pooled - truth[:, None]).mean() - spread)
    assert stack_weights(members, truth)[0] == pytest.approx(grid[np.argmin(crps)], abs=0.05)


def test_without_known_cases_weights_are_equal():
    np.testing.assert_array_equal(stack_weights(np.empty((3, 0, 5)), np.empty(0)), np.ones(3) / 3)


def test_pools_need_members():
    with pytest.raises(ConfigError, match="average needs members"):
        parse_variant("average[members=[]]")


def test_a_pool_of_one_is_its_member(small_evals):
    from cod_bayes.methods import describe_targets

    evals = small_evals[0]
    targets = describe_targets(evals.isel(llm=[-3]).assign_coords(flops=("llm", [1e24])))
    alone = load_method("last-value")
    pool = parse_variant('average[members=["last-value"]]').method
    direct = alone.predict(alone.fit(evals), targets, random_seed=4)
    pooled = pool.predict(pool.fit(evals), targets, random_seed=4)
    assert pooled.sizes == {"draw": LEVELS.size, "benchmark": 2, "target": 1}
    np.testing.assert_allclose(pooled.mean("draw"), direct.mean("draw"), atol=1e-3)
    np.testing.assert_allclose(pooled.std("draw"), direct.std("draw"), rtol=0.02)


def test_a_stack_of_fixed_weights_learns_nothing(rng):
    members = rng.random((2, 10, 50))
    fixed = Stacked(members=("last-value", "direct-power"), weights=(3.0, 1.0))
    np.testing.assert_allclose(fixed.weigh(members, rng.random(10)), [0.75, 0.25])


@pytest.mark.parametrize("weights", [(1.0,), (1.0, -1.0), (0.0, 0.0)])
def test_weights_that_are_none_are_refused(weights):
    with pytest.raises(ConfigError, match=r"stacked\.weights are 2 numbers"):
        Stacked(members=("last-value", "direct-power"), weights=weights)
