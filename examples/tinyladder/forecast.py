"""Freeze the first forecast of the target, before the target is evaluated.

Four variants are fitted, each with the same configuration and seed: checkpoints of the stable
phase or annealed ones, each with the anchors of family beta and without. For every benchmark and
forecaster, 199 quantiles of the score that one new run would show in 100 trials an item go to
``first_forecast.json``, with the digests of all that they depend on. ``score.py`` judges them.

No result of the target is read: its compute follows from its plan alone.

Run ``uv run python examples/tinyladder/forecast.py``; the file is never replaced unasked.
"""

import argparse
import datetime
import hashlib
import json
import logging
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

import cod_bayes as cb
from cod_bayes.errors import ConvergenceError

LOG = logging.getLogger("tinyladder")
HERE = Path(__file__).parent
OUTPUT = HERE / "first_forecast.json"

# FLOP of the target by its plan: 5 layers, width 128, vocabulary 67, context 96, hence 6,322,176
# FLOP a token; 18 tokens for each of these, in 7,799 steps of 152 x 96 tokens; 780 more annealed.
TARGET_FLOPS = {"stable": 7.1948e14, "annealed": 7.9144e14}
DATASETS = {"stable": "tinyladder", "annealed": "tinyladder-annealed"}
VARIANTS = tuple((phase, anchors) for phase in DATASETS for anchors in (True, False))
FORECASTERS = ("cod", "end-to-end", "headline")
LEVELS = np.round(np.arange(1, 200) / 200, 3)
TRIALS = 100
SEED = 1


def main(arguments: Sequence[str] | None = None) -> None:
    """Fit the variants one after another, forecast the target, write the file, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--config", type=Path, help="TOML; the package's defaults if omitted")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--flops", type=float, default=TARGET_FLOPS["stable"])
    parser.add_argument("--annealed-flops", type=float, default=TARGET_FLOPS["annealed"])
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--models", type=Path, help="folder to keep the fitted models in")
    parser.add_argument("--force", action="store_true", help="replace a forecast that is there")
    options = parser.parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(message)s", datefmt="%H:%M:%S", stream=sys.stderr)
    LOG.setLevel(logging.INFO)
    check_free(options.output, options.force)
    config = cb.Config.from_toml(options.config) if options.config else cb.Config()
    flops = {"stable": options.flops, "annealed": options.annealed_flops}
    frozen = about(config, options.seed, flops)
    for phase, anchors in VARIANTS:
        name = name_variant(phase, anchors)
        LOG.info("%s: fitting", name)
        evals = cb.load_dataset(DATASETS[phase])
        evals = evals if anchors else drop_anchors(evals)
        fitted = cb.fit(evals, config, random_seed=options.seed, progress=report_to(name))
        if options.models:
            cb.save_model(fitted, options.models / name.replace(" ", "-"), force=options.force)
        forecast, fault = predict_marked(fitted, flops[phase], options.seed)
        variant = {"phase": phase, "anchors": anchors, "dataset": DATASETS[phase]}
        variant |= describe_evals(evals) | summarise(fitted, forecast, fault)
        frozen["variants"][name] = variant
        LOG.info("%s: %s", name, fault or f"done in {variant['fit_seconds']:.0f} s")
    frozen["written"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    check_free(options.output, options.force)
    write_atomically(options.output, to_json(frozen))
    print(tabulate(frozen))
    print(f"\n{options.output}: SHA-256 {compute_sha256(options.output)}")


def check_free(path: Path, force: bool) -> None:
    """Refuse to replace a frozen forecast."""
    if path.exists() and not force:
        sys.exit(
            f"{path} is there: a frozen forecast is not made again. "
            "Name another --output, or replace it with --force and say why"
        )


def name_variant(phase: str, anchors: bool) -> str:
    """``stable with anchors`` and the like."""
    return f"{phase} {'with' if anchors else 'without'} anchors"


def drop_anchors(evals: xr.Dataset) -> xr.Dataset:
    """The same evaluations without the llms of other families."""
    return evals.isel(llm=np.flatnonzero(evals["role"].values != "anchor"))


def predict_marked(fitted: cb.FittedModel, flops: float, seed: int) -> tuple[xr.DataTree, str]:
    """Forecast; where the sampler's gate failed, force it, and return why with it."""
    question = {"flops": flops, "trials": TRIALS, "random_seed": seed}
    try:
        return cb.predict(fitted, **question), ""
    except ConvergenceError as error:
        return cb.predict(fitted, force=True, **question), str(error)


def summarise(fitted: cb.FittedModel, forecast: xr.DataTree, fault: str) -> dict[str, Any]:
    """One variant as JSON holds it: gate, stages and quantiles of every benchmark."""
    stages, table = fitted.group("clusters"), fitted.group("cluster_table")
    predictions = forecast["predictions"].to_dataset().isel(target=0)
    benchmarks = {}
    for name in predictions["benchmark"].values:
        own, drawn = stages.sel(benchmark=name), predictions.sel({"benchmark": name})
        used = table["in_subset"].values[table["cluster_benchmark"].values == name]
        scores = {m: drawn["score_by_forecaster"].sel(forecaster=m) for m in FORECASTERS[:-1]}
        scores["headline"] = drawn["score"]
        benchmarks[str(name)] = {
            "leads": str(own["headline"].item()),
            "reason": str(own["headline_reason"].item()),
            "n_clusters": int(own["n_clusters"]),
            "n_clusters_in_subset": int(used.sum()),
            "predictable_share": round(float(own["share_in_subset"]), 5),
            "zero_share": round(float(own["zero_rate"]), 5),
            "quantiles": {m: compute_quantiles(draws.values) for m, draws in scores.items()},
        }
    return {
        "passed": fitted.passed,
        "gate": fault,
        "fit_seconds": fitted.provenance["fit_seconds"],
        "flops": float(forecast["predictions_constant_data"]["flops"].item()),
        "estimand": forecast["summary"].attrs["estimand"],
        "notes": json.loads(forecast.attrs["notes"]) + json.loads(fitted.tree.attrs["notes"]),
        "benchmarks": benchmarks,
    }


