"""From tables to draws: pad the data, sample both steps, draw a new run."""

import json
from typing import Any

import numpy as np
import xarray as xr

from cod_bayes import configio
from cod_bayes.config import SamplerConfig
from cod_bayes.inference import compile_once, sample_until_passed
from cod_bayes.law.curves import shift_logit
from cod_bayes.law.data import SCALE
from cod_bayes.law.model import compute_spread
from cod_bayes.methods.two_step.data import RUN, TASK, TwoStepData, thin
from cod_bayes.methods.two_step.line import draw_line
from cod_bayes.methods.two_step.model import (
    LOSS_ROW,
    Shape,
    build_two_step_model,
    compute_curve,
    compute_log_loss,
)
from cod_bayes.methods.two_step.priors import TwoStepPriors
from cod_bayes.schema import BENCHMARK, LLM, N_CORRECT, N_TRIALS

# Graphs are padded to multiples of these, so that studies of like size share a compiled graph.
BENCHMARKS_STEP, LLMS_STEP = 4, 4
# What exists for the sampler's sake.
AUXILIARY = ("ratio_offset", "exponent_offset", "log_exponent", "log_noise", "log_steepness",
             "ceiling_offset", "floor_offset", "departure", "middle")  # fmt: skip
# What a straight line has no use for.
SIGMOID_ONLY = ("chance_odds", "n_questions")


def two_step_arrays(data: TwoStepData, loss: str, n_checkpoints: int) -> dict[str, np.ndarray]:
    """The model's data, padded to multiples so that studies of like size share one graph.

    Of each run so many chosen checkpoints are taken, evenly from its first to its last.
    """
    n_benchmarks, n_llms = data.finals["relative_loss"].shape
    rows = 1 if loss != TASK else _round_up(n_benchmarks, BENCHMARKS_STEP)
    benchmarks, llms = _round_up(n_benchmarks, BENCHMARKS_STEP), _round_up(n_llms, LLMS_STEP)
    log_scale = np.zeros((data.finals.sizes[SCALE], llms))
    log_scale[:, :n_llms] = data.finals["log_scale"].values
    relative = data.finals["relative_loss"].values[: 1 if rows == 1 else None]
    known = np.zeros((rows, llms))
    known[: len(relative), :n_llms] = np.isfinite(relative)
    log_loss = np.zeros((rows, llms))
    log_loss[: len(relative), :n_llms] = np.nan_to_num(np.log(relative))
    cube = (benchmarks, llms, n_checkpoints)
    arrays = {"loss": np.ones(cube), N_TRIALS: np.zeros(cube, int), N_CORRECT: np.zeros(cube, int)}
    for k in range(n_benchmarks):
        for m in range(n_llms):
            here = (data.points[RUN].values == m) & data.points["chosen"].values[k]
            here &= np.isfinite(data.points["relative_loss"].values[k])
            taken = thin(np.flatnonzero(here), n_checkpoints)
            for name, source in (
                ("loss", "relative_loss"),
                *((n, n) for n in (N_TRIALS, N_CORRECT)),
            ):
                arrays[name][k, m, : len(taken)] = data.points[source].values[k, taken]
    chance = np.pad(data.points["guess_floor"].values, (0, benchmarks - n_benchmarks))
    questions = data.points["n_questions"].values.astype(float)
    return arrays | {
        "log_scale": log_scale,
        "log_loss": log_loss,
        "known": known,
        "n_questions": np.pad(questions, (0, benchmarks - n_benchmarks), constant_values=1.0),
        "chance_odds": chance / (1 - chance),
        "used": (np.arange(benchmarks) < n_benchmarks).astype(float),
    }


def _round_up(n: int, step: int) -> int:
    return -(-n // step) * step


def sample_two_step(
    data: TwoStepData,
    loss: str,
    n_checkpoints: int,
    shape: Shape,
    priors: TwoStepPriors,
    sampler: SamplerConfig,
    random_seed: int,
) -> tuple[xr.Dataset, dict[str, Any]]:
    """Sample :func:`build_two_step_model`: posterior, and the gate's verdict."""
    arrays = two_step_arrays(data, loss, n_checkpoints)
    if not shape.sigmoid:
        arrays = {name: values for name, values in arrays.items() if name not in SIGMOID_ONLY}
    settings = json.dumps(configio.to_mapping(priors), sort_keys=True)
    shapes = tuple((name, values.shape) for name, values in arrays.items())
    compiled = compile_once(
        ("two-step", shape, settings, shapes),
        lambda: build_two_step_model(arrays, shape, priors),
        # a line's few parameters trade off strongly: its height with its steepness
        "diag" if shape.sigmoid else "low_rank",
    )
    labels = {BENCHMARK: data.finals[BENCHMARK].values, LLM: data.finals[LLM].values}
    labels[SCALE] = data.finals[SCALE].values
    labels[LOSS_ROW] = labels[BENCHMARK] if loss == TASK else np.array([loss])
    tree, gate = sample_until_passed(
        compiled,
        sampler,
        random_seed=random_seed,
        data=arrays,
        labels=labels,
        auxiliary=AUXILIARY,
    )
    return tree["posterior"].to_dataset(), gate


def draw_two_step(
    posterior: xr.Dataset,
    benchmark: str,
    n_questions: float,
    log_scale: np.ndarray,
    shape: Shape,
    rng: np.random.Generator,
) -> np.ndarray:
    """One new run's score on a benchmark for every draw, shape (draw, target).

    Its measured loss departs from the law, its score from the curve, as another run's would.
    """
    stacked = posterior.stack(sample=("chain", "draw"), create_index=False)
    own = benchmark in posterior[LOSS_ROW].values
    losses = stacked.sel({LOSS_ROW: benchmark}) if own else stacked.isel({LOSS_ROW: 0})

    def of(source: xr.Dataset, name: str) -> np.ndarray:
        values: np.ndarray = source[name].transpose(..., "sample").values[..., None]
        return values

    exponent = of(losses, "exponent")
    ratio = of(losses, "ratio") if shape.irreducible else np.zeros_like(exponent)
    centre = compute_log_loss(of(losses, "level"), ratio, exponent, log_scale[:, None, :], shape)
    loss = np.exp(centre + of(losses, "noise") * rng.standard_normal(centre.shape))
    scores = stacked.sel({BENCHMARK: benchmark})
    if not shape.sigmoid:
        height, steepness = of(scores, "height"), of(scores, "steepness")
        return draw_line(height, steepness, of(scores, "residual_sd"), loss, rng)
    names = ("height", "steepness", "ceiling", "floor")
    p = compute_curve({name: of(scores, name) for name in names}, loss)
    departure = of(scores, "departure_sd") * rng.standard_normal(p.shape)
    rate = shift_logit(p, departure)
    spread = compute_spread(
        rate, n_questions, of(scores, "item_dispersion"), of(scores, "residual_sd")
    )
    drawn: np.ndarray = rng.beta(rate / spread, (1 - rate) / spread)
    return drawn
