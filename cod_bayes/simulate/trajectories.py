"""Runs with many checkpoints, healthy and sick: what a monitor of training is tried on.

A run's checkpoint at share ``t`` of its tokens has the effective compute, in decades,

    x(t) = x(1) + kappa log10 t - bend max(0, log10(0.2 / t))^2,

so tokens at fixed size are worth less than scaling up (``kappa`` scatters about 0.8, by run and by
benchmark), and progress is steepest at the start. Checkpoints scatter about it with a memory (an
Ornstein-Uhlenbeck process in the share of training), in effective compute and item by item. The
last tenth is annealed: two items in five gain. Ladder and watched runs follow one recipe.

Sick runs are healthy ones up to a point. From then on, after a ``data-bug`` each decade of tokens
is worth half; in a ``divergence`` effective compute falls away, slowly at first.
"""

import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.errors import ConfigError
from cod_bayes.schema import BENCHMARK, ITEM, LLM, N_CORRECT, N_TRIALS, SCHEMA_VERSION
from cod_bayes.simulate import luck as lucks
from cod_bayes.simulate.benchmarks import PAPER_BENCHMARKS, BenchmarkSpec
from cod_bayes.simulate.ladder import FLOP_CONVENTION, Run, decades, paper_runs
from cod_bayes.simulate.worlds import WORLDS, Items, draw_items

Array = npt.NDArray[np.float64]

HEALTHY, DATA_BUG, DIVERGENCE = "healthy", "data-bug", "divergence"
CONDITIONS = (HEALTHY, DATA_BUG, DIVERGENCE)
MIN_CHECKPOINTS = 3

# What a decade of tokens is worth in decades of compute: mean, and scatter over benchmarks, over
# runs, over both.
_KAPPA, _KAPPA_BENCHMARK_SD, _KAPPA_RUN_SD, _KAPPA_OWN_SD = 0.8, 0.03, 0.05, 0.02
_BEND, _BEND_BELOW = 0.15, 0.2
# Checkpoints' scatter that all benchmarks share (decades), and the memory of all scatter (share).
_COMMON_SHIFT_SD, _MEMORY = 0.015, 0.1
_ANNEALED_FROM, _ANNEAL_PACE = 0.9, 0.3
_UPLIFT, _UPLIFT_SHARE, _UPLIFT_SD = 0.8, 0.4, 0.1
_BUG_FROM, _BUG_PACE = 0.3, 0.5
_DIVERGES_WITHIN, _DIVERGED = (0.2, 0.6), 0.6


@dataclass(frozen=True)
class _Course:
    """What all benchmarks of a run have in common; arrays have dims (checkpoint,).

    ``log_tokens`` is log10 of the share of training that the tokens seen were worth, ``shift`` in
    decades of effective compute, ``uplift`` in logits.
    """

    run: Run
    condition: str
    fault_from: float
    share: Array
    log_tokens: Array
    shift: Array
    kappa: float
    uplift: Array
    key: tuple[int, ...]


@dataclass(frozen=True)
class _Benchmark:
    """What all runs meet on one benchmark; ``gains`` (item,) marks those that annealing helps."""

    spec: BenchmarkSpec
    items: Items
    loadings: Array
    gains: npt.NDArray[np.bool_]
    kappa: float


