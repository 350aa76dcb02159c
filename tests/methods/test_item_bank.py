import json

import numpy as np
import pytest
import xarray as xr
from invented import make_evals

from cod_bayes.errors import DataError
from cod_bayes.methods import parse_variant
from cod_bayes.methods.bank_gibbs import GibbsConfig
from cod_bayes.methods.item_bank import ItemBank, check_chains
from methods.item_worlds import draw_forecast, simulate, target

SMALL = ItemBank(
    gibbs=GibbsConfig(draws=40, tune=40, chains=1, max_attempts=1),
)


def forecast(evals, method=SMALL):
    return draw_forecast(evals, method)


@pytest.mark.parametrize(("n_trials", "floor"), [(20, 0.0), (1, 0.0), (20, 0.25)])
def test_forecast_beats_the_last_value_by_far(rng, n_trials, floor):
    evals, truth = simulate(rng, n_items=200, n_trials=n_trials, floor=floor)
    last = float(evals["n_correct"][-1].mean()) / n_trials
    error = abs(float(forecast(evals).median()) - truth)
    assert error < 0.5 * abs(last - truth)


def test_items_of_which_all_fail_lower_the_forecast(rng):
    evals, _ = simulate(rng)
    never = evals.copy(deep=True)
    never["n_correct"][:, :30] = 0
    seen, unseen = (float(forecast(e).median()) for e in (evals, never))
    assert unseen < seen - 0.1
    assert unseen > 0.3  # they may emerge yet: the forecast is no less than the other half's


def test_identical_items_are_forecast_with_their_own_rate():
    rates = np.array([5, 10, 20, 40, 60, 80])
    evals = make_evals(np.full((6, 40), 100), np.tile(rates[:, None], (1, 40)))
    draws = forecast(evals).values[:, 0, 0]
    assert 0.8 < np.median(draws) < 1.0


def test_order_of_items_does_not_matter_to_the_model(rng):
    """Two orders are two samples of one posterior: equal up to Monte Carlo error."""
    evals, _ = simulate(rng)
    shuffled = evals.isel(item=rng.permutation(evals.sizes["item"]))
    one, two = (forecast(e).values[:, 0, 0] for e in (evals, shuffled))
    assert np.median(one) == pytest.approx(np.median(two), abs=4 * one.std() / np.sqrt(20))


def test_target_results_cannot_leak(rng):
    evals, _ = simulate(rng)
    last = np.arange(evals.sizes["llm"]) == evals.sizes["llm"] - 1
    hidden = evals.assign_coords(role=("llm", np.where(last, "target", "ladder")))
    poisoned = hidden.copy(deep=True)
    poisoned["n_correct"][-1] = poisoned["n_trials"][-1]
    one, two = (SMALL.predict(SMALL.fit(e), target(e)) for e in (hidden, poisoned))
    xr.testing.assert_identical(one, two)


def test_single_score_has_no_forecast_and_a_note(rng):
    evals, _ = simulate(rng, n_items=30)
    score = make_evals(np.full((6, 1), 200), np.full((6, 1), 100), benchmark="ONE")
    both = xr.concat([evals, score], dim="item", data_vars="minimal")
    draws = forecast(both)
    assert np.isnan(draws.sel(benchmark="ONE")).all()
    assert np.isfinite(draws.sel(benchmark="B")).all()
    assert json.loads(draws.attrs["notes"]) == ["ONE: it is a single score, without items"]


def test_data_without_items_or_runs_are_refused(rng):
    score = make_evals(np.full((6, 1), 200), np.full((6, 1), 100))
    with pytest.raises(DataError, match="item-bank needs items"):
        SMALL.fit(score)
    with pytest.raises(DataError, match="3 ladder runs"):
        SMALL.fit(simulate(rng)[0].isel(llm=[0, 1]))


def test_few_draws_do_not_pass(rng):
    assert forecast(simulate(rng)[0]).attrs["passed"] == 0


def test_settings_are_set_by_text():
    variant = parse_variant("item-bank[gibbs.draws=7, widths=[1.0, 0.5], grid.n_slopes=5]")
    assert variant.method.gibbs.draws == 7
    assert variant.method.widths == (1.0, 0.5)
    assert variant.method.grid.n_slopes == 5


def test_check_passes_independent_chains_and_fails_stuck_ones(rng):
    from cod_bayes.config import SamplerConfig
    from cod_bayes.methods.bank_gibbs import Draws

    def draws_with(luck_sd):
        return Draws(np.empty(0), rng.normal(size=(4, 500, 3)), luck_sd, np.empty(0))

    good, score = rng.gamma(2.0, 1.0, (4, 500)), rng.normal(size=(4, 500))
    stuck = good + 3 * np.arange(4)[:, None]
    assert check_chains(draws_with(good), score, SamplerConfig(max_rhat=1.02))
    assert not check_chains(draws_with(stuck), score, SamplerConfig(max_rhat=1.02))
