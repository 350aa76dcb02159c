"""Views of tinyladder: on invented tables, then on those that the package brings."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cod_bayes.datasets import load_dataset, load_target, load_truth, tinyladder
from cod_bayes.errors import DataError
from cod_bayes.evals_file import read_evals, write_evals
from cod_bayes.validation import validate_evals

from .tinyladder_files import ANCHORS, NUMERIC, SEEDED, SHARES, SIZES, write_tables

PUBLISHED = tinyladder.FOLDER
LADDER = {f"size{i}" for i in range(SIZES)}
BETA = {f"beta{i}" for i in ANCHORS}
SEEDS = {f"size{i}-seed{seed}" for i in SEEDED for seed in (1, 2)}
OF_NUMERIC = {f"numeric{i}" for i in NUMERIC}
WITH_TARGET = ("tinyladder", "tinyladder-annealed", "tinyladder-trajectories", "tinyladder-greedy")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the package read invented tables."""
    write_tables(tmp_path)
    monkeypatch.setattr(tinyladder, "FOLDER", tmp_path)
    return tmp_path


def change(folder: Path, name: str, **columns: object) -> pd.DataFrame:
    path = folder / f"{name}.parquet"
    table = pd.read_parquet(path).assign(**columns)
    table.to_parquet(path, index=False)
    return table


@pytest.mark.parametrize(
    ("name", "runs", "checkpoints"),
    [
        ("tinyladder", LADDER | BETA, (7, 8, 9)),
        ("tinyladder-annealed", LADDER | BETA, (10,)),
        ("tinyladder-seeds", LADDER | BETA | SEEDS, (7, 8, 9)),
        ("tinyladder-numeric", OF_NUMERIC, (7, 8, 9)),
        ("tinyladder-trajectories", LADDER | BETA, tuple(range(10))),
        ("tinyladder-greedy", LADDER | BETA, (7, 8, 9)),
    ],
)
@pytest.mark.usefixtures("folder")
def test_a_view_holds_its_checkpoints_of_its_runs(
    name: str, runs: set[str], checkpoints: tuple[int, ...]
) -> None:
    evals = load_dataset(name)
    assert set(evals["run"].values) == runs
    assert evals.sizes["llm"] == len(runs) * len(checkpoints)
    for run in runs:
        of_run = evals.isel(llm=np.flatnonzero(evals["run"].values == run))
        assert tuple(of_run["checkpoint"].values) == checkpoints
        assert of_run["role"].values[0] == ("anchor" if run in BETA else "ladder")
    phase = "annealed" if name == "tinyladder-annealed" else "stable"
    assert set(evals["phase"].values) == {phase}


@pytest.mark.usefixtures("folder")
def test_a_view_has_all_that_the_schema_names() -> None:
    evals = load_dataset("tinyladder")
    llm = evals.sel(llm="size2-step-970")
    assert llm["params_active"] == llm["params_total"] == 9000
    assert llm["flops"] == 6 * 9000 * llm["tokens"]
    assert llm["mixture"] == "balanced"
    assert evals["n_correct"].dtype == evals["n_trials"].dtype == np.uint32
    assert (evals["n_trials"] == 100).all()
    assert evals["gold_nll"].dtype == np.float32
    assert evals["loss_domain"].values.tolist() == ["overall", "add"]
    assert llm["loss"].sel(loss_domain="add").item() == pytest.approx(1.5 - 0.97 / 2)
    item = evals.sel(item="choice/choose-4")
    assert (item["skill"], item["level"], item["guess_floor"]) == ("choose", 2, 0.25)
    assert item["metric"] == "sampled exact match"
    assert "100 samples" in evals.attrs["decoding"]
    assert "forward" in evals.attrs["flop_convention"]


def test_a_cell_is_found_by_its_labels_whatever_the_order(folder: Path) -> None:
    straight = load_dataset("tinyladder")
    path = folder / "results.parquet"
    rows = pd.read_parquet(path)
    cell = rows[(rows["llm"] == "beta3-step-1000") & (rows["item"] == "sums/add-3")]
    found = straight.sel(llm="beta3-step-1000", item="sums/add-3")
    assert found["n_correct"] == cell["n_correct"].item()
    assert found["gold_nll"] == cell["gold_nll"].item()
    # also as plain strings, as a table may come back from another program
    rows.iloc[::-1].astype({"llm": str, "item": str}).to_parquet(path, index=False)
    xr.testing.assert_equal(load_dataset("tinyladder"), straight)