def simulate_trajectories(
    benchmarks: Sequence[BenchmarkSpec] | None = None,
    *,
    watched: Sequence[str] = (HEALTHY,),
    n_trials: int = 100,
    n_checkpoints: int = 20,
    world: str = "logis",
    random_seed: int = 0,
) -> tuple[xr.Dataset, xr.Dataset, xr.Dataset]:
    """Simulate the paper's ladder along training, and runs of its target's size to be watched.

    Parameters
    ----------
    benchmarks, n_trials, world
        As in :func:`cod_bayes.simulate.simulate_evals`.
    watched
        Condition of each watched run: ``healthy``, ``data-bug`` or ``divergence``.
    n_checkpoints
        Of every run, evenly spread over its tokens, the last at the end.
    random_seed
        Items and the ladder depend on this alone, a watched run also on its place.

    Returns
    -------
    ladder, runs
        Evals of all checkpoints of the ladder's runs, and of the watched ones (role "target", run
        "watched-0" and so on); phase "annealed" in the last tenth.
    truth
        Dims (benchmark, run): ``score`` of each watched run at its end, without trials' noise;
        (run,): ``condition``, and ``fault_from``, the share of training at which the fault sets in
        (NaN for healthy runs).

    Raises
    ------
    ConfigError
        For an unknown condition or world, or too few checkpoints.
    """
    specs = tuple(PAPER_BENCHMARKS if benchmarks is None else benchmarks)
    _check(watched, n_checkpoints, world)
    share = np.arange(1, n_checkpoints + 1) / n_checkpoints
    *small, target = paper_runs()
    ladder = [_draw_course(run, HEALTHY, share, (random_seed, 0, i)) for i, run in enumerate(small)]
    runs = [_draw_course(target, how, share, (random_seed, 1, i)) for i, how in enumerate(watched)]
    shared = [_draw_benchmark(spec, world, random_seed) for spec in specs]
    settings = json.dumps({"world": world, "random_seed": int(random_seed), "n_trials": n_trials,
                           "n_checkpoints": n_checkpoints})  # fmt: skip
    of_ladder, _ = _evaluate(ladder, shared, n_trials)
    counts, final = _evaluate(runs, shared, n_trials)
    names = [f"watched-{i}" for i in range(len(runs))]
    truth = xr.Dataset(
        {"score": ((BENCHMARK, "run"), final)},
        coords={
            BENCHMARK: [spec.name for spec in specs],
            "run": names,
            "condition": ("run", [course.condition for course in runs]),
            "fault_from": ("run", [course.fault_from for course in runs]),
        },
        attrs={"simulation": settings},
    )
    tables = (
        _tabulate(courses, labels, specs, correct, n_trials).assign_attrs(simulation=settings)
        for courses, labels, correct in (
            (ladder, [run.name for run in small], of_ladder),
            (runs, names, counts),
        )
    )
    return (*tables, truth)  # type: ignore[return-value]


def _check(watched: Sequence[str], n_checkpoints: int, world: str) -> None:
    unknown = [name for name in watched if name not in CONDITIONS]
    if unknown:
        raise ConfigError(f"watched knows {', '.join(CONDITIONS)}; got {unknown[0]!r}")
    if n_checkpoints < MIN_CHECKPOINTS:
        raise ConfigError(f"n_checkpoints must be at least {MIN_CHECKPOINTS}; got {n_checkpoints}")
    if world not in WORLDS:
        raise ConfigError(f"world must be one of {', '.join(WORLDS)}; got {world!r}")


def _draw_course(run: Run, condition: str, share: Array, key: tuple[int, ...]) -> _Course:
    rng = np.random.default_rng(key)
    kappa = float(rng.normal(_KAPPA, _KAPPA_RUN_SD))
    shift = _COMMON_SHIFT_SD * _draw_memory(rng, (), share)
    annealed = np.maximum(share - _ANNEALED_FROM, 0) / (1 - _ANNEALED_FROM)
    uplift = rng.normal(_UPLIFT, _UPLIFT * _UPLIFT_SD) * -np.expm1(-annealed / _ANNEAL_PACE)
    begins = {DATA_BUG: _BUG_FROM, DIVERGENCE: float(rng.uniform(*_DIVERGES_WITHIN))}
    fault_from = begins.get(condition, np.nan)
    log_tokens = np.log10(share)
    if condition == DATA_BUG:
        late = np.maximum(log_tokens - np.log10(fault_from), 0)
        log_tokens = log_tokens - (1 - _BUG_PACE) * late
    if condition == DIVERGENCE:
        shift = shift - _DIVERGED * (np.maximum(share - fault_from, 0) / (1 - fault_from)) ** 2
    return _Course(run, condition, fault_from, share, log_tokens, shift, kappa, uplift, key)


def _draw_benchmark(spec: BenchmarkSpec, world: str, random_seed: int) -> _Benchmark:
    rng = np.random.default_rng((random_seed, 2, zlib.crc32(spec.name.encode())))
    items = draw_items(rng, spec, world, decades([run.flops for run in paper_runs()]))
    loadings = lucks.draw_loadings(rng, spec.n_items)
    gains = rng.random(spec.n_items) < _UPLIFT_SHARE
    return _Benchmark(spec, items, loadings, gains, float(rng.normal(0, _KAPPA_BENCHMARK_SD)))


def _evaluate(
    courses: Sequence[_Course], benchmarks: Sequence[_Benchmark], n_trials: int
) -> tuple[npt.NDArray[np.uint32], Array]:
    """Counts (llm, item) of all runs' checkpoints, and the true final scores (benchmark, run)."""
    counts, finals = [], []
    for course in courses:
        rngs = [
            np.random.default_rng((*course.key, zlib.crc32(b.spec.name.encode())))
            for b in benchmarks
        ]
        chances = [_solve(course, b, rng) for b, rng in zip(benchmarks, rngs, strict=True)]
        measured = [rng.binomial(n_trials, p.T) for rng, p in zip(rngs, chances, strict=True)]
        counts.append(np.concatenate(measured, axis=1).astype(np.uint32))
        finals.append([p[:, -1].mean() for p in chances])
    n_items = sum(b.spec.n_items for b in benchmarks)
    table = np.concatenate(counts) if counts else np.zeros((0, n_items), np.uint32)
    return table, np.array(finals).reshape(len(courses), len(benchmarks)).T


