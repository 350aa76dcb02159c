"""Every definition against a closed form, or against the plainest loop that computes it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from cod_bayes.decide import (
    compute_cvar,
    compute_evpi,
    compute_expected_regret,
    compute_p_best,
    compute_p_reach,
    compute_quantile_regret,
    compute_var,
)
from cod_bayes.errors import DataError

TABLES = arrays(
    float,
    st.tuples(st.integers(1, 12), st.integers(1, 4)),
    elements=st.integers(-3, 3).map(float),  # with ties, as threshold payoffs have
)
SHARES = st.sampled_from([0.05, 0.1, 0.25, 1 / 3, 0.5, 0.9, 1.0])


def worst_mean(column, alpha):
    """Mean of the worst share, the draw on its edge counted in part."""
    left, total = alpha * len(column), 0.0
    for value in sorted(column):
        weight = min(1.0, left)
        total += weight * value
        left -= weight
        if left <= 0:
            break
    return total / (alpha * len(column))


@given(TABLES, SHARES)
def test_cvar_is_the_mean_of_the_worst_share(utility, alpha):
    expected = [worst_mean(column, alpha) for column in utility.T]
    np.testing.assert_allclose(compute_cvar(utility, alpha), expected, atol=1e-9)


@given(TABLES, SHARES)
def test_var_is_the_inverse_of_the_distribution_function(utility, alpha):
    for value, column in zip(compute_var(utility, alpha), utility.T, strict=True):
        assert (column <= value).mean() >= alpha - 1e-9
        assert (column < value).mean() < alpha
        assert value in column


def test_var_of_a_tenth_of_ten_draws_is_the_worst():
    assert compute_var(np.arange(10.0)[:, None], 0.1).item() == 0  # 0.1 * 10 is not quite one


@pytest.mark.parametrize("alpha", [0.05, 0.25, 0.5])
def test_cvar_of_a_normal_utility(alpha, rng):
    draws = rng.normal(3.0, 2.0, size=(200_000, 1))
    expected = 3.0 - 2.0 * stats.norm.pdf(stats.norm.ppf(alpha)) / alpha
    assert compute_cvar(draws, alpha).item() == pytest.approx(expected, abs=0.03)


@given(TABLES)
def test_cvar_of_everything_is_the_mean(utility):
    np.testing.assert_allclose(compute_cvar(utility, 1.0), utility.mean(axis=0), atol=1e-12)


def test_a_threshold_payoff_is_lost_as_often_as_it_is_not_reached():
    utility = np.repeat([[-1.0], [10.0]], [3, 97], axis=0)
    assert compute_cvar(utility, 0.03).item() == pytest.approx(-1.0)
    assert compute_cvar(utility, 0.05).item() == pytest.approx((3 * -1 + 2 * 10) / 5)


@given(TABLES)
def test_evpi_is_the_least_expected_regret(utility):
    assert compute_evpi(utility) == pytest.approx(compute_expected_regret(utility).min())
    assert compute_evpi(utility) >= -1e-12


def test_evpi_of_two_normal_candidates(rng):
    """E max(0, X) of X ~ N(mu, s), less max(0, mu): the unit normal loss."""
    mean, sd = 0.4, 1.5
    utility = np.column_stack([np.zeros(400_000), rng.normal(mean, sd, 400_000)])
    loss = sd * stats.norm.pdf(mean / sd) - mean * stats.norm.cdf(-mean / sd)
    assert compute_evpi(utility) == pytest.approx(loss, abs=0.01)


@given(TABLES, SHARES)
def test_regret_by_a_plain_loop(utility, level):
    regret = np.array([[max(row) - value for value in row] for row in utility])
    np.testing.assert_allclose(compute_expected_regret(utility), regret.mean(axis=0))
    np.testing.assert_array_equal(
        compute_quantile_regret(utility, level), compute_var(regret, level)
    )


@given(TABLES)
def test_somebody_is_best(utility):
    p_best = compute_p_best(utility)
    assert p_best.sum() == pytest.approx(1.0)
    assert (p_best >= 0).all()


def test_ties_share_their_draw():
    assert compute_p_best([[1.0, 1.0], [0.0, 2.0]]).tolist() == [0.25, 0.75]


def test_reaching_a_threshold_counts_at_the_threshold():
    scores = [[0.69, 0.7], [0.7, 0.7], [0.71, 0.1], [0.1, 0.9]]
    assert compute_p_reach(scores, 0.7).tolist() == [0.5, 0.75]


@pytest.mark.parametrize(
    ("utility", "alpha", "says"),
    [
        ([1.0, 2.0], 0.1, "must be a table of draws and candidates"),
        (np.empty((0, 2)), 0.1, "must be a table of draws and candidates"),
        ([[1.0, np.nan]], 0.1, "utility has 1 values that are no finite number"),
        ([[1.0]], 0.0, "alpha must be a share within (0, 1], as 0.1; got 0.0"),
        ([[1.0]], 10, "alpha must be a share within (0, 1], as 0.1; got 10"),
    ],
)
def test_what_is_no_utility_is_refused(utility, alpha, says):
    with pytest.raises(DataError) as fault:
        compute_cvar(utility, alpha)
    assert says in str(fault.value)