def compute_quantiles(draws: np.ndarray) -> list[float] | None:
    """Quantiles of a score's draws at ``LEVELS``, as fractions; None where there are no draws."""
    if np.isnan(draws).any():
        return None
    return [float(value) for value in np.round(np.quantile(draws, LEVELS), 5)]


def about(config: cb.Config, seed: int, flops: dict[str, float]) -> dict[str, Any]:
    """All that the forecast depends on besides the data."""
    changes = ask_git("status", "--porcelain")
    return {
        "study": "tinyladder",
        "written": "",
        "cod_bayes": cb.__version__,
        "git_commit": ask_git("rev-parse", "HEAD"),
        "git_changes": None if changes is None else changes.splitlines(),
        "config_digest": config.digest(),
        "config": config.to_mapping(),
        "random_seed": seed,
        "trials": TRIALS,
        "target_flops": flops,
        "levels": LEVELS.tolist(),
        "variants": {},
    }


def describe_evals(evals: xr.Dataset) -> dict[str, Any]:
    """Where the evaluations of a variant come from, and a digest of what the fit reads of them."""
    flops = evals["flops"].values[evals["role"].values == "ladder"]
    return {
        "sources": json.loads(str(evals.attrs.get("sources", "[]"))),
        "evals_sha256": digest_evals(evals),
        "llms": [str(name) for name in evals["llm"].values],
        "n_items": evals.sizes["item"],
        "largest_ladder_flops": float(flops.max()),
    }


def digest_evals(evals: xr.Dataset) -> str:
    """SHA-256 of labels, roles, compute and counts, the same on every machine."""
    evals = evals.transpose("llm", "item", ...)
    digest = hashlib.sha256()
    for name in ("llm", "run", "role", "phase", "item"):
        digest.update(json.dumps([str(label) for label in evals[name].values]).encode())
    for name in ("checkpoint", "n_trials", "n_correct"):
        digest.update(np.ascontiguousarray(evals[name].values, "<i8").tobytes())
    for name in ("flops", "params_active", "tokens", "guess_floor"):
        digest.update(np.ascontiguousarray(evals[name].values, "<f8").tobytes())
    return digest.hexdigest()


def to_json(frozen: dict[str, Any]) -> str:
    """JSON with lists of numbers on one line each, so that changes can be read."""
    text = json.dumps(frozen, indent=1, allow_nan=False)
    numbers = re.compile(r"\[[\s\d.,eE+-]+\]")
    return numbers.sub(lambda found: re.sub(r"\s+", "", found[0]), text) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Write beside the final place and rename: whole, or not there."""
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text)
    os.replace(partial, path)


def compute_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def ask_git(*arguments: str, folder: Path = HERE) -> str | None:
    """What git says, or None where there is no repository."""
    command = ["git", "--no-optional-locks", *arguments]
    try:
        answer = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.strip()


def report_to(variant: str) -> Callable[[str, float], None]:
    """Progress of one fit on stderr: a line for each stage that is done."""
    start = time.monotonic()

    def report(stage: str, share: float) -> None:
        if share >= 1:
            LOG.info("%s: %s, %.0f s", variant, stage, time.monotonic() - start)

    return report


def tabulate(frozen: dict[str, Any]) -> str:
    """Medians and 90 % intervals in per cent, a line for each variant and benchmark."""
    lines = []
    for name, variant in frozen["variants"].items():
        gate = "gate passed" if variant["passed"] else "GATE FAILED"
        lines.append(f"\n{name}: {variant['flops']:.4g} FLOP, {gate}")
        lines.append(
            f"{'benchmark':12} {'leads':11} {'clusters':>8} {'share':>6}  "
            f"{'COD: median [90 %]':22} end-to-end: median [90 %]"
        )
        for benchmark, row in variant["benchmarks"].items():
            clusters = f"{row['n_clusters_in_subset']}/{row['n_clusters']}"
            lines.append(
                f"{benchmark:12} {row['leads']:11} {clusters:>8} "
                f"{100 * row['predictable_share']:5.0f}%  "
                f"{_show(row['quantiles']['cod']):22} {_show(row['quantiles']['end-to-end'])}"
            )
    return "\n".join(lines).lstrip("\n")


def _show(quantiles: list[float] | None) -> str:
    if quantiles is None:
        return "none"
    low, median, high = 100 * np.interp([0.05, 0.5, 0.95], LEVELS, quantiles)
    return f"{median:.1f} [{low:.1f}, {high:.1f}]"


if __name__ == "__main__":
    main()
