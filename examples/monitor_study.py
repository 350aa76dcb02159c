"""How often does the monitor alarm healthy runs, and how soon sick ones?

Ladders of eight models and runs of the 68.5B target, twenty checkpoints each, come from
``cod_bayes.simulate.trajectories``: not the fitted model, with correlated checkpoints and an
annealed last tenth. For every ladder the end-to-end law and the within-run model are fitted once;
its watched runs share that fit, so their outcomes are not quite independent. Half of the sick runs
have a data bug from 30 % of training on, half diverge slowly from a drawn point.

Run ``uv run python examples/monitor_study.py``. Seeds from 300 on are reported; those below were
used in development.
"""

import argparse
import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import binomtest

import cod_bayes as cb
from cod_bayes.monitor import learn_trajectories
from cod_bayes.simulate import PAPER_BENCHMARKS
from cod_bayes.simulate.trajectories import DATA_BUG, DIVERGENCE, HEALTHY, simulate_trajectories

LOG = logging.getLogger("monitor")
TARGET_TOKENS = 8012e9
LOOKS = (0.25, 0.5, 0.75)
LEVELS, CI_PROB = (0.5, 0.9), 0.9


def main() -> None:
    """Simulate, fit, watch, print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs="+", default=[300, 301, 302, 303])
    parser.add_argument("--healthy", type=int, default=50, help="healthy runs a ladder")
    parser.add_argument("--sick", type=int, default=50, help="sick runs a ladder, half of a kind")
    parser.add_argument("--alpha", type=float, default=0.05)
    parser.add_argument("--world", default="logis")
    parser.add_argument("--draws", type=int, default=500, help="and as many to tune, a chain")
    parser.add_argument("--output", type=Path, default=Path("monitor_study.csv"))
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    LOG.setLevel(logging.INFO)
    results = pd.DataFrame([row for seed in options.seeds for row in run_ladder(seed, options)])
    results.to_csv(options.output, index=False)
    print(tabulate_alarms(results).to_string(index=False))
    print(tabulate_coverage(results).to_string(index=False))


def run_ladder(seed: int, options: argparse.Namespace) -> list[dict[str, object]]:
    """Fit one ladder and watch all its runs."""
    specs = [replace(s, n_items=max(200, s.n_items // 10)) for s in PAPER_BENCHMARKS]
    half = options.sick // 2
    watched = [HEALTHY] * options.healthy + [DATA_BUG] * half + [DIVERGENCE] * half
    ladder, runs, truth = simulate_trajectories(
        specs, watched=watched, world=options.world, random_seed=seed
    )
    settings = (
        f"sampler.draws={options.draws}",
        f"sampler.tune={options.draws}",
        "sampler.max_attempts=1",
        # no item has so many trials: the end-to-end law alone, and quick fits
        "cluster.min_trials=1000000",
    )
    fitted = cb.fit(ladder, cb.Config.from_mapping({}, settings), random_seed=seed)
    trajectories = learn_trajectories(fitted, ladder, force=True, random_seed=seed)
    LOG.info("seed %d: gate %s, %s, inflation %.2f and %.2f", seed, fitted.passed,
             trajectories.structure, trajectories.inflation_common,
             trajectories.inflation_own)  # fmt: skip
    rows = []
    for name in truth["run"].values:
        evals = runs.isel(llm=np.flatnonzero(runs["run"].values == name))
        table = cb.watch_run(fitted, evals, trajectories, tokens=TARGET_TOKENS,
                             alpha=options.alpha, ci_prob=CI_PROB, force=True,
                             random_seed=seed)  # fmt: skip
        rows.append({"seed": seed, "run": name, **judge(table, truth.sel(run=name))})
    LOG.info("seed %d: watched %d runs", seed, len(rows))
    return rows


def judge(table: xr.Dataset, truth: xr.Dataset) -> dict[str, object]:
    """One run's outcome; coverages are means over benchmarks."""
    fault_from, alarm = float(truth["fault_from"]), table.attrs["alarm_share"]
    row: dict[str, object] = {
        "condition": truth["condition"].item(),
        "fault_from": fault_from,
        "alarm": alarm,
        "delay": alarm - fault_from,
        "direction": table.attrs["direction"],
        "e_value": float(table["e_value"].max()),
    }
    central = 2 * np.abs(table["quantile"] - 0.5)
    for level in LEVELS:
        row[f"band {level:.0%}"] = float((central <= level).mean())
    row |= cover("end before", table["original_lower"], table["original_upper"], truth["score"])
    for look in LOOKS:
        at = int(np.flatnonzero(table["share"].values >= look - 1e-9)[0])
        now = table.isel(checkpoint=at)
        row |= cover(f"end at {look:.0%}", now["end_lower"], now["end_upper"], truth["score"])
    return row


def cover(
    name: str, low: xr.DataArray, high: xr.DataArray, truth: xr.DataArray
) -> dict[str, float]:
    """How many benchmarks' intervals cover, and their mean width."""
    inside = (low <= truth) & (truth <= high)
    return {
        f"{name} {CI_PROB:.0%}": float(inside.mean()),
        f"{name} width": float((high - low).mean()),
    }


def tabulate_alarms(results: pd.DataFrame) -> pd.DataFrame:
    """Alarms by condition, with Clopper-Pearson intervals, and delays in shares of training.

    An alarm before its fault is a false one and counts as no detection.
    """
    rows = []
    for condition, own in results.groupby("condition", sort=False):
        raised = own["alarm"].notna() & ~(own["delay"] < 0)
        interval = binomtest(int(raised.sum()), len(own)).proportion_ci(0.95, "exact")
        delay = own.loc[raised, "delay"].quantile([0.25, 0.5, 0.75])
        rows.append(
            {
                "condition": condition,
                "runs": len(own),
                "alarms": int(raised.sum()),
                "rate": f"{raised.mean():.3f} [{interval.low:.3f}, {interval.high:.3f}]",
                "too early": int((own["delay"] < 0).sum()),
                "delay": " / ".join(f"{q:.2f}" for q in delay),
                "by ladder": " ".join(f"{n}" for n in raised.groupby(own["seed"]).sum()),
            }
        )
    return pd.DataFrame(rows)


def tabulate_coverage(results: pd.DataFrame) -> pd.DataFrame:
    """Coverage on healthy runs in per cent, and mean widths in points; by ladder in brackets."""
    healthy = results[results["condition"] == HEALTHY]
    columns = [f"band {level:.0%}" for level in LEVELS]
    columns += [
        f"{name} {CI_PROB:.0%}" for name in ("end before", *map("end at {:.0%}".format, LOOKS))
    ]
    rows = []
    for column in columns:
        by_ladder = 100 * healthy.groupby("seed")[column].mean()
        width = column.rpartition(" ")[0] + " width"
        rows.append(
            {
                "interval": column,
                "covers": f"{by_ladder.mean():.0f} ({' '.join(f'{c:.0f}' for c in by_ladder)})",
                "width": f"{100 * healthy[width].mean():.1f}" if width in healthy else "",
            }
        )
    return pd.DataFrame(rows)


if __name__ == "__main__":
    main()
