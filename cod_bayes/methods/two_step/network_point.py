"""Least-squares fits of the domain laws and of the network, and their residual bootstrap."""

from dataclasses import dataclass

import numpy as np

from cod_bayes.methods.two_step.domains import Components, DomainData
from cod_bayes.methods.two_step.network import (
    Array,
    Network,
    NetworkPriors,
    Task,
    compute_rates,
    count_parameters,
    draw_starts,
    fit_network,
)

N_STARTS = 8


@dataclass(frozen=True)
class FittedNetwork:
    """Both steps, fitted and refitted.

    law, law_draws
        Coefficients of the log losses, shapes ([draw,] column, domain).
    law_residuals
        Shape (run, domain): a run departs from the laws of all domains together.
    network, network_draws
        Flat parameters, shapes ([draw,] parameter).
    shape
        Numbers of components, hidden units and benchmarks.
    score_residuals
        Of the runs' last checkpoints, shape (benchmark, run); NaN where not scored.
    """

    law: Array
    law_draws: Array
    law_residuals: Array
    network: Array
    network_draws: Array
    shape: tuple[int, int, int]
    score_residuals: Array


def share_runs(data: DomainData) -> Array:
    """How much each score counts: every run once per benchmark, shape (benchmark, point)."""
    known = (data.n_trials > 0).astype(float)
    share = np.zeros(known.shape)
    for run in np.unique(data.run):
        here = data.run == run
        share[:, here] = known[:, here] / np.maximum(known[:, here].sum(axis=1, keepdims=True), 1)
    return share


def make_task(data: DomainData, z: Array, noise: float) -> tuple[Task, Array]:
    """What the network is fitted to, and the scores."""
    score = data.n_correct / np.maximum(data.n_trials, 1)
    return Task(z, data.floor, share_runs(data) / noise**2), score


def fit_point(
    data: DomainData,
    components: Components,
    hidden: int,
    noise: float,
    priors: NetworkPriors,
    draws: int,
    rng: np.random.Generator,
) -> FittedNetwork:
    """Fit both steps, and refit them ``draws`` times.

    As in :func:`~cod_bayes.methods.two_step.point.fit_benchmark`: the laws' residuals are
    resampled, a run's over all domains together; those of the scores keep their place and change
    sign run by run (wild cluster bootstrap). Both are widened for the fits' degrees of freedom,
    the network's being those that its decay leaves it.
    """
    law, law_residuals = _fit_laws(data.design, data.final_losses)
    centre = data.design @ law
    picked = rng.integers(len(centre), size=(draws, len(centre)))
    law_draws = np.linalg.pinv(data.design) @ (centre + law_residuals[picked])

    task, score = make_task(data, components.project(data.losses), noise)
    shape = (task.z.shape[1], hidden, len(data.benchmarks))
    network = fit_network(task, score, priors, shape, draw_starts(priors, shape, N_STARTS, rng))
    rates = compute_rates(Network.unpack(network, shape), task.z, task.floor)
    n_runs = len(data.design)
    per_benchmark = count_parameters(network, task, priors, shape) / len(data.benchmarks)
    widen = np.sqrt(n_runs / max(n_runs - per_benchmark, 1.0))
    residuals = np.where(data.n_trials > 0, widen * (score - rates), np.nan)
    signs = rng.choice([-1.0, 1.0], (draws, n_runs))
    network_draws = [
        fit_network(
            task, rates + np.nan_to_num(sign[data.run] * residuals), priors, shape, [network]
        )
        for sign in signs
    ]
    last = np.flatnonzero(np.append(data.run[1:] != data.run[:-1], True))
    return FittedNetwork(
        law, law_draws, law_residuals, network, np.array(network_draws), shape, residuals[:, last]
    )


def _fit_laws(design: Array, log_loss: Array) -> tuple[Array, Array]:
    """Coefficients of power laws, shape (column, domain), and their residuals, widened."""
    law = np.linalg.pinv(design) @ log_loss
    n_runs, n_columns = design.shape
    widen = np.sqrt(n_runs / max(n_runs - n_columns, 1))
    return law, widen * (log_loss - design @ law)


def predict_network(
    fitted: FittedNetwork, data: DomainData, components: Components, flops: Array
) -> Array:
    """The forecast of the fits themselves, without a bootstrap, shape (benchmark, target)."""
    z = components.project(data.design_targets(flops) @ fitted.law)
    return compute_rates(Network.unpack(fitted.network, fitted.shape), z, data.floor)


def draw_network(
    fitted: FittedNetwork,
    data: DomainData,
    components: Components,
    flops: Array,
    rng: np.random.Generator,
) -> Array:
    """One new run's scores for every refit, shape (draw, benchmark, target), within [0, 1]."""
    centre = data.design_targets(flops) @ fitted.law_draws
    run = rng.integers(len(fitted.law_residuals), size=centre.shape[:2])
    z = components.project(centre + fitted.law_residuals[run])
    rates = compute_rates(Network.unpack(fitted.network_draws, fitted.shape), z, data.floor)
    errors = np.empty_like(rates)
    for k, residuals in enumerate(fitted.score_residuals):
        seen = residuals[np.isfinite(residuals)]
        errors[:, k] = rng.choice(seen, errors[:, k].shape)
    drawn: Array = np.clip(rates + errors * rng.choice([-1.0, 1.0], errors.shape), 0.0, 1.0)
    return drawn
