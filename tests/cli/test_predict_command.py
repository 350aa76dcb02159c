import json

import pytest
import xarray as xr
from xarray.backends.file_manager import FILE_CACHE

from .conftest import flat


def read_rows(stdout: str) -> list[list[str]]:
    return [line.split() for line in stdout.splitlines()[2:]]


def test_a_forecast_is_a_table(run, model):
    result = run("predict", model, "--flops", "3e24")
    assert result.exit_code == 0, result.output
    title, header, *rows = result.stdout.splitlines()
    assert title == "One new run's score at 3e24 FLOP, %"
    assert "50 % ETI" in header
    assert "90 % ETI" in header
    assert [row.split()[0] for row in rows] == ["SUMS", "READ"]


def test_json_holds_all_that_the_table_holds_and_more(run, model):
    words = ("--flops", "3e24", "--reach", "0.5", "--reach", "0.9", "--json")
    record = json.loads(run("predict", model, *words).stdout)
    assert record["ci_kind"] == "eti"
    for entry in record["forecasts"]:
        narrow, wide = entry["intervals"]
        assert 0 <= wide["lower"] <= narrow["lower"] <= entry["median"] <= wide["upper"] <= 1
        assert sum(entry["variance_share"].values()) == pytest.approx(1)
        assert [reach["threshold"] for reach in entry["reach"]] == [0.5, 0.9]
        assert set(entry["methods"]) == {"cod", "end-to-end", "pool"}
        assert entry["is_interpolation"] is False


def test_parameters_and_tokens_make_the_compute(run, model):
    words = ("--params", "70B", "--tokens", "7T", "--json")
    record = json.loads(run("predict", model, *words).stdout)
    assert record["forecasts"][0]["flops"] == pytest.approx(6 * 70e9 * 7e12)


def test_a_grid_has_a_row_each(run, model):
    result = run("predict", model, "--grid", "1e23", "1e25", "--points", "3")
    assert result.exit_code == 0, result.output
    assert [row[1] for row in read_rows(result.stdout)] == ["1e23", "1e24", "1e25"] * 2


def test_levels_and_kind_are_named(run, model):
    words = ("--flops", "3e24", "--ci-prob", "0.8", "--ci-kind", "hdi")
    assert "80 % HDI" in run("predict", model, *words).stdout


def test_the_expected_score_is_surer_than_one_new_run(run, model):
    words = ("predict", model, "--flops", "3e24", "--json", "--reach", "0.5")
    one = json.loads(run(*words).stdout)
    mean = json.loads(run(*words, "--estimand", "expected").stdout)
    assert mean["estimand"] == "expected score"
    for new, expected in zip(one["forecasts"], mean["forecasts"], strict=True):
        assert expected["sd"] < new["sd"]
        assert "reach" in expected
        assert "variance_share" not in expected


def test_trials_are_named(run, model):
    result = run("predict", model, "--flops", "3e24", "--trials", "4")
    assert "4 trials" in result.stdout.splitlines()[0]


def test_explain_splits_the_variance(run, model):
    assert "law parameters" in run("predict", model, "--flops", "3e24", "--explain").stdout


def test_draws_are_written(run, model, tmp_path):
    assert run("predict", model, "--flops", "3e24", "-o", "out/forecast.nc").exit_code == 0
    with xr.open_datatree(tmp_path / "out" / "forecast.nc") as tree:
        assert {"predictions", "summary"} <= set(tree.children)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["forecast.nc"]


def test_the_same_seed_gives_the_same_forecast(run, model):
    words = ("predict", model, "--flops", "3e24", "--json", "--seed")
    assert run(*words, "4").stdout == run(*words, "4").stdout
    assert run(*words, "4").stdout != run(*words, "5").stdout


@pytest.mark.parametrize("flops", ["3e24", "-1"])
def test_the_models_file_is_closed(run, model, flops):
    before = dict(FILE_CACHE)
    run("predict", model, "--flops", flops)
    assert dict(FILE_CACHE) == before


def test_a_target_within_the_ladder_is_named_an_interpolation(run, model):
    result = run("predict", model, "--flops", "1e21")
    assert result.exit_code == 0
    assert "an interpolation" in result.stdout
    assert "note: interpolation" in result.stderr


def test_a_failed_gate_is_refused_with_the_parameter_and_the_remedy(run, failed_model):
    result = run("predict", failed_model, "--flops", "3e24")
    assert (result.exit_code, result.stdout) == (3, "")
    assert "law/SUMS: R-hat 1.310 > 1.01 at" in result.stderr
    assert "--force" in result.stderr


def test_a_forced_forecast_is_marked(run, failed_model):
    words = ("predict", failed_model, "--flops", "3e24", "--force")
    result = run(*words)
    assert result.exit_code == 0
    assert [(row[0], row[1] == "!") for row in read_rows(result.stdout)] == [
        ("SUMS", True),
        ("READ", False),
    ]
    assert "do not trust their intervals" in result.stderr
    record = json.loads(run(*words, "--json").stdout)
    assert record["passed"] is False
    assert [entry["failed_fits"] for entry in record["forecasts"]] == [["law/SUMS"], []]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no target: give --flops 3e24"),
        (["--params", "70B"], "--params and --tokens belong together"),
        (["--flops", "3e24", "--grid", "1e22", "1e25"], "--grid is the target"),
        (["--grid", "1e25", "1e22"], "two rising computes"),
        (["--flops", "lots"], "'lots' is no positive quantity"),
        (["--flops", "-3e24"], "is no positive quantity"),
        (["--flops", "3e24", "--reach", "70"], "--reach must lie within 0 and 1"),
        (["--flops", "3e24", "--ci-prob", "90"], "--ci-prob must lie within 0 and 1"),
        (["--flops", "3e24", "--trials", "3", "--estimand", "expected"], "--trials measures one"),
        (["--flops", "3e24", "--ci-kind", "wald"], "--ci-kind"),
    ],
)
def test_an_unclear_request_is_a_usage_error(run, model, words, message):
    result = run("predict", model, *words)
    assert result.exit_code == 2
    assert message in flat(result.stderr)


def test_no_model(run):
    result = run("predict", "nowhere", "--flops", "3e24")
    assert result.exit_code == 1
    assert "nowhere holds no fit.nc" in result.stderr


def test_a_damaged_model(run, model, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "fit.nc").write_bytes((model / "fit.nc").read_bytes()[:5000])
    result = run("predict", "m", "--flops", "3e24")
    assert result.exit_code == 1
    assert "fit.nc cannot be read as netCDF" in result.stderr
