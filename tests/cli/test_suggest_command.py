"""``cod-bayes suggest``: pilots in a table, ranked, and JSON of the same."""

import json

import pytest

PILOTS = """
[[pilots]]
name = "near"
flops = 1e24
[[pilots]]
name = "trials"
run = "12B"
price = 0.001
"""
DECISION = """
[costs]
gpu_hour = 0.0001
[[values]]
benchmark = "SUMS"
threshold = 0.7
payoff = 900
[[candidates]]
name = "small"
params = 1e10
tokens = 1e12
[[candidates]]
name = "large"
params = 1e11
tokens = 1e13
"""


@pytest.fixture
def plan(tmp_path):
    path = tmp_path / "plan.toml"
    path.write_text(PILOTS + DECISION)
    return path


@pytest.fixture
def pilots(tmp_path):
    path = tmp_path / "pilots.toml"
    path.write_text(PILOTS)
    return path


def test_pilots_are_valued_for_a_decision(run, model, plan, tmp_path):
    figure = tmp_path / "pilots.png"
    result = run("suggest", model, "--plan", plan, "--force", "--figure", figure)
    assert result.exit_code == 0, result.output
    for words in ("worth ± MC error", "net", "to know the law", "Without a pilot the choice is"):
        assert words in result.stdout
    assert figure.stat().st_size > 10_000


def test_json_says_the_same(run, model, plan):
    record = json.loads(run("suggest", model, "-p", plan, "--force", "--json").stdout)
    assert [entry["pilot"] for entry in record["pilots"]] == ["near", "trials"]
    near = record["pilots"][0]
    assert near["net_value"] == pytest.approx(near["evsi"] - near["price"])
    assert 0 <= near["narrowing"]["SUMS"] <= record["narrowing_limit"]["SUMS"]
    assert record["choice"] in ("small", "large")


def test_without_candidates_a_target_is_needed(run, model, pilots):
    refused = run("suggest", model, "-p", pilots, "--force")
    assert refused.exit_code == 1
    assert "neither a decision nor a target" in refused.stderr
    result = run("suggest", model, "-p", pilots, "--flops", "4e24", "--force")
    assert result.exit_code == 0, result.output
    assert "narrowing per price" in result.stdout
    assert "worth ±" not in result.stdout
    half = run("suggest", model, "-p", pilots, "--params", "70B", "--force")
    assert "--params and --tokens belong together" in half.stderr


def test_allocate_reads_the_plans_pilots(run, model, plan):
    record = json.loads(run("allocate", model, "-p", plan, "--force", "--json").stdout)
    assert record["pilot"] in (None, "near", "trials")
    assert (record["pilot"] is None) == ("no pilot is worth" in (record["pilot_reason"] or ""))
