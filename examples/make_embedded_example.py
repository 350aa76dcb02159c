"""Make the data set that comes with the package, and the truth to judge forecasts of it by.

Run it from the root of the repository: ``python examples/make_embedded_example.py``.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import xarray as xr

from cod_bayes.evals_file import write_dataset, write_evals
from cod_bayes.simulate import PAPER_BENCHMARKS, simulate_evals

RANDOM_SEED = 20250224
# Enough items for several dozen clusters, few enough to fit in minutes and to ship.
MIN_ITEMS, MAX_ITEMS = 500, 1000
DATA = Path(__file__).parents[1] / "cod_bayes" / "data"


def make() -> tuple[xr.Dataset, xr.Dataset]:
    """Simulate the paper's ladder and benchmarks, these with at most ``MAX_ITEMS`` items."""
    specs = [
        replace(spec, n_items=min(max(spec.n_items, MIN_ITEMS), MAX_ITEMS))
        for spec in PAPER_BENCHMARKS
    ]
    return simulate_evals(specs, world="logis", random_seed=RANDOM_SEED)


def score_table(truth: xr.Dataset) -> str:
    """Lay out the true scores in percent, a line per benchmark, ladder first, then the target."""
    shown = truth.sel(llm=truth["role"] != "anchor")
    lines = ["benchmark " + "".join(f"{label!s:>7}" for label in shown["llm"].values)]
    for name in shown["benchmark"].values:
        scores = shown["score"].sel(benchmark=name).values
        lines.append(f"{name:10}" + "".join(f"{100 * score:7.1f}" for score in scores))
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both files and show the scores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=DATA, help="where to write the two files")
    folder: Path = parser.parse_args(arguments).folder
    evals, truth = make()
    written = (
        write_evals(evals, folder / "paper_ladder_sim.nc"),
        write_dataset(truth, folder / "paper_ladder_sim_truth.nc"),
    )
    sys.stdout.write(score_table(truth) + "\n")
    for path in written:
        sys.stdout.write(f"{path.name}: {path.stat().st_size / 1000:.0f} kB\n")


if __name__ == "__main__":
    main()
