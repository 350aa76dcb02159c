"""What the ladder's scores are like, in numbers: emergence, order, spread, annealing.

Unless said otherwise, a run is one of the ladder's and stands for its final stable checkpoint; a
*rate* is an item's share of right answers in 100 samples, a *score* the mean rate of a benchmark.
Classes of items, each a share by itself (they may overlap and leave others out):

never
    No right answer on any run.
trivial
    A rate of at least 0.9 on each of the three smallest runs.
emergent
    A mean rate of at most 0.1 on the three smallest runs and of at least 0.5 on the largest, both
    after correction for guessing, ``(rate - floor) / (1 - floor)``.
oscillating
    From one run to some larger one the rate falls by 0.3 or more.

A rate *falls* from one size to the next if the two-proportion z statistic is above 3: about one
false alarm in 740 steps. Spreads are standard deviations in points of score, pooled as the root of
the mean square; beside them stands what the sampling of 100 answers an item alone would make.

Run ``uv run python examples/tinyladder/describe.py [--target]``; Markdown goes to stdout.
"""

import argparse
from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import spearmanr

import cod_bayes as cb
from cod_bayes import datasets
from cod_bayes.law import select_runs

ABOUT = (
    "llm", "run", "checkpoint", "phase", "role", "family", "mixture", "seed", "params_total",
    "tokens", "flops",
)  # fmt: skip
SMALLEST = 3
TRIVIAL, LOW, EMERGED, OSCILLATES, MAX_Z = 0.9, 0.1, 0.5, 0.3, 3.0
ALL = "all"


def main(arguments: Sequence[str] | None = None) -> None:
    """Print all tables; those that need the target's results only with ``--target``."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", action="store_true", help="open the target's results")
    options = parser.parse_args(arguments)
    evals = cb.load_dataset("tinyladder")
    ladder = select_runs(evals, "ladder")
    table = tabulate_scores(evals)
    seeds = tabulate_scores(cb.load_dataset("tinyladder-seeds"))
    annealed = tabulate_scores(cb.load_dataset("tinyladder-annealed"))
    show("Items of the ladder (%)", describe_items(ladder))
    show("Order along the ladder", describe_order(ladder))
    show("Spread between seeds (points)", describe_seeds(seeds))
    show("Spread between three adjacent checkpoints (points)", describe_checkpoints(table))
    show("Gain by annealing (points)", describe_annealing(table, annealed))
    if options.target:
        target = select_runs(datasets.load_target("tinyladder"), "target")
        show("Items that are zero on the whole ladder", describe_zeros(ladder, target))


def tabulate_scores(evals: xr.Dataset) -> pd.DataFrame:
    """One row an llm and benchmark: score, what sampling adds to it, and which llm it is.

    Returns
    -------
    pd.DataFrame
        Columns of ``ABOUT``, ``benchmark``, ``floor``, ``score``, ``sampling_sd`` (all fractions)
        and ``is_final``, which marks the last checkpoint of a run's phase.
    """
    trials = evals["n_trials"].values.astype(float)
    rate = evals["n_correct"].values / trials
    variance = rate * (1 - rate) / np.maximum(trials - 1, 1)
    llms = {name: evals[name].values for name in ABOUT}
    frames = []
    for name, of_name in positions_of(evals).items():
        columns = {
            "benchmark": name,
            "floor": float(evals["guess_floor"].values[of_name].mean()),
            "score": rate[:, of_name].mean(axis=1),
            "sampling_sd": np.sqrt(variance[:, of_name].sum(axis=1)) / len(of_name),
        }
        frames.append(pd.DataFrame(llms | columns))
    table = pd.concat(frames, ignore_index=True)
    last = table.groupby(["run", "phase"])["checkpoint"].transform("max")
    return table.assign(is_final=table["checkpoint"] == last)


def positions_of(evals: xr.Dataset) -> dict[str, np.ndarray]:
    """Positions of every benchmark's items, in the order of the data."""
    of_item = evals["benchmark"].values
    return {str(name): np.flatnonzero(of_item == name) for name in dict.fromkeys(of_item)}


