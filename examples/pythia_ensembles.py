"""Which small models should one have trained? Ladders of Pythia, judged by GSM8K at 6.9B and 12B.

Every checkpoint stands for a run that was trained that far: its cost is its own compute. That is
kind to short runs in price and unkind in score, for a schedule made for 300B tokens had not
decayed by then. The data are others' and are not in this repository: set COD_BAYES_DATA to their
folder. The targets' scores are read after the forecasts, to judge them by.

Run ``uv run python examples/pythia_ensembles.py -o pythia_ensembles.png``: about a quarter of an
hour on two cores; ``--table FILE`` also writes all numbers as netCDF.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import xarray as xr

import cod_bayes as cb
from cod_bayes.datasets import load_target, load_truth
from cod_bayes.decide import Ensemble
from cod_bayes.methods import describe_targets

FULL = "*_300B"
# the checkpoint of each size whose tokens a parameter are nearest to 20
CHINCHILLA = ("Pythia_70M_2B", "Pythia_160M_2B", "Pythia_410M_6B", "Pythia_1B_20B",
              "Pythia_1.4B_20B", "Pythia_2.8B_60B")  # fmt: skip
ENSEMBLES = (
    Ensemble("300B, up to 2.8B", match=FULL),
    Ensemble("300B, up to 1.4B", match=FULL, max_params=1.5e9),
    Ensemble("300B, up to 1B", match=FULL, max_params=1.1e9),
    Ensemble("300B, every second", match=FULL, every=2),
    Ensemble("300B, from 160M", match=FULL, min_params=1.5e8),
    Ensemble("300B, largest three", match=FULL, min_params=9e8),
    Ensemble("20 tokens/param, up to 2.8B", runs=CHINCHILLA),
    Ensemble("20 tokens/param, up to 1.4B", runs=CHINCHILLA, max_params=1.5e9),
    Ensemble("grid of sizes and tokens", match="*_*0B", min_params=4e8),
)


def main() -> None:
    """Compare the ensembles, print the table, draw the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--figure", type=Path)
    parser.add_argument("--table", type=Path)
    wanted = parser.parse_args()
    try:
        table = run_study(lambda line: print(line, file=sys.stderr))
    except cb.CodBayesError as fault:
        sys.exit(str(fault))
    print(tabulate(table).to_string(index=False))
    for note in json.loads(table.attrs["notes"]):
        print(f"note: {note}")
    if wanted.table:
        table.to_netcdf(wanted.table)
    if wanted.figure:
        cb.plots.save(cb.plots.ensembles(table), wanted.figure)


def run_study(report: Callable[[str], None] | None = None) -> xr.Dataset:
    """Fit every ensemble, and compare their forecasts of 6.9B and 12B."""
    evals = cb.load_dataset("pythia-gsm8k-trajectories")
    runs = evals.assign_coords(run=("llm", evals["llm"].values))
    targets = load_target("pythia-gsm8k")
    truth = load_truth("pythia-gsm8k")["score"].rename(llm="target").reset_coords(drop=True)
    return cb.compare(
        runs,
        ENSEMBLES,
        describe_targets(targets),
        truth=truth.assign_coords(target=range(targets.sizes["llm"])),
        random_seed=1,
        report=report,
    )


def tabulate(table: xr.Dataset) -> pd.DataFrame:
    """A row an ensemble and target; scores in %, errors and widths in points."""
    rows = []
    for name in table["ensemble"].values:
        for target in table["target"].values:
            own = table.sel(ensemble=name, target=target, benchmark="GSM8K")
            low, high = 100 * own["interval"].sel(ci_prob=0.9).values
            rows.append(
                {
                    "ensemble": name,
                    "runs": int(own["n_runs"]),
                    "FLOP": f"{float(own['flops']):.2e}",
                    "target": f"{10 ** float(own['decades']):.0f} x",
                    "median": round(100 * float(own["median"]), 2),
                    "90 % ETI": f"[{low:.2f}, {high:.2f}]",
                    "truth": round(100 * float(own["truth"]), 2),
                    "error": round(100 * float(own["error"]), 2),
                    "CRPS": round(100 * float(own["crps"]), 2),
                    "in 50, 80, 90 %": own["inside"].values.astype(int).tolist(),
                    "backtests": int(own["backtest_n"]),
                    "MAE": round(100 * float(own["backtest_mae"]), 2),
                    "efficient": bool(own["efficient"]),
                    "gate": "passed" if own["passed"] else "FAILED",
                }
            )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
