"""Is a cluster extrapolatable? Judged per draw, kept with its probability.

The paper (arXiv 2502.17262, Figure 2) tells extrapolatable clusters from non-extrapolatable ones
(saturated, oscillating) and non-emergent ones by hard thresholds on a least-squares fit.
"""

import warnings

import numpy as np
import xarray as xr

from cod_bayes.config import ClassConfig
from cod_bayes.errors import ConfigError
from cod_bayes.law.curves import Curve
from cod_bayes.law.data import COMPUTE_SCALE
from cod_bayes.law.evaluate import evaluate_rows, stack_draws
from cod_bayes.schema import CLASSES, CLUSTER, N_CORRECT, N_TRIALS

PAPER_FLOP_UNIT = 1e18
PAPER_MIN_A, PAPER_MIN_B, PAPER_MAX_C = 1.0, 0.1, 1.0


def find_flat(data: xr.Dataset, config: ClassConfig) -> np.ndarray:
    """Rows that stand above their floor and do not rise over the ladder, shape (cluster,).

    A law fitted to such a row is torn between no slope, a low ceiling and a high floor; the data
    already say that nothing can be extrapolated from it.
    """
    rate = (data[N_CORRECT] / data[N_TRIALS].where(data[N_TRIALS] > 0)).values
    edge = max(rate.shape[1] // 4, 1)
    # A run that did not try the row, or all runs at one end of the ladder, says nothing.
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        rise = np.nanmean(rate[:, -edge:], axis=1) - np.nanmean(rate[:, :edge], axis=1)
        above = np.nanmean(rate, axis=1) - data["guess_floor"].values
    flat: np.ndarray = (rise < config.min_seen_rise) & (above > config.emerged)
    return flat


def classify_rows(
    posterior: xr.Dataset, curve: Curve, config: ClassConfig, reference: dict[str, float]
) -> xr.DataArray:
    """Probability of each class for every row, dims (cluster, class).

    Parameters
    ----------
    posterior
        The law's draws of one benchmark.
    reference
        Scale -> the largest ladder run's covariate.
    """
    if config.rule == "paper":
        extrapolatable, emergent = _judge_as_the_paper(posterior, reference)
    else:
        extrapolatable, emergent = _judge_by_rise(posterior, curve, config, len(reference))
    shares = [
        (extrapolatable & emergent).mean(axis=0),
        (~extrapolatable & emergent).mean(axis=0),
        (~emergent).mean(axis=0),
    ]
    return xr.DataArray(
        np.array(shares).T,
        dims=(CLUSTER, "class"),
        coords={CLUSTER: posterior[CLUSTER].values, "class": list(CLASSES)},
    )


def _judge_by_rise(
    posterior: xr.Dataset, curve: Curve, config: ClassConfig, n_scales: int
) -> tuple[np.ndarray, np.ndarray]:
    """Rise from the largest ladder run to the horizon, and ceiling; both (draw, cluster)."""
    # With two scales the horizon lies along equal growth of both: h^(1/2) each.
    horizon = np.log(config.horizon) / n_scales
    ends = evaluate_rows(posterior, np.array([[0.0, horizon]] * n_scales), curve)
    rows = stack_draws(posterior)
    floor, ceiling = (rows[n].transpose("sample", CLUSTER).values for n in ("floor", "ceiling"))
    rises = ends[..., 1] - ends[..., 0] >= config.min_rise
    emergent = ends[..., 1] - floor >= config.emerged
    return rises & (ceiling >= config.min_ceiling), emergent


def _judge_as_the_paper(
    posterior: xr.Dataset, reference: dict[str, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Hard thresholds a > 1, b > 0.1 and 0 <= c < 1, with a in units of 1e18 FLOP."""
    if tuple(reference) != COMPUTE_SCALE:
        raise ConfigError(
            'law.classes.rule = "paper" judges a law in compute, and this one is in '
            f'{" and ".join(reference)}; set law.scale = "compute" or rule = "posterior"'
        )
    rows = stack_draws(posterior).isel(scale=0).transpose("sample", CLUSTER, ...)
    slope = rows["slope"].values
    log_a = rows["log_hazard"].values + slope * np.log(reference["compute"] / PAPER_FLOP_UNIT)
    c = -np.log(rows["ceiling"].values)
    passed = (log_a > np.log(PAPER_MIN_A)) & (slope > PAPER_MIN_B) & (c < PAPER_MAX_C)
    return passed, np.ones_like(passed)
