"""The way in and the way out: help, flags, errors, exit codes, and what is imported when."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

import cod_bayes as cb
from cod_bayes.cli.application import app
from cod_bayes.errors import DataError

from .conftest import flat, replace_fit

COMMANDS = (
    "demo",
    "simulate",
    "ingest",
    "fit",
    "predict",
    "sensitivity",
    "backtest",
    "freeze",
    "score",
    "plot",
)
HEAVY = {"pymc", "pytensor", "nutpie", "arviz", "sklearn", "numba", "matplotlib"}
SLOW = {"xarray", "pandas", "scipy", "numpy"}


def packages_after(*words: str | Path) -> set[str]:
    """The packages that a process holds after a command."""
    code = (
        "import sys\n"
        "from cod_bayes.cli.application import app\n"
        "try: app(sys.argv[1:])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        "finally: sys.stderr.write('\\nHELD ' + ' '.join({m.split('.')[0] for m in sys.modules}))"
    )
    command = [sys.executable, "-c", code, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(done.stderr.rpartition("HELD ")[2].split())


def test_help_imports_nothing_slow():
    assert packages_after("--help").isdisjoint(HEAVY | SLOW)


def test_predict_imports_no_sampler(model):
    assert packages_after("predict", model, "--flops", "3e24").isdisjoint(HEAVY)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(run, command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.stdout
    assert f"cod-bayes {command}" in flat(result.stdout)


def test_without_a_command_help_is_shown(run):
    result = run()
    assert all(command in result.output for command in COMMANDS)


def test_version(run):
    result = run("--version")
    assert (result.exit_code, result.stdout) == (0, f"cod-bayes {cb.__version__}\n")


def test_an_unknown_option_is_a_usage_error(run):
    assert run("fit", "evals.nc", "--drawz", "5").exit_code == 2


def test_an_expected_error_is_a_message(run, monkeypatch, evals_file):
    replace_fit(monkeypatch, DataError("the data are at fault; mend them"))
    for flags in ([], ["--verbose"]):
        result = run("fit", evals_file, *flags)
        assert result.exit_code == 1
        assert result.stderr.endswith("error: the data are at fault; mend them\n")
        assert not result.stdout


def test_an_unexpected_error_is_one_line_without_verbose(run, monkeypatch, evals_file):
    replace_fit(monkeypatch, KeyError("surprise"))
    result = run("fit", evals_file)
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: unexpected KeyError: 'surprise'")
    assert "run with --verbose" in last
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("words", [("-v", "fit"), ("fit", "-v"), ("fit", "--verbose")])
def test_an_unexpected_error_keeps_its_traceback_with_verbose(run, monkeypatch, evals_file, words):
    replace_fit(monkeypatch, KeyError("surprise"))
    result = run(*words, evals_file)
    assert isinstance(result.exception, KeyError)


def test_a_panic_of_the_sampler_is_an_error_too(run, monkeypatch, evals_file):
    class PanicError(BaseException):
        pass

    replace_fit(monkeypatch, PanicError("index out of bounds"))
    result = run("fit", evals_file)
    assert result.exit_code == 1
    assert "unexpected PanicError: index out of bounds" in result.stderr


def test_an_error_of_the_system_names_the_file(run, monkeypatch, evals_file):
    replace_fit(monkeypatch, PermissionError(13, "Permission denied", "/some/where"))
    result = run("fit", evals_file, "--verbose")
    assert result.exit_code == 1
    assert result.stderr.endswith("error: /some/where: Permission denied\n")


def test_an_interruption_leaves_no_model(run, monkeypatch, evals_file, tmp_path):
    replace_fit(monkeypatch, KeyboardInterrupt())
    result = run("fit", evals_file, "-o", "models/new")
    assert result.exit_code == 130
    assert list(tmp_path.iterdir()) == []


def test_quiet_says_nothing_but_results(run, stub_fit, evals_file):
    assert run("fit", evals_file, "-o", "a").stderr
    assert run("fit", evals_file, "-o", "b", "--quiet").stderr == ""


def test_flags_after_two_dashes_are_arguments(run):
    result = CliRunner().invoke(app, ["ingest", "--", "-q"])
    assert "no file -q" in result.stderr