def _solve(course: _Course, benchmark: _Benchmark, rng: np.random.Generator) -> Array:
    """Probability of a right answer, (item, checkpoint)."""
    spec, n_items = benchmark.spec, benchmark.spec.n_items
    kappa = course.kappa + benchmark.kappa + rng.normal(0, _KAPPA_OWN_SD)
    x = decades(course.run.flops) + kappa * course.log_tokens + course.shift
    x -= _BEND * np.maximum(np.log10(_BEND_BELOW) - course.log_tokens, 0) ** 2
    x += spec.shift_sd * _draw_run_and_memory(rng, (), course.share, lucks.SHIFT_SHARE)
    skills = lucks.draw_skills(rng, spec, benchmark.loadings, 1)
    noise = _draw_run_and_memory(rng, (n_items,), course.share, lucks.NOISE_SHARE)
    logit = benchmark.items.logit(x) + skills + spec.item_noise * noise
    logit += np.outer(benchmark.gains, course.uplift)
    floor = lucks.draw_floors(rng, benchmark.items, 1)
    return benchmark.items.probability(logit, floor)


def _draw_run_and_memory(
    rng: np.random.Generator, shape: tuple[int, ...], share: Array, lasting: float
) -> Array:
    """Standard normal scatter, a part ``lasting`` of its variance the run's: (..., checkpoint)."""
    of_run = rng.standard_normal((*shape, 1))
    memory = _draw_memory(rng, shape, share)
    scatter: Array = np.sqrt(lasting) * of_run + np.sqrt(1 - lasting) * memory
    return scatter


def _draw_memory(rng: np.random.Generator, shape: tuple[int, ...], share: Array) -> Array:
    """A stationary Ornstein-Uhlenbeck process of unit variance, (..., checkpoint)."""
    steps = rng.standard_normal((*shape, share.size))
    kept = np.exp(-np.diff(share) / _MEMORY)
    for now, rho in enumerate(kept, start=1):
        steps[..., now] = rho * steps[..., now - 1] + np.sqrt(1 - rho**2) * steps[..., now]
    return steps


def _tabulate(
    courses: Sequence[_Course],
    names: Sequence[str],
    specs: Sequence[BenchmarkSpec],
    n_correct: npt.NDArray[np.uint32],
    n_trials: int,
) -> xr.Dataset:
    rows = [
        (course, name, index, share)
        for course, name in zip(courses, names, strict=True)
        for index, share in enumerate(course.share)
    ]
    params = [course.run.params for course, *_ in rows]
    annealed = [share > _ANNEALED_FROM + 1e-9 for *_, share in rows]
    items = [(spec, str(i)) for spec in specs for i in range(spec.n_items)]
    return xr.Dataset(
        {
            N_TRIALS: ((LLM, ITEM), np.full(n_correct.shape, n_trials, dtype=np.uint32)),
            N_CORRECT: ((LLM, ITEM), n_correct),
        },
        coords={
            LLM: [f"{name}@{share:.1%}" for _, name, _, share in rows],
            "params_total": (LLM, params),
            "params_active": (LLM, params),
            "tokens": (LLM, [course.run.tokens * share for course, *_, share in rows]),
            "flops": (LLM, [course.run.flops * share for course, *_, share in rows]),
            "family": (LLM, [course.run.family for course, *_ in rows]),
            "seed": (LLM, np.zeros(len(rows), dtype=np.int64)),
            "run": (LLM, [name for _, name, *_ in rows]),
            "checkpoint": (LLM, [index for *_, index, _ in rows]),
            "phase": (LLM, np.where(annealed, "annealed", "stable")),
            "role": (LLM, [course.run.role for course, *_ in rows]),
            ITEM: [f"{spec.name}/{i}" for spec, i in items],
            BENCHMARK: (ITEM, [spec.name for spec, _ in items]),
            "item_id": (ITEM, [i for _, i in items]),
            "n_questions": (ITEM, np.ones(len(items), dtype=np.int64)),
            "guess_floor": (ITEM, [spec.guess_floor for spec, _ in items]),
            "metric": (ITEM, [spec.metric for spec, _ in items]),
        },
        attrs={
            "schema_version": SCHEMA_VERSION,
            "flop_convention": FLOP_CONVENTION,
            "decoding": "simulated",
            "sources": json.dumps([]),
        },
    )
