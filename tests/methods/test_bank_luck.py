import numpy as np
import pytest

from cod_bayes.methods.bank_luck import design, draw_trend, split_luck

X = np.array([-8.0, -6.0, -5.0, -2.0, -1.0, 0.0])
WEIGHT = np.array([0.01, 0.05, 0.1, 0.2, 0.25, 0.2])


def test_residual_luck_has_no_trend_where_the_data_can_see_one():
    basis, _ = split_luck(X, WEIGHT)
    assert basis.shape == (6, 4)
    assert (WEIGHT[:, None] * design(X)).T @ basis == pytest.approx(0.0, abs=1e-12)


def test_luck_is_split_without_a_remainder(rng):
    """Residual and trend, drawn from their priors, add up to independent luck of one spread."""
    luck_sd, n = 0.3, 200_000
    basis, precision = split_luck(X, WEIGHT)
    root = np.linalg.cholesky(np.linalg.inv(precision))
    residual = luck_sd * rng.standard_normal((n, 4)) @ root.T @ basis.T
    luck = residual + draw_trend(X, residual, np.full(n, luck_sd), X, rng)
    assert np.cov(luck.T) == pytest.approx(luck_sd**2 * np.eye(6), abs=0.006)


def test_trend_widens_with_distance_as_a_regression_does(rng):
    n, at = 100_000, np.array([0.0, 4.0])
    drawn = draw_trend(X, np.zeros((n, 6)), np.ones(n), at, rng)
    centred = X - X.mean()
    leverage = 1 / 6 + (at - X.mean()) ** 2 / (centred @ centred)
    assert drawn.var(axis=0) == pytest.approx(leverage, rel=0.03)
