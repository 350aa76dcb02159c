"""An anytime-valid alarm for persistent drift: a mixture e-process on standardised surprises.

If a run is healthy and the model right, surprises ``z_1, z_2, ...`` are independent standard
normal. Clipped at ``c``, ``f = clip(z, -c, c)`` is a 1-Lipschitz function of a Gaussian with mean
zero, hence 1-sub-Gaussian: ``E exp(d f - d^2 / 2) <= 1`` for every drift ``d``. With ``d ~ N(0,
1)`` integrated out, the evidence for a drift that began at checkpoint ``k`` is closed,

    e_kt = (1 + n)^(-1/2) exp(S^2 / (2 (1 + n))),   S = f_k + ... + f_t,   n = t - k + 1,

and so is its mixture over beginnings: each checkpoint has the weight of the share of training
since the last one, and what is still to come counts as one. A mixture of test martingales is one;
so is an average over streams, however they depend on each other. Starting at one, it ever exceeds
``1 / alpha`` with probability at most ``alpha`` (Ville 1939), whenever one looks and stops.

One excursion is no alarm: alone it multiplies the evidence by at most ``exp(c^2 / 4) / sqrt(2)``,
which is 1.9.

References
----------
Ville, Etude critique de la notion de collectif, 1939. Howard, Ramdas, McAuliffe and Sekhon,
Annals of Statistics 49 (2021) 1055. Shin, Ramdas and Rinaldo, e-detectors, New England Journal of
Statistics in Data Science 2 (2024) 229.
"""

import numpy as np

from cod_bayes.monitor.checkpoints import Floats

CLIP = 2.0


def compute_evidence(surprises: Floats, share: Floats) -> Floats:
    """The e-process of every stream, after each checkpoint: (checkpoint, stream).

    Parameters
    ----------
    surprises
        Standard normal if healthy, (checkpoint, stream), in time; NaN where a stream has none.
    share
        Share of training at each checkpoint, ascending within (0, 1].
    """
    clipped = np.nan_to_num(np.clip(surprises, -CLIP, CLIP))
    counted = np.isfinite(surprises).astype(float)
    weights = np.diff(share, prepend=0.0)
    evidence = np.empty(surprises.shape)
    for now in range(len(share)):
        begun = _weigh_beginnings(clipped[: now + 1], counted[: now + 1], weights[: now + 1])
        evidence[now] = begun.sum(axis=0) + 1 - share[now]
    return evidence


def _weigh_beginnings(clipped: Floats, counted: Floats, weights: Floats) -> Floats:
    """Weighted evidence for a drift since each checkpoint up to now: (beginning, stream)."""
    total, n = (np.cumsum(values[::-1], axis=0)[::-1] for values in (clipped, counted))
    weighted: Floats = weights[:, None] * np.exp(0.5 * total**2 / (1 + n)) / np.sqrt(1 + n)
    return weighted


def pool_streams(evidence: Floats) -> Floats:
    """One e-process of all: half the weight on the first stream, which is common; (checkpoint,)."""
    if evidence.shape[1] == 2:
        return evidence[:, 0]  # a single benchmark is its own common stream
    pooled: Floats = 0.5 * evidence[:, 0] + 0.5 * evidence[:, 1:].mean(axis=1)
    return pooled


def locate_drift(surprises: Floats, share: Floats) -> tuple[float, int]:
    """The likeliest beginning of one stream's drift (share of training), and its sign.

    ``surprises`` and ``share`` are (checkpoint,).
    """
    column = np.nan_to_num(np.clip(surprises, -CLIP, CLIP))[:, None]
    counted = np.isfinite(surprises).astype(float)[:, None]
    begun = _weigh_beginnings(column, counted, np.diff(share, prepend=0.0))[:, 0]
    first = int(begun.argmax())
    return float(share[first]), int(np.sign(column[first:].sum()))
