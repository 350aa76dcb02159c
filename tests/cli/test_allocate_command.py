"""``cod-bayes allocate``: a table, a recommendation, and JSON of the same."""

import json

import pytest

from cod_bayes.cli.least_compute import describe_least

PLAN = """
[costs]
gpu_hour = 0.0001
[[values]]
benchmark = "SUMS"
threshold = 0.7
payoff = 900
[[values]]
benchmark = "READ"
per_point = 3
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
    path.write_text(PLAN)
    return path


def test_candidates_stand_in_a_table_and_one_is_recommended(run, model, plan):
    result = run("allocate", model, "--plan", plan, "--force")
    assert result.exit_code == 0, result.output
    for words in ("SUMS, 90 % ETI", "P(reach)", "CVaR 10 %", "P(best)", "largest expected utility"):
        assert words in result.stdout
    assert "To know every score before choosing would be worth" in result.stdout


def test_json_says_the_same(run, model, plan):
    result = run("allocate", model, "-p", plan, "--risk", "regret", "--force", "--json")
    record = json.loads(result.stdout)
    assert record["attitude"] == "regret"
    assert record["recommended"] in ("small", "large")
    first = record["candidates"][0]
    assert 0 <= first["scores"]["SUMS"]["p_reach"] <= 1
    assert first["scores"]["READ"]["p_reach"] is None
    assert record["evpi"] >= 0


def test_a_plan_without_a_file_or_with_a_fault_is_a_clear_refusal(run, model, tmp_path):
    missing = run("allocate", model, "-p", tmp_path / "none.toml")
    assert missing.exit_code == 1
    assert "none.toml cannot be read" in missing.stderr
    bad = tmp_path / "bad.toml"
    bad.write_text(PLAN.replace('"SUMS"', '"SUM"'))
    result = run("allocate", model, "-p", bad, "--force")
    assert result.exit_code == 1
    assert "'SUM' has a value but no forecast; there are SUMS, READ" in result.stderr


def test_the_figure_is_drawn_where_asked(run, model, plan, tmp_path):
    path = tmp_path / "figures" / "frontier.png"
    assert run("allocate", model, "-p", plan, "--force", "--figure", path).exit_code == 0
    assert path.read_bytes().startswith(b"\x89PNG")


def test_the_least_compute_for_every_threshold(run, model, plan):
    record = json.loads(run("allocate", model, "-p", plan, "--force", "--json").stdout)
    (least,) = record["least_compute"]
    assert (least["benchmark"], least["threshold"], least["probability"]) == ("SUMS", 0.7, 0.8)
    assert least["expected"]["lower"] <= least["expected"]["median"]
    shown = run("allocate", model, "-p", plan, "--force").stdout
    assert "SUMS at 70.0 %: " in shown
    assert "for one new run to reach it with probability 0.8 takes" in shown
    certain = run("allocate", model, "-p", plan, "--force", "--set", "risk.probability=1.0")
    assert certain.exit_code == 0
    assert "SUMS at" not in certain.stdout


def test_what_no_run_reaches_is_said_so():
    entry = {
        "benchmark": "SUMS",
        "threshold": 0.99,
        "probability": 0.8,
        "flops": None,
        "price_training": None,
        "expected": {"median": None, "lower": 3e24, "upper": None},
        "horizon_flops": 5e25,
        "ci_prob": 0.9,
    }
    says = describe_least(entry)
    assert "takes more than 5e25 FLOP; for the expected score more than 5e25" in says
    assert "[3e24, more than 5e25] FLOP, 90 % ETI." in says
