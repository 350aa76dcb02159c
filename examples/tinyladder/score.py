"""Judge the frozen forecast of ``forecast.py`` by what the target scored.

The truth of a variant is the target's final checkpoint in that variant's phase: its mean pass rate
in 100 samples an item. For the stable phase the mean over the target's three adjacent checkpoints
stands beside it as context; it is not what was forecast.

Run ``uv run python examples/tinyladder/score.py --sha256 HEX`` with the hash that was published
with the forecast; Markdown goes to stdout, all numbers to ``first_score.json``.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from describe import tabulate_scores, to_markdown
from forecast import FORECASTERS, OUTPUT, ask_git, compute_sha256, write_atomically

from cod_bayes import datasets

SCORE = OUTPUT.with_name("first_score.json")
PROBABILITIES = (0.5, 0.9)
MAX_OFF_COMPUTE = 0.01  # relative; beyond it another target was forecast than was trained


def main(arguments: Sequence[str] | None = None) -> None:
    """Check the file, compare with the target, print tables, write them."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--forecast", type=Path, default=OUTPUT)
    parser.add_argument("--sha256", help="what the forecast's file must hash to")
    parser.add_argument("--output", type=Path, default=SCORE, help="JSON; Markdown goes beside it")
    options = parser.parse_args(arguments)
    frozen = read_frozen(options.forecast)
    seal = check_seal(options.forecast, options.sha256)
    truth = read_truth(frozen)
    for warning in find_mismatches(frozen, truth):
        print(f"warning: {warning}", file=sys.stderr)
    rows = score_all(frozen, truth)
    summary = summarise(rows)
    report = to_report(frozen, seal, rows, summary)
    held = {
        "forecast": options.forecast.name,
        **seal,
        "summary": summary.to_dict("records"),
        "rows": rows.astype(object).where(rows.notna(), None).to_dict("records"),
    }
    write_atomically(options.output, json.dumps(held, indent=1, allow_nan=False) + "\n")
    write_atomically(options.output.with_suffix(".md"), report)
    print(report)


def read_frozen(path: Path) -> dict[str, Any]:
    """The forecast that ``forecast.py`` wrote."""
    if not path.is_file():
        sys.exit(f"there is no forecast {path}: make it with examples/tinyladder/forecast.py")
    return json.loads(path.read_text())


def check_seal(path: Path, expected: str | None) -> dict[str, Any]:
    """The file's hash and the commits that touched it; a hash that differs ends the program."""
    found = compute_sha256(path)
    if expected and found != expected.lower():
        sys.exit(f"{path} has SHA-256 {found}, not {expected}: it is not the frozen forecast")
    home = path.resolve().parent
    log = ask_git("log", "--format=%h %cI %s", "--", path.name, folder=home)
    changes = ask_git("status", "--porcelain", "--", path.name, folder=home)
    return {
        "forecast_sha256": found,
        "sha256_was_given": bool(expected),
        "commits": (log or "").splitlines(),
        "changed_since": None if changes is None else bool(changes),
    }


def read_truth(frozen: dict[str, Any]) -> pd.DataFrame:
    """The target's scores, one row a checkpoint and benchmark, all phases that were forecast."""
    phases = {variant["phase"]: variant["dataset"] for variant in frozen["variants"].values()}
    tables = []
    for phase, dataset in phases.items():
        table = tabulate_scores(datasets.load_target(dataset))
        tables.append(table[(table["phase"] == phase) & (table["role"] == "target")])
        if not len(tables[-1]):
            sys.exit(f"load_target({dataset!r}) holds no {phase} checkpoint of the target")
    return pd.concat(tables, ignore_index=True)


def find_mismatches(frozen: dict[str, Any], truth: pd.DataFrame) -> list[str]:
    """Phases whose target was trained with another compute than was forecast, as sentences."""
    final = truth[truth["is_final"]].groupby("phase")["flops"].first()
    return [
        f"the {phase} target was trained with {flops:.4g} FLOP; "
        f"forecast were {frozen['target_flops'][phase]:.4g}"
        for phase, flops in final.items()
        if abs(flops / frozen["target_flops"][phase] - 1) > MAX_OFF_COMPUTE
    ]


def score_all(frozen: dict[str, Any], truth: pd.DataFrame) -> pd.DataFrame:
    """One row a variant, forecaster and benchmark; benchmarks without a forecast are left out."""
    levels = np.array(frozen["levels"])
    rows = []
    for name, variant in frozen["variants"].items():
        of_phase = truth[truth["phase"] == variant["phase"]]
        actual = of_phase[of_phase["is_final"]].set_index("benchmark")
        adjacent = of_phase.groupby("benchmark")["score"].agg(["mean", "size"])
        for method in FORECASTERS:
            for benchmark, row in variant["benchmarks"].items():
                quantiles = row["quantiles"][method]
                if quantiles is None:
                    continue
                several = adjacent["size"][benchmark] > 1
                about = {"variant": name, "forecaster": method, "benchmark": benchmark}
                about["leads"] = row["leads"]
                judged = judge(np.array(quantiles), levels, float(actual["score"][benchmark]))
                judged["truth_sampling_sd"] = float(actual["sampling_sd"][benchmark])
                judged["adjacent_mean"] = (
                    float(adjacent["mean"][benchmark]) if several else float("nan")
                )
                rows.append(about | judged)
    return pd.DataFrame(rows)


