"""A comparison of ensembles against closed forms: forecasters that say what they are told."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import cod_bayes as cb
from cod_bayes.decide import Costs, Ensemble
from cod_bayes.decide.comparison import EXPECTED_SCORE, NEW_RUN, expect_rows, keep_shared_items
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.evaluation.splits import rolling_origin
from cod_bayes.law.data import select_runs
from cod_bayes.methods import Method
from cod_bayes.methods.end_to_end import FittedRows

REFERENCE = Path(__file__).parents[2] / "models" / "reference"
N_DRAWS = 4000
TARGETS = xr.Dataset(
    {
        "flops": ("target", [1e24, 1e25]),
        "params_active": ("target", [1e10, 1e11]),
        "tokens": ("target", [1e12, 1e13]),
    }
)
TRUTH = xr.DataArray(
    [[0.5, 0.6], [np.nan, 0.55]],
    dims=("benchmark", "target"),
    coords={"benchmark": ["READ", "SUMS"]},
)


@dataclass(frozen=True)
class Scripted(Method[tuple[int, list[str]]]):
    """Normal about 0.5 + 0.01 for each run, with standard deviation 0.1 over their number."""

    name: ClassVar[str] = "scripted"
    passes: bool = True

    def _fit(self, evals, config, random_seed):
        assert "target" not in evals["role"].values
        runs = select_runs(evals, "ladder").sizes["llm"]
        if runs == 2:
            raise DataError("two runs are too few")
        return runs, list(dict.fromkeys(evals["benchmark"].values.tolist()))

    def _predict(self, fitted, targets, random_seed):
        n_runs, names = fitted
        rng = np.random.default_rng([random_seed, n_runs])
        shape = (N_DRAWS, targets.sizes["target"])
        draws = {n: 0.5 + 0.01 * n_runs + rng.normal(0, 0.1 / n_runs, shape) for n in names}
        return self.label_draws(draws, "scripted", passed=self.passes)


METHOD = f"{__name__}:Scripted"
ENSEMBLES = (Ensemble("all"), Ensemble("four", every=2), Ensemble("small", max_params=1e9))


@pytest.fixture(scope="module")
def evals(small_evals):
    return small_evals[0]


@pytest.fixture(scope="module")
def table(evals):
    return cb.compare(evals, ENSEMBLES, TARGETS, method=METHOD, truth=TRUTH, costs=Costs())


def n_runs(table):
    return table["n_runs"].values


def test_what_an_ensemble_is_and_costs(evals, table):
    assert table["ensemble"].values.tolist() == ["all", "four", "small"]
    assert n_runs(table).tolist() == [8, 4, 5]
    finals = select_runs(evals, "ladder")["flops"].values
    np.testing.assert_allclose(table["flops"], [finals.sum(), finals[1::2].sum(), finals[:5].sum()])
    np.testing.assert_allclose(table["price"], Costs().price_training(table["flops"].values))
    beyond = np.log10(TARGETS["flops"].values / finals[[7, 7, 4], None])
    np.testing.assert_allclose(table["decades"], beyond)


def test_widths_and_medians_are_those_of_the_draws(table):
    sd = 0.1 / n_runs(table)
    for level in (0.5, 0.8, 0.9):
        width = 2 * stats.norm.ppf((1 + level) / 2) * sd
        found = table["width"].sel(ci_prob=level).values
        np.testing.assert_allclose(found / width[:, None, None], 1, atol=0.08)
    np.testing.assert_allclose(table["mean_width"], table["width"].mean("benchmark"))
    centre = 0.5 + 0.01 * n_runs(table)
    error = np.abs(table["median"].values - centre[:, None, None])
    assert (error < 5 * (sd / np.sqrt(N_DRAWS) * 1.25)[:, None, None]).all()


def test_errors_at_the_target_are_of_what_is_known(table):
    at = {"benchmark": "READ", "target": 1}
    median = table["median"].sel(at)
    np.testing.assert_allclose(table["error"].sel(at), median - 0.6)
    low, high = (table["interval"].sel({**at, "ci_bound": end}) for end in ("lower", "upper"))
    inside = (low <= 0.6) & (high >= 0.6)
    np.testing.assert_array_equal(table["inside"].sel(at), inside)
    unknown = table.sel(benchmark="SUMS", target=0)
    assert unknown["error"].isnull().all()
    assert unknown["inside"].isnull().all()
    assert unknown["width"].notnull().all()
    assert float(table["truth"].sel(at)) == 0.6


def test_differences_are_of_independent_posteriors(table):
    assert table.attrs["reference"] == "all"
    assert table.attrs["difference_of"] == NEW_RUN
    four = table.sel(ensemble="four")
    sd = np.hypot(0.1 / 8, 0.1 / 4)
    z = stats.norm.ppf(0.95)
    np.testing.assert_allclose(four["difference"], -0.04, atol=0.003)
    np.testing.assert_allclose(four["difference_lower"], -0.04 - z * sd, atol=0.004)
    np.testing.assert_allclose(four["difference_upper"], -0.04 + z * sd, atol=0.004)
    np.testing.assert_allclose(four["p_larger"], stats.norm.cdf(-0.04 / sd), atol=0.03)
    own = table.sel(ensemble="all")
    assert (own["difference"] == 0).all()
    assert own["p_larger"].isnull().all()


def test_another_ensemble_may_be_the_reference(evals, table):
    other = cb.compare(evals, ENSEMBLES, TARGETS, method=METHOD, reference="four")
    difference = other["difference"].sel(ensemble="all")
    np.testing.assert_allclose(difference, -table["difference"].sel(ensemble="four"))
    assert "error" not in other
    assert "price" not in other


def test_the_frontier_leaves_out_what_is_dearer_and_wider(table):
    # "four" costs less than "all" and is wider; "small" is cheapest and narrower than "four"
    assert table["efficient"].values[:, 0].tolist() == [True, False, True]


def test_backtests_hide_each_ensembles_own_larger_runs(evals, table):
    assert table["backtest_n"].values.tolist() == [2 * (4 + 3 + 2 + 1), 0, 2]
    errors, decades = [], []
    for case in rolling_origin(Ensemble("all").select(evals), 4):
        fitted = len(set(case.evals["run"].values)) - 2  # anchors
        errors += np.abs(0.5 + 0.01 * fitted - case.truth.values).ravel().tolist()
        largest = case.evals["flops"].values[case.evals["role"].values == "ladder"].max()
        decades += 2 * np.log10(case.targets["flops"].values / largest).tolist()
    found = table.sel(ensemble="all")
    assert float(found["backtest_mae"]) == pytest.approx(np.mean(errors), abs=0.002)
    assert float(found["backtest_decades"]) == pytest.approx(np.mean(decades))
    assert found["backtest_coverage"].notnull().all()
    assert table["backtest_mae"].sel(ensemble="four").isnull()
    notes = json.loads(table.attrs["notes"])
    assert "four: no backtest, since its 4 computes leave none to hide above 4" in notes


def test_all_ensembles_are_fitted_to_the_items_that_all_tried(evals):
    trials = evals["n_trials"].copy()
    small = evals["run"].values == evals["run"].values[0]
    trials[np.flatnonzero(small), :7] = 0
    solved = evals["n_correct"].where(trials > 0, 0)
    holes = evals.assign(n_trials=trials, n_correct=solved)
    both = [Ensemble("all").select(holes), Ensemble("rest", every=2).select(holes)]
    (first, second), notes = keep_shared_items(both)
    assert first.sizes["item"] == second.sizes["item"] == evals.sizes["item"] - 7
    (note,) = notes
    assert "7 of 150 items are left out" in note
    rest = [Ensemble("rest", every=2).select(holes)]
    assert keep_shared_items(rest)[0][0].sizes["item"] == evals.sizes["item"]
    trials[np.flatnonzero(small), :] = 0
    with pytest.raises(DataError, match="no item was tried on every run"):
        keep_shared_items([both[0].assign(n_trials=trials.sel(llm=both[0]["llm"]))])


def test_a_failed_gate_is_said(evals):
    failed = cb.compare(evals, ENSEMBLES[:1], TARGETS, method=f"{METHOD}[passes=false]")
    assert not failed["passed"].item()
    assert "all: the sampler's gate failed" in failed.attrs["notes"]


def test_what_is_wrong_is_named(evals):
    def ask(ensembles=ENSEMBLES, **options):
        return cb.compare(evals, ensembles, TARGETS, **{"method": METHOD, **options})

    with pytest.raises(ConfigError, match="'all' stands there twice"):
        ask((Ensemble("all"), Ensemble("all", every=2)))
    with pytest.raises(ConfigError, match="there are no ensembles"):
        ask(())
    with pytest.raises(ConfigError, match="no ensemble 'al'; there are all, four, small"):
        ask(reference="al")
    with pytest.raises(DataError, match="ensemble 'pair': two runs are too few"):
        ask((Ensemble("pair", every=5),))
    with pytest.raises(DataError, match="truth must have the dims benchmark and target, of 2"):
        ask(truth=TRUTH.isel(target=[0]))


def test_the_end_to_end_laws_expected_scores_are_those_of_predict():
    """Differences of the default method are of these."""
    stored = cb.load_model(REFERENCE)
    group = stored.tree["end_to_end"]
    rows = group["constant_data"].to_dataset()
    reference = {"compute": float(rows["reference"].item())}
    fitted = FittedRows(
        group["posterior"].to_dataset(), rows, reference, stored.config.law.curve, passed=True
    )
    found = expect_rows(fitted, TARGETS.assign_coords(target=[0, 1]))
    forecast = cb.predict(stored, flops=TARGETS["flops"].values, explain=False)
    by_forecaster = forecast["predictions"].to_dataset()["expected_score_by_forecaster"]
    expected = by_forecaster.sel(forecaster="end-to-end").stack(sample=("chain", "draw"))
    np.testing.assert_allclose(
        found.transpose("benchmark", "draw", "target").values,
        expected.transpose("benchmark", "sample", "target").values,
        rtol=1e-6,
    )


@pytest.mark.slow
def test_the_default_method_is_compared_by_expected_scores(evals, small_config):
    found = cb.compare(evals, ENSEMBLES[::2], TARGETS, small_config, min_levels=8)
    assert found.attrs["difference_of"] == EXPECTED_SCORE
    assert (found["flops"].values[0] > found["flops"].values[1]).all()
    # the shorter ladder is less sure at the same target
    width = found["mean_width"].sel(ci_prob=0.9)
    assert (width.sel(ensemble="small") > width.sel(ensemble="all")).all()