def classify_items(rate: np.ndarray, floor: np.ndarray) -> dict[str, np.ndarray]:
    """Which items belong to which class of this module's docstring.

    rate
        Shape (run, item), runs by rising compute.
    floor
        Chance of a blind guess, shape (item,).
    """
    above = (rate - floor) / (1 - floor)
    drawdown = (np.maximum.accumulate(rate, axis=0) - rate).max(axis=0)
    return {
        "never": (rate == 0).all(axis=0),
        "trivial": (rate[:SMALLEST] >= TRIVIAL).all(axis=0),
        "emergent": (above[:SMALLEST].mean(axis=0) <= LOW) & (above[-1] >= EMERGED),
        "oscillating": drawdown >= OSCILLATES - 1e-9,
    }


def find_falls(correct: np.ndarray, trials: np.ndarray) -> np.ndarray:
    """Steps from one run to the next in which an item's rate falls by more than sampling noise.

    Both of shape (run, item), runs by rising compute; the result has one row fewer.
    """
    correct, trials = correct.astype(float), trials.astype(float)
    fall = correct[:-1] / trials[:-1] - correct[1:] / trials[1:]
    pooled = (correct[:-1] + correct[1:]) / (trials[:-1] + trials[1:])
    sd = np.sqrt(pooled * (1 - pooled) * (1 / trials[:-1] + 1 / trials[1:]))
    return fall > np.maximum(MAX_Z * sd, 1e-12)


def describe_items(ladder: xr.Dataset) -> pd.DataFrame:
    """Share of the items in each class, benchmark by benchmark and over all, in per cent."""
    rate = (ladder["n_correct"] / ladder["n_trials"]).values
    classes = classify_items(rate, ladder["guess_floor"].values)
    rows = []
    for name, of_name in _with_all(ladder).items():
        shares = {label: 100 * member[of_name].mean() for label, member in classes.items()}
        rows.append({"benchmark": name, "items": len(of_name)} | shares)
    return pd.DataFrame(rows).round(1)


def describe_order(ladder: xr.Dataset) -> pd.DataFrame:
    """Do items and scores rise from size to size?"""
    correct, trials = ladder["n_correct"].values, ladder["n_trials"].values
    falls = find_falls(correct, trials)
    solved = correct.any(axis=0)
    runs = ladder["run"].values
    rows = []
    for name, of_name in _with_all(ladder).items():
        rising = ~falls[:, of_name].any(axis=0)
        score = (correct / trials)[:, of_name].mean(axis=1)
        step = int(np.argmin(np.diff(score)))
        drop = max(0.0, -float(np.diff(score)[step]))
        rows.append(
            {
                "benchmark": name,
                "items that never fall (%)": round(100 * rising.mean(), 1),
                "of those ever solved (%)": round(100 * _mean(rising[solved[of_name]]), 1),
                "steps that fall (%)": round(100 * falls[:, of_name].mean(), 1),
                "Spearman, score and compute": round(rank_correlation(score), 3),
                "largest drop of score (points)": round(100 * drop, 2),
                "where": f"{runs[step]} to {runs[step + 1]}" if drop > 0 else "",
            }
        )
    return pd.DataFrame(rows)


def rank_correlation(score: np.ndarray) -> float:
    """Spearman's rho of scores with their order; not a number where all are equal."""
    if np.ptp(score) == 0:
        return float("nan")
    return float(spearmanr(np.arange(len(score)), score).statistic)


def describe_seeds(table: pd.DataFrame) -> pd.DataFrame:
    """Standard deviation of the final stable score over the seeds of each size, in points."""
    final = table[(table["role"] == "ladder") & (table["phase"] == "stable") & table["is_final"]]
    by_size = final.groupby("params_total")["seed"].transform("nunique")
    final = final[by_size > 1].sort_values(["flops", "seed"], kind="stable")
    # a size is called as its run of the lowest seed, which stands first
    final = final.assign(size=final.groupby("params_total")["run"].transform("first"))
    sd = final.groupby(["benchmark", "size"])["score"].std(ddof=1).unstack()
    names = list(dict.fromkeys(final["benchmark"]))
    sd = sd.loc[names, list(dict.fromkeys(final["size"]))]
    sampling = final.groupby("benchmark")["sampling_sd"].apply(_rms)
    return _with_rms(sd.assign(pooled=sd.apply(_rms, axis=1), sampling=sampling))


