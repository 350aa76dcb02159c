"""``cod-bayes compare`` and ``influence``: tables, JSON of the same, and targets from anywhere."""

import json

import pytest

from cod_bayes.evals_file import write_evals
from cod_bayes.law.data import select_runs

from .conftest import SPECS

PLAN = """
[costs]
gpu_hour = 2
[[ensembles]]
name = "all"
[[ensembles]]
name = "half"
every = 2
"""
FAST = ("--method", "last-value")


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PLAN)
    return path


def test_tables_of_ensembles_and_of_forecasts(run, evals_file, plan, truth_file):
    result = run("compare", evals_file, "--plan", plan, "--truth", truth_file, *FAST)
    assert result.exit_code == 0, result.output
    for words in ("price", "width 50 %", "in 50, 80, 90 %", "less all, 90 % ETI", "of 2"):
        assert words in result.stdout
    assert "half: no backtest" in result.stderr
    rows = [line for line in result.stdout.splitlines() if line.startswith(("SUMS", "READ"))]
    assert len(rows) == 2 * len(SPECS)


def test_json_says_the_same(run, evals_file, plan, truth_file):
    words = ("compare", evals_file, "-p", plan, "--truth", truth_file, *FAST, "--json")
    record = json.loads(run(*words).stdout)
    assert record["reference"] == "all"
    assert record["ci_kind"] == "eti"
    full, half = record["ensembles"]
    assert (full["n_runs"], half["n_runs"]) == (8, 4)
    assert half["backtest_mae"] is None
    assert full["backtest_n"] == 2 * (4 + 3 + 2 + 1)
    (target,) = full["targets"]
    own = target["forecasts"][0]
    assert own["error"] == pytest.approx(own["median"] - own["truth"])
    levels = [interval["ci_prob"] for interval in own["intervals"]]
    assert levels == [0.5, 0.8, 0.9]
    assert own["intervals"][2]["upper"] > own["intervals"][0]["upper"]
    assert own["p_larger"] is None
    assert 0 <= half["targets"][0]["forecasts"][0]["p_larger"] <= 1


def test_a_target_may_be_given_by_its_covariates(run, evals_file, plan, truth_file, simulated):
    target = simulated[1].isel(llm=simulated[1]["role"].values == "target")
    flops = float(target["flops"][0])
    words = ("compare", evals_file, "-p", plan, *FAST, "--json")
    blind = json.loads(run(*words, "--flops", "3e25").stdout)
    forecast = blind["ensembles"][0]["targets"][0]
    assert forecast["flops"] == 3e25
    assert "truth" not in forecast["forecasts"][0]
    judged = json.loads(run(*words, "--flops", flops, "--truth", truth_file).stdout)
    assert judged["ensembles"][0]["targets"][0]["forecasts"][0]["truth"] is not None
    other = run(*words, "--flops", "3e25", "--truth", truth_file)
    assert other.exit_code == 1
    assert "truth.nc has 0 targets of 3e+25 FLOP" in other.stderr


def test_targets_in_the_data_are_judged_and_never_fitted(run, plan, simulated, tmp_path):
    evals = simulated[0]
    largest = select_runs(evals, "ladder")["llm"].values[-1]
    role = evals["role"].values.copy()
    role[evals["llm"].values == largest] = "target"
    path = write_evals(evals.assign_coords(role=("llm", role)), tmp_path / "with_target.nc")
    record = json.loads(run("compare", path, "-p", plan, *FAST, "--json").stdout)
    assert record["ensembles"][0]["n_runs"] == 7
    (target,) = record["ensembles"][0]["targets"]
    own = evals.sel(llm=largest, item=evals["benchmark"].values == "SUMS")
    truth = float(own["n_correct"].sum() / own["n_trials"].sum())
    assert target["forecasts"][0]["truth"] == pytest.approx(truth)
    assert target["flops"] == float(evals["flops"].sel(llm=largest))


def test_without_a_target_it_is_a_question_of_usage(run, evals_file, plan):
    result = run("compare", evals_file, "-p", plan, *FAST)
    assert result.exit_code == 2
    assert "--flops" in result.stderr


def test_the_figure_is_drawn_where_asked(run, evals_file, plan, tmp_path):
    path = tmp_path / "figures" / "ensembles.png"
    result = run("compare", evals_file, "-p", plan, *FAST, "--flops", "3e25", "--figure", path)
    assert result.exit_code == 0, result.output
    assert path.read_bytes().startswith(b"\x89PNG")


def test_influence_is_a_table_a_benchmark(run, model):
    result = run("influence", model, "--flops", "3e25")
    assert result.exit_code == 0, result.output
    for words in ("SUMS: one new run's score", "k-hat", "expected score", "12B"):
        assert words in result.stdout


def test_influence_as_json(run, model):
    record = json.loads(run("influence", model, "--flops", "3e25", "--json").stdout)
    assert [entry["llm"] for entry in record["influence"]][-1] == "12B"
    own = record["influence"][0]
    assert own["how"] in ("reweighted", "unreliable")
    assert own["without"]["READ"]["lower"] <= own["without"]["READ"]["upper"]
    assert record["with_all"]["READ"]["median"] > 0
    assert record["ci_prob"] == 0.9
