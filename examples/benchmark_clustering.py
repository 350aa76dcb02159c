"""Time improved MeanShift beside the plain loop over scikit-learn, and compare their labels.

Run from the repository's root, where the loop and the simulated studies lie in the tests::

    python examples/benchmark_clustering.py --items 500 1000

The plain loop takes minutes at 5,000 items. Prints a Markdown table.
"""

import argparse
import math
import runpy
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.metrics import adjusted_rand_score

from cod_bayes.cluster import ImprovedMeanShift

TESTS = Path(__file__).parents[1] / "tests" / "cluster"
N_LLMS = 8
CAP = math.sqrt(N_LLMS) / 10


def main(argv: list[str] | None = None) -> None:
    """Parse ``argv``, run every size in turn, print a row for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--items", type=int, nargs="+", default=[500, 1000, 5000])
    parser.add_argument("--trials", type=int, default=100, help="sampled answers an item and llm")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--skip-plain", action="store_true", help="time improved MeanShift alone")
    arguments = parser.parse_args(argv)
    ImprovedMeanShift().fit(np.random.default_rng(0).uniform(size=(50, 2)))  # compile or load
    write_row("items", "clusters", "outliers", "ours, s", "plain loop, s", "ratio", "ARI")
    write_row(*["---:"] * 7)
    for n_items in arguments.items:
        rng = np.random.default_rng(arguments.seed)
        write_row(*compare(rng, n_items, arguments.trials, arguments.skip_plain))


def compare(
    rng: np.random.Generator, n_items: int, n_trials: int, skip_plain: bool
) -> tuple[object, ...]:
    """Cluster one simulated study both ways; the table's row."""
    random_pass_rates = runpy.run_path(str(TESTS / "studies.py"))["random_pass_rates"]
    plain_loop = runpy.run_path(str(TESTS / "reference.py"))["plain_loop"]
    X = random_pass_rates(rng, n_items, N_LLMS, n_trials)
    start = time.perf_counter()
    ours = ImprovedMeanShift(max_bandwidth=CAP).fit(X)
    seconds = time.perf_counter() - start
    outliers = f"{(ours.labels_ == -1).mean():.1%}"
    row = (f"{len(X):,}", len(ours.cluster_centers_), outliers, f"{seconds:.2f}")
    if skip_plain:
        return (*row, "-", "-", "-")
    start = time.perf_counter()
    labels = plain_loop(X, max_bandwidth=CAP)
    plain_seconds = time.perf_counter() - start
    agreement = adjusted_rand_score(labels, ours.labels_)
    verdict = "labels equal" if np.array_equal(labels, ours.labels_) else f"{agreement:.3f}"
    return (*row, f"{plain_seconds:.1f}", f"{plain_seconds / seconds:.0f}", verdict)


def write_row(*cells: object) -> None:
    """Write one row of a Markdown table to stdout at once."""
    sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
