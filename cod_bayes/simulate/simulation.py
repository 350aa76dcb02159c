"""Simulate evaluations of a ladder of language models, with the target's truth apart."""

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.errors import ConfigError
from cod_bayes.schema import ITEM, LLM, N_CORRECT, N_TRIALS, SCHEMA_VERSION
from cod_bayes.simulate import luck as lucks
from cod_bayes.simulate.benchmarks import PAPER_BENCHMARKS, BenchmarkSpec
from cod_bayes.simulate.ladder import (
    FLOP_CONVENTION,
    Checkpoint,
    Run,
    anchor_runs,
    checkpoints_of,
    decades,
    paper_runs,
)
from cod_bayes.simulate.worlds import WORLDS, Items, draw_items

Array = npt.NDArray[np.float64]

_MIN_ITEMS = 20


@dataclass(frozen=True)
class _Ladder:
    """All runs (ladder, target, anchors) and their checkpoints (target included)."""

    runs: tuple[Run, ...]
    checkpoints: tuple[Checkpoint, ...]

    @property
    def run_of(self) -> npt.NDArray[np.intp]:
        """Run of every checkpoint, as an index."""
        return np.array([checkpoint.run for checkpoint in self.checkpoints], dtype=np.intp)

    @property
    def final(self) -> npt.NDArray[np.bool_]:
        """Whether a checkpoint is its run's last, which has seen all tokens."""
        return np.array([checkpoint.share == 1 for checkpoint in self.checkpoints])

    @property
    def is_target(self) -> npt.NDArray[np.bool_]:
        """Whether a checkpoint is the target."""
        return np.array([self.runs[c.run].role == "target" for c in self.checkpoints])

    @property
    def x(self) -> Array:
        """Compute of every checkpoint, in decades from the largest ladder run."""
        return decades([self.runs[c.run].flops * c.share for c in self.checkpoints])


@dataclass(frozen=True)
class _Simulated:
    """One benchmark: counts (checkpoint, item), and true scores of final checkpoints (run,)."""

    spec: BenchmarkSpec
    n_correct: npt.NDArray[np.uint32]
    expected: Array
    score: Array


def simulate_evals(
    benchmarks: Sequence[BenchmarkSpec] | None = None,
    *,
    n_trials: int = 100,
    n_checkpoints: int = 3,
    world: str = "logis",
    scale: float = 1.0,
    anchors: int = 2,
    random_seed: int = 0,
) -> tuple[xr.Dataset, xr.Dataset]:
    """Simulate the paper's ladder on benchmarks whose truth is known.

    Parameters
    ----------
    benchmarks
        What to simulate; by default the paper's eight (about 61,000 items).
    n_trials
        Attempts at each item by each model.
    n_checkpoints
        Checkpoints of each ladder run, 2 % of its tokens apart, the final one included. They
        share most of their run's luck.
    world
        The family of the items' curves: ``logis``, ``exp`` or ``bend``
        (see :mod:`cod_bayes.simulate.worlds`). None of them is a curve that is fitted.
    scale
        Factor on the number of items of every benchmark (at least 20 remain).
    anchors
        Models of other families, 0 to 4: about a quarter of a decade better or worse than their
        compute says, with 1.5 times the item noise.
    random_seed
        Each benchmark's data depend on this and on its own name and settings alone: adding a
        benchmark, or changing ``n_trials``, ``n_checkpoints`` or ``anchors``, leaves the truth
        of the others as it is.

    Returns
    -------
    evals
        As :mod:`cod_bayes.schema` describes; without the target.
    truth
        Dims ``(benchmark, llm)``, final checkpoints of all runs with the target:
        ``expected_score``, the mean probability of a right answer with luck integrated out
        (an anchor's family offset counts as known), and ``score``, that of the run with the
        luck it had, which infinitely many trials would measure. A random walk of the items that
        do not scale is part of both.

    Raises
    ------
    ConfigError
        For an unknown world, a count below one, or two benchmarks of one name.

    Notes
    -----
    The recipe follows the research notes of this project; the ladder is Table A4 of
    arXiv 2502.17262.
    """
    specs = _scaled(PAPER_BENCHMARKS if benchmarks is None else benchmarks, scale)
    _check_settings(specs, n_trials, n_checkpoints, world)
    runs = paper_runs() + anchor_runs(anchors)
    ladder = _Ladder(runs, checkpoints_of(runs, n_checkpoints))
    simulated = [_simulate_benchmark(spec, ladder, n_trials, world, random_seed) for spec in specs]
    settings = {
        "world": world,
        "random_seed": int(random_seed),
        "n_trials": n_trials,
        "n_checkpoints": n_checkpoints,
        "scale": scale,
        "anchors": anchors,
    }
    return _evals(simulated, ladder, n_trials, settings), _truth(simulated, ladder, settings)


