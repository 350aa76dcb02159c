"""Least-squares fits of both steps, and their residual bootstrap."""

from dataclasses import dataclass

import numpy as np

from cod_bayes.methods.two_step.steps import Array, Step


@dataclass(frozen=True)
class FittedBenchmark:
    """Both steps of one benchmark, fitted and refitted.

    law, curve
        The estimates, shapes (parameter,).
    law_draws, curve_draws
        Refits to resampled residuals, shapes (draw, parameter).
    law_residuals
        Of the log losses, one a run.
    final_residuals
        Of the score at the runs' last checkpoints, one a run.
    """

    law: Array
    curve: Array
    law_draws: Array
    curve_draws: Array
    law_residuals: Array
    final_residuals: Array


@dataclass(frozen=True)
class Observations:
    """One benchmark's data: finals (log_scale (scale, llm), log_loss (llm,)), points (point,)."""

    log_scale: Array
    log_loss: Array
    loss: Array
    score: Array
    run: np.ndarray


def fit_benchmark(
    seen: Observations, law: Step, curve: Step, draws: int, rng: np.random.Generator
) -> FittedBenchmark:
    """Fit both steps, and refit them ``draws`` times.

    The first step's residuals are resampled with replacement. The second step's are kept where
    they are and change sign run by run (the wild cluster bootstrap: Cameron, Gelbach and Miller
    2008), since the checkpoints of a run err together. Both are widened for the fit's own degrees
    of freedom.
    """
    fitted_law = law.fit(seen.log_scale, seen.log_loss, None)
    centre = law.compute(fitted_law, seen.log_scale)
    n_scales = len(seen.log_scale)
    law_residuals = _widen(seen.log_loss - centre, law.n_parameters(n_scales))
    fitted_curve = curve.fit(seen.loss, seen.score, None)
    middle = curve.compute(fitted_curve, seen.loss)
    curve_residuals = _widen(seen.score - middle, curve.n_parameters(n_scales))
    law_draws = [
        law.fit(seen.log_scale, centre + rng.choice(law_residuals, centre.shape), fitted_law)
        for _ in range(draws)
    ]
    signs = rng.choice([-1.0, 1.0], (draws, int(seen.run.max()) + 1))
    curve_draws = [
        curve.fit(seen.loss, middle + sign[seen.run] * curve_residuals, fitted_curve)
        for sign in signs
    ]
    last = np.flatnonzero(np.append(seen.run[1:] != seen.run[:-1], True))
    return FittedBenchmark(
        fitted_law,
        fitted_curve,
        np.array(law_draws),
        np.array(curve_draws),
        law_residuals,
        curve_residuals[last],
    )


def _widen(residuals: Array, n_parameters: int) -> Array:
    """Residuals with the variance of the errors, not of what a fit leaves of them."""
    n = len(residuals)
    widened: Array = residuals * np.sqrt(n / max(n - n_parameters, 1))
    return widened


def predict_point(fitted: FittedBenchmark, law: Step, curve: Step, log_scale: Array) -> Array:
    """The paper's forecast, shape (target,); not kept within [0, 1]."""
    loss = np.exp(law.compute(fitted.law, log_scale))
    return curve.compute(fitted.curve, loss)


def draw_point(
    fitted: FittedBenchmark, law: Step, curve: Step, log_scale: Array, rng: np.random.Generator
) -> Array:
    """One new run's score for every refit, shape (draw, target), within [0, 1].

    A new run departs from both steps as the ladder's runs do.
    """
    centre = law.compute(fitted.law_draws, log_scale)
    loss = np.exp(centre + rng.choice(fitted.law_residuals, centre.shape))
    score = curve.compute(fitted.curve_draws, loss)
    signed = rng.choice(fitted.final_residuals, centre.shape) * rng.choice([-1, 1], centre.shape)
    return np.clip(score + signed, 0.0, 1.0)
