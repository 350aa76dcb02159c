"""Log densities of the law at stored draws, in NumPy: its data's, and every prior's.

The formulas are those of :func:`cod_bayes.law.build_law`, and tests hold them to it. Written apart,
they need no PyMC and no compiled graph, and take all draws at once.
"""

from dataclasses import fields
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats
from scipy.special import logit

from cod_bayes.config import LawConfig
from cod_bayes.law.curves import Curve, load_curve, shift_logit
from cod_bayes.law.evaluate import evaluate_rows, per_row, stack_draws
from cod_bayes.law.model import compute_spread
from cod_bayes.priors import Prior
from cod_bayes.schema import CLUSTER, LLM, N_CORRECT, N_TRIALS

SAMPLE = "sample"
CEILINGS, FLOORS = "ceiling", "floor"

type Array = np.ndarray[Any, np.dtype[np.float64]]


def law_log_likelihood(posterior: xr.Dataset, data: xr.Dataset, curve: Curve) -> Array:
    """Log likelihood of a law's counts at every draw, shape (draw,).

    Parameters
    ----------
    posterior
        Draws of one law, ``luck`` included.
    data
        Its rows; see :func:`cod_bayes.law.data.build_rows`.
    """
    draws = stack_draws(posterior)
    law = evaluate_rows(draws, data["log_scale"].values, curve)
    rate = shift_logit(law, draws["luck"].transpose(SAMPLE, LLM).values[:, None, :], np)
    noise = (per_row(draws, name) for name in ("item_dispersion", "residual_sd"))
    spread = compute_spread(rate, data["n_questions"].values[None, :, None], *noise)
    correct, trials = (data[n].transpose(CLUSTER, LLM).values for n in (N_CORRECT, N_TRIALS))
    density = stats.betabinom.logpmf(correct, trials, rate / spread, (1 - rate) / spread)
    total: Array = density.sum(axis=(1, 2))
    return total


def law_log_priors(posterior: xr.Dataset, data: xr.Dataset, config: LawConfig) -> dict[str, Array]:
    """Log density of every prior that somebody chose, at every draw: name -> (draw,).

    These are the priors of :class:`cod_bayes.priors.LawPriors` that are no stated number, and the
    rows' ceilings and floors, whose scatter is stated. What the model learns the spread of
    (hazards, slopes and luck given their own parameters) is structure rather than prior
    (Kallioinen et al., arXiv 2107.14054, section 2.4.1).
    """
    draws = stack_draws(posterior)
    curve, priors = load_curve(config.curve), config.priors
    chance = data["guess_floor"].values
    mixed = data["mixed"].values.astype(bool)
    # parameters that the law has for shape's sake, without effect, would only add noise
    in_use = {
        "trivial_odds": np.flatnonzero(mixed & (chance == 0)),
    }
    densities = {}
    for field in fields(priors):
        prior: Prior = getattr(priors, field.name)
        if prior.distribution != "fixed" and field.name in draws:
            values = draws[field.name]
            if field.name in in_use:
                values = values.isel({CLUSTER: in_use[field.name]})
            if not values.size:
                continue
            rest = [dim for dim in values.dims if dim != SAMPLE]
            columns = values.transpose(SAMPLE, *rest).values.reshape(values.sizes[SAMPLE], -1)
            densities[field.name] = log_prior(prior, columns).sum(axis=1)
    if curve.has_ceiling:
        centre = _number(draws, priors.ceiling_logit_mean, "ceiling_logit_mean")
        sd = _number(draws, priors.ceiling_logit_sd, "ceiling_logit_sd")
        densities[CEILINGS] = _offset_density(logit(_rows_of(draws, CEILINGS)), centre, sd)
    if curve.has_floor and (chance > 0).any():
        guessed = np.flatnonzero(chance > 0)  # without chance the offset moves nothing
        sd = _number(draws, priors.floor_logit_sd, "floor_logit_sd")
        centre = logit(chance[guessed])[None, :]
        log_odds = logit(_rows_of(draws, FLOORS)[:, guessed])
        densities[FLOORS] = _offset_density(log_odds, centre, sd)
    return densities


def log_prior(prior: Prior, values: Array) -> Array:
    """Log density of one prior."""
    parameters = prior.parameters
    if prior.distribution == "normal":
        density = stats.norm.logpdf(values, parameters["mean"], parameters["sd"])
    elif prior.distribution == "lognormal":
        density = stats.lognorm.logpdf(values, parameters["log_sd"], scale=parameters["median"])
    else:
        scale = parameters["mean"] / parameters["shape"]
        density = stats.gamma.logpdf(values, parameters["shape"], scale=scale)
    result: Array = density
    return result


def _number(draws: xr.Dataset, prior: Prior, name: str) -> Array:
    """A parameter as a column (draw, 1), or its stated value."""
    if prior.distribution == "fixed":
        return np.array([[prior.parameters["value"]]])
    column: Array = draws[name].values[:, None]
    return column


def _rows_of(draws: xr.Dataset, name: str) -> Array:
    """A row parameter, shape (draw, row)."""
    values: Array = draws[name].transpose(SAMPLE, CLUSTER).values
    return values


def _offset_density(log_odds: Array, centre: Array, sd: Array) -> Array:
    """Density of the standard-normal offsets that the model bends into ceilings and floors.

    They are not stored: ``log_odds = centre + 2 sd tanh(offset / 2)`` is solved for them.
    """
    bent = np.clip((log_odds - centre) / (2 * sd), -1 + 1e-12, 1 - 1e-12)
    density: Array = stats.norm.logpdf(2 * np.arctanh(bent)).sum(axis=1)
    return density