def _simulate_benchmark(
    spec: BenchmarkSpec, ladder: _Ladder, n_trials: int, world: str, random_seed: int
) -> _Simulated:
    # Keyed by name, and one stream for each source of randomness: nothing drawn for one
    # benchmark, for anchors or for further checkpoints moves what is drawn for the rest.
    seeds = np.random.SeedSequence(random_seed, spawn_key=(zlib.crc32(spec.name.encode()),))
    streams = [np.random.default_rng(child) for child in seeds.spawn(5)]
    item_rng, run_rng, anchor_rng, checkpoint_rng, trial_rng = streams

    paper = [run for run in ladder.runs if run.role != "anchor"]
    n_paper, n_anchors = len(paper), len(ladder.runs) - len(paper)
    items = draw_items(item_rng, spec, world, decades([run.flops for run in paper]))
    loadings = lucks.draw_loadings(item_rng, spec.n_items)

    offset = np.concatenate(
        [np.zeros(n_paper), anchor_rng.normal(0, lucks.ANCHOR_SHIFT_SD, n_anchors)]
    )
    pieces = [
        _draw_runs(rng, spec, items, loadings, count)
        for rng, count in ((run_rng, n_paper), (anchor_rng, n_anchors))
    ]
    shared, own, fixed, floor = (
        _join_luck([piece[0] for piece in pieces]),
        _join_luck([piece[1] for piece in pieces]),
        np.concatenate([piece[2] for piece in pieces], axis=1),
        np.concatenate([piece[3] for piece in pieces], axis=1),
    )
    scatter = _scatter(spec, ladder, world)
    run, final = ladder.run_of, ladder.final
    earlier = lucks.draw_luck(checkpoint_rng, spec.n_items, int((~final).sum()))
    own = _scattered_over(final, own, earlier)
    luck = shared.take(run).with_own(own)

    x = ladder.x + offset[run]
    logit = items.logit(x + scatter.shift_sd[run] * luck.shift)
    logit += fixed[:, run] + scatter.noise_sd[run] * luck.noise
    p = items.probability(logit, floor[:, run])
    expected = lucks.expected_scores(items, spec, loadings, x[final], scatter)
    # no trials of the target are ever drawn
    n_correct = trial_rng.binomial(n_trials, p[:, ~ladder.is_target].T)
    return _Simulated(spec, n_correct.astype(np.uint32), expected, p[:, final].mean(axis=0))


def _draw_runs(
    rng: np.random.Generator, spec: BenchmarkSpec, items: Items, loadings: Array, n_runs: int
) -> tuple[lucks.Luck, lucks.Luck, Array, Array]:
    """Luck shared by a run's checkpoints, luck of the final one, skills and floors of runs."""
    return (
        lucks.draw_luck(rng, spec.n_items, n_runs),
        lucks.draw_luck(rng, spec.n_items, n_runs),
        lucks.draw_skills(rng, spec, loadings, n_runs),
        lucks.draw_floors(rng, items, n_runs),
    )


def _join_luck(pieces: Sequence[lucks.Luck]) -> lucks.Luck:
    return lucks.Luck(
        np.concatenate([piece.shift for piece in pieces]),
        np.concatenate([piece.noise for piece in pieces], axis=1),
    )


def _scattered_over(
    final: npt.NDArray[np.bool_], at_final: lucks.Luck, earlier: lucks.Luck
) -> lucks.Luck:
    """Own luck of all checkpoints, from that of final and of earlier ones."""
    shift = np.empty(final.size)
    noise = np.empty((at_final.noise.shape[0], final.size))
    for mask, luck in ((final, at_final), (~final, earlier)):
        shift[mask], noise[:, mask] = luck.shift, luck.noise
    return lucks.Luck(shift, noise)


def _scatter(spec: BenchmarkSpec, ladder: _Ladder, world: str) -> lucks.Scatter:
    anchor = np.array([run.role == "anchor" for run in ladder.runs])
    shift_sd = spec.shift_sd * (lucks.BEND_SHIFT_FACTOR if world == "bend" else 1.0)
    return lucks.Scatter(
        shift_sd=np.full(anchor.size, shift_sd),
        noise_sd=spec.item_noise * np.where(anchor, lucks.ANCHOR_NOISE_FACTOR, 1.0),
    )