def describe_checkpoints(table: pd.DataFrame) -> pd.DataFrame:
    """Standard deviation of the score over a run's adjacent checkpoints, pooled over sizes."""
    ladder = table[(table["role"] == "ladder") & (table["phase"] == "stable")]
    sd = ladder.groupby(["benchmark", "run"], sort=False)["score"].std(ddof=1).unstack()
    sampling = ladder.groupby("benchmark")["sampling_sd"].apply(_rms)
    pooled = pd.DataFrame({"pooled": sd.apply(_rms, axis=1), "largest of a run": sd.max(axis=1)})
    return _with_rms(pooled.assign(sampling=sampling))


def describe_annealing(stable: pd.DataFrame, annealed: pd.DataFrame) -> pd.DataFrame:
    """Score after annealing less that of the final stable checkpoint of the same run, in points.

    The annealed checkpoint has seen a tenth more tokens: the gain holds their worth too.
    """
    key = ["benchmark", "run"]
    finals = [
        table[(table["role"] == "ladder") & table["is_final"]].set_index(key)
        for table in (stable[stable["phase"] == "stable"], annealed)
    ]
    gain = (100 * (finals[1]["score"] - finals[0]["score"])).reindex(finals[0].index).dropna()
    wide = gain.unstack()
    order = finals[0].sort_values("flops").index.get_level_values("run").unique()
    wide = wide[[run for run in order if run in wide]]
    wide = wide.loc[list(dict.fromkeys(stable["benchmark"]))]
    wide.loc[ALL] = wide.mean()
    columns = {"mean": wide.mean(axis=1), "least": wide.min(axis=1), "most": wide.max(axis=1)}
    columns[f"largest run ({wide.columns[-1]})"] = wide.iloc[:, -1]
    return pd.DataFrame(columns).round(2).rename_axis("benchmark").reset_index()


def count_zeros(ladder: xr.Dataset, target: xr.Dataset) -> dict[str, np.ndarray]:
    """Items without any right answer on the ladder, and those of them that the target solves.

    Both hold final checkpoints, the target's a single one; the same items, in any order. Boolean,
    shape (item,), in the ladder's order.
    """
    target = target.sel(item=ladder["item"].values)
    zero = (ladder["n_correct"].values == 0).all(axis=0)
    rate = (target["n_correct"] / target["n_trials"]).values[0]
    return {"zero": zero, "above": zero & (rate > LOW), "solved": zero & (rate >= EMERGED)}


def describe_zeros(ladder: xr.Dataset, target: xr.Dataset) -> pd.DataFrame:
    """How many items no ladder run ever solved, and how many of them the target solves."""
    found = count_zeros(ladder, target)
    rows = []
    for name, of_name in _with_all(ladder).items():
        counts = {label: int(member[of_name].sum()) for label, member in found.items()}
        rows.append({"benchmark": name, "items": len(of_name)} | counts)
    labels = {
        "zero": "zero on the ladder",
        "above": f"of these, target above {LOW:g}",
        "solved": f"target at least {EMERGED:g}",
    }
    return pd.DataFrame(rows).rename(columns=labels)


def to_markdown(table: pd.DataFrame) -> str:
    """A table in Markdown: a column's numbers with equal decimals, what is missing left blank."""
    columns = [[str(name), "---", *_to_cells(table[name])] for name in table.columns]
    return "\n".join(f"| {' | '.join(line)} |" for line in zip(*columns, strict=True))


def _to_cells(column: pd.Series) -> list[str]:
    if column.dtype.kind != "f":
        return [str(value) for value in column]
    known = column.dropna()
    decimals = max((len(repr(float(value)).partition(".")[2]) for value in known), default=0)
    return ["" if np.isnan(value) else f"{value:.{decimals}f}" for value in column]


def show(title: str, table: pd.DataFrame) -> None:
    """Print one table under its title."""
    print(f"**{title}**\n\n{to_markdown(table)}\n")


def _with_all(evals: xr.Dataset) -> dict[str, np.ndarray]:
    return positions_of(evals) | {ALL: np.arange(evals.sizes["item"])}


def _with_rms(table: pd.DataFrame) -> pd.DataFrame:
    """Points, with a last row that pools over benchmarks."""
    table = 100 * table.astype(float)
    table.loc[ALL] = table.apply(_rms)
    return table.round(2).rename_axis("benchmark").reset_index().rename_axis(columns=None)


def _rms(values: pd.Series) -> float:
    return float(np.sqrt(np.nanmean(np.square(values))))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


if __name__ == "__main__":
    main()
