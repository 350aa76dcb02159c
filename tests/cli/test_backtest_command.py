"""``cod-bayes backtest`` on data of one's own."""

import json
from dataclasses import replace
from functools import partial

import pandas as pd
import pytest

from cod_bayes.evaluation import paper_tables, studies
from cod_bayes.evaluation.studies import STUDIES, Study, simulate_paper_case
from cod_bayes.simulate import ANNEALED

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


def test_methods_and_studies_are_listed(run):
    result = run("backtest", "--list")
    assert result.exit_code == 0
    for word in ("cod-point-nomap", "largest small model", "olmo-inner", "paper-tables"):
        assert word in result.stdout


def test_a_method_that_is_none_is_named(run, evals_file):
    result = run("backtest", evals_file, "-m", "oracle")
    assert result.exit_code == 1
    assert "there is no method 'oracle'" in result.stderr


def test_data_or_a_study(run, evals_file):
    for words in ((), (evals_file, "--study", "tinyladder")):
        result = run("backtest", *words)
        assert result.exit_code == 2
        assert "or --study NAME" in flat(result.output)
    result = run("backtest", "--study", "paper-tables", "-m", "cod")
    assert result.exit_code == 2
    assert "brings its own methods" in flat(result.output)
    result = run("backtest", "--study", "paper")
    assert result.exit_code == 1
    assert "there is no study 'paper'" in result.stderr


@pytest.fixture
def two_tables(monkeypatch):
    """Tables 3 and A6, shortened, on a small case of each ladder."""
    monkeypatch.setattr(studies, "PAPER_BENCHMARKS", studies.PAPER_BENCHMARKS[:2])
    rows = ("KMeans", "improved MeanShift"), ("COD, clusters of its own", "COD, kept clusters")
    tables = {}
    for number, study, names in zip(("3", "A6"), ("first", "second"), rows, strict=True):
        table = paper_tables.TABLES[number]
        methods = {name: table.rows[name] for name in names}
        tables[number] = replace(table, rows=methods, studies=(study,))
    groups = {t.studies: list(t.rows.values()) for t in tables.values()}
    monkeypatch.setattr(paper_tables, "TABLES", tables)
    monkeypatch.setattr(paper_tables, "group_by_studies", lambda: groups)
    for name, further in (("first", {}), ("second", {"family": ANNEALED})):
        make = partial(simulate_paper_case, "logis", max_items=100, **further)
        monkeypatch.setitem(STUDIES, name, partial(Study, name, "small", ("seed-3",), make))


def test_the_papers_tables_run_on_studies_of_their_own(run, two_tables, tmp_path):
    words = ("backtest", "--study", "paper-tables", "--no-figures", "-o", "bt")
    result = run(*words)
    assert result.exit_code == 0, result.output
    table = pd.read_parquet(tmp_path / "bt/results.parquet")
    methods = {study: set(rows["method"]) for study, rows in table.groupby("study")}
    full, kept = "cod-point[draws=0]", "cod-point[cluster.algorithm=kept, draws=0]"
    assert methods["second"] == {full, kept}
    assert methods["first"] == {full, "cod-point[cluster.algorithm=k-means, draws=0]"}
    printed = flat(result.stdout)
    assert printed.count("first, 1 seeds: clustering algorithms") == 1
    assert printed.count("second, 1 seeds: continued training") == 1
    assert printed.count("first, 1 seeds: clusterings before the map") == 1
    record = json.loads(run(*words, "--json").stdout)
    assert set(record["studies"]) == {"first", "second"}
    measures = {entry["method"]: entry for entry in record["clusterings"]["first"]}
    assert measures[full]["n_asked"] == 2
    assert measures[full]["ee_se"] is None  # one seed
    assert pd.read_parquet(tmp_path / "bt/clusters.parquet")["study"].unique().tolist() == ["first"]
