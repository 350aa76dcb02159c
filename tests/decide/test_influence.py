"""Leave-one-model-out by reweighting, against closed forms and brute force."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from scipy import stats
from scipy.special import logsumexp

import cod_bayes as cb
from cod_bayes.decide import influence
from cod_bayes.decide.influence import (
    REFITTED,
    REWEIGHTED,
    UNRELIABLE,
    Forecast,
    compute_influence,
    describe_move,
    find_good_khat,
    integrate_adaptively,
    integrate_luck,
    leave_out,
    refit_without,
    weigh_evenly,
)
from cod_bayes.errors import ConvergenceError, DataError
from cod_bayes.evaluation.sensitivity import LEVELS
from cod_bayes.fitted import FittedModel
from cod_bayes.law.curves import load_curve
from cod_bayes.law.evaluate import evaluate_rows, stack_draws

REFERENCE = Path(__file__).parents[2] / "models" / "reference"
LARGEST_TO_TARGET = {"params": 68.5e9, "tokens": 8.0e12}


@pytest.fixture(scope="module")
def stored() -> FittedModel:
    """The embedded study's law: eight benchmarks, eight small models, 252 draws."""
    return cb.load_model(REFERENCE)


@pytest.fixture(scope="module")
def found(stored):
    return compute_influence(stored, **LARGEST_TO_TARGET, random_seed=3)


def parts(fitted):
    group = fitted.tree["end_to_end"]
    names = ("posterior", "constant_data")
    return (*(group[n].to_dataset().load() for n in names), load_curve(fitted.config.law.curve))


def with_data(fitted, data):
    tree = fitted.tree.copy()
    tree["end_to_end/constant_data"] = xr.DataTree(data)
    return FittedModel(tree, fitted.config, fitted.provenance)


def test_a_group_left_out_of_a_normal_mean_is_the_closed_form(rng):
    """``y_ij ~ N(mu + luck_j, 1)``, ``luck_j ~ N(0, 0.5)``, ``mu ~ N(0, 10)``: groups of three."""
    counts = rng.normal(1.0, 0.5, (6, 1)) + rng.normal(0, 1, (6, 3))
    mean, variance = counts.mean(axis=1), 0.5**2 + 1 / 3  # a group's mean is sufficient

    def posterior(kept):
        precision = 1 / 10**2 + len(kept) / variance
        return mean[kept].sum() / variance / precision, precision**-0.5

    centre, sd = posterior(list(range(6)))
    draws = rng.normal(centre, sd, 40_000)
    weights, khat = leave_out(stats.norm.logpdf(mean[2], draws, variance**0.5))
    expected, expected_sd = posterior([0, 1, 3, 4, 5])
    found = weights @ draws
    assert weights.sum() == pytest.approx(1)
    assert khat < 0.7
    assert found == pytest.approx(expected, abs=0.02)
    assert np.sqrt(weights @ (draws - found) ** 2) == pytest.approx(expected_sd, rel=0.05)
    # the shift is real: without reweighting this fails
    assert abs(centre - expected) > 0.02 or abs(sd / expected_sd - 1) > 0.05


def test_luck_is_integrated_as_on_a_fine_grid(stored):
    posterior, data, curve = parts(stored)
    some = posterior.isel(draw=slice(None, None, 20))
    draws = stack_draws(some)
    law = evaluate_rows(draws, data["log_scale"].values, curve).astype(float)
    integrated = integrate_luck(some, data, curve)
    z = np.linspace(-9, 9, 4001)
    correct, trials = (
        data[n].transpose("cluster", "llm").values for n in ("n_correct", "n_trials")
    )
    for s in range(draws.sizes["sample"]):
        luck_sd, dispersion, residual_sd = (
            float(draws[n][s]) for n in ("luck_sd", "item_dispersion", "residual_sd")
        )
        for m in range(data.sizes["llm"]):
            odds = law[s, :, m] / (1 - law[s, :, m])
            odds = odds[:, None] * np.exp(luck_sd * z)
            rate = odds / (1 + odds)
            spread = dispersion / data["n_questions"].values[:, None]
            spread = spread + residual_sd**2 * rate * (1 - rate)
            each = stats.betabinom.logpmf(
                correct[:, m, None], trials[:, m, None], rate / spread, (1 - rate) / spread
            )
            terms = each.sum(axis=0) + stats.norm.logpdf(z)
            brute = logsumexp(terms) + np.log(z[1] - z[0])
            assert integrated[s, m] == pytest.approx(brute, abs=1e-6)


