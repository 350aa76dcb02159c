"""Value of information against conjugate closed forms."""

import numpy as np
import pytest
from scipy.stats import norm

from cod_bayes.decide import compute_evpi, compute_evsi, compute_narrowing, compute_variance_share
from cod_bayes.errors import DataError

MEAN, N_DRAWS = 0.3, 20_000


@pytest.fixture
def draws(rng):
    """A mean with a standard normal prior about 0.3; act on it, or do nothing."""
    theta = rng.normal(MEAN, 1.0, N_DRAWS)
    return theta, np.stack([np.zeros(N_DRAWS), theta], axis=1)


def closed_form(noise_sd):
    """``E max(0, m) - max(0, MEAN)``, the posterior mean ``m`` ~ Normal(MEAN, 1 / (1 + sd^2))."""
    sd = 1 / np.sqrt(1 + noise_sd**2)
    return MEAN * norm.cdf(MEAN / sd) + sd * norm.pdf(MEAN / sd) - MEAN


@pytest.mark.parametrize("noise_sd", [0.3, 1.0, 2.0])
def test_evsi_of_a_conjugate_case(draws, rng, noise_sd):
    theta, utility = draws
    data = theta + noise_sd * rng.standard_normal(N_DRAWS)
    found = compute_evsi(utility, data[:, None])
    assert found.value == pytest.approx(closed_form(noise_sd), abs=4 * found.se)
    assert 0 < found.se < 0.01


def test_the_expected_reduction_of_variance_is_that_of_the_linear_gaussian_case(draws, rng):
    theta, _ = draws
    for noise_sd in (0.5, 2.0):
        one, other = (theta + noise_sd * rng.standard_normal(N_DRAWS) for _ in range(2))
        share = compute_variance_share(theta, one[:, None])
        assert share == pytest.approx(1 / (1 + noise_sd**2), abs=0.03)
        both = compute_variance_share(theta, np.stack([one, other], axis=1))
        assert both == pytest.approx(2 / (2 + noise_sd**2), abs=0.03)


def test_perfect_data_are_worth_perfect_information(draws):
    theta, utility = draws
    found = compute_evsi(utility, theta[:, None])
    assert found.value == pytest.approx(compute_evpi(utility), abs=2e-3)


def test_data_that_change_no_choice_are_worth_nothing(draws, rng):
    theta, utility = draws
    certain = utility + np.array([0.0, 50.0])
    assert compute_evsi(certain, theta[:, None]).value == 0.0
    # noise that is unrelated is worth no more than nothing: there is no optimism
    unrelated = compute_evsi(utility, rng.standard_normal((N_DRAWS, 6)))
    assert unrelated.value <= 3 * unrelated.se


def test_what_can_no_longer_be_afforded_is_lost(draws, rng):
    theta, utility = draws
    dear = utility + np.array([0.0, 2.0])
    found = compute_evsi(dear, rng.standard_normal((N_DRAWS, 1)), [True, False])
    assert found.value == pytest.approx(-dear[:, 1].mean())
    with pytest.raises(DataError, match="no candidate is left"):
        compute_evsi(utility, theta[:, None], [False, False])


def test_narrowing_is_in_the_standard_deviation():
    assert compute_narrowing([0.0, 0.75, 1.0]) == pytest.approx([0.0, 0.5, 1.0])


@pytest.mark.parametrize(
    ("utility", "data", "says"),
    [
        (np.zeros((50, 2)), np.zeros((50, 1)), "50 draws are too few"),
        (np.zeros((200, 2)), np.zeros((100, 1)), "tables of as many draws"),
        (np.zeros(200), np.zeros((200, 1)), "tables of as many draws"),
        (np.full((200, 2), np.nan), np.zeros((200, 1)), "must be finite"),
    ],
)
def test_draws_that_nothing_can_be_learnt_from_are_refused(utility, data, says):
    with pytest.raises(DataError, match=says):
        compute_evsi(utility, data)


def test_what_does_not_vary_has_no_share(rng):
    assert compute_variance_share(np.ones(200), rng.standard_normal((200, 2))) == 0.0
