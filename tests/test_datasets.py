"""The embedded data: valid, small, reproducible, and a story worth telling."""

import importlib.util
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from cod_bayes import datasets
from cod_bayes.datasets import DATASETS, load_dataset, load_target, load_truth
from cod_bayes.errors import DataError
from cod_bayes.validation import ladder_notes

SCRIPT = Path(__file__).parents[1] / "examples" / "make_embedded_example.py"


def test_embedded_example() -> None:
    evals, truth = load_dataset(), load_truth()
    assert evals.sizes["llm"] == 8 * 3 + 2
    assert len(set(evals["benchmark"].values)) == 8
    assert ladder_notes(evals) == []
    target = truth.sel(llm=(truth["role"] == "target").values)
    assert target.sizes["llm"] == 1
    assert target["llm"].item() not in evals["llm"]
    assert target["flops"].item() > 20 * evals["flops"].sel(llm="12B").item()
    scores = target["score"].values
    assert scores.min() < 0.3
    assert scores.max() > 0.85
    # every benchmark emerges within the ladder, and none is finished there
    ladder = truth["score"].sel(llm=(truth["role"] == "ladder").values)
    assert float((ladder.isel(llm=-1) - ladder.isel(llm=0)).min()) > 0.05
    assert float((target["score"].isel(llm=0) - ladder.isel(llm=-1)).min()) > 0.1


def test_files_are_small() -> None:
    folder = files("cod_bayes") / "data"
    sizes = [len(file.read_bytes()) for file in folder.iterdir() if file.name.endswith(".nc")]
    assert len(sizes) == 2
    assert sum(sizes) < 1_000_000


def test_unknown_names_are_listed() -> None:
    for load in (load_dataset, load_target, load_truth):
        with pytest.raises(DataError, match="no data set 'mmlu'; the package has paper-ladder-sim"):
            load("mmlu")
    assert DATASETS == (
        "paper-ladder-sim",
        "tinyladder",
        "tinyladder-annealed",
        "tinyladder-seeds",
        "tinyladder-numeric",
        "tinyladder-trajectories",
        "tinyladder-greedy",
    )
    for name in DATASETS:
        assert f"``{name}``" in str(datasets.__doc__)


def test_a_simulated_target_has_no_items() -> None:
    with pytest.raises(DataError, match=r"simulated.*load_truth\('paper-ladder-sim'\)"):
        load_target("paper-ladder-sim")


def test_the_script_makes_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("make_embedded_example", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(["--folder", str(tmp_path)])
    assert "GSM8K" in capsys.readouterr().out
    made = xr.load_dataset(tmp_path / "paper_ladder_sim.nc")
    # counts, not draws of one platform: another NumPy build may round a curve differently
    assert made["n_correct"].sizes == load_dataset()["n_correct"].sizes
    truth = xr.load_dataset(tmp_path / "paper_ladder_sim_truth.nc")
    np.testing.assert_allclose(truth["expected_score"], load_truth()["expected_score"], atol=1e-6)
