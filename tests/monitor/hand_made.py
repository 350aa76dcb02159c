"""Runs drawn from the within-run model itself, on a law made by hand: the truth is known."""

import numpy as np
import xarray as xr
from invented import make_law

from cod_bayes.config import Config
from cod_bayes.fitted import FittedModel
from cod_bayes.monitor.checkpoints import Checkpoints
from cod_bayes.monitor.law_path import LawPath
from cod_bayes.monitor.structure import Structure

N_DRAWS = 200
TRUTH = Structure(0.7, 0.04, 0.02, 0.02, 0.02, 0.3, 0.005, 0.03)


def make_fitted(benchmarks: tuple[str, ...] = ("A", "B"), n_scales: int = 1) -> FittedModel:
    """A fitted model with an end-to-end law alone, which is nearly certain."""
    rng = np.random.default_rng(5)
    hazard = rng.normal([0.1, 0.4, 0.2][: len(benchmarks)], 0.03, (N_DRAWS, len(benchmarks)))
    law = make_law(N_DRAWS, len(benchmarks), n_scales, log_hazard=hazard, luck_sd=0.03)
    law = law.assign_coords(cluster=list(benchmarks))
    reference = [6 * 1e9 * 2e10] if n_scales == 1 else [1e9, 2e10]
    constants = xr.Dataset(
        {
            "reference": ("scale", reference),
            "n_questions": ("cluster", np.full(len(benchmarks), 500.0)),
        },
        coords={"scale": law["scale"].values, "cluster": list(benchmarks)},
    )
    n = len(benchmarks)
    clusters = xr.Dataset(
        {
            "headline": ("benchmark", ["end-to-end"] * n),
            "headline_reason": ("benchmark", [""] * n),
            "has_subset": ("benchmark", [False] * n),
        },
        coords={"benchmark": list(benchmarks)},
    )
    sizes = np.geomspace(1e8, 1e9, 5)
    scores = xr.Dataset(
        {"score": (("benchmark", "llm"), np.full((n, 5), 0.5))},
        coords={
            "benchmark": list(benchmarks),
            "llm": [f"run-{i}" for i in range(5)],
            "flops": ("llm", 120 * sizes**2),
            "params_active": ("llm", sizes),
            "tokens": ("llm", 20 * sizes),
            "role": ("llm", ["ladder"] * 5),
        },
    )
    gate = xr.Dataset({"passed": ("fit", [True])}, coords={"fit": ["end-to-end"]})
    tree = xr.DataTree.from_dict(
        {
            "clusters": clusters,
            "cluster_table": xr.Dataset(),
            "scores": scores,
            "end_to_end/posterior": law,
            "end_to_end/constant_data": constants,
            "diagnostics": gate,
        }
    )
    return FittedModel(tree, Config())


def make_evals(
    scores: dict[str, np.ndarray],
    benchmarks: tuple[str, ...] = ("A", "B"),
    *,
    share: np.ndarray,
    params: dict[str, float],
    role: str = "ladder",
    phase: np.ndarray | None = None,
    n_questions: int = 400_000,
) -> xr.Dataset:
    """Aggregated scores (checkpoint, benchmark) by run, as evals; many questions, little noise."""
    runs = [name for name in scores for _ in share]
    correct = np.rint(np.concatenate(list(scores.values())) * n_questions).astype(np.uint32)
    size = np.array([params[name] for name in runs])
    tokens = 20 * size * np.tile(share, len(scores))
    phases = np.full(len(share), "stable") if phase is None else phase
    n = len(benchmarks)
    return xr.Dataset(
        {
            "n_trials": (("llm", "item"), np.full(correct.shape, n_questions, np.uint32)),
            "n_correct": (("llm", "item"), correct),
        },
        coords={
            "llm": [f"{name}@{s:.3f}" for name in scores for s in share],
            "params_total": ("llm", size),
            "params_active": ("llm", size),
            "tokens": ("llm", tokens),
            "flops": ("llm", 6 * size * tokens),
            "family": ("llm", ["f"] * len(runs)),
            "seed": ("llm", [0] * len(runs)),
            "run": ("llm", runs),
            "checkpoint": ("llm", np.tile(np.arange(len(share)), len(scores))),
            "phase": ("llm", np.tile(phases, len(scores))),
            "role": ("llm", [role] * len(runs)),
            "item": [f"{name}/score" for name in benchmarks],
            "item_id": ("item", ["score"] * n),
            "benchmark": ("item", list(benchmarks)),
            "n_questions": ("item", [n_questions] * n),
            "guess_floor": ("item", [0.0] * n),
            "metric": ("item", ["accuracy"] * n),
        },
        attrs={"flop_convention": "6ND", "decoding": "simulated", "sources": "[]"},
    )


def make_path(benchmarks: int = 2, n_draws: int = 50, sd: float = 0.0) -> LawPath:
    """Straight lines in log share, 0.5 logits a nat, ending at 0.3 and 0.6 and so on."""
    rng = np.random.default_rng(3)
    grid = np.linspace(-5, 0, 25)
    ends = 0.3 * (1 + np.arange(benchmarks)) + sd * rng.standard_normal((n_draws, benchmarks))
    return LawPath(grid, ends[:, :, None] + 0.5 * grid, 0.01 * np.eye(benchmarks) + 0.004)


def make_run(logit: np.ndarray, share: np.ndarray, phase: np.ndarray | None = None) -> Checkpoints:
    """A run measured all but exactly; ``logit`` is (checkpoint, benchmark)."""
    return Checkpoints(
        run="run",
        names=tuple(f"c{i}" for i in range(len(share))),
        benchmarks=tuple("ABC"[: logit.shape[1]]),
        share=share,
        tokens=1e10 * share,
        phase=np.full(len(share), "stable") if phase is None else phase,
        score=1 / (1 + np.exp(-logit)),
        logit=logit,
        variance=np.full(logit.shape, 1e-6),
        params=1e9,
        flops=6e19,
    )
