"""Influence: how the forecast would move without each small model, mostly without another fit.

Given the law's parameters the counts of different language models are independent, once each one's
luck is integrated out. So the posterior without model ``m`` is the full one reweighted by
``1 / p(y_m | parameters)``: leave-one-group-out importance sampling, Pareto-smoothed (Vehtari,
Gelman and Gabry, arXiv 1507.04544; Vehtari et al., arXiv 1507.02646). Integrating matters, for a
model's luck was learnt from the very counts that are to be left out.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import betaln, gammaln, logsumexp

from cod_bayes.errors import DataError
from cod_bayes.evaluation.sensitivity import LEVELS, MAX_KHAT, power_weights, weighted_quantiles
from cod_bayes.fitted import FittedModel
from cod_bayes.law.curves import Curve, load_curve, shift_logit
from cod_bayes.law.evaluate import evaluate_rows, per_row, stack_draws
from cod_bayes.law.model import compute_spread
from cod_bayes.prediction import check_passed
from cod_bayes.propagate import Chain, chain_benchmarks, draw_benchmarks, expect_score
from cod_bayes.schema import BENCHMARK, CLUSTER, LLM, N_CORRECT, N_TRIALS
from cod_bayes.targets import TARGET, Numbers, describe_runs

type Array = npt.NDArray[np.float64]

# Of the quadrature over luck, which is in units of its own standard deviation.
N_NODES, N_NEWTON, STEP = 15, 8, 0.01
# A law needs two computes; without one model there must be as many left.
MIN_LLMS = 3
REWEIGHTED, REFITTED, UNRELIABLE = "reweighted", "refitted", "unreliable"


@dataclass(frozen=True)
class Forecast:
    """Draws by benchmark, shape (benchmark, draw, target): expected scores, one new run's.

    Draws are those of ``n_chains`` chains, one after the other.
    """

    expected: Array
    score: Array
    n_chains: int


def compute_influence(
    fitted: FittedModel,
    *,
    flops: Numbers | None = None,
    params: Numbers | None = None,
    tokens: Numbers | None = None,
    refit: bool = False,
    force: bool = False,
    random_seed: int = 0,
) -> xr.Dataset:
    """Leave each small model out of the end-to-end law, and see how its forecast moves.

    The prior stays as it is, compute relative to the largest model included, whichever model is
    left out. The laws of clusters and the map are not looked at.

    Parameters
    ----------
    fitted
        A fitted model of three small models or more.
    flops, params, tokens
        The targets, as in :func:`cod_bayes.predict`.
    refit
        Sample the law anew without a model where the weights are unreliable: k-hat above
        ``min(1 - 1 / log10(draws), 0.7)``. The stored counts suffice. Otherwise such rows are
        marked, and are guesses.
    force
        Go on although the sampler's gate failed.
    random_seed
        Seed of what a new run draws, and of refits.

    Returns
    -------
    xr.Dataset
        By (llm,), rising compute: ``khat``, ``draws_left`` (effective, of the weights alone),
        ``how``: reweighted, refitted or unreliable. By (llm, benchmark, target): ``quantile``
        (level) of one new run's score without the model; ``shift`` of the expected score's mean
        from what it is with all, and its Monte-Carlo error ``shift_mcse``. By (benchmark, target):
        ``full_quantile`` (level), with all. Attribute ``notes`` (JSON).

    Raises
    ------
    DataError
        With fewer than three small models, or without a target.
    ConvergenceError
        If the gate failed and ``force`` is not set.
    """
    if not force:
        check_passed(fitted)
    data = fitted.group("end_to_end/constant_data").load()
    if data.sizes[LLM] < MIN_LLMS:
        raise DataError(
            f"the model was fitted to {data.sizes[LLM]} small models; leaving one out needs "
            f"{MIN_LLMS} or more"
        )
    targets, notes = describe_runs(fitted, flops, params, tokens)
    posterior = fitted.group("end_to_end/posterior").load()
    curve, log_scale = load_curve(fitted.config.law.curve), targets["log_scale"].values

    def forecast(draws: xr.Dataset) -> Forecast:
        return forecast_rows(draws, data["n_questions"], log_scale, curve, random_seed)

    full = forecast(posterior)
    n_draws = posterior.sizes["chain"] * posterior.sizes["draw"]
    densities = integrate_luck(posterior, data, curve)
    rows = []
    for llm, density in zip(data[LLM].values, densities.T, strict=True):
        weights, khat = leave_out(density)
        how = REWEIGHTED if khat <= find_good_khat(n_draws) else UNRELIABLE
        without, draws_left = full, 1 / float((weights**2).sum())
        if how == UNRELIABLE and refit:
            refitted, passed = refit_without(fitted, data, str(llm), random_seed)
            without, how = forecast(refitted), REFITTED
            weights = weigh_evenly(without.expected.shape[1])
            notes += [] if passed else [f"the refit without {llm} failed the sampler's gate"]
        moved = describe_move(full, without, weights, same_draws=how != REFITTED)
        rows.append(moved.assign(khat=khat, draws_left=draws_left, how=how))
    table = xr.concat(rows, dim=LLM)
    table["full_quantile"] = (
        (BENCHMARK, TARGET, "level"),
        np.array([weighted_quantiles(drawn, weigh_evenly(n_draws)) for drawn in full.score]),
    )
    table.attrs = {"notes": json.dumps(notes)}
    return table.assign_coords(
        {LLM: data[LLM].values, BENCHMARK: data[CLUSTER].values, "level": list(LEVELS)}
    )


def leave_out(log_likelihood: Array) -> tuple[Array, float]:
    """Weights of draws, summing to one, as if these data had not been seen; and their k-hat.

    A likelihood left out is one to the power zero: see
    :func:`cod_bayes.evaluation.sensitivity.power_weights`.
    """
    return power_weights(log_likelihood, 0.0)


def weigh_evenly(n_draws: int) -> Array:
    """Weights of plain draws."""
    return np.full(n_draws, 1 / n_draws)


def find_good_khat(n_draws: int) -> float:
    """The k-hat up to which so many draws give a reliable mean (arXiv 1507.02646, section 3.2)."""
    return min(1 - 1 / math.log10(n_draws), MAX_KHAT)


def integrate_luck(posterior: xr.Dataset, data: xr.Dataset, curve: Curve) -> Array:
    """Log likelihood of each language model's counts, its luck integrated out.

    All its benchmarks at once: ``log int Normal(z; 0, 1) prod_k BetaBinomial(y_km | z) dz``.

    Parameters
    ----------
    posterior
        Draws of a law; see :func:`cod_bayes.law.build_law` for the likelihood.
    data
        Its rows: ``n_trials``, ``n_correct`` (cluster, llm), ``n_questions``, ``log_scale``.

    Returns
    -------
    Array
        Shape (draw, llm).
    """
    draws = stack_draws(posterior)
    law = evaluate_rows(draws, data["log_scale"].values, curve).astype(float)
    luck_sd, dispersion, residual_sd = (
        per_row(draws, name).astype(float) for name in ("luck_sd", "item_dispersion", "residual_sd")
    )
    questions = data["n_questions"].values[:, None]
    trials, correct = (data[n].transpose(CLUSTER, LLM).values for n in (N_TRIALS, N_CORRECT))

    def log_density(llm: int, z: Array) -> Array:
        """Of luck ``z`` (draw, node) and the counts of one model."""
        rate = shift_logit(law[:, :, llm, None], luck_sd * z[:, None, :])
        spread = compute_spread(rate, questions, dispersion, residual_sd)
        counts = log_beta_binomial(
            correct[:, llm, None], trials[:, llm, None], rate / spread, (1 - rate) / spread
        )
        normal: Array = -0.5 * (z**2 + np.log(2 * np.pi))
        return normal + counts.sum(axis=1)

    llms = range(trials.shape[1])
    integrals = [integrate_adaptively(partial(log_density, llm), len(law)) for llm in llms]
    return np.stack(integrals, axis=1)


def log_beta_binomial(k: Array, n: Array, alpha: Array, beta: Array) -> Array:
    """Log probability of ``k`` successes in ``n`` trials, without SciPy's slow checks."""
    choices = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
    log: Array = choices + betaln(k + alpha, n - k + beta) - betaln(alpha, beta)
    return log


