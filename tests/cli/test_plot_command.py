import pytest

from .conftest import flat


def test_every_kind_is_drawn(run, model, evals_file, truth_file, tmp_path):
    kinds = [word for kind in ("forecast", "clusters", "mapping", "difficulty")
             for word in ("--kind", kind)]  # fmt: skip
    words = ("--evals", evals_file, "--truth", truth_file, "--flops", "3e24", "-o", "figs")
    result = run("plot", model, *kinds, *words)
    assert result.exit_code == 0, result.output
    expected = {"forecast", "clusters-SUMS", "clusters-READ", "mapping", "difficulty-SUMS"}
    expected |= {"difficulty-READ"}
    assert {path.stem for path in (tmp_path / "figs").glob("*.png")} == expected
    assert set(result.stdout.split()) == {f"figs/{name}.png" for name in expected}


def test_counterparts_of_the_papers_figures(run, model, evals_file, tmp_path):
    kinds = ("--kind", "interpolation", "--kind", "algorithms")
    result = run("plot", model, *kinds, "--evals", evals_file, "-o", "figs", "--benchmark", "SUMS")
    assert result.exit_code == 0, result.output
    figures = {path.stem for path in (tmp_path / "figs").glob("*.png")}
    assert figures == {"interpolation-SUMS", "algorithms-SUMS"}


def test_scores_by_loss_need_losses(run, model, evals_file):
    result = run("plot", model, "--kind", "loss", "--evals", evals_file, "-o", "loss.png")
    assert result.exit_code == 1
    assert "loss" in result.stderr


def test_without_a_target_the_forecast_reaches_to_the_horizon(run, model, tmp_path):
    result = run("plot", model, "-o", "fan.svg", "--benchmark", "SUMS")
    assert result.exit_code == 0, result.output
    assert "drawn to 4.24e24 FLOP" in result.stderr
    assert (tmp_path / "fan.svg").exists()


def test_the_format_of_a_folder(run, model, tmp_path):
    assert run("plot", model, "--kind", "mapping", "-o", "f", "--format", "pdf").exit_code == 0
    assert (tmp_path / "f" / "mapping.pdf").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--kind", "difficulty"], "give --evals evals.nc"),
        (["--kind", "loss"], "give --evals evals.nc"),
        (["--kind", "clusters", "-o", "x.png"], "several figures do not fit into x.png"),
        (["--kind", "mapping", "--kind", "forecast", "-o", "x.png"], "do not fit into x.png"),
        (["--format", "bmp"], "'bmp' is none of png, pdf, svg"),
        (["--tokens", "1T"], "belong together"),
    ],
)
def test_an_unclear_request_is_a_usage_error(run, model, words, message):
    result = run("plot", model, *words)
    assert result.exit_code == 2
    assert message in flat(result.stderr)


def test_an_unknown_benchmark_is_named(run, model):
    result = run("plot", model, "--benchmark", "CHESS")
    assert result.exit_code == 1
    assert "'CHESS' was asked for; there are SUMS, READ" in result.stderr


def test_a_failed_gate_is_refused(run, failed_model):
    assert run("plot", failed_model).exit_code == 3
    assert run("plot", failed_model, "--force").exit_code == 0
