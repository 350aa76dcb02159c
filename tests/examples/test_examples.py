"""The examples run: what people copy from must work."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient

EXAMPLES = Path(__file__).parents[2] / "examples"


def load(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.timeout(300)
def test_own_curve_forecasts_with_a_law_from_outside_the_package(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    example = load("own_curve")
    short = ("sampler.draws = 200", "sampler.tune = 300", "sampler.max_attempts = 1")
    forecast = example.main(short)
    score = forecast["predictions"]["score"]
    assert 0.5 < float(score.median()) < 1.0
    assert "90 % equal-tailed credible interval" in capsys.readouterr().out


def test_own_curve_falls_with_the_hazard() -> None:
    example = load("own_curve")
    score = example.probit(np.linspace(-8, 8, 99), None, np)
    assert (np.diff(score) <= 0).all()
    assert score[0] > 0.99
    assert score[-1] < 0.01


@pytest.mark.timeout(400)
def test_quickstart_notebook_runs() -> None:
    notebook = nbformat.read(EXAMPLES / "quickstart.ipynb", as_version=4)
    client = NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(EXAMPLES)}})
    client.execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output.output_type == "error" for output in outputs)