def judge(quantiles: np.ndarray, levels: np.ndarray, truth: float) -> dict[str, Any]:
    """Compare one forecast with the truth; all in the unit of the quantiles."""
    median = float(np.interp(0.5, levels, quantiles))
    judged: dict[str, Any] = {
        "median": median,
        "truth": truth,
        "error": median - truth,
        "crps": compute_crps(quantiles, levels, truth),
    }
    for p in PROBABILITIES:
        low, high = (float(end) for end in np.interp([(1 - p) / 2, (1 + p) / 2], levels, quantiles))
        judged |= {f"lower_{p}": low, f"upper_{p}": high, f"covers_{p}": low <= truth <= high}
    return judged


def compute_crps(quantiles: np.ndarray, levels: np.ndarray, truth: float) -> float:
    """CRPS from a grid of quantiles: twice the mean pinball loss over evenly spaced levels."""
    below = truth < quantiles
    return float(2 * np.mean((below - levels) * (quantiles - truth)))


def summarise(rows: pd.DataFrame) -> pd.DataFrame:
    """Means over benchmarks for every variant and forecaster, in points.

    ``k_of_n`` counts truths within the interval; beside it stands what an honest interval would
    hold on average, with the binomial standard error of n independent benchmarks (they are not
    quite: all are one target's). Where COD has no forecast of some benchmarks, the end-to-end law
    is also judged on those alone that COD has.
    """
    table = []
    for (variant, method), own in add_like_for_like(rows).groupby(
        ["variant", "forecaster"], sort=False
    ):
        row: dict[str, Any] = {
            "variant": variant,
            "forecaster": method,
            "n": len(own),
            "MAE": round(100 * float(own["error"].abs().mean()), 2),
            "largest error": round(100 * float(own["error"].abs().max()), 2),
            "bias": round(100 * float(own["error"].mean()), 2),
            "CRPS": round(100 * float(own["crps"].mean()), 2),
        }
        for p in PROBABILITIES:
            row[f"in {p:.0%}"] = count_covered(own[f"covers_{p}"].to_numpy(bool), p)
        width = (own["upper_0.9"] - own["lower_0.9"]).mean()
        row["width of 90%"] = round(100 * float(width), 2)
        table.append(row)
    return pd.DataFrame(table)


def add_like_for_like(rows: pd.DataFrame) -> pd.DataFrame:
    """Repeat the end-to-end law's rows on COD's benchmarks under a name of their own."""
    parts = [rows]
    for _, own in rows.groupby("variant", sort=False):
        has_cod = own["benchmark"].isin(own.loc[own["forecaster"] == "cod", "benchmark"])
        if has_cod.any() and not has_cod.all():
            shared = own[has_cod & (own["forecaster"] == "end-to-end")]
            parts.append(shared.assign(forecaster="end-to-end, where COD is"))
    order = {name: place for place, name in enumerate(dict.fromkeys(rows["variant"]))}
    return pd.concat(parts).sort_values("variant", key=lambda v: v.map(order), kind="stable")


def count_covered(covers: np.ndarray, probability: float) -> str:
    """``k of n``, with the number expected of honest intervals and its standard error."""
    n = len(covers)
    error = np.sqrt(n * probability * (1 - probability))
    return f"{int(covers.sum())} of {n} ({n * probability:.1f} ± {error:.1f})"


def to_report(
    frozen: dict[str, Any], seal: dict[str, Any], rows: pd.DataFrame, summary: pd.DataFrame
) -> str:
    """Everything as Markdown: the seal, the summary, and a table a variant."""
    parts = [describe_seal(frozen, seal), to_markdown(summary)]
    for name, variant in frozen["variants"].items():
        own = rows[rows["variant"] == name]
        gate = "" if variant["passed"] else " The sampler's gate failed: not to be trusted."
        parts.append(f"**{name}**, {variant['flops']:.4g} FLOP, in %.{gate}")
        parts.append(to_markdown(to_cells(own)))
        context = own[own["forecaster"] == "headline"].dropna(subset=["adjacent_mean"])
        if len(context):
            means = (f"{r.benchmark} {100 * r.adjacent_mean:.2f}" for r in context.itertuples())
            parts.append(f"Mean over the target's adjacent checkpoints: {', '.join(means)}.")
    return "\n\n".join(parts) + "\n"


def describe_seal(frozen: dict[str, Any], seal: dict[str, Any]) -> str:
    """When the forecast was frozen, and what vouches for it."""
    given = "as given" if seal["sha256_was_given"] else "compare it with the one published"
    commits = "; ".join(seal["commits"]) or "none: it was never committed"
    changed = " It HAS CHANGED since its last commit." if seal["changed_since"] else ""
    return (
        f"Forecast written {frozen['written']} by code at commit {frozen['git_commit']}. "
        f"SHA-256 {seal['forecast_sha256']} ({given}). Commits of the file: {commits}.{changed}"
    )


def to_cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows as they are read: COD and the end-to-end law, the one that leads marked with a star."""
    rows = rows[rows["forecaster"] != "headline"].sort_values("benchmark", kind="stable")
    cells = []
    for row in rows.to_dict("records"):
        cell = {
            "benchmark": row["benchmark"],
            "forecaster": row["forecaster"] + ("*" if row["forecaster"] == row["leads"] else ""),
            "median": f"{100 * row['median']:.2f}",
        }
        for p in PROBABILITIES:
            low, high = 100 * row[f"lower_{p}"], 100 * row[f"upper_{p}"]
            cell[f"{p:.0%} ETI"] = f"[{low:.2f}, {high:.2f}]"
        cell["truth"] = f"{100 * row['truth']:.2f}"
        cell["error"] = f"{100 * row['error']:+.2f}"
        cells.append(cell)
    return pd.DataFrame(cells)


if __name__ == "__main__":
    main()
