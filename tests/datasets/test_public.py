"""Public data: read from a folder, targets apart, counts as their sources have them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cod_bayes import datasets
from cod_bayes.datasets import PUBLIC_DATASETS, load_dataset, load_target, load_truth, public
from cod_bayes.datasets.pythia import _count_questions
from cod_bayes.errors import DataError
from cod_bayes.law.data import select_runs


@pytest.fixture
def folder(real_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COD_BAYES_DATA", str(real_data))
    return real_data


@pytest.mark.parametrize("name", PUBLIC_DATASETS)
@pytest.mark.parametrize("load", [load_dataset, load_target, load_truth])
def test_without_the_folder_it_says_what_to_set(load, name, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COD_BAYES_DATA", str(tmp_path))
    with pytest.raises(DataError, match=r"there is no \w+\.parquet in .*Set the .*COD_BAYES_DATA"):
        load(name)


def test_every_name_is_described() -> None:
    for name in PUBLIC_DATASETS:
        assert f"``{name}``" in str(datasets.__doc__)
        assert f"``{name}``" in str(public.__doc__)


@pytest.mark.parametrize(
    ("name", "n_runs", "n_items", "targets"),
    [
        ("olmo-ladder", 16, 8, ["7B-4T"]),
        ("olmo-ladder-3b", 16, 8, ["3B-1xC", "3B-2xC", "3B-5xC", "3B-10xC"]),
        ("pythia-gsm8k", 7, 128, ["Pythia_6.9B", "Pythia_12B"]),
        ("pythia-gsm8k-trajectories", 7, 128, ["Pythia_6.9B", "Pythia_12B"]),
        (
            "pythia-tasks",
            12,
            8,
            ["pythia-6.9b", "pythia-6.9b-deduped", "pythia-12b", "pythia-12b-deduped"],
        ),
    ],
)
def test_what_each_data_set_holds(folder, name, n_runs, n_items, targets) -> None:
    evals, target, truth = load_dataset(name), load_target(name), load_truth(name)
    assert len(set(evals["run"].values)) == n_runs
    assert evals.sizes["item"] == target.sizes["item"] == n_items
    assert set(evals["role"].values) == {"ladder"}
    assert set(target["role"].values) == {"target"}
    assert not set(evals["run"].values) & set(target["run"].values)
    assert truth["llm"].values.tolist() == targets
    assert float(target["params_active"].min()) > float(evals["params_active"].max())
    assert truth["score"].dims == ("benchmark", "llm")
    assert ((truth["score"] > 0) & (truth["score"] < 1)).all()
    assert evals["flops"].values == pytest.approx(
        6 * evals["params_active"].values * evals["tokens"].values
    )


def test_olmo_s_finals_are_the_means_that_the_paper_fits(folder) -> None:
    finals = select_runs(load_dataset("olmo-ladder"), "ladder")
    paper = pd.read_csv(folder / "olmo_ladder_final.csv")
    paper = paper[paper["role"] == "fit"].set_index(["run", "task"])
    assert finals.sizes["llm"] == 16
    for m, run in enumerate(finals["llm"].values):
        for i, task in enumerate(finals["benchmark"].values):
            at, row = finals.isel(llm=m, item=i), paper.loc[(run, task)]
            assert int(at["n_trials"]) == row["n_items"]
            assert abs(int(at["n_correct"]) - row["acc_ma5"] * row["n_items"]) <= 0.5001
            assert float(at["gold_nll"]) == pytest.approx(row["bpb_ma5"], rel=1e-6)
            for domain in ("c4_en", "overall"):
                loss = float(at["loss"].sel(loss_domain=domain))
                assert loss == pytest.approx(row["c4_ma5"], rel=1e-6)
            assert float(at["guess_floor"]) == pytest.approx(row["chance"])
    assert load_dataset("olmo-ladder")["gold_nll"].attrs["unit"] == "bits per byte"


def test_olmo_s_truth_is_the_7b_row(folder) -> None:
    truth = load_truth("olmo-ladder")
    paper = pd.read_csv(folder / "olmo_ladder_final.csv")
    paper = paper[paper["role"] == "target"].set_index("task")["acc_ma5"]
    for name in truth["benchmark"].values:
        questions = int(truth["n_items"].sel(benchmark=name))
        score = float(truth["score"].sel(benchmark=name).isel(llm=0))
        assert score == pytest.approx(paper[name], abs=0.51 / questions)


def test_olmo_s_checkpoints_are_those_of_its_runs(folder) -> None:
    evals = load_dataset("olmo-ladder")
    assert evals.sizes["llm"] > 1500
    run = evals.isel(llm=np.flatnonzero(evals["run"].values == "370M-5xC"))
    assert run["llm"].values[-1] == "370M-5xC"
    assert (np.diff(run["tokens"].values) > 0).all()
    assert run["checkpoint"].values.tolist() == list(range(95))


def test_pythia_s_passes_are_those_of_the_table(folder) -> None:
    evals = load_dataset("pythia-gsm8k")
    table = pd.read_parquet(folder / "pythia_gsm8k_items.parquet")
    table = table[table["model"] == "Pythia_410M_300B"].set_index("item_id")
    at = evals.sel(llm="Pythia_410M_300B")
    ids = at["item_id"].values.astype(int)
    assert at["n_correct"].values.tolist() == table.loc[ids, "passes"].tolist()
    assert at["n_trials"].values.tolist() == table.loc[ids, "trials"].tolist()
    trajectories = load_dataset("pythia-gsm8k-trajectories")
    assert trajectories.sizes["llm"] == 7 * 6
    assert float(trajectories["tokens"].min()) > 2e9
    assert int(trajectories["n_trials"].min()) > 0


def test_question_counts_follow_from_standard_errors(folder) -> None:
    evals = load_dataset("pythia-tasks")
    names, questions = (evals[name].values.tolist() for name in ("benchmark", "n_questions"))
    counts = dict(zip(names, questions, strict=True))
    # the sizes of the tasks' own test sets
    assert counts == {
        "arc_easy": 2376,
        "arc_challenge": 1172,
        "lambada_openai": 5153,
        "logiqa": 651,
        "piqa": 1838,
        "sciq": 1000,
        "winogrande": 1267,
        "wsc": 104,
    }
    p, n = 0.3, 50
    scores = pd.DataFrame({"value": [p], "stderr": [np.sqrt(p * (1 - p) / (n - 1))]})
    assert _count_questions(scores) == n
