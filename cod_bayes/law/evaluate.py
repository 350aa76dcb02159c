"""The law at any scale, from stored draws alone: NumPy and xarray, no PyMC."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from cod_bayes.law.curves import Curve, compute_log_hazard, compute_score
from cod_bayes.law.data import SCALE
from cod_bayes.schema import CLUSTER

TARGET = "target"


def evaluate_rows(posterior: xr.Dataset, log_scale: np.ndarray, curve: Curve) -> np.ndarray:
    """Every row's probability to succeed at every target, luck apart.

    Parameters
    ----------
    posterior
        ``log_hazard``, ``slope`` (chain, draw, scale, cluster); ``ceiling``, ``floor`` (chain,
        draw, cluster); ``frailty`` (chain, draw) or (chain, draw, cluster).
    log_scale
        Covariates relative to the reference, in nats, shape (scale, target).

    Returns
    -------
    ndarray
        Shape (draw, cluster, target), chains one after the other; within (0, 1).
    """
    rows = stack_draws(posterior)
    hazard = compute_log_hazard(
        rows["log_hazard"].transpose(SCALE, "sample", CLUSTER).values[..., None],
        rows["slope"].transpose(SCALE, "sample", CLUSTER).values[..., None],
        log_scale[:, None, None, :],
    )
    ceiling, floor = (
        rows[name].transpose("sample", CLUSTER).values[..., None] for name in ("ceiling", "floor")
    )
    frailty = per_row(rows, "frailty") if curve.has_frailty else 0.0
    score: np.ndarray = compute_score(hazard, ceiling, floor, frailty, curve)
    return score


def per_row(rows: xr.Dataset, name: str) -> np.ndarray:
    """A parameter shared by rows, shaped (draw, cluster or 1, 1) to combine with rows' scores."""
    values = rows[name]
    if CLUSTER in values.dims:
        spread: np.ndarray = values.transpose("sample", CLUSTER).values[..., None]
        return spread
    shared: np.ndarray = values.transpose("sample").values[:, None, None]
    return shared


def stack_draws(posterior: xr.Dataset) -> xr.Dataset:
    """Chains one after the other along ``sample``; nothing is reduced or reordered."""
    if "sample" in posterior.dims:
        return posterior
    return posterior.stack(sample=("chain", "draw"), create_index=False)


def log_scale_of(
    targets: Mapping[str, np.ndarray], reference: Mapping[str, float], scales: tuple[str, ...]
) -> np.ndarray:
    """Targets' covariates relative to the largest ladder run's, in nats, shape (scale, target)."""
    return np.array([np.log(np.asarray(targets[scale]) / reference[scale]) for scale in scales])
