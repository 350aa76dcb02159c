import numpy as np
import pytest

from cod_bayes.errors import ConfigError
from cod_bayes.mapping.point import POINT_MAPS, fit_point_map

GRID = np.linspace(0, 1, 201)


def pairs(rng, n=10, noise=0.01):
    subset = np.sort(rng.uniform(0.1, 0.8, n))
    return subset, 0.6 * subset + 0.4 * subset**3 + rng.normal(0, noise, n)


@pytest.mark.parametrize("form", POINT_MAPS)
def test_every_map_meets_both_ends_and_stays_inside(form, rng):
    curve = fit_point_map(*pairs(rng), form)
    np.testing.assert_allclose(curve(np.array([0.0, 1.0])), [0, 1], atol=1e-6)
    assert curve(GRID.reshape(3, 67)).shape == (3, 67)
    assert (curve(GRID) >= 0).all()
    assert (curve(GRID) <= 1).all()


@pytest.mark.parametrize("form", ["cubic", "quartic", "quintic"])
def test_a_polynomial_finds_a_cubic_through_the_ends(form, rng):
    curve = fit_point_map(*pairs(rng, noise=0), form)
    np.testing.assert_allclose(curve(GRID), 0.6 * GRID + 0.4 * GRID**3, atol=1e-9)


def test_a_higher_degree_lies_nearer_to_the_pairs(rng):
    subset, full = pairs(rng)
    errors = [
        ((fit_point_map(subset, full, form)(subset) - full) ** 2).sum()
        for form in ("cubic", "quartic", "quintic")
    ]
    assert errors == sorted(errors, reverse=True)


@pytest.mark.parametrize("rmse", [0.0025, 0.005, 0.01])
def test_the_spline_is_the_smoothest_within_its_error(rmse, rng):
    subset, full = pairs(rng, noise=0.02)
    curve = fit_point_map(subset, full, "spline", rmse)
    error = np.sqrt(np.mean((curve(subset) - full) ** 2))
    assert 0.98 * rmse < error <= rmse
    looser = fit_point_map(subset, full, "spline", 1.5 * rmse)
    bend = [(np.diff(one(GRID), 2) ** 2).sum() for one in (curve, looser)]
    assert bend[1] < bend[0]


def test_a_spline_that_may_err_much_is_the_diagonal(rng):
    np.testing.assert_allclose(fit_point_map(*pairs(rng), "spline", 0.5)(GRID), GRID, atol=1e-3)


@pytest.mark.parametrize("form", POINT_MAPS)
@pytest.mark.parametrize("subset", [[], [0.4], [0.4, 0.4, 0.4], [0.0, 0.0, 1.0], [0.3, 0.5]])
def test_few_or_equal_pairs_give_a_map(form, subset):
    subset = np.array(subset)
    curve = fit_point_map(subset, 0.9 * subset, form)
    assert np.isfinite(curve(GRID)).all()


def test_equal_subsets_are_fitted_by_their_mean():
    curve = fit_point_map(np.full(4, 0.4), np.array([0.2, 0.3, 0.3, 0.4]), "spline")
    assert curve(np.array(0.4)) == pytest.approx(0.3, abs=0.006)


def test_an_unknown_map_is_an_error():
    with pytest.raises(ConfigError, match=r"no point map 'sextic'; there are cubic, quartic"):
        fit_point_map(GRID, GRID, "sextic")
