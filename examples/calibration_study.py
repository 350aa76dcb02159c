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

import cod_bayes as cb
from cod_bayes.law.least_squares import fit_point_law
from cod_bayes.methods import describe_targets
from cod_bayes.methods.cod_point import CodPoint
from cod_bayes.schema import BENCHMARK
from cod_bayes.scores import tabulate_scores
from cod_bayes.simulate import random_benchmark

LOG = logging.getLogger("calibration")
LEVELS = (0.5, 0.8, 0.9)
TARGET = "68.5B"
PER_STUDY = 8


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
    points = forecast_points(evals, describe_targets(truth.sel(llm=[TARGET])))
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
            value = point[str(name)]
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


def forecast_points(evals: xr.Dataset, targets: xr.Dataset) -> dict[str, dict[str, float]]:
    """Point forecasts of the least-squares methods: method -> benchmark -> score."""
    cod = CodPoint(draws=0)
    scores = cod.predict(cod.fit(evals), targets).isel(draw=0, target=0)
    names = scores[BENCHMARK].values.tolist()
    return {
        "least-squares COD": dict(zip(names, scores.values, strict=True)),
        "least-squares end-to-end": end_to_end_points(evals, float(targets["flops"][0])),
    }


def end_to_end_points(evals: xr.Dataset, flops: float) -> dict[str, float]:
    """The law on each whole benchmark's score."""
    scores = tabulate_scores(evals)
    ladder = scores.isel(llm=np.flatnonzero(scores["role"].values == "ladder"))
    points = {}
    for name in scores[BENCHMARK].values:
        one = ladder.sel({BENCHMARK: name})
        law = fit_point_law(one["flops"].values, one["score"].values, float(one["guess_floor"]))
        points[str(name)] = float(law(flops))
    return points


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
