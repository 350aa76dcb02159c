"""How likely an item's counts are under every curve of the bank. Import lazily: imports Numba.

An item's count on a model is beta-binomial about its curve: besides the trials there is noise that
an item and a model share with nothing else. It has standard deviation ``s`` on the logit,

    k ~ BetaBinomial(T, q / r, (1 - q) / r),     r = s^2 q (1 - q),

so that a rate near 0 or 1 scatters in proportion to its distance from there.

Everything is read from one table: log-probability of each distinct pair (T, k), at each logit of a
fine grid, for each noise of a coarse one. A curve moved by a model's luck is a row of that table,
interpolated.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_matrix
from scipy.special import betaln, gammaln

from cod_bayes.cluster.flat_kernel import compile_cached
from cod_bayes.methods.bank_curves import Array

LOGIT_END, LOGIT_STEP = 9.0, 0.06
N_LOGITS = 301
LOGITS = np.linspace(-LOGIT_END, LOGIT_END, N_LOGITS)
NEGLIGIBLE = -14.0  # a curve this much less likely (nats) than the best is never drawn
SMALLEST = 1e-30  # weight: keeps a sum of weights above zero


@dataclass(frozen=True)
class Counts:
    """Counts of one benchmark's items; those with the same counts everywhere stand together.

    pairs
        Distinct (trials, successes), shape (pair, 2).
    cells
        Which pair each pattern of counts has on each model, shape (pattern, llm).
    pattern
        Pattern of each item, shape (item,).
    """

    pairs: Array
    cells: Array
    pattern: Array

    @cached_property
    def items_by_pattern(self) -> tuple[Array, Array]:
        """Items sorted by pattern, and where each pattern begins (one more than there are)."""
        starts = np.searchsorted(np.sort(self.pattern), np.arange(len(self.cells) + 1))
        return np.argsort(self.pattern, kind="stable"), starts

    @property
    def cells_of_items(self) -> Array:
        """Shape (item, llm)."""
        cells: Array = self.cells[self.pattern]
        return cells


def group_counts(n_trials: Array, n_correct: Array) -> Counts:
    """Group the counts of items, both of shape (item, llm)."""
    both = np.stack([n_trials, n_correct], axis=-1).astype(np.int64)
    pairs, cell = np.unique(both.reshape(-1, 2), axis=0, return_inverse=True)
    cells, pattern = np.unique(cell.reshape(n_trials.shape), axis=0, return_inverse=True)
    return Counts(pairs, cells, pattern.reshape(-1))


def log_beta_binomial(trials: Array, correct: Array, rate: Array, noise: Array) -> Array:
    """Log-probability of the counts; ``noise`` is s above; the arguments are broadcast."""
    spread = noise**2 * rate * (1 - rate)
    alpha, beta = rate / spread, (1 - rate) / spread
    choose = gammaln(trials + 1) - gammaln(correct + 1) - gammaln(trials - correct + 1)
    log_p: Array = choose + betaln(correct + alpha, trials - correct + beta) - betaln(alpha, beta)
    return log_p


def tabulate(pairs: Array, noises: Array) -> Array:
    """Log-probability of every pair at every logit of the grid, shape (noise, pair, logit)."""
    trials, correct = (column[None, :, None].astype(float) for column in pairs.T)
    rate = 1 / (1 + np.exp(-LOGITS))
    table = log_beta_binomial(trials, correct, rate, np.asarray(noises)[:, None, None])
    return np.ascontiguousarray(table, dtype=np.float32)


def table_of_curves(table: Array, logit: Array) -> Array:
    """Log-probability of every pair under every curve, shape (llm, pair, curve).

    Parameters
    ----------
    table
        For one noise, shape (pair, logit).
    logit
        Of the curves at the models, luck included, shape (curve, llm).
    """
    tables: Array = _interpolate(table, np.ascontiguousarray(logit.T))
    return tables


def score_items(table: Array, cells: Array, logit: Array, shift: Array) -> float:
    """Log-likelihood of all counts, ``shift`` (llm,) added to the items' logits (item, llm)."""
    return float(_score(table, cells, logit, shift))


@dataclass(frozen=True)
class Support:
    """The curves that each pattern of counts may follow, as compressed rows.

    Pattern ``p`` has the curves ``curve[starts[p]:starts[p + 1]]``, with the likelihood beside
    them, relative to its best; all others are less likely by more than ``NEGLIGIBLE`` nats.
    """

    starts: Array
    curve: Array
    likelihood: Array


def find_support(tables: Array, counts: Counts) -> Support:
    """Work out the likelihood of all patterns; ``tables`` from :func:`table_of_curves`."""
    return Support(*_find_support(tables, counts.cells))


def draw_curves(support: Support, counts: Counts, weight: Array, rng: Generator) -> Array:
    """Draw every item's curve given the curves' weights (curve,), shape (item,)."""
    order, starts = counts.items_by_pattern
    rows = (support.starts, support.curve, support.likelihood)
    drawn: Array = _draw_curves(*rows, order, starts, weight, rng)
    return drawn


def draw_weights(
    support: Support,
    counts: Counts,
    parts: csr_matrix,
    prior: Array,
    weight: Array,
    n_sweeps: int,
    rng: Generator,
) -> Array:
    """Draw the items' parts given the weights, weights given parts, and so on; shape (part,).

    Parameters
    ----------
    parts
        Share of each curve within each part of a mixture, shape (curve, part).
    prior
        Parameters of the weights' Dirichlet, shape (part,).
    weight
        Where the weights stand.
    """
    _, starts = counts.items_by_pattern
    rows = (support.starts, support.curve, support.likelihood)
    likelihood = _likelihood_of_parts(*rows, parts.indptr, parts.indices, parts.data, weight.size)
    drawn: Array = _alternate(likelihood, np.diff(starts), prior, weight, n_sweeps, rng)
    return drawn


