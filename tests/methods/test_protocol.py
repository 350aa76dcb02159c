"""What holds of every method: it sees nothing of a target, and says what its draws are."""

import json

import numpy as np
import pytest
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import DataError
from cod_bayes.methods import METHODS, describe_targets, load_method, parse_variant
from cod_bayes.methods.protocol import (
    LEAST_SQUARES,
    PARAMETRIC_BOOTSTRAP,
    POSTERIOR,
    RESIDUAL_BOOTSTRAP,
    Method,
    keep_covariates,
)

# Run in earnest, from fit to draws; the rest take minutes and are in the slow suite. All of them
# are watched at the door that they share.
QUICK = [
    "last-value",
    "cod-point[draws=3]",
    "cod-point-nomap[draws=3]",
    "direct-power[estimate=least-squares, draws=5]",
    "end-to-end-exp[estimate=least-squares, draws=5]",
    "end-to-end-passrate[estimate=least-squares, draws=5]",
    "end-to-end-passrate[estimate=least-squares, draws=5, level=items]",
    "end-to-end-bnsl[estimate=least-squares, draws=0]",
    'average[members=["last-value", "direct-power[estimate=least-squares, draws=5]"]]',
]
SAMPLED = ["cod", "direct-power", "end-to-end-exp", "end-to-end-bnsl", "item-bank", "item-level"]
FEW_DRAWS = Config.from_mapping(
    {"sampler": {"draws": 100, "tune": 100, "chains": 2, "max_attempts": 1}}
)


def poison(evals: xr.Dataset, share: float) -> xr.Dataset:
    """The data and a target with wild results: more passes than trials, or none at all."""
    giant = evals.isel(llm=[-1]).assign_coords(
        llm=["giant"], run=("llm", ["giant"]), role=("llm", ["target"]), flops=("llm", [1e26])
    )
    giant["n_correct"] = (giant["n_trials"] * share).astype(np.uint32)
    giant["gold_nll"] = xr.full_like(giant["n_trials"], np.nan, dtype=float)
    return xr.concat([evals, giant], dim="llm", coords="minimal", compat="override").assign_attrs(
        evals.attrs
    )


@pytest.fixture(scope="module")
def targets(small_evals):
    return describe_targets(small_evals[0].isel(llm=[-1]).assign_coords(flops=("llm", [1e25])))


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("share", [0.0, 50.0])
def test_a_poisoned_target_changes_no_forecast(name, share, small_evals, targets):
    method = parse_variant(name).method
    wild = targets.assign(
        score=("target", [np.nan]), n_correct=("target", [10**9]), loss=("target", [-np.inf])
    )
    clean = method.predict(method.fit(small_evals[0], random_seed=1), targets, random_seed=2)
    fitted = method.fit(poison(small_evals[0], share), random_seed=1)
    xr.testing.assert_identical(clean, method.predict(fitted, wild, random_seed=2))


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLED)
def test_a_poisoned_target_changes_no_sampled_forecast(name, small_evals, targets):
    method = load_method(name)
    forecasts = []
    for evals in (small_evals[0], poison(small_evals[0], 50.0)):
        fitted = method.fit(evals, FEW_DRAWS, random_seed=1)
        forecasts.append(method.predict(fitted, targets, random_seed=2))
    xr.testing.assert_identical(*forecasts)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("share", [0.0, 50.0])
def test_no_method_is_handed_a_target(name, share, small_evals, targets, monkeypatch):
    """Whatever a method does inside, this is all that it can get."""
    method, seen = load_method(name), []

    def look(self, *given):
        seen.extend(given[:2])
        return "fitted"

    monkeypatch.setattr(type(method), "_fit", look)
    monkeypatch.setattr(type(method), "_predict", look)
    method.fit(poison(small_evals[0], share))
    method.predict("fitted", targets.assign(score=("target", [0.9])))
    evals, _, fitted, covariates = seen
    xr.testing.assert_identical(evals.drop_vars("gold_nll", errors="ignore"), small_evals[0])
    assert fitted == "fitted"
    assert set(covariates.variables) == {"flops", "params_active", "tokens", "target"}


@pytest.mark.parametrize("name", METHODS)
def test_no_method_opens_a_door_of_its_own(name):
    assert type(load_method(name)).fit is Method.fit
    assert type(load_method(name)).predict is Method.predict


@pytest.mark.parametrize("name", QUICK)
def test_draws_are_scores_with_their_labels(name, small_evals, targets):
    method = parse_variant(name).method
    draws = method.predict(method.fit(small_evals[0]), targets)
    assert draws.dims == ("draw", "benchmark", "target")
    assert list(draws["benchmark"].values) == ["SUMS", "READ"]
    known = draws.notnull()
    assert ((draws >= 0) & (draws <= 1) | ~known).all()
    assert known.any()
    kinds = (POSTERIOR, PARAMETRIC_BOOTSTRAP, RESIDUAL_BOOTSTRAP, LEAST_SQUARES)
    assert draws.attrs["draws_are"] in kinds
    assert isinstance(json.loads(draws.attrs["notes"]), list)


def test_targets_need_all_covariates_and_positive_ones(targets):
    with pytest.raises(DataError, match="targets lack tokens"):
        keep_covariates(targets.drop_vars("tokens"))
    with pytest.raises(DataError, match="flops must be positive and finite"):
        keep_covariates(targets.assign(flops=("target", [np.nan])))


def test_last_value_says_what_the_largest_small_model_scored(small_evals, targets):
    method = load_method("last-value")
    draws = method.predict(method.fit(small_evals[0]), targets)
    assert draws.sizes["draw"] == method.draws
    finals = small_evals[0].isel(llm=small_evals[0]["run"].values == "12B").isel(llm=-1)
    of_sums = finals["benchmark"].values == "SUMS"
    score = float((finals["n_correct"] / finals["n_trials"]).values[of_sums].mean())
    assert float(draws.sel(benchmark="SUMS").median()) == pytest.approx(score, abs=0.01)
