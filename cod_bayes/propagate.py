"""How a draw of all stages becomes a draw of the score, and where its variance comes from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import xarray as xr

from cod_bayes.law.curves import Curve, shift_logit
from cod_bayes.law.evaluate import evaluate_rows, per_row, stack_draws
from cod_bayes.law.model import compute_spread
from cod_bayes.mapping.curves import NO_MAP, compute_full, load_form
from cod_bayes.schema import CLUSTER

# In the order in which the variance is split: each source given those before it.
SOURCES = (
    "law parameters",
    "mapping",
    "checkpoint luck",
    "cluster and item residual",
    "measuring trials",
)
N_NODES = 5
N_REPLICATES = 8
TINY = 1e-9

Array = np.ndarray


@dataclass(frozen=True)
class Chain:
    """All that leads from posterior draws to one benchmark's score.

    law
        Draws of the rows in the predictable subset (or of one row, the whole benchmark); chains
        are stacked along ``sample`` once, here.
    n_questions
        Questions in each row.
    n_items
        Questions in the whole benchmark.
    log_scale
        Targets' covariates, nats from the reference, shape (scale, target).
    mapping
        Draws of one benchmark's map, with its ``centre`` and ``share``; None where the rows are
        the whole benchmark.
    trials
        Trials an item of the measurement; None for the true pass rate.
    """

    law: xr.Dataset
    n_questions: Array
    n_items: float
    log_scale: Array
    curve: Curve
    trials: int | None = None
    mapping: xr.Dataset | None = None
    form: str = NO_MAP

    def __post_init__(self) -> None:
        object.__setattr__(self, "law", stack_draws(self.law))
        if self.mapping is not None:
            object.__setattr__(self, "mapping", stack_draws(self.mapping))

    @cached_property
    def rates(self) -> Array:
        """The law's rates at the targets, luck apart, shape (draw, cluster, target)."""
        return evaluate_rows(self.law, self.log_scale, self.curve)

    @cached_property
    def map_draws(self) -> dict[str, Array]:
        """The map's draws as columns (draw, 1), taken out of the Dataset once."""
        assert self.mapping is not None
        names = ("offset", "slope", "scatter_sd")
        return {n: self.mapping[n].transpose("sample").values[:, None] for n in names}

    @property
    def weights(self) -> Array:
        """Each row's share of the subset, shaped (1, cluster, 1)."""
        share: Array = (self.n_questions / self.n_questions.sum())[None, :, None]
        return share


@dataclass(frozen=True)
class Draw:
    """One new run for every posterior draw: what was drawn for it, source by source.

    ``map_order`` (draw,) pairs draws of the mapping with draws of the law; ``luck`` (draw, 1, 1);
    ``realised`` the true and ``score`` the measured score, both (draw, target).
    """

    map_order: Array
    luck: Array
    realised: Array
    score: Array


def draw_score(chain: Chain, rng: np.random.Generator, luck: Array | None = None) -> Array:
    """One new run's score for every posterior draw, shape (draw, target).

    ``luck``, standard normal, shape (draw, 1, 1), is the run's own where several benchmarks share
    it; by default it is drawn here.
    """
    if luck is None:
        return _draw(chain, chain.rates, rng).score
    realised = _realise(chain, chain.rates, luck, np.arange(len(luck)), rng)
    return _measure(chain, realised, rng)


def chain_benchmarks(
    posterior: xr.Dataset,
    n_questions: xr.DataArray,
    log_scale: Array,
    make: Callable[..., Chain],
) -> dict[str, Chain]:
    """A chain for each benchmark of a law whose rows are whole benchmarks.

    Parameters
    ----------
    posterior
        Draws of the rows.
    n_questions
        Dim cluster: questions of each benchmark.
    log_scale
        Targets' covariates, nats from the law's reference, shape (scale, target).
    make
        Makes a chain of ``law``, ``n_questions``, ``n_items`` and ``log_scale``.
    """
    draws = stack_draws(posterior)
    chains = {}
    for name in n_questions[CLUSTER].values:
        law, n = draws.sel({CLUSTER: [name]}), float(n_questions.sel({CLUSTER: name}))
        chains[str(name)] = make(law=law, n_questions=np.array([n]), n_items=n, log_scale=log_scale)
    return chains


def draw_benchmarks(chains: Mapping[str, Chain], rng: np.random.Generator) -> dict[str, Array]:
    """One new run's scores on all benchmarks, its luck the same: benchmark -> (draw, target)."""
    n_draws = next(iter(chains.values())).law.sizes["sample"]
    luck = rng.standard_normal((n_draws, 1, 1))
    return {name: draw_score(chain, rng, luck) for name, chain in chains.items()}