def test_the_quadrature_is_exact_for_a_normal_far_from_its_prior(rng):
    """``y | z ~ N(z, s)`` has ``y ~ N(0, sqrt(1 + s^2))``, however small ``s`` and far ``y``."""
    y, s = rng.normal(0, 3, 50), np.geomspace(0.01, 3, 50)

    def log_density(z):
        return stats.norm.logpdf(y[:, None], z, s[:, None]) + stats.norm.logpdf(z)

    exact = stats.norm.logpdf(y, 0, np.sqrt(1 + s**2))
    np.testing.assert_allclose(integrate_adaptively(log_density, 50), exact, atol=1e-6)


def test_the_bound_of_khat_is_vehtaris():
    assert find_good_khat(100) == 0.5
    assert find_good_khat(4000) == pytest.approx(0.7, abs=0.03)
    assert find_good_khat(10**6) == 0.7


def test_the_table_is_of_reweighted_draws(stored, found):
    posterior, data, curve = parts(stored)
    assert found["llm"].values.tolist() == data["llm"].values.tolist()
    densities = integrate_luck(posterior, data, curve)
    forecast = cb.predict(stored, **LARGEST_TO_TARGET, explain=False)
    drawn = forecast["predictions/expected_score_by_forecaster"].sel(forecaster="end-to-end")
    expected = drawn.stack(sample=("chain", "draw")).transpose("benchmark", "sample", "target")
    for m in range(data.sizes["llm"]):
        weights, khat = leave_out(densities[:, m])
        own = found.isel(llm=m)
        assert float(own["khat"]) == pytest.approx(khat)
        assert float(own["draws_left"]) == pytest.approx(1 / (weights**2).sum())
        shift = weights @ expected.values - expected.values.mean(axis=1)
        np.testing.assert_allclose(own["shift"], shift, atol=1e-6)
        how = REWEIGHTED if khat <= find_good_khat(252) else UNRELIABLE
        assert own["how"].item() == how
    assert {REWEIGHTED, UNRELIABLE} == set(found["how"].values.tolist())
    assert (found["quantile"].diff("level") >= 0).all()


def test_with_all_models_the_forecast_is_predicts(stored, found):
    forecast = cb.predict(stored, **LARGEST_TO_TARGET, explain=False)
    score = forecast["predictions/score_by_forecaster"].sel(forecaster="end-to-end", target=0)
    median = score.median(("chain", "draw"))
    off = np.abs(found["full_quantile"].sel(level=0.5, target=0).values - median.values)
    # two draws of luck for each posterior draw differ by their Monte-Carlo error
    error = 4 * 1.25 * score.std(("chain", "draw")).values * np.sqrt(2 / 252)
    assert (off < error).all()


def test_a_model_that_tried_nothing_has_no_influence(stored):
    posterior, data, _ = parts(stored)
    counts = data.copy(deep=True)
    for name in ("n_trials", "n_correct"):
        counts[name].loc[{"llm": "652M"}] = 0
    own = compute_influence(with_data(stored, counts), flops=1e25).sel(llm="652M")
    assert float(own["khat"]) == 0
    assert own["how"].item() == REWEIGHTED
    assert float(own["draws_left"]) == pytest.approx(252)
    np.testing.assert_allclose(own["shift"], 0, atol=1e-9)
    np.testing.assert_allclose(own["shift_mcse"], 0, atol=1e-9)
    assert posterior.sizes["draw"] * posterior.sizes["chain"] == 252