def integrate_adaptively(log_density: Callable[[Array], Array], n_draws: int) -> Array:
    """Log integral over one variable for every draw, by adaptive Gauss-Hermite quadrature.

    Nodes are centred at each draw's mode and scaled by its curvature (Liu and Pierce, Biometrika 81
    (1994) 624), since many counts make the integrand much narrower than the prior of luck.

    Parameters
    ----------
    log_density
        Of values (draw, node), standard normal a priori.
    """
    mode, curvature = np.zeros(n_draws), np.ones(n_draws)
    for _ in range(N_NEWTON):
        below, here, above = log_density(mode[:, None] + STEP * np.array([-1.0, 0.0, 1.0])).T
        # the prior's own curvature is one, and counts only add to it
        curvature = np.maximum((2 * here - below - above) / STEP**2, 1.0)
        mode = mode + np.clip((above - below) / (2 * STEP) / curvature, -1.0, 1.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(N_NODES)
    scale = 1 / np.sqrt(curvature)
    terms = log_density(mode[:, None] + scale[:, None] * nodes) + nodes**2 / 2 + np.log(weights)
    integral: Array = logsumexp(terms, axis=1) + np.log(scale)
    return integral


def forecast_rows(
    posterior: xr.Dataset,
    n_questions: xr.DataArray,
    log_scale: np.ndarray,
    curve: Curve,
    random_seed: int,
) -> Forecast:
    """Expected scores and one new run's, which has one luck for all benchmarks."""
    make = partial(Chain, curve=curve)
    chains = chain_benchmarks(posterior, n_questions, log_scale, make)
    scores = draw_benchmarks(chains, np.random.default_rng(random_seed))
    return Forecast(
        expected=np.array([expect_score(chain) for chain in chains.values()]),
        score=np.array(list(scores.values())),
        n_chains=posterior.sizes["chain"],
    )


def refit_without(
    fitted: FittedModel, data: xr.Dataset, llm: str, random_seed: int
) -> tuple[xr.Dataset, bool]:
    """Sample the same law without one model; its draws, and whether they passed the gate."""
    from cod_bayes.law.sampling import sample_law

    rest = data.drop_vars("reference").drop_sel({LLM: llm})
    used = (CLUSTER, np.ones(rest.sizes[CLUSTER], dtype=bool))
    tree, gate = sample_law(rest.assign(used=used), fitted.config, random_seed=random_seed)
    return tree["posterior"].to_dataset(), bool(gate["passed"])


def find_mcse(terms: Array, n_chains: int) -> Array:
    """Monte-Carlo error of the mean over draws: (benchmark, draw, target), less draw."""
    from arviz_stats.base.array import array_stats

    functions: Any = array_stats  # which carries no types
    still = np.ptp(terms, axis=1) == 0
    by_chain = np.moveaxis(terms, 1, -1)
    by_chain = by_chain.reshape(*by_chain.shape[:-1], n_chains, -1)
    error: Array = np.where(still, 0.0, functions.mcse(by_chain))
    return error


def describe_move(
    full: Forecast, without: Forecast, weights: Array, *, same_draws: bool
) -> xr.Dataset:
    """Quantiles without a model, and how far the mean of the expected score has moved.

    ``same_draws``: both forecasts are of the same draws, whose errors then cancel in part.
    """
    mean, mean_full = weights @ without.expected, full.expected.mean(axis=1)
    moved = weights[:, None] * len(weights) * (without.expected - mean[:, None])
    spread = full.expected - mean_full[:, None]
    if same_draws:
        error = find_mcse(moved - spread, full.n_chains)
    else:
        error = np.hypot(find_mcse(moved, without.n_chains), find_mcse(spread, full.n_chains))
    dims = (BENCHMARK, TARGET)
    return xr.Dataset(
        {
            "quantile": (
                (*dims, "level"),
                np.array([weighted_quantiles(drawn, weights) for drawn in without.score]),
            ),
            "shift": (dims, mean - mean_full),
            "shift_mcse": (dims, error),
        }
    )
