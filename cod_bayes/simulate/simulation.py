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
from cod_bayes.simulate.families import DENSE, Family
from cod_bayes.simulate.ladder import (
    FLOP_CONVENTION,
    Ladder,
    anchor_runs,
    checkpoints_of,
    decades,
    paper_runs,
)
from cod_bayes.simulate.worlds import WORLDS, draw_items

Array = npt.NDArray[np.float64]

_MIN_ITEMS = 20


@dataclass(frozen=True)
class _Simulated:
    """One benchmark: counts (checkpoint, item), and true scores of final checkpoints (run,).

    ``by_item`` is the target's true score on each item.
    """

    spec: BenchmarkSpec
    n_correct: npt.NDArray[np.uint32]
    expected: Array
    score: Array
    by_item: Array


@dataclass(frozen=True)
class _Streams:
    """A source of randomness each, so that none moves what another draws."""

    items: np.random.Generator
    runs: np.random.Generator
    anchors: np.random.Generator
    checkpoints: np.random.Generator
    trials: np.random.Generator
    family: np.random.Generator


def simulate_evals(
    benchmarks: Sequence[BenchmarkSpec] | None = None,
    *,
    n_trials: int = 100,
    n_checkpoints: int = 3,
    world: str = "logis",
    scale: float = 1.0,
    anchors: int = 2,
    random_seed: int = 0,
    family: Family = DENSE,
    item_scores: bool = False,
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
    family
        The models: ``DENSE``, the paper's ladder; ``MIXTURE_OF_EXPERTS``, another family; or
        ``ANNEALED``, the first after continued training (:mod:`cod_bayes.simulate.families`). With
        one seed all families meet the same items, and the same anchors.
    item_scores
        Whether the target's truth comes by item too.

    Returns
    -------
    evals
        As :mod:`cod_bayes.schema` describes; without the target.
    truth
        Dims ``(benchmark, llm)``, final checkpoints of all runs with the target:
        ``expected_score``, the mean probability of a right answer with luck integrated out
        (what is a family's own counts as known), and ``score``, that of the run with the
        luck it had, which infinitely many trials would measure. A random walk of the items that
        do not scale is part of both. With ``item_scores`` also ``item_score(item)``: the target's
        ``score``, item by item.

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
    runs = family.runs + anchor_runs(anchors)
    ladder = Ladder(runs, checkpoints_of(runs, n_checkpoints))
    simulated = [
        _simulate_benchmark(spec, family, ladder, n_trials, world, random_seed) for spec in specs
    ]
    settings: dict[str, object] = {
        "world": world,
        "random_seed": int(random_seed),
        "n_trials": n_trials,
        "n_checkpoints": n_checkpoints,
        "scale": scale,
        "anchors": anchors,
    }
    if family != DENSE:
        settings["family"] = family.name
    truth = _truth(simulated, ladder, settings)
    if item_scores:
        truth = truth.assign(item_score=_item_scores(simulated))
    return _evals(simulated, ladder, n_trials, settings), truth


def _simulate_benchmark(
    spec: BenchmarkSpec,
    family: Family,
    ladder: Ladder,
    n_trials: int,
    world: str,
    random_seed: int,
) -> _Simulated:
    streams = _open_streams(spec, family, random_seed)
    n_own = len(family.runs)
    n_anchors = len(ladder.runs) - n_own
    # the walks' knots are those of the first family's models: items do not depend on the family
    items = draw_items(streams.items, spec, world, decades([run.flops for run in paper_runs()]))
    loadings = lucks.draw_loadings(streams.items, spec.n_items)

    departure = family.depart(streams.family, spec.n_items)
    of_anchors = streams.anchors.normal(0, lucks.ANCHOR_SHIFT_SD, n_anchors)
    offset = np.concatenate([np.full(n_own, departure.decades), of_anchors])
    uplift = np.outer(departure.logits, np.arange(len(ladder.runs)) < n_own)

    models = lucks.draw_models(streams.runs, spec, items, loadings, n_own)
    if family.trained_on:
        fresh = lucks.draw_luck(streams.family, spec.n_items, n_own)
        models = replace(models, own=fresh)
    models = models.beside(lucks.draw_models(streams.anchors, spec, items, loadings, n_anchors))
    scatter = _scatter(spec, ladder, world)
    run, final = ladder.run_of, ladder.final
    earlier = lucks.draw_luck(streams.checkpoints, spec.n_items, int((~final).sum()))
    luck = models.shared.take(run).with_own(models.own.scattered_over(final, earlier))

    x = ladder.x + offset[run]
    logit = items.logit(x + scatter.shift_sd[run] * luck.shift)
    logit += (models.skills + uplift)[:, run] + scatter.noise_sd[run] * luck.noise
    p = items.probability(logit, models.floor[:, run])
    expected = lucks.expected_scores(items, spec, loadings, x[final], uplift, scatter)
    # no trials of the target are ever drawn
    n_correct = streams.trials.binomial(n_trials, p[:, ~ladder.is_target].T).astype(np.uint32)
    by_item = p[:, ladder.is_target].mean(axis=1)
    return _Simulated(spec, n_correct, expected, p[:, final].mean(axis=0), by_item)


def _open_streams(spec: BenchmarkSpec, family: Family, random_seed: int) -> _Streams:
    """Streams keyed by the benchmark's name, and by the family's where it is not the first.

    Nothing drawn for one benchmark, for anchors or for further checkpoints moves what is drawn for
    the rest, and every family meets the same items.
    """
    benchmark, of_family = (zlib.crc32(name.encode()) for name in (spec.name, family.name))
    items, runs, anchors, checkpoints, trials = _spawn(random_seed, (benchmark,), 5)
    own_runs, own_checkpoints, own_trials, own = _spawn(random_seed, (benchmark, of_family), 4)
    if family == DENSE:
        return _Streams(items, runs, anchors, checkpoints, trials, own)
    runs = runs if family.trained_on else own_runs
    return _Streams(items, runs, anchors, own_checkpoints, own_trials, own)


def _spawn(random_seed: int, key: tuple[int, ...], n: int) -> list[np.random.Generator]:
    seeds = np.random.SeedSequence(random_seed, spawn_key=key)
    return [np.random.default_rng(child) for child in seeds.spawn(n)]


def _scatter(spec: BenchmarkSpec, ladder: Ladder, world: str) -> lucks.Scatter:
    anchor = np.array([run.role == "anchor" for run in ladder.runs])
    shift_sd = spec.shift_sd * (lucks.BEND_SHIFT_FACTOR if world == "bend" else 1.0)
    return lucks.Scatter(
        shift_sd=np.full(anchor.size, shift_sd),
        noise_sd=spec.item_noise * np.where(anchor, lucks.ANCHOR_NOISE_FACTOR, 1.0),
    )


def _evals(
    simulated: Sequence[_Simulated],
    ladder: Ladder,
    n_trials: int,
    settings: Mapping[str, object],
) -> xr.Dataset:
    kept = [c for c, out in zip(ladder.checkpoints, ladder.is_target, strict=True) if not out]
    runs = [ladder.runs[c.run] for c in kept]
    names, ids = _name_items(simulated)
    n_correct = np.concatenate([one.n_correct for one in simulated], axis=1)
    return xr.Dataset(
        {
            N_TRIALS: ((LLM, ITEM), np.full(n_correct.shape, n_trials, dtype=np.uint32)),
            N_CORRECT: ((LLM, ITEM), n_correct),
        },
        coords={
            LLM: [c.label for c in kept],
            "params_total": (LLM, [run.params * run.total_per_active for run in runs]),
            "params_active": (LLM, [run.params for run in runs]),
            "tokens": (LLM, [r.tokens * c.share for r, c in zip(runs, kept, strict=True)]),
            "flops": (LLM, [r.flops * c.share for r, c in zip(runs, kept, strict=True)]),
            "family": (LLM, [run.family for run in runs]),
            "seed": (LLM, np.zeros(len(runs), dtype=np.int64)),
            "run": (LLM, [run.name for run in runs]),
            "checkpoint": (LLM, np.array([c.index for c in kept], dtype=np.int64)),
            "phase": (LLM, [run.phase for run in runs]),
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
    simulated: Sequence[_Simulated], ladder: Ladder, settings: Mapping[str, object]
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
            "params_total": (LLM, [run.params * run.total_per_active for run in runs]),
            "params_active": (LLM, [run.params for run in runs]),
            "tokens": (LLM, [run.tokens for run in runs]),
            "flops": (LLM, [run.flops for run in runs]),
            "family": (LLM, [run.family for run in runs]),
            "role": (LLM, [run.role for run in runs]),
        },
        attrs=_attrs(settings),
    )


def _name_items(simulated: Sequence[_Simulated]) -> tuple[list[str], list[str]]:
    """Benchmark of every item, and its label there."""
    pairs = [(one.spec.name, str(i)) for one in simulated for i in range(one.spec.n_items)]
    return [name for name, _ in pairs], [label for _, label in pairs]


def _item_scores(simulated: Sequence[_Simulated]) -> xr.DataArray:
    names, ids = _name_items(simulated)
    labels = [f"{name}/{item}" for name, item in zip(names, ids, strict=True)]
    scores = np.concatenate([one.by_item for one in simulated])
    return xr.DataArray(scores, dims=ITEM, coords={ITEM: labels})


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