def _draw(
    chain: Chain, law: Array, rng: np.random.Generator, like: Draw | None = None, n_kept: int = 1
) -> Draw:
    """Draw a new run; the first ``n_kept`` sources (the law's draw first) are as in ``like``."""
    n_draws = law.shape[0]
    if like is None:
        map_order = np.arange(n_draws)
    else:
        map_order = like.map_order if n_kept >= 2 else rng.permutation(n_draws)
    luck = like.luck if like and n_kept >= 3 else rng.standard_normal((n_draws, 1, 1))
    realised = like.realised if like and n_kept >= 4 else _realise(chain, law, luck, map_order, rng)
    return Draw(map_order, luck, realised, _measure(chain, realised, rng))


def _measure(chain: Chain, realised: Array, rng: np.random.Generator) -> Array:
    """The score that a number of trials an item would show."""
    if chain.trials is None:
        return realised
    n = int(chain.n_items * chain.trials)
    measured: Array = rng.binomial(n, np.clip(realised, 0, 1)) / n
    return measured


def _realise(
    chain: Chain, law: Array, luck: Array, map_order: Array, rng: np.random.Generator
) -> Array:
    """One new run's full score, given its luck: its rows depart from their laws, then the map."""
    rows = chain.law
    rate = shift_logit(law, per_row(rows, "luck_sd") * luck)
    spread = compute_spread(
        rate,
        chain.n_questions[None, :, None],
        per_row(rows, "item_dispersion"),
        per_row(rows, "residual_sd"),
    )
    realised = rng.beta(rate / spread, (1 - rate) / spread)
    subset: Array = (chain.weights * realised).sum(axis=1)
    if chain.mapping is None:
        return subset
    scatter = rng.standard_normal(subset.shape)
    return _map(chain, subset, scatter, map_order)


def _map(chain: Chain, subset: Array, scatter: Array, map_order: Array) -> Array:
    """Full score from the subset's; ``scatter`` in units of the map's own scatter."""
    assert chain.mapping is not None
    offset, slope, scatter_sd = (draws[map_order] for draws in chain.map_draws.values())
    centre, share = (float(chain.mapping[name]) for name in ("centre", "share"))
    inside = np.clip(subset, TINY, 1 - TINY)
    form = load_form(chain.form)
    logit = form.line(np.log(inside / (1 - inside)), centre, offset, slope, np)
    response = 1 / (1 + np.exp(-(logit + scatter_sd * scatter)))
    return compute_full(subset, response, share, form)


def expect_score(chain: Chain) -> Array:
    """The expected score of each posterior draw, shape (draw, target).

    Checkpoint luck and the map's scatter are integrated by Gauss-Hermite quadrature; rows' own
    departures keep their mean and average out over the subset.
    """
    law = chain.rates
    luck_sd = per_row(chain.law, "luck_sd")
    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    weights = weights / weights.sum()
    in_order = np.arange(law.shape[0])
    total = np.zeros((law.shape[0], law.shape[2]))
    for node, weight in zip(nodes, weights, strict=True):
        subset = (chain.weights * shift_logit(law, luck_sd * node)).sum(axis=1)
        if chain.mapping is None:
            total += weight * subset
            continue
        for scatter, share in zip(nodes, weights, strict=True):
            total += weight * share * _map(chain, subset, np.full_like(subset, scatter), in_order)
    return total


def split_variance(chain: Chain, rng: np.random.Generator) -> Array:
    """Shares of the score's variance by source, shape (target, source); each row sums to one.

    By the law of total variance, ``Var E[Y | sources 1..j]`` grows with ``j``; its increments are
    the shares. Each is the correlation of two draws that have sources ``1..j`` in common and
    nothing else (Sobol 2001, the pick-freeze estimator), averaged over a few pairs. Sources that
    are shared by the draws of one posterior (law, mapping) are independent, since the two stages
    are sampled apart.
    """
    law = chain.rates
    n_edges = len(SOURCES) - 1
    explained = np.zeros((n_edges, law.shape[2]))
    for _ in range(N_REPLICATES):
        first = _draw(chain, law, rng)
        for n_kept in range(1, len(SOURCES)):
            second = _draw(chain, law, rng, first, n_kept)
            explained[n_kept - 1] += _correlation(first.score, second.score) / N_REPLICATES
    if chain.trials is None:
        explained[-1] = 1.0  # nothing is measured, so the sources before it explain all
    # Monte-Carlo error aside, explained variance rises from source to source up to the total.
    cumulative = np.maximum.accumulate(np.clip(explained, 0, 1), axis=0)
    edges = np.vstack([np.zeros(law.shape[2]), cumulative, np.ones(law.shape[2])])
    shares: Array = np.diff(edges, axis=0).T
    return shares


def _correlation(first: Array, second: Array) -> Array:
    """Correlation over draws, one a target; a score that does not vary has none."""
    first, second = first - first.mean(axis=0), second - second.mean(axis=0)
    scale = np.sqrt((first**2).mean(axis=0) * (second**2).mean(axis=0))
    correlation: Array = (first * second).mean(axis=0) / np.where(scale > 0, scale, 1.0)
    return correlation
