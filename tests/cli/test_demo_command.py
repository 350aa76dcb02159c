"""The demo on a small study, with the fit that the other tests use."""

import json

import pytest

import cod_bayes as cb

from .conftest import replace_fit


@pytest.fixture
def small_study(monkeypatch, simulated, stub_fit):
    """Let the demo have the tests' study."""
    monkeypatch.setattr("cod_bayes.datasets.load_dataset", lambda _: simulated[0])
    monkeypatch.setattr("cod_bayes.datasets.load_truth", lambda _: simulated[1])


@pytest.fixture
def no_figures(monkeypatch):
    """Save the seconds that figures take."""
    draw = "cod_bayes.cli.demo_command._draw"
    monkeypatch.setattr(draw, lambda *arguments: ["figures/forecast.png"])


@pytest.mark.usefixtures("small_study")
class TestDemo:
    def test_it_forecasts_judges_draws_and_saves(self, run, tmp_path):
        result = run("demo", "-o", "demo")
        assert result.exit_code == 0, result.output
        assert result.stdout.startswith("68.5B of paper-ladder-sim. One new run's score at")
        assert "truth  in 90 %" in result.stdout
        assert "Truth inside the 50 % ETI " in result.stdout
        assert "Sampler: all" in result.stdout
        assert "Seconds: import" in result.stdout
        assert "next, your own data" in result.stderr
        assert cb.load_model(tmp_path / "demo" / "model").passed
        names = {path.stem for path in (tmp_path / "demo" / "figures").iterdir()}
        assert {"forecast", "mapping", "clusters-SUMS", "difficulty-READ"} <= names

    @pytest.mark.usefixtures("no_figures")
    def test_json(self, run, simulated):
        record = json.loads(run("demo", "--json").stdout)
        target = simulated[1].sel(llm="68.5B")
        assert record["truth"]["SUMS"] == target["score"].sel(benchmark="SUMS").item()
        seconds = record["seconds"]
        parts = sum(seconds[name] for name in ("import", "compile", "sample", "rest"))
        assert parts == pytest.approx(seconds["total"])

    @pytest.mark.usefixtures("no_figures")
    def test_an_earlier_demo_is_kept(self, run):
        assert run("demo").exit_code == 0
        again = run("demo")
        assert again.exit_code == 1
        assert "cod-bayes-demo/model exists already" in again.stderr
        assert run("demo", "--force").exit_code == 0

    @pytest.mark.usefixtures("no_figures")
    def test_a_failed_gate_is_marked_and_exits_with_3(self, run, monkeypatch, failed):
        replace_fit(monkeypatch, failed)
        result = run("demo")
        assert result.exit_code == 3
        assert "SUMS !" in result.stdout
        assert "gate FAILED for law/SUMS" in result.stdout
        assert "law/SUMS: R-hat 1.310" in result.stderr
        assert run("demo", "--force").exit_code == 0

    @pytest.mark.usefixtures("no_figures")
    def test_settings(self, run, stub_fit, tmp_path):
        (tmp_path / "c.toml").write_text('[data]\nbenchmarks = ["SUMS"]\n')
        assert run("demo", "--config", "c.toml", "--seed", "3").exit_code == 0
        assert stub_fit[0]["config"].data.benchmarks == ("SUMS",)
        assert stub_fit[0]["random_seed"] == 3


def test_an_unknown_study_is_refused_by_name(run):
    result = run("demo", "--study", "gpt5")
    assert result.exit_code == 1
    assert "there is no data set 'gpt5'" in result.stderr