@pytest.mark.parametrize(
    "damage",
    [
        lambda rows: rows.iloc[1:],
        lambda rows: pd.concat([rows, rows.iloc[:1]]),
        lambda rows: rows.assign(llm=rows["llm"].astype(str).replace("size0-step-100", "size99")),
        lambda rows: rows.assign(item=rows["item"].astype(str).replace("sums/add-1", "sums/add-2")),
        lambda rows: rows.assign(item=rows["item"].where(rows["item"] != "sums/add-1")),
    ],
    ids=["row missing", "row twice", "unknown llm", "item twice", "no item"],
)
def test_tables_that_do_not_belong_together(damage, folder: Path) -> None:
    path = folder / "results.parquet"
    damage(pd.read_parquet(path)).to_parquet(path, index=False)
    with pytest.raises(DataError, match=r"results.parquet does not hold each of 132 llms x 15"):
        load_dataset("tinyladder")


@pytest.mark.usefixtures("folder")
def test_greedy_answers_are_one_trial_each() -> None:
    sampled, greedy = load_dataset("tinyladder"), load_dataset("tinyladder-greedy")
    assert (greedy["n_trials"] == 1).all()
    np.testing.assert_array_equal(greedy["n_correct"], sampled["n_correct"] > 50)
    assert set(greedy["metric"].values) == {"greedy exact match"}
    assert greedy.attrs["decoding"] == "greedy"
    np.testing.assert_array_equal(greedy["gold_nll"], sampled["gold_nll"])


def test_sources_are_the_files_that_were_read(folder: Path) -> None:
    for load, results in ((load_dataset, "results"), (load_target, "target_results")):
        sources = json.loads(load("tinyladder").attrs["sources"])
        assert len(sources) == 3
        assert sources[-1]["file"] == f"{results}.parquet"
        for source in sources:
            content = (folder / source["file"]).read_bytes()
            assert source["sha256"] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", tinyladder.VIEWS)
@pytest.mark.usefixtures("folder")
def test_a_view_survives_the_disk(name: str, tmp_path: Path) -> None:
    evals = load_dataset(name)
    xr.testing.assert_identical(read_evals(write_evals(evals, tmp_path / "evals.nc")), evals)


@pytest.mark.parametrize("name", tinyladder.VIEWS)
@pytest.mark.parametrize("target", ["absent", "unreadable"])
def test_no_view_opens_the_targets_files(name: str, target: str, folder: Path) -> None:
    expected = load_dataset(name)
    for path in folder.glob("target_*.parquet"):
        path.unlink()
        if target == "unreadable":
            path.mkdir()  # whoever opens it fails
    xr.testing.assert_identical(load_dataset(name), expected)


@pytest.mark.parametrize("name", tinyladder.VIEWS)
def test_a_target_among_the_llms_would_not_enter_a_view(name: str, folder: Path) -> None:
    roles = pd.read_parquet(folder / "llms.parquet")["role"].to_numpy(dtype=object)
    roles[: len(SHARES)] = "target"
    change(folder, "llms", role=roles)
    evals = load_dataset(name)
    assert "target" not in evals["role"].values
    assert "size0" not in evals["run"].values


@pytest.mark.parametrize("name", WITH_TARGET)
@pytest.mark.usefixtures("folder")
def test_the_target_is_evaluated_as_its_ladder(name: str) -> None:
    evals, target = load_dataset(name), load_target(name)
    assert set(target["role"].values) == {"target"}
    assert set(target["run"].values) == {"target"}
    xr.testing.assert_equal(target["item"], evals["item"])
    of_run = evals.isel(llm=np.flatnonzero(evals["run"].values == "size0"))
    for same in ("phase", "checkpoint"):
        np.testing.assert_array_equal(target[same], of_run[same])
    for same in ("decoding", "flop_convention"):
        assert target.attrs[same] == evals.attrs[same]
    both = xr.concat([evals, target], "llm", coords="minimal", compat="equals", join="exact")
    assert validate_evals(both).sizes["llm"] == evals.sizes["llm"] + target.sizes["llm"]


@pytest.mark.parametrize("name", WITH_TARGET)
@pytest.mark.usefixtures("folder")
def test_the_truth_is_the_targets_last_score(name: str) -> None:
    target, truth = load_target(name), load_truth(name)
    assert truth["score"].dims == ("benchmark", "llm")
    assert truth["llm"].values.tolist() == ["target"]
    assert truth["benchmark"].values.tolist() == ["sums", "choice"]
    assert truth["n_items"].values.tolist() == [10, 5]
    # what the demo and the figures ask for, of simulated and of real truth alike
    chosen = truth.sel(llm=truth["role"] == "target")
    assert chosen["flops"].item() == target["flops"].values[-1]
    assert {"params_active", "tokens", "family"} <= set(chosen.coords)
    last = target.isel(llm=-1)
    rate = (last["n_correct"] / last["n_trials"]).values[target["benchmark"].values == "sums"]
    assert chosen["score"].sel(benchmark="sums").item() == pytest.approx(rate.mean())


