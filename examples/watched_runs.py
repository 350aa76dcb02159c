r"""Runs to watch: a ladder with its checkpoints, a healthy run and two sick ones.

Their evals, to try ``cod-bayes monitor`` on.

All come from the simulator (:func:`cod_bayes.simulate.trajectories.simulate_trajectories`): runs of
the 68.5B target with twenty checkpoints each, the last tenth annealed. ``data-bug`` slows progress
from 30 % of training on, ``divergence`` lets effective compute fall away.

Run ``uv run python examples/watched_runs.py -o watched``, then::

    uv run cod-bayes fit watched/ladder.nc -o watched/model
    uv run cod-bayes monitor watched/model watched/data-bug.nc --tokens 8.012T \
        --trajectories watched/ladder.nc --figure watched/data-bug.png
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np

from cod_bayes.evals_file import write_dataset, write_evals
from cod_bayes.simulate import PAPER_BENCHMARKS
from cod_bayes.simulate.trajectories import DATA_BUG, DIVERGENCE, HEALTHY, simulate_trajectories

# Items a benchmark: enough for clusters, and a fit takes minutes.
SHARE_OF_ITEMS, FEWEST = 0.1, 300


def main() -> None:
    """Write the ladder's evals and those of every watched run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-o", "--output", type=Path, default=Path("watched"))
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    specs = [
        replace(spec, n_items=max(FEWEST, round(SHARE_OF_ITEMS * spec.n_items)))
        for spec in PAPER_BENCHMARKS
    ]
    conditions = (HEALTHY, DATA_BUG, DIVERGENCE)
    ladder, runs, truth = simulate_trajectories(specs, watched=conditions, random_seed=options.seed)
    options.output.mkdir(parents=True, exist_ok=True)
    write_evals(ladder, options.output / "ladder.nc")
    for condition, name in zip(conditions, truth["run"].values, strict=True):
        own = runs.isel(llm=np.flatnonzero(runs["run"].values == name))
        write_dataset(own, options.output / f"{condition}.nc")


if __name__ == "__main__":
    main()