def _evals(
    simulated: Sequence[_Simulated],
    ladder: _Ladder,
    n_trials: int,
    settings: Mapping[str, object],
) -> xr.Dataset:
    kept = [c for c, out in zip(ladder.checkpoints, ladder.is_target, strict=True) if not out]
    runs = [ladder.runs[c.run] for c in kept]
    names = [one.spec.name for one in simulated for _ in range(one.spec.n_items)]
    ids = [str(i) for one in simulated for i in range(one.spec.n_items)]
    n_correct = np.concatenate([one.n_correct for one in simulated], axis=1)
    return xr.Dataset(
        {
            N_TRIALS: ((LLM, ITEM), np.full(n_correct.shape, n_trials, dtype=np.uint32)),
            N_CORRECT: ((LLM, ITEM), n_correct),
        },
        coords={
            LLM: [c.label for c in kept],
            "params_total": (LLM, [run.params for run in runs]),
            "params_active": (LLM, [run.params for run in runs]),
            "tokens": (LLM, [r.tokens * c.share for r, c in zip(runs, kept, strict=True)]),
            "flops": (LLM, [r.flops * c.share for r, c in zip(runs, kept, strict=True)]),
            "family": (LLM, [run.family for run in runs]),
            "seed": (LLM, np.zeros(len(runs), dtype=np.int64)),
            "run": (LLM, [run.name for run in runs]),
            "checkpoint": (LLM, np.array([c.index for c in kept], dtype=np.int64)),
            "phase": (LLM, ["stable"] * len(runs)),
            "role": (LLM, [run.role for run in runs]),
            ITEM: [f"{name}/{item}" for name, item in zip(names, ids, strict=True)],
            "benchmark": (ITEM, names),
            "item_id": (ITEM, ids),
            "n_questions": (ITEM, np.ones(len(ids), dtype=np.int64)),
            "guess_floor": (ITEM, _per_item(simulated, "guess_floor")),
            "metric": (ITEM, _per_item(simulated, "metric")),
        },
        attrs=_attrs(settings),
    )


def _truth(
    simulated: Sequence[_Simulated], ladder: _Ladder, settings: Mapping[str, object]
) -> xr.Dataset:
    runs = ladder.runs
    dims = ("benchmark", LLM)
    return xr.Dataset(
        {
            "expected_score": (dims, np.stack([one.expected for one in simulated])),
            "score": (dims, np.stack([one.score for one in simulated])),
        },
        coords={
            "benchmark": [one.spec.name for one in simulated],
            "n_items": ("benchmark", [one.spec.n_items for one in simulated]),
            LLM: [run.name for run in runs],
            "params_total": (LLM, [run.params for run in runs]),
            "params_active": (LLM, [run.params for run in runs]),
            "tokens": (LLM, [run.tokens for run in runs]),
            "flops": (LLM, [run.flops for run in runs]),
            "family": (LLM, [run.family for run in runs]),
            "role": (LLM, [run.role for run in runs]),
        },
        attrs=_attrs(settings),
    )


def _per_item(simulated: Sequence[_Simulated], name: str) -> list[float | str]:
    return [getattr(one.spec, name) for one in simulated for _ in range(one.spec.n_items)]


def _attrs(settings: Mapping[str, object]) -> dict[str, str | int]:
    return {
        "schema_version": SCHEMA_VERSION,
        "flop_convention": FLOP_CONVENTION,
        "decoding": "simulated",
        "sources": json.dumps([]),
        "simulation": json.dumps(settings),
    }


def _scaled(specs: Sequence[BenchmarkSpec], scale: float) -> list[BenchmarkSpec]:
    if not scale > 0:
        raise ConfigError(f"scale must be positive; got {scale!r}")
    if scale == 1:
        return list(specs)
    return [
        replace(spec, n_items=max(min(_MIN_ITEMS, spec.n_items), round(scale * spec.n_items)))
        for spec in specs
    ]


def _check_settings(
    specs: Sequence[BenchmarkSpec], n_trials: int, n_checkpoints: int, world: str
) -> None:
    names = [spec.name for spec in specs]
    if not names:
        raise ConfigError("benchmarks is empty; leave it out to simulate the paper's eight")
    repeated = sorted({name for name in names if names.count(name) > 1})
    if repeated:
        raise ConfigError(f"benchmark {repeated[0]!r} is given twice; names must differ")
    if world not in WORLDS:
        raise ConfigError(f"world must be one of {', '.join(WORLDS)}; got {world!r}")
    if n_trials < 1:
        raise ConfigError(f"n_trials must be at least 1; got {n_trials!r}")
    if not 1 <= n_checkpoints <= 25:
        raise ConfigError(f"n_checkpoints must be within 1 and 25; got {n_checkpoints!r}")