@pytest.mark.parametrize("load", [load_target, load_truth])
@pytest.mark.parametrize("name", ["tinyladder-seeds", "tinyladder-numeric"])
def test_views_without_a_target_of_their_own(name: str, load) -> None:
    with pytest.raises(DataError, match=f"'{name}' has no target .*have one are tinyladder, "):
        load(name)


def test_absent_files_are_said_to_be_absent(folder: Path) -> None:
    (folder / "target_results.parquet").unlink()
    for load in (load_target, load_truth):
        with pytest.raises(DataError, match=r"target are not published here: .*/target_results"):
            load("tinyladder")
    (folder / "llms.parquet").unlink()
    with pytest.raises(DataError, match=r"tinyladder is not here: .*tinyladder/llms.parquet"):
        load_dataset("tinyladder")


published = pytest.mark.skipif(
    not (PUBLISHED / "llms.parquet").is_file(),
    reason="the package does not bring tinyladder yet: no cod_bayes/data/tinyladder/llms.parquet",
)


@published
class TestPublished:
    @pytest.mark.parametrize("name", tinyladder.VIEWS)
    def test_every_view_is_valid(self, name: str) -> None:
        evals = load_dataset(name)
        xr.testing.assert_identical(validate_evals(evals), evals)
        assert not evals["gold_nll"].isnull().any()
        assert not evals["loss"].isnull().any()
        assert "overall" in evals["loss_domain"]
        benchmarks, sizes = np.unique(evals["benchmark"].values, return_counts=True)
        assert len(benchmarks) == 9
        assert sizes.min() >= 400

    def test_it_is_small(self) -> None:
        assert sum(len(file.read_bytes()) for file in PUBLISHED.iterdir()) < 3_000_000

    def test_the_target_stands_apart(self) -> None:
        llms = pd.read_parquet(PUBLISHED / "llms.parquet")
        assert "target" not in set(llms["role"]) | set(llms["run"])
        rows = pd.read_parquet(PUBLISHED / "results.parquet", columns=["llm"])
        assert set(rows["llm"]) == set(llms["llm"])

    def test_ten_runs_over_three_decades(self) -> None:
        ladder = role(load_dataset("tinyladder"), "ladder")
        assert len(set(ladder["run"].values)) == 10
        assert ladder.sizes["llm"] == 30
        last = ladder["flops"].values[ladder["checkpoint"].values == 9]
        assert last.max() / last.min() >= 1000

    def test_every_run_is_annealed_and_watched(self) -> None:
        runs = load_dataset("tinyladder")["run"].values[::3].tolist()
        assert load_dataset("tinyladder-annealed")["run"].values.tolist() == runs
        watched = load_dataset("tinyladder-trajectories")["run"].values.tolist()
        assert watched == np.repeat(runs, 10).tolist()

    def test_seeds_anchors_and_mixtures(self) -> None:
        seeds = role(load_dataset("tinyladder-seeds"), "ladder")
        n_seeds = pd.Series(seeds["seed"].values).groupby(seeds["params_total"].values).nunique()
        assert (n_seeds >= 3).sum() >= 3
        anchors = role(load_dataset("tinyladder"), "anchor")
        assert len(set(anchors["run"].values)) >= 2
        assert set(anchors["family"].values) == {"beta"}
        numeric = load_dataset("tinyladder-numeric")
        assert set(numeric["role"].values) == {"ladder"}
        assert len(set(numeric["params_total"].values)) >= 4

    def test_the_target_is_out_of_reach(self) -> None:
        if not (PUBLISHED / "target_llms.parquet").is_file():
            pytest.skip("the target is not published yet: no target_llms.parquet")
        ladder = role(load_dataset("tinyladder"), "ladder")
        truth = load_truth("tinyladder")
        assert truth["flops"].item() >= 10 * ladder["flops"].max()
        assert truth.sizes == {"benchmark": 9, "llm": 1}


def role(evals: xr.Dataset, wanted: str) -> xr.Dataset:
    return evals.isel(llm=np.flatnonzero(evals["role"].values == wanted))