def mix(support: Support, counts: Counts, weight: Array) -> float:
    """Log-likelihood of all items with their curves summed over, up to a constant."""
    _, starts = counts.items_by_pattern
    rows = (support.starts, support.curve, support.likelihood)
    return float(_mix(*rows, np.diff(starts), weight))


@compile_cached
def _place(logit: float) -> tuple[int, float]:
    """Position on the grid of logits: the point below, and the share of the way to the next."""
    place = (min(max(logit, -LOGIT_END), LOGIT_END) + LOGIT_END) / LOGIT_STEP
    below = min(int(place), N_LOGITS - 2)
    return below, place - below


@compile_cached
def _interpolate(table: Array, logit: Array) -> Array:
    n_llms, n_curves = logit.shape
    n_pairs = table.shape[0]
    tables = np.empty((n_llms, n_pairs, n_curves), dtype=np.float32)
    below = np.empty(n_curves, dtype=np.int64)
    share = np.empty(n_curves, dtype=np.float32)
    for m in range(n_llms):
        for j in range(n_curves):
            below[j], share[j] = _place(logit[m, j])
        for pair in range(n_pairs):
            row = table[pair]
            for j in range(n_curves):
                low = row[below[j]]
                tables[m, pair, j] = low + share[j] * (row[below[j] + 1] - low)
    return tables


@compile_cached
def _score(table: Array, cells: Array, logit: Array, shift: Array) -> float:
    total = 0.0
    for i in range(cells.shape[0]):
        for m in range(cells.shape[1]):
            below, share = _place(logit[i, m] + shift[m])
            row = table[cells[i, m]]
            total += row[below] + share * (row[below + 1] - row[below])
    return total


@compile_cached
def _find_support(tables: Array, cells: Array) -> tuple[Array, Array, Array]:
    n_patterns, n_llms = cells.shape
    n_curves = tables.shape[2]
    total = np.empty(n_curves, dtype=np.float32)
    starts = np.zeros(n_patterns + 1, dtype=np.int64)
    curve = np.empty(n_patterns * 64, dtype=np.int32)
    likelihood = np.empty(n_patterns * 64, dtype=np.float32)
    size = 0
    for p in range(n_patterns):
        total[:] = 0
        for m in range(n_llms):
            row = tables[m, cells[p, m]]
            for j in range(n_curves):
                total[j] += row[j]
        best = total.max()
        if size + n_curves > curve.size:
            curve = np.append(curve, np.empty(curve.size + n_curves, dtype=np.int32))
            likelihood = np.append(
                likelihood, np.empty(likelihood.size + n_curves, dtype=np.float32)
            )
        for j in range(n_curves):
            if total[j] > best + NEGLIGIBLE:
                curve[size] = j
                likelihood[size] = np.exp(total[j] - best)
                size += 1
        starts[p + 1] = size
    return starts, curve[:size], likelihood[:size]


@compile_cached
def _draw_curves(
    starts: Array,
    curve: Array,
    likelihood: Array,
    order: Array,
    item_starts: Array,
    weight: Array,
    rng: Generator,
) -> Array:
    drawn = np.empty(order.size, dtype=np.int64)
    cumulative = np.empty(weight.size)
    for p in range(starts.size - 1):
        first, n = starts[p], starts[p + 1] - starts[p]
        running = 0.0
        for k in range(n):
            running += weight[curve[first + k]] * likelihood[first + k]
            cumulative[k] = running
        for place in range(item_starts[p], item_starts[p + 1]):
            found = np.searchsorted(cumulative[:n], rng.random() * running, side="right")
            drawn[order[place]] = curve[first + min(found, n - 1)]
    return drawn


@compile_cached
def _likelihood_of_parts(
    starts: Array,
    curve: Array,
    likelihood: Array,
    part_starts: Array,
    part: Array,
    share: Array,
    n_parts: int,
) -> Array:
    mixed = np.zeros((starts.size - 1, n_parts))
    for p in range(starts.size - 1):
        for k in range(starts[p], starts[p + 1]):
            for place in range(part_starts[curve[k]], part_starts[curve[k] + 1]):
                mixed[p, part[place]] += likelihood[k] * share[place]
    return mixed


@compile_cached
def _alternate(
    likelihood: Array,
    n_items: Array,
    prior: Array,
    weight: Array,
    n_sweeps: int,
    rng: Generator,
) -> Array:
    n_patterns, n_parts = likelihood.shape
    count = np.zeros(n_parts)
    cumulative = np.empty(n_parts)
    weight = weight.copy()
    for _ in range(n_sweeps):
        count[:] = 0
        for p in range(n_patterns):
            running = 0.0
            for b in range(n_parts):
                running += weight[b] * likelihood[p, b]
                cumulative[b] = running
            for _item in range(n_items[p]):
                found = np.searchsorted(cumulative, rng.random() * running, side="right")
                count[min(found, n_parts - 1)] += 1
        for b in range(n_parts):  # a Dirichlet is normalised gammas
            weight[b] = SMALLEST + rng.standard_gamma(prior[b] + count[b])
        weight /= weight.sum()
    return weight


@compile_cached
def _mix(starts: Array, curve: Array, likelihood: Array, n_items: Array, weight: Array) -> float:
    total = 0.0
    for p in range(starts.size - 1):
        mixed = 0.0
        for k in range(starts[p], starts[p + 1]):
            mixed += weight[curve[k]] * likelihood[k]
        total += n_items[p] * np.log(mixed)
    return total
