"""Forecasts on real ladders whose targets are known: Pythia on GSM8K, and the OLMo ladder.

The data are others' and are not in this repository: set COD_BAYES_DATA to their folder. Targets
are read for the comparison alone, after the forecast; no stage of a fit sees them, and nothing was
tuned on them.

Run ``uv run python examples/real_data.py``; one table a study goes to stdout.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import cod_bayes as cb
from cod_bayes.datasets import load_target, load_truth
from cod_bayes.law.data import pool_items, select_runs

CONFIGS = Path(__file__).parent.parent / "configs"
LEVELS = (0.5, 0.9)


def main() -> None:
    """Fit every study, forecast its targets, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--study", choices=("pythia", "olmo", "all"), default="all")
    study = parser.parse_args().study
    try:
        run_studies(study)
    except cb.CodBayesError as error:
        sys.exit(str(error))


def run_studies(study: str) -> None:
    """Show the table of one study, or of all."""
    if study in ("pythia", "all"):
        for largest in (2.8e9, 1.4e9):
            show(f"Pythia, GSM8K, fitted up to {largest:.2g} parameters", run_pythia(largest))
    if study in ("olmo", "all"):
        show("OLMo ladder, 7B-4T", run_olmo())


def run_pythia(largest: float) -> pd.DataFrame:
    """Fit the 300B-token models up to a size; forecast 6.9B and 12B."""
    evals = cb.load_dataset("pythia-gsm8k")
    evals = evals.isel(llm=np.flatnonzero(evals["params_total"].values <= 1.1 * largest))
    config = cb.Config.from_toml(CONFIGS / "pythia_gsm8k.toml")
    fitted = cb.fit(evals, config, random_seed=1)
    targets = load_target("pythia-gsm8k")
    rows = []
    for name in targets["llm"].values:
        target = targets.sel(llm=[name])
        forecast = cb.predict(fitted, flops=float(target["flops"][0]), ci_prob=LEVELS, force=True)
        pooled = pool_items(target)
        truth = float(pooled["n_correct"][0] / pooled["n_trials"][0])
        rows += tabulate(forecast, {"GSM8K": truth}, str(name), fitted)
    return pd.DataFrame(rows)


def run_olmo() -> pd.DataFrame:
    """Fit the sixteen ladder runs' task scores; forecast the 7B run at 4T tokens."""
    evals = select_runs(cb.load_dataset("olmo-ladder"), "ladder")
    config = cb.Config.from_toml(CONFIGS / "olmo_ladder.toml")
    fitted = cb.fit(evals, config, random_seed=1)
    truth = load_truth("olmo-ladder").isel(llm=0)
    forecast = cb.predict(
        fitted,
        params=float(truth["params_active"]),
        tokens=float(truth["tokens"]),
        ci_prob=LEVELS,
        force=True,
    )
    scores = dict(zip(truth["benchmark"].values.tolist(), truth["score"].values, strict=True))
    return pd.DataFrame(tabulate(forecast, scores, str(truth["llm"].item()), fitted))


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
