"""Are the intervals honest? Coverage over simulated benchmarks in worlds whose truth is known.

Each study simulates eight benchmarks drawn at random (difficulty, heterogeneity, guess floor,
noise) on the paper's ladder, fits the defaults, and compares forecast and truth of the 68.5B
target. World ``exp`` obeys the paper's law item by item, ``logis`` does not. Nothing is tuned on
these simulations. Least-squares COD (thresholds a > 1, b > 0.1, 0 <= c < 1; a quartic through
(0, 0) and (1, 1) with the anchors) and the least-squares end-to-end law stand beside it.

Run ``uv run python examples/calibration_study.py --studies 5``; results are added to a CSV study
by study, so it can be interrupted and continued.
"""

import argparse
import logging
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr
from scipy.optimize import least_squares

import cod_bayes as cb
from cod_bayes.law import build_rows, select_runs
from cod_bayes.schema import BENCHMARK, CLUSTER, LLM
from cod_bayes.simulate import random_benchmark

LOG = logging.getLogger("calibration")
LEVELS = (0.5, 0.8, 0.9)
TARGET = "68.5B"
PER_STUDY = 8
UNIT = 1e18
STARTS = [
    (np.log(a), np.log(b), c) for a in (1, 30, 1000) for b in (0.2, 0.5, 1.0) for c in (0.05,)
]


def main() -> None:
    """Simulate, fit, compare, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=5, help="studies of eight in each world")
    parser.add_argument("--worlds", nargs="+", default=["logis", "exp"])
    parser.add_argument("--items", type=int, default=600)
    parser.add_argument("--trials", type=int, default=100)
    parser.add_argument("--attempts", type=int, default=1, help="at the gate, a fit")
    parser.add_argument("--output", type=Path, default=Path("calibration_study.csv"))
    options = parser.parse_args()
    logging.basicConfig(format="%(message)s")
    LOG.setLevel(logging.INFO)
    done = pd.read_csv(options.output) if options.output.exists() else pd.DataFrame()
    for study in range(options.studies):
        for world in options.worlds:
            key = {"world": world, "study": study, "trials": options.trials}
            if len(done) and (done[list(key)] == list(key.values())).all(axis=1).any():
                continue
            rows = pd.DataFrame(run_study(world, study, options)).assign(**key)
            done = pd.concat([done, rows], ignore_index=True)
            done.to_csv(options.output, index=False)
            LOG.info("%s study %d done", world, study)
    LOG.info("\n%s", tabulate(done).to_string())


def run_study(world: str, study: int, options: argparse.Namespace) -> list[dict[str, object]]:
    """Fit one simulated study and compare every method's forecast with the truth."""
    rng = np.random.default_rng([2026, study])
    specs = [random_benchmark(rng, f"sim-{study}-{i}", options.items) for i in range(PER_STUDY)]
    evals, truth = cb.simulate_evals(specs, n_trials=options.trials, world=world, random_seed=study)
    config = cb.Config.from_mapping({}, (f"sampler.max_attempts={options.attempts}",))
    fitted = cb.fit(evals, config, random_seed=study)
    target = truth.sel(llm=TARGET)
    forecast = cb.predict(
        fitted, flops=float(target["flops"]), ci_prob=LEVELS, force=True, random_seed=study
    )
    points = {"least-squares COD": cod_point, "least-squares end-to-end": end_to_end_point}
    rows: list[dict[str, object]] = []
    for name in target[BENCHMARK].values:
        actual = float(target["score"].sel(benchmark=name))
        leads = str(fitted.tree["clusters"]["headline"].sel(benchmark=name).item())
        for method in ("cod", "end-to-end"):
            draws = forecast["predictions"]["score_by_forecaster"].isel(target=0)
            draws = draws.sel({"forecaster": method, BENCHMARK: name}).values.ravel()
            if np.isnan(draws).any():
                continue
            row = judge(draws, actual) | {"method": method, "benchmark": name}
            rows.append(row)
            if method == leads:
                rows.append(row | {"method": "headline"})
        for method, point in points.items():
            value = point(fitted.tree, evals, str(name), float(target["flops"]))
            if np.isfinite(value):
                error = {"error": value - actual, "crps": abs(value - actual)}
                rows.append(error | {"method": method, "benchmark": name})
    passed = bool(fitted.tree["diagnostics"]["passed"].all())
    return [row | {"gate": passed} for row in rows]


def judge(draws: np.ndarray, actual: float) -> dict[str, float]:
    """Error of the median, CRPS, and whether each interval covers."""
    ordered = np.sort(draws)
    n = len(ordered)
    spread = float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / n**2)
    judged = {
        "error": float(np.median(draws)) - actual,
        "crps": float(np.abs(draws - actual).mean()) - spread,
    }
    for level in LEVELS:
        low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
        judged[f"covers_{level}"] = float(low <= actual <= high)
        judged[f"width_{level}"] = float(high - low)
    return judged


