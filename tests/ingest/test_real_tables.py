"""Real ladders read as a user would read them; skipped where the data are absent."""

from pathlib import Path

import numpy as np
import pandas as pd

from cod_bayes.ingest import read_table
from cod_bayes.validation import ladder_notes


def test_pythia_items(real_data: Path) -> None:
    path = real_data / "pythia_gsm8k_items.parquet"
    names = {
        "llm": "model",
        "n_trials": "trials",
        "n_correct": "passes",
        "params_total": "params",
        "flops": "compute_flops",
    }
    evals = read_table(path, columns=names, flop_convention="6ND")
    assert evals.sizes["llm"] == 81
    assert evals.sizes["item"] >= 128
    assert int(evals["n_trials"].max()) > 2_000_000
    raw = pd.read_parquet(path)
    last = raw[raw["model"] == "Pythia_12B_300B"]
    read = evals.sel(llm="Pythia_12B_300B")
    assert int(read["n_correct"].astype(np.int64).sum()) == int(last["passes"].sum())
    assert float(read["flops"]) == last["compute_flops"].iloc[0]
    final = evals.sel(llm=evals["llm"].str.endswith("_300B"))
    # at 300B tokens all models lie on one line; over all checkpoints they do not
    assert not any("tokens per parameter" in note for note in ladder_notes(final))
    assert any("tokens per parameter" in note for note in ladder_notes(evals))


def test_olmo_scores(real_data: Path) -> None:
    path = real_data / "olmo_ladder_final.csv"
    raw = pd.read_csv(path)
    one = raw.drop_duplicates("run").set_index("run")
    llms = {
        run: {
            "params_total": row["params"],
            "tokens": row["tokens"],
            "flops": row["compute_flops"],
            "role": "target" if row["role"] == "target" else "ladder",
            "phase": "annealed",
        }
        for run, row in one.iterrows()
    }
    names = {
        "llm": "run",
        "benchmark": "task",
        "score": "acc_ma5",
        "n_questions": "n_items",
        "guess_floor": "chance",
        "role": None,
        "run": None,
    }
    evals = read_table(path, llms, columns=names, flop_convention="6ND")
    assert evals.sizes == {"llm": 17, "item": 8}
    assert list(evals["role"].values) == ["ladder"] * 16 + ["target"]
    rate = (evals["n_correct"] / evals["n_trials"]).to_series()
    for run, task, score, size in raw[["run", "task", "acc_ma5", "n_items"]].itertuples(
        index=False
    ):
        assert abs(rate[run, f"{task}/score"] - score) <= 0.5 / size + 1e-12
    assert set(evals["guess_floor"].values) <= {0.2, 0.25, 1 / 3, 0.5}
