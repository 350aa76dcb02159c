"""``cod-bayes backtest`` on data of one's own."""

import json

import pandas as pd

from .conftest import flat

FAST = ("-m", "last-value[draws=100]", "--no-figures")


def test_methods_are_compared_on_larger_runs_that_were_hidden(run, evals_file, tmp_path):
    result = run("backtest", evals_file, *FAST, "--hide", 2, "-o", "bt")
    assert result.exit_code == 0, result.output
    assert "evals: 1 case(s)" in result.stdout
    assert "last-value[draws=100]" in result.stdout
    table = pd.read_parquet(tmp_path / "bt/results.parquet")
    assert len(table) == 2 * 2  # benchmarks times hidden models
    assert set(table["target"]) == {"6.98B", "12B"}
    assert "done" in result.stderr


def test_json_is_all_there_is_on_stdout(run, evals_file):
    result = run("backtest", evals_file, *FAST, "--json", "--min-levels", 6)
    record = json.loads(result.stdout)
    (entry,) = record["studies"]["evals"]
    assert entry["method"] == "last-value[draws=100]"
    assert entry["n"] == 2 * (2 + 1)
    assert record["faults"] == []


def test_figures_are_drawn_beside_the_table(run, evals_file, tmp_path):
    result = run("backtest", evals_file, *FAST[:2], "--hide", 1, "-o", "bt")
    assert result.exit_code == 0, result.output
    figures = {path.stem for path in (tmp_path / "bt").glob("*.png")}
    assert figures == {"forest", "coverage", "pit", "error_by_distance"}


def test_only_some_cases_of_a_study_may_run(run, evals_file, tmp_path):
    result = run("backtest", evals_file, *FAST, "--min-levels", 5, "--seeds", 1)
    assert result.exit_code == 0, result.output
    assert pd.read_parquet(tmp_path / "backtest/results.parquet")["case"].nunique() == 1


def test_a_method_that_is_none_is_named(run, evals_file):
    result = run("backtest", evals_file, "-m", "oracle")
    assert result.exit_code == 1
    assert "there is no method 'oracle'" in result.stderr


def test_data_or_a_study(run, evals_file):
    for words in ((), (evals_file, "--study", "tinyladder")):
        result = run("backtest", *words)
        assert result.exit_code == 2
        assert "or --study NAME" in flat(result.output)
    result = run("backtest", "--study", "paper")
    assert result.exit_code == 1
    assert "there is no study 'paper'" in result.stderr
