"""New runs, one for every posterior draw: a run has one luck, whatever benchmark looks at it."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from cod_bayes.pool import MEMBERS, POOL, pool_draws
from cod_bayes.propagate import Chain, draw_score, expect_score
from cod_bayes.schema import BENCHMARK
from cod_bayes.stages import Stages, build_chains
from cod_bayes.streams import open_stream

Array = np.ndarray

# Draws x rows x targets that are held at once, and a guess at how many rows the widest law has.
MAX_CELLS, WIDEST = 40_000_000, 10


def draw_new_run(
    chains: Mapping[str, Chain],
    benchmark: str,
    random_seed: int,
    run: str = "",
    block: int = 0,
) -> dict[str, Array]:
    """One new run's score by forecaster, shape (draw, target) each.

    The end-to-end law has one luck for all benchmarks of a run; the laws of clusters are fitted
    benchmark by benchmark, and know nothing of each other's. Targets share the run's luck: they are
    alternatives, of which one will be trained. Runs of different name have their own. Targets too
    many to be drawn at once come in blocks.
    """
    draws = {}
    for forecaster, chain in chains.items():
        scope = benchmark if forecaster == "cod" else "every benchmark"
        n_draws = chain.law.sizes["sample"]
        luck = open_stream(random_seed, run, forecaster, scope).standard_normal((n_draws, 1, 1))
        rng = open_stream(random_seed, run, forecaster, benchmark, f"block {block}")
        draws[forecaster] = draw_score(chain, rng, luck)
    return draws


def draw_scores(
    stages: Stages,
    log_scale: Array,
    *,
    trials: int | None = None,
    random_seed: int = 0,
    run: str = "",
    only: Iterable[str] | None = None,
) -> dict[str, Array]:
    """One new run's scores by what leads each benchmark: benchmark -> (draw, target).

    Parameters
    ----------
    stages
        From :func:`cod_bayes.stages.load_stages`. Draw ``s`` of all that is drawn from the same
        stages rests on the same draw ``s`` of the law.
    log_scale
        Covariates, nats from the law's reference, shape (scale, target).
    trials
        Trials an item of the measurement; None for the true pass rate.
    random_seed, run
        Runs of different name have luck of their own.
    only
        The benchmarks that are wanted; all by default.
    """

    def draw(name: str, chains: Mapping[str, Chain], block: int) -> Array:
        drawn = draw_new_run(_pick(chains, leads[name]), name, random_seed, run, block)
        return _lead(drawn, leads[name], name, stages.pool_weight, random_seed)

    leads = find_leads(stages)
    return _collect(stages, log_scale, trials, draw, leads if only is None else only)


def expect_scores(stages: Stages, log_scale: Array, *, random_seed: int = 0) -> dict[str, Array]:
    """The expected scores, what runs differ in integrated out: benchmark -> (draw, target)."""
    leads = find_leads(stages)

    def expect(name: str, chains: Mapping[str, Chain], block: int) -> Array:
        means = {m: expect_score(chain) for m, chain in _pick(chains, leads[name]).items()}
        return _lead(means, leads[name], name, stages.pool_weight, random_seed)

    return _collect(stages, log_scale, None, expect, leads)


def find_leads(stages: Stages) -> dict[str, str]:
    """Which forecaster leads each benchmark."""
    leads = stages.clusters["headline"]
    return dict(zip(map(str, leads[BENCHMARK].values), leads.values.tolist(), strict=True))


def note_leads(stages: Stages, lead: str) -> list[str]:
    """Say where another forecaster leads than the one that was asked for, and why."""
    reasons = stages.clusters["headline_reason"]
    return [
        f"{name}: the end-to-end law leads, since {reasons.sel({BENCHMARK: name}).item()}"
        for name, leads in find_leads(stages).items()
        if leads != lead
    ]


def _pick(chains: Mapping[str, Chain], lead: str) -> dict[str, Chain]:
    """The chains that a lead needs."""
    return {name: chains[name] for name in (MEMBERS if lead == POOL else (lead,))}


def _lead(
    draws: Mapping[str, Array], lead: str, benchmark: str, weight: float, random_seed: int
) -> Array:
    """The draws of what leads a benchmark."""
    if lead == POOL:
        return pool_draws(draws, benchmark, weight, random_seed)
    return draws[lead]


def _collect(
    stages: Stages,
    log_scale: Array,
    trials: int | None,
    ask: Callable[[str, Mapping[str, Chain], int], Array],
    names: Iterable[str],
) -> dict[str, Array]:
    """Ask for every benchmark, block by block of the targets."""
    n_targets = log_scale.shape[1]
    at_once = max(1, MAX_CELLS // (WIDEST * stages.whole.sizes["sample"]))
    blocks = [log_scale[:, start : start + at_once] for start in range(0, n_targets, at_once)]
    return {
        name: np.concatenate(
            [
                ask(name, build_chains(stages, name, part, trials), number)
                for number, part in enumerate(blocks)
            ],
            axis=1,
        )
        for name in names
    }
