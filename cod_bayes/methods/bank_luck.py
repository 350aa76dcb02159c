"""A checkpoint's luck, shared by all items, and the part of it that no ladder shows.

Luck that is linear in the log of compute, ``e = beta_0 + beta_1 x``, cannot be told from easier
items and steeper curves: the bank takes it up. So luck is split, ``e = X beta + r``. Only ``r`` is
sampled, with ``beta`` integrated out under luck's prior, and a forecast draws ``beta`` again and
takes it off. That is a regression's leverage: it widens a forecast with its distance.
"""

import numpy as np

from cod_bayes.methods.bank_curves import Array


def design(x: Array) -> Array:
    """What luck may have in common with the bank: a level and a trend, shape (llm, 2)."""
    return np.stack([np.ones_like(x), x], axis=1)


def split_luck(x: Array, weight: Array) -> tuple[Array, Array]:
    """A basis of luck without trend, and its prior precision in units of 1 / luck_sd^2.

    "Without trend" is by least squares with ``weight`` (llm,): runs at the floor, whose luck
    nothing shows, hardly take part. Any weight gives the same model; this one mixes well.

    Returns
    -------
    basis, precision
        Shapes (llm, llm - 2) and (llm - 2, llm - 2); the trend is integrated out of the precision.
    """
    trend = design(x)
    left, _, _ = np.linalg.svd(trend * weight[:, None])
    basis: Array = left[:, trend.shape[1] :]
    hat = trend @ np.linalg.solve(trend.T @ trend, trend.T)
    return basis, basis.T @ (np.eye(x.size) - hat) @ basis


def draw_trend(
    x: Array, residual: Array, luck_sd: Array, at: Array, rng: np.random.Generator
) -> Array:
    """The trend that the bank took up, at new computes ``at`` (target,): shape (draw, target).

    Given the residual (draw, llm), ``beta ~ Normal(-(X'X)^-1 X' r, luck_sd^2 (X'X)^-1)``.
    """
    trend = design(x)
    covariance = np.linalg.inv(trend.T @ trend)
    mean = -residual @ trend @ covariance
    root = np.linalg.cholesky(covariance)
    beta = mean + luck_sd[:, None] * (rng.standard_normal(mean.shape) @ root.T)
    drawn: Array = beta @ design(at).T
    return drawn