def fit_law(flops: np.ndarray, score: np.ndarray, floor: float) -> tuple[float, float, float]:
    """Least squares of the paper's law: (a in units of 1e18 FLOP, b, c >= 0)."""
    x = np.log(flops / UNIT)

    def residuals(parameters: np.ndarray) -> np.ndarray:
        log_a, log_b, c = parameters
        hazard = np.exp(np.clip(log_a - np.exp(log_b) * x, -60, 60))
        return floor + (1 - floor) * np.exp(-hazard - c) - score

    bounds = ([-20, -6, 0], [40, 1.5, 5])
    fits = [least_squares(residuals, start, bounds=bounds) for start in STARTS]
    log_a, log_b, c = min(fits, key=lambda fit: fit.cost).x
    return float(np.exp(log_a)), float(np.exp(log_b)), float(c)


def law(flops: float, a: float, b: float, c: float, floor: float) -> float:
    """The paper's law."""
    return float(floor + (1 - floor) * np.exp(-a * (flops / UNIT) ** -b - c))


def end_to_end_point(tree: xr.DataTree, evals: xr.Dataset, name: str, flops: float) -> float:
    """The law on the whole benchmark's score."""
    scores = tree["scores"].to_dataset().sel(benchmark=name)
    ladder = scores.isel(llm=np.flatnonzero(scores["role"].values == "ladder"))
    floor = float(scores["guess_floor"])
    return law(flops, *fit_law(ladder["flops"].values, ladder["score"].values, floor), floor)


def cod_point(tree: xr.DataTree, evals: xr.Dataset, name: str, flops: float) -> float:
    """Least-squares COD: thresholds, size-weighted subset, quartic map with anchors."""
    table = tree["cluster_table"].to_dataset()
    table = table.isel(cluster=np.flatnonzero(table["cluster_benchmark"].values == name))
    if not table.sizes[CLUSTER]:
        return float("nan")
    scores = tree["scores"].to_dataset().sel(benchmark=name)
    at = scores["flops"].sel({LLM: table[LLM].values}).values
    floor = float(scores["guess_floor"])
    fits = [fit_law(at, rate, floor) for rate in table["mean_rate"].values]
    used = np.array([a > 1 and b > 0.1 and c < 1 for a, b, c in fits])
    if not used.any():
        return float("nan")
    weight = np.where(used, table["n_items"].values, 0)
    weight = weight / weight.sum()
    forecast = float(weight @ [law(flops, *fit, floor) for fit in fits])
    anchors = select_runs(evals, "anchor")
    groups = {str(row): np.flatnonzero(_row_of_item(tree) == row) for row in table[CLUSTER].values}
    of_anchors = build_rows(anchors, groups)
    rates = np.hstack([table["mean_rate"].values, of_anchors["n_correct"] / of_anchors["n_trials"]])
    names = [*table[LLM].values, *anchors[LLM].values]
    return float(quartic(weight @ rates, scores["score"].sel({LLM: names}).values)(forecast))


def _row_of_item(tree: xr.DataTree) -> np.ndarray:
    clusters = tree["clusters"].to_dataset()
    pairs = zip(clusters["item_benchmark"].values, clusters["label"].values, strict=True)
    return np.array([f"{name}/{label}" for name, label in pairs])


def quartic(subset: np.ndarray, full: np.ndarray) -> np.polynomial.Polynomial:
    """Least-squares quartic through (0, 0) and (1, 1)."""
    powers = np.array([subset**k - subset for k in (2, 3, 4)]).T
    high = np.linalg.lstsq(powers, full - subset, rcond=None)[0]
    return np.polynomial.Polynomial([0, 1 - high.sum(), *high])


def tabulate(results: pd.DataFrame) -> pd.DataFrame:
    """Means with Monte-Carlo standard errors, in points and per cent."""
    groups = results.groupby(["world", "method"])
    table = pd.DataFrame({"n": groups.size()})
    columns = {"MAE": results["error"].abs(), "bias": results["error"], "CRPS": results["crps"]}
    columns |= {f"{level:.0%}": results[f"covers_{level}"] for level in LEVELS}
    columns |= {"width 90%": results["width_0.9"]}
    for name, values in columns.items():
        by = (100 * values).groupby([results["world"], results["method"]])
        table[name] = [f"{m:.1f} ± {e:.1f}" for m, e in zip(by.mean(), by.sem(), strict=True)]
    return table


if __name__ == "__main__":
    main()
