import numpy as np
import pytest
from scipy.optimize import approx_fprime, least_squares

from cod_bayes.errors import ConfigError, DataError
from cod_bayes.law.least_squares import (
    LAWS,
    PointLaw,
    _Problem,
    find_law,
    fit_point_law,
    is_extrapolatable,
)

FLOPS = np.geomspace(4e19, 1.4e23, 8)


def test_the_law_is_the_papers_in_its_unit():
    law = PointLaw(log_a=np.log(30.0), b=0.5, c=0.1, floor=0.25)
    expected = 0.25 + 0.75 * np.exp(-30 * (FLOPS / 1e18) ** -0.5 - 0.1)
    np.testing.assert_allclose(law(FLOPS), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("name", "truth"),
    [
        ("f", PointLaw(np.log(40.0), 0.5, 0.1, 0.25)),
        ("f1", PointLaw(np.log(40.0), 0.5, 0.1, 0.0)),
        ("f2", PointLaw(np.log(300.0), 0.6, 0.0, 0.25)),
        ("f3", PointLaw(np.log(8.0), 0.3, 0.0, 0.0)),
    ],
)
def test_exact_scores_give_the_law_back(name, truth):
    found = fit_point_law(FLOPS, truth(FLOPS), 0.25, name)
    assert found.floor == truth.floor
    assert found.log_a == pytest.approx(truth.log_a, abs=1e-4)
    assert found.b == pytest.approx(truth.b, abs=1e-5)
    assert found.c == pytest.approx(truth.c, abs=1e-5)


def test_the_minimum_is_that_of_a_search_over_all_three(rng):
    x = np.log(FLOPS / 1e18)
    for _ in range(5):
        truth = PointLaw(rng.normal(3, 1), rng.uniform(0.2, 0.8), rng.exponential(0.2), 0.0)
        score = np.clip(truth(FLOPS) + rng.normal(0, 0.03, 8), 0, 1)
        found = fit_point_law(FLOPS, score)

        def residuals(p, score=score):
            return np.exp(-np.exp(p[0] - p[1] * x) - p[2]) - score

        start = (found.log_a + 0.05, found.b * 1.02, found.c + 0.01)
        bounds = ([-50, 0, 0], [200, 30, 25])
        full = least_squares(residuals, start, bounds=bounds, xtol=1e-14, ftol=1e-14)
        assert ((found(FLOPS) - score) ** 2).sum() <= 2 * full.cost * (1 + 1e-6) + 1e-12


@pytest.mark.parametrize("share", [0.02, 0.4, 3.0])
def test_the_jacobian_is_that_of_the_residuals(share):
    """The ceiling at its lower end nearly, inside, and at one."""
    response = share * np.exp(-np.exp(0.4 - 0.5 * np.linspace(-4, 4, 8))) + 0.01
    problem = _Problem(np.linspace(-4, 4, 8), response, has_ceiling=True)
    at = np.array([0.3, -0.8])
    expected = approx_fprime(at, problem.residuals, 1e-7)
    np.testing.assert_allclose(problem.jacobian(at), expected, atol=1e-6)


@pytest.mark.parametrize("score", [np.zeros(8), np.ones(8), np.full(8, 0.4), np.eye(8)[3]])
def test_scores_without_a_slope_give_a_finite_law(score):
    for name in LAWS:
        law = fit_point_law(FLOPS, score, 0.2, name)
        assert np.isfinite([law.log_a, law.b, law.c]).all()
        assert 0 <= law(7e24) <= 1
        again = fit_point_law(FLOPS, score, 0.2, name, starts=[law.path])
        assert ((again(FLOPS) - score) ** 2).sum() <= ((law(FLOPS) - score) ** 2).sum() + 1e-6


def test_a_warm_start_finds_the_neighbour(rng):
    truth = PointLaw(np.log(40.0), 0.5, 0.1, 0.0)
    score = truth(FLOPS) + rng.normal(0, 0.01, 8)
    cold = fit_point_law(FLOPS, score)
    warm = fit_point_law(FLOPS, score, starts=[truth.path])
    np.testing.assert_allclose(warm(FLOPS), cold(FLOPS), atol=1e-5)


def test_thresholds_are_the_papers_and_can_be_lifted_one_by_one():
    laws = PointLaw(np.log([2.0, 0.5, 2.0, 2.0]), np.array([0.2, 0.2, 0.05, 0.2]),
                    np.array([0.5, 0.5, 0.5, 1.5]), np.zeros(4))  # fmt: skip
    assert is_extrapolatable(laws).tolist() == [True, False, False, False]
    assert is_extrapolatable(laws, min_a=0).tolist() == [True, True, False, False]
    assert is_extrapolatable(laws, min_b=0).tolist() == [True, False, True, False]
    assert is_extrapolatable(laws, max_c=100).tolist() == [True, False, False, True]


def test_too_few_runs_and_unknown_laws_are_errors():
    with pytest.raises(DataError, match="three parameters, and there are 3 scores"):
        fit_point_law(FLOPS[:3], np.full(3, 0.5))
    with pytest.raises(ConfigError, match="no law 'f4'"):
        find_law("f4")
