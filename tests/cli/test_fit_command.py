import json

import numpy as np
import pytest
import xarray as xr

import cod_bayes as cb

from .conftest import replace_fit


def test_a_fit_is_shown_and_saved(run, stub_fit, evals_file, tmp_path):
    result = run("fit", evals_file, "--seed", "7")
    assert result.exit_code == 0, result.output
    assert "end-to-end" in result.stdout
    assert "passed" in result.stdout
    assert "law of SUMS" in result.stderr
    assert "saved models/evals" in result.stderr
    assert stub_fit[0]["random_seed"] == 7
    assert cb.load_model(tmp_path / "models" / "evals").passed


def test_json_is_all_there_is_on_stdout(run, stub_fit, evals_file):
    record = json.loads(run("fit", evals_file, "-o", "m", "--json").stdout)
    assert record["model"] == "m"
    assert record["passed"] is True
    assert {entry["benchmark"] for entry in record["benchmarks"]} == {"SUMS", "READ"}
    assert {"fit", "rhat", "ess_bulk", "passed", "failures"} <= set(record["gate"][0])


def test_settings_of_the_line_win_over_the_files(run, stub_fit, evals_file, tmp_path):
    (tmp_path / "c.toml").write_text("[sampler]\ndraws = 500\ntune = 700\n")
    words = ("--config", "c.toml", "--set", "sampler.draws=900", "--set", "law.scale=compute")
    assert run("fit", evals_file, *words).exit_code == 0
    config = stub_fit[0]["config"]
    assert (config.sampler.draws, config.sampler.tune) == (900, 700)


def test_labels_of_another_model_are_reused(run, stub_fit, evals_file, model, fitted):
    assert run("fit", evals_file, "-o", "again", "--clusters", model).exit_code == 0
    xr.testing.assert_equal(
        stub_fit[0]["clusters"]["label"], fitted.tree["clusters"].to_dataset()["label"]
    )


def test_a_failed_gate_saves_marks_and_exits_with_3(run, monkeypatch, failed, evals_file, tmp_path):
    replace_fit(monkeypatch, failed)
    result = run("fit", evals_file, "-o", "m")
    assert result.exit_code == 3
    assert "law/SUMS: R-hat 1.310 > 1.01" in result.stderr
    assert "raise sampler.draws" in result.stderr
    assert "m is saved, and marked" in result.stderr
    assert "SUMS !" in result.stdout
    assert "READ !" not in result.stdout
    assert "FAILED" in result.stdout
    assert not cb.load_model(tmp_path / "m").passed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "sampler.drws=5"], "did you mean sampler.draws"),
        (["--set", "sampler.draws=many"], "sampler.draws must be a whole number"),
        (["--set", "sampler.draws"], "is not of the form section.key=value"),
        (["--config", "nowhere.toml"], "nowhere.toml cannot be read"),
        (["--clusters", "nowhere"], "nowhere holds no fit.nc"),
    ],
)
def test_a_faulty_request_is_refused_before_fitting(run, stub_fit, evals_file, words, message):
    result = run("fit", evals_file, *words)
    assert (result.exit_code, stub_fit) == (1, [])
    assert message in result.stderr


def test_an_unknown_key_of_a_file_is_named(run, stub_fit, evals_file, tmp_path):
    (tmp_path / "c.toml").write_text("[clusterr]\nquantile = 0.2\n")
    result = run("fit", evals_file, "-c", "c.toml")
    assert (result.exit_code, stub_fit) == (1, [])
    assert "clusterr is no setting; did you mean cluster?" in result.stderr


def test_a_truncated_file_is_refused(run, stub_fit, evals_file, tmp_path):
    whole = evals_file.read_bytes()
    (tmp_path / "cut.nc").write_bytes(whole[: len(whole) // 2])
    result = run("fit", "cut.nc")
    assert (result.exit_code, stub_fit) == (1, [])
    assert "cut.nc cannot be read as netCDF" in result.stderr


def test_a_foreign_file_is_refused(run, stub_fit, tmp_path):
    xr.Dataset({"t": ("x", np.arange(3.0))}).to_netcdf(tmp_path / "foreign.nc")
    result = run("fit", "foreign.nc")
    assert (result.exit_code, stub_fit) == (1, [])
    assert "not written by cod-bayes" in result.stderr


def test_a_model_that_exists_is_refused_before_fitting(run, stub_fit, evals_file):
    assert run("fit", evals_file, "-o", "m").exit_code == 0
    result = run("fit", evals_file, "-o", "m")
    assert result.exit_code == 1
    assert "m exists already" in result.stderr
    assert len(stub_fit) == 1
    assert run("fit", evals_file, "-o", "m", "--force").exit_code == 0


def test_a_folder_that_is_no_model_is_never_replaced(run, stub_fit, evals_file, tmp_path):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("years of work")
    result = run("fit", evals_file, "-o", "precious", "--force")
    assert result.exit_code == 1
    assert (tmp_path / "precious" / "thesis.tex").exists()


def test_an_output_that_cannot_be_is_refused_before_fitting(run, stub_fit, evals_file):
    result = run("fit", evals_file, "-o", evals_file / "model")
    assert (result.exit_code, stub_fit) == (1, [])
    assert "is a file, not a folder" in result.stderr
