"""Forecasts on real ladders whose targets are known: Pythia on GSM8K, and the OLMo ladder.

The data are others' and are not in this repository: set COD_BAYES_DATA to their folder. Targets
are read for the comparison alone, after the forecast; no stage of a fit sees them, and nothing was
tuned on them.

Run ``uv run python examples/real_data.py``; one table a study goes to stdout.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import cod_bayes as cb
from cod_bayes.law.data import pool_items

DATA = Path(os.environ.get("COD_BAYES_DATA", "../shared/data"))
CONFIGS = Path(__file__).parent.parent / "configs"
LEVELS = (0.5, 0.9)


def main() -> None:
    """Fit every study, forecast its targets, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", choices=("pythia", "olmo", "all"), default="all")
    study = parser.parse_args().study
    if not DATA.exists():
        sys.exit(f"no real data at {DATA}: set COD_BAYES_DATA to the folder that holds them")
    if study in ("pythia", "all"):
        for largest in (2.8e9, 1.4e9):
            show(f"Pythia, GSM8K, fitted up to {largest:.2g} parameters", run_pythia(largest))
    if study in ("olmo", "all"):
        show("OLMo ladder, 7B-4T", run_olmo())


def run_pythia(largest: float) -> pd.DataFrame:
    """Fit the 300B-token models up to a size; forecast 6.9B and 12B."""
    items = pd.read_parquet(DATA / "pythia_gsm8k_items.parquet")
    items = items[items["is_final"] & (items["flag"] != "item_in_few_models")]
    known = items[items["params"] <= 1.1 * largest]
    evals = read_pythia(known)
    config = cb.Config.from_toml(CONFIGS / "pythia_gsm8k.toml")
    fitted = cb.fit(evals, config, random_seed=1)
    targets = read_pythia(items[items["params"] > 5e9])
    rows = []
    for name in targets["llm"].values:
        target = targets.sel(llm=[name])
        forecast = cb.predict(fitted, flops=float(target["flops"][0]), ci_prob=LEVELS, force=True)
        pooled = pool_items(target)
        truth = float(pooled["n_correct"][0] / pooled["n_trials"][0])
        rows += tabulate(forecast, {"GSM8K": truth}, str(name), fitted)
    return pd.DataFrame(rows)


def read_pythia(items: pd.DataFrame) -> xr.Dataset:
    """Item-level passes as evals; a plain table with a key map would do from a file as well."""
    table = items.rename(columns={"model": "llm", "trials": "n_trials", "passes": "n_correct"})
    llms = {
        name: {"params_total": float(row.params), "tokens": float(row.tokens)}
        for name, row in items.groupby("model").first().iterrows()
    }
    return build_evals(table.assign(benchmark="GSM8K"), llms)


def build_evals(table: pd.DataFrame, llms: dict[str, dict[str, float]]) -> xr.Dataset:
    """Write the tidy table to a scratch file and read it as a user would."""
    columns = ["llm", "benchmark", "item_id", "n_trials", "n_correct", "score", "n_questions"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        table[[name for name in columns if name in table]].to_csv(path, index=False)
        return cb.read_table(path, llms)


def run_olmo() -> pd.DataFrame:
    """Fit the sixteen ladder runs' task scores; forecast the 7B run at 4T tokens."""
    scores = pd.read_csv(DATA / "olmo_ladder_final.csv")
    scores = scores.rename(
        columns={"acc_ma5": "score", "n_items": "n_questions", "task": "benchmark"}
    )
    scores["llm"] = scores["run"]
    ladder, target = (scores[scores["role"] == role] for role in ("fit", "target"))
    llms = {
        run: {"params_total": float(row.params), "tokens": float(row.tokens)}
        for run, row in ladder.groupby("llm").first().iterrows()
    }
    evals = build_evals(ladder, llms)
    chance = ladder.groupby("benchmark")["chance"].first()
    floors = [float(chance[str(name)]) for name in evals["benchmark"].values]
    evals = evals.assign_coords(guess_floor=("item", floors))
    config = cb.Config.from_toml(CONFIGS / "olmo_ladder.toml")
    fitted = cb.fit(evals, config, random_seed=1)
    at = target.iloc[0]
    forecast = cb.predict(
        fitted, params=float(at["params"]), tokens=float(at["tokens"]), ci_prob=LEVELS, force=True
    )
    truth = dict(zip(target["benchmark"], target["score"], strict=True))
    return pd.DataFrame(tabulate(forecast, truth, "7B-4T", fitted))


def tabulate(
    forecast: xr.DataTree, truth: dict[str, float], target: str, fitted: cb.FittedModel
) -> list[dict[str, object]]:
    """One row a benchmark and method: median, intervals and truth, in per cent."""
    summary = forecast["summary"].to_dataset().isel(target=0)
    rows: list[dict[str, object]] = []
    for name in summary["benchmark"].values:
        for method in summary["forecaster"].values:
            at = summary.sel({"benchmark": name, "forecaster": method})
            median = float(at["median_by_forecaster"])
            if np.isnan(median):
                continue
            row: dict[str, object] = {"target": target, "benchmark": name, "method": method}
            row["median"] = round(100 * median, 2)
            for level in LEVELS:
                low, high = 100 * at["interval_by_forecaster"].sel(ci_prob=level).values
                row[f"{level:.0%} eti"] = f"[{low:.2f}, {high:.2f}]"
            row["truth"] = round(100 * truth[str(name)], 2)
            row["error"] = round(100 * (median - truth[str(name)]), 2)
            row["gate"] = "passed" if fitted.passed else "FAILED"
            rows.append(row)
    return rows


def show(title: str, table: pd.DataFrame) -> None:
    """Print one study's table."""
    sys.stdout.write(f"\n{title}\n{table.to_string(index=False)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