def test_where_weights_fail_the_law_is_sampled_without_the_model(stored, found, monkeypatch):
    posterior, _, _ = parts(stored)
    half = posterior.isel(draw=slice(None, None, 2))
    asked = []

    def sampled(fitted, data, llm, random_seed):
        asked.append(llm)
        return half, llm != "12B"

    monkeypatch.setattr(influence, "refit_without", sampled)
    again = compute_influence(stored, **LARGEST_TO_TARGET, refit=True, random_seed=3)
    doubtful = found["llm"].values[found["how"].values == UNRELIABLE].tolist()
    assert asked == doubtful
    assert again["how"].sel(llm=doubtful[0]).item() == REFITTED
    trusted = found["how"].values == REWEIGHTED
    np.testing.assert_allclose(again["shift"].values[trusted], found["shift"].values[trusted])
    # half of the draws say the same within their error
    z = (again["shift"] / again["shift_mcse"]).sel(llm=doubtful[0])
    assert (np.abs(z) < 5).all()
    assert ("the refit without 12B failed" in again.attrs["notes"]) == ("12B" in doubtful)


def test_a_refit_has_the_same_data_and_scale_less_one_model(stored, monkeypatch):
    _, data, _ = parts(stored)
    seen = []

    def sampled(rows, config, *, random_seed):
        seen.append(rows)
        return xr.DataTree.from_dict({"posterior": xr.Dataset({"draws": 1})}), {"passed": False}

    monkeypatch.setattr("cod_bayes.law.sampling.sample_law", sampled)
    draws, passed = refit_without(stored, data, "12B", 0)
    assert draws["draws"].item() == 1
    assert not passed
    (rows,) = seen
    assert rows["llm"].values.tolist() == data["llm"].values.tolist()[:-1]
    # relative to the compute of the model that is left out: the prior does not move
    np.testing.assert_array_equal(rows["log_scale"], data["log_scale"][:, :-1])
    np.testing.assert_array_equal(rows["n_correct"], data["n_correct"].sel(llm=rows["llm"]))
    assert rows["used"].all()


def test_a_move_by_plain_arithmetic(rng):
    full = Forecast(rng.beta(3, 2, (2, 500, 1)), rng.beta(3, 2, (2, 500, 1)), n_chains=2)
    still = describe_move(full, full, weigh_evenly(500), same_draws=True)
    np.testing.assert_allclose(still["shift"], 0, atol=1e-12)
    np.testing.assert_allclose(still["shift_mcse"], 0, atol=1e-12)
    levels = np.quantile(full.score[0, :, 0], LEVELS, method="hazen")
    np.testing.assert_allclose(still["quantile"].values[0, 0], levels, atol=1e-9)
    other = Forecast(full.expected + 0.1, full.score + 0.1, n_chains=2)
    apart = describe_move(full, other, weigh_evenly(500), same_draws=False)
    np.testing.assert_allclose(apart["shift"], 0.1)
    error = full.expected.std(axis=1) * np.sqrt(2 / 500)
    np.testing.assert_allclose(apart["shift_mcse"], error, rtol=0.4)
    # draws that stick are worth less: each is there five times in a row
    sticky = Forecast(full.expected.repeat(5, axis=1), full.score.repeat(5, axis=1), n_chains=2)
    again = describe_move(sticky, sticky, weigh_evenly(2500), same_draws=False)
    np.testing.assert_allclose(again["shift_mcse"], error, rtol=0.4)


def test_what_cannot_be_asked_is_refused(stored):
    _, data, _ = parts(stored)
    with pytest.raises(DataError, match="fitted to 2 small models; leaving one out needs 3"):
        compute_influence(with_data(stored, data.isel(llm=[0, 7])), flops=1e25)
    with pytest.raises(DataError, match="the target needs flops"):
        compute_influence(stored)
    failed = stored.tree.copy()
    failed["diagnostics"] = stored.group("diagnostics").map(
        lambda column: column & False if column.dtype == bool else column
    )
    with pytest.raises(ConvergenceError):
        compute_influence(FittedModel(failed, stored.config, {}), flops=1e25)


def test_an_interpolation_is_said(stored):
    notes = json.loads(compute_influence(stored, flops=1e22).attrs["notes"])
    assert any(note.startswith("interpolation") for note in notes)
