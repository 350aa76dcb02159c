"""The pool of both forecasters: each draw is the one's or the other's."""

from collections.abc import Mapping

import numpy as np

from cod_bayes.streams import open_stream

Array = np.ndarray

POOL = "pool"
MEMBERS = ("end-to-end", "cod")


def pool_draws(
    draws: Mapping[str, Array], benchmark: str, weight: float, random_seed: int
) -> Array:
    """The linear pool (mixture) of two forecasts, draw by draw.

    A draw is the end-to-end law's with probability ``weight``, else COD's, for all targets and runs
    alike: which of them is right about a benchmark is one of the things that are not known.

    Parameters
    ----------
    draws
        ``end-to-end`` and ``cod``, shape (draw, target) each.
    """
    whole, clusters = (draws[name] for name in MEMBERS)
    chosen = open_stream(random_seed, POOL, benchmark).random((len(whole), 1)) < weight
    return np.where(chosen, whole, clusters)


def pool_variance_shares(
    shares: Mapping[str, Array], draws: Mapping[str, Array], weight: float
) -> Array:
    """Shares of a pool's variance by source, and at the end that of not knowing which is right.

    By the law of total variance: the members' own variances, weighted, and ``w (1 - w)`` times the
    squared difference of their means.

    Parameters
    ----------
    shares
        By member, shape (target, source), each row summing to one.
    draws
        As in :func:`pool_draws`.

    Returns
    -------
    ndarray
        Shape (target, source + 1).
    """
    weights = dict(zip(MEMBERS, (weight, 1 - weight), strict=True))
    within = sum(weights[m] * draws[m].var(axis=0)[:, None] * shares[m] for m in MEMBERS)
    first, second = (draws[m].mean(axis=0) for m in MEMBERS)
    between = weight * (1 - weight) * (first - second) ** 2
    parts = np.concatenate([within, between[:, None]], axis=1)
    total = parts.sum(axis=1, keepdims=True)
    split: Array = parts / np.where(total > 0, total, 1.0)
    return split
