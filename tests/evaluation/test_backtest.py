"""Backtests: resumed, pooled, and honest about what went wrong."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from invented import make_evals

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError, DataError, ModelFileError
from cod_bayes.evaluation.backtest import backtest, forecast_case
from cod_bayes.evaluation.results import PARTS, quantiles_of, read_results
from cod_bayes.evaluation.splits import hide_largest
from cod_bayes.evaluation.studies import STUDIES, load_study, own_study, paper_study
from cod_bayes.methods import Method, parse_variant
from cod_bayes.methods.protocol import POSTERIOR


@dataclass(frozen=True)
class Constant(Method[None]):
    """Says the same whatever it sees, and counts how often it is asked."""

    name: ClassVar[str] = "constant"
    calls: ClassVar[list[str]] = []
    centre: float = 0.5
    fails: str = ""

    def _fit(self, evals, config, random_seed):
        self.calls.append(config.law.curve)
        if self.fails == "data":
            raise DataError("needs losses; add them")
        if self.fails == "bug":
            raise ZeroDivisionError("oh")

    def _predict(self, fitted, targets, random_seed):
        draws = np.full((400, targets.sizes["target"]), self.centre)
        draws += np.random.default_rng(random_seed).normal(0, 0.05, draws.shape)
        if self.fails == "benchmark":
            draws[:] = np.nan
        return self.label_draws({"B": draws.clip(0, 1)}, POSTERIOR, notes=["B: no subset"])


@pytest.fixture
def evals(rng):
    trials = np.full((8, 30), 20)
    return make_evals(trials, rng.binomial(trials, np.linspace(0.1, 0.8, 8)[:, None]))


@pytest.fixture
def study(evals):
    return own_study("mine", evals, digest="d1", min_levels=5)


@pytest.fixture(autouse=True)
def fresh():
    Constant.calls.clear()


def constant(settings=""):
    return f"{__name__}:Constant" + (f"[{settings}]" if settings else "")


def test_every_method_is_scored_on_every_case(study, tmp_path):
    table = backtest([study], [constant(), "last-value"], folder=tmp_path)
    assert len(table) == 2 * (3 + 2 + 1)
    assert set(table["method"]) == {constant(), "last-value"}
    first = table.iloc[0]
    assert (first["study"], first["benchmark"], first["target"]) == ("mine", "B", "m5")
    assert first["decades"] == pytest.approx(4 / 7)
    assert first["n_runs"] == 5
    error = np.median(first["quantiles"]) - first["truth"]
    assert first["absolute_error"] == pytest.approx(abs(error))
    pd.testing.assert_frame_equal(
        read_results(tmp_path)[["case", "method", "crps"]],
        table.sort_values(["case", "method", "target"], ignore_index=True)[
            ["case", "method", "crps"]
        ],
    )


def test_what_is_done_is_not_run_again(study, evals, tmp_path):
    first = backtest([study], [constant()], folder=tmp_path)
    assert len(Constant.calls) == 3
    again = backtest([study], [constant()], folder=tmp_path)
    assert len(Constant.calls) == 3
    pd.testing.assert_frame_equal(first, again)


def test_the_number_of_cores_changes_no_result(study, tmp_path):
    for cores in (1, 2):
        config = Config.from_mapping({}, [f"sampler.cores={cores}"])
        backtest([study], [constant()], config, folder=tmp_path)
    assert len(Constant.calls) == 3


@pytest.mark.parametrize("change", ["method", "config", "seed", "data"])
def test_changed_settings_run_again(study, evals, tmp_path, change):
    backtest([study], [constant()], folder=tmp_path)
    method = constant("centre=0.6") if change == "method" else constant()
    config = Config.from_mapping({}, ["law.curve=paper"]) if change == "config" else Config()
    if change == "data":
        study = own_study("mine", evals, digest="d2", min_levels=5)
    backtest([study], [method], config, folder=tmp_path, random_seed=int(change == "seed"))
    assert len(Constant.calls) == 6


def test_a_variants_own_settings_reach_its_fit(study, tmp_path):
    backtest([study], [constant("law.curve=f2")], folder=tmp_path)
    assert set(Constant.calls) == {"f2"}


def test_a_method_that_does_not_apply_says_why(study, tmp_path):
    table = backtest([study], [constant("fails=data"), "last-value"], folder=tmp_path)
    rows = table[table["method"] != "last-value"]
    assert set(rows["reason"]) == {"needs losses; add them"}
    assert rows["crps"].isna().all()
    assert table["truth"].notna().all()


def test_a_benchmark_without_a_forecast_carries_the_methods_remark(study, tmp_path):
    table = backtest([study], [constant("fails=benchmark")], folder=tmp_path)
    assert set(table["reason"]) == {"B: no subset"}


def test_a_fault_is_told_and_not_kept(study, tmp_path):
    bad = constant("fails=bug")
    table = backtest([study], [bad, "last-value"], folder=tmp_path)
    assert set(table["method"]) == {"last-value"}
    assert len(table.attrs["faults"]) == 3
    assert "unexpected ZeroDivisionError: oh" in table.attrs["faults"][0]
    assert len(list((tmp_path / PARTS).iterdir())) == 3
    with pytest.raises(DataError, match=r"no forecast was made:\n  - mine"):
        backtest([study], [bad], folder=tmp_path)


def test_processes_give_what_one_gives(study, tmp_path):
    one = backtest([study], ["last-value"], folder=tmp_path / "one")
    two = backtest([study], ["last-value"], folder=tmp_path / "two", n_jobs=2)
    pd.testing.assert_frame_equal(one.drop(columns="seconds"), two.drop(columns="seconds"))


def test_pools_are_made_of_stored_forecasts(study, tmp_path):
    low, high = constant("centre=0.3"), constant("centre=0.6")
    average = f'average[members=["{low}", "{high}"]]'
    table = backtest([study], [average], folder=tmp_path)
    assert len(Constant.calls) == 6
    assert set(table["method"]) == {low, high, average}
    pooled = table[table["method"] == average]
    assert pooled["median"].between(0.42, 0.48).all()
    assert (pooled["draws_are"] == "pool").all()
    backtest([study], [average], folder=tmp_path)
    assert len(Constant.calls) == 6


def test_a_pool_does_without_a_member_that_has_no_forecast(study, tmp_path):
    low, none = constant("centre=0.3"), constant("fails=data")
    table = backtest([study], [f'average[members=["{low}", "{none}"]]'], folder=tmp_path)
    ordered = table.sort_values(["case", "target"])
    pooled, alone = (
        quantiles_of(ordered[ordered["method"].str.startswith(name)]) for name in ("average", low)
    )
    np.testing.assert_allclose(pooled, alone, atol=1e-6)


def test_stacked_weights_come_from_other_seeds_alone(evals, tmp_path):
    """In study one the truth is at 0.3, in study two at 0.6: each is weighed by the other."""
    trials = np.full((8, 30), 100)
    studies = []
    for name, rate in (("one", 0.3), ("two", 0.6)):
        flat = make_evals(trials, np.full(trials.shape, int(100 * rate)))
        studies.append(own_study(name, flat, digest=name, hide=1))
    low, high = constant("centre=0.3"), constant("centre=0.6")
    table = backtest(studies, [f'stacked[members=["{low}", "{high}"]]'], folder=tmp_path)
    stacked = table[table["method"].str.startswith("stacked")].set_index("study")
    assert stacked.loc["one", "median"] > 0.5
    assert stacked.loc["two", "median"] < 0.4


def test_a_damaged_part_is_named(study, tmp_path):
    backtest([study], ["last-value"], folder=tmp_path)
    part = next((tmp_path / PARTS).iterdir())
    part.write_bytes(b"no parquet")
    with pytest.raises(ModelFileError, match="delete it, and its case runs again"):
        read_results(tmp_path)


def test_of_several_settings_the_last_runs_rows_are_read(study, tmp_path):
    backtest([study], [constant()], folder=tmp_path)
    again = backtest([study], [constant()], folder=tmp_path, random_seed=1)
    found = read_results(tmp_path)
    assert len(found) == len(again)
    assert sorted(found["crps"]) == pytest.approx(sorted(again["crps"]))


def test_an_empty_folder_has_no_results(tmp_path):
    with pytest.raises(DataError, match="there are no results in"):
        read_results(tmp_path)


def test_a_row_is_one_forecast(evals):
    rows = forecast_case(hide_largest(evals, 2), parse_variant("last-value"), Config(), 3)
    assert rows["target"].tolist() == ["m6", "m7"]
    assert rows["draws_are"].unique().tolist() == ["parametric bootstrap"]
    assert quantiles_of(rows).shape == (2, 200)


def test_studies_are_found_by_name():
    with pytest.raises(ConfigError, match="there is no study 'paper'; there are"):
        load_study("paper")
    assert set(STUDIES) >= {"paper-logis", "tinyladder", "olmo", "pythia-gsm8k", "pythia-tasks"}


def test_a_simulated_case_has_the_papers_benchmarks_and_their_truth():
    study = paper_study("exp", first_seed=5, n_seeds=2)
    assert study.cases == ("seed-5", "seed-6")
    case = study.load("seed-6")
    assert case.seed == 6
    assert case.truth.shape == (8, 1)
    assert case.evals.sizes["item"] == 7500
    assert "target" not in case.evals["role"].values
    assert float(case.targets["flops"][0]) > float(case.evals["flops"].max()) / 2


def test_tinyladder_studies_never_pose_what_they_fit():
    study = load_study("tinyladder-inner")
    case = study.load(study.cases[0])
    fitted = set(case.evals["run"].values.tolist())
    assert not fitted & {name.split("-")[0] for name in case.targets["target_llm"].values}
    assert case.truth.sizes["target"] == 4
