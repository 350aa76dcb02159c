"""Power-scaling where the scaled posterior is known, then on a fitted model."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from cod_bayes.errors import DataError
from cod_bayes.evaluation.sensitivity import (
    ALPHAS,
    LIKELIHOOD,
    PRIOR,
    power_weights,
    prior_sensitivity,
    scale_powers,
    weighted_quantiles,
)
from cod_bayes.prediction import predict


@pytest.mark.parametrize("alpha", ALPHAS)
def test_a_normal_prior_scaled(rng, alpha):
    """Prior N(0, 1), datum 1 of sd 1: scaled, precision 1 + alpha and mean 1 / (1 + alpha)."""
    draws = rng.normal(0.5, np.sqrt(0.5), 20_000)
    weights, khat = power_weights(stats.norm.logpdf(draws), alpha)
    mean, sd = 1 / (1 + alpha), 1 / np.sqrt(1 + alpha)
    assert weights.sum() == pytest.approx(1)
    assert weights @ draws == pytest.approx(mean, abs=0.03)
    expected = stats.norm.ppf([0.05, 0.25, 0.5, 0.75, 0.95], mean, sd)
    assert weighted_quantiles(draws[:, None], weights)[0] == pytest.approx(expected, abs=0.06)
    assert khat < 0.7


def test_alpha_of_one_and_flat_densities_change_nothing(rng):
    draws = rng.normal(size=400)
    for density, alpha in ((stats.norm.logpdf(draws), 1.0), (np.zeros(400), 2.0)):
        weights, khat = power_weights(density, alpha)
        assert weights == pytest.approx(np.full(400, 1 / 400))
        assert khat == 0.0


def test_a_prior_far_from_its_posterior_is_reported_as_out_of_reach(rng):
    draws = rng.normal(30.0, 1.0, 4000)
    assert power_weights(stats.norm.logpdf(draws), 0.2)[1] > 0.7


def test_a_conflict_shows_and_an_idle_prior_does_not(rng):
    draws = rng.normal(0.5, np.sqrt(0.5), (2, 2000, 1))
    scores = xr.DataArray(draws, dims=("chain", "draw", "target"))
    density = stats.norm.logpdf(draws.ravel(), -2.0, 1.0)
    idle = stats.norm.logpdf(rng.normal(size=4000))
    result = scale_powers(scores, {"against": density, "idle": idle}, ALPHAS)
    moved = result["sensitivity"].sel(target=0)
    assert float(moved.sel(component="against")) > 0.1
    assert float(moved.sel(component="idle")) < 0.05
    medians = result["quantile"].sel(component="against", level=0.5, target=0).values
    assert (np.diff(medians) < 0).all()  # a stronger prior pulls further towards -2


def test_without_a_forecast_there_is_no_sensitivity():
    scores = xr.DataArray(np.full((2, 10, 1), np.nan), dims=("chain", "draw", "target"))
    result = scale_powers(scores, {"a": np.arange(20.0)}, (0.5, 2.0))
    assert all(np.isnan(result[name]).all() for name in result)


def test_the_forecast_of_a_fitted_model(small_fit):
    result = prior_sensitivity(small_fit, flops=1e25, random_seed=1)
    forecast = predict(small_fit, flops=1e25, explain=False, force=True, random_seed=1)
    scores = forecast["predictions/score_by_forecaster"].stack(s=("chain", "draw"))
    medians = scores.median("s").transpose("forecaster", "benchmark", "target")
    unscaled = result["unscaled"].sel(level=0.5).transpose("forecaster", "benchmark", "target")
    np.testing.assert_allclose(unscaled, medians, atol=1e-3)
    whole = result.sel(forecaster="end-to-end")
    assert np.isfinite(whole["quantile"].sel(component=[PRIOR, LIKELIHOOD])).all()
    assert {"frailty", "ceiling", "floor", "luck_sd"} <= set(result["component"].values)
    spread = whole["quantile"].sel(level=0.95) - whole["quantile"].sel(level=0.05)
    by_likelihood = spread.sel(component=LIKELIHOOD).mean(("benchmark", "target"))
    assert float(by_likelihood.sel(alpha=2.0)) < float(by_likelihood.sel(alpha=0.5))


def test_powers_must_be_positive(small_fit):
    with pytest.raises(DataError, match="positive"):
        prior_sensitivity(small_fit, flops=1e25, alphas=(0.0, 2.0))
