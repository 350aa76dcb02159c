"""Priors of the two-step models; all losses are relative to the largest ladder run's."""

import math
from dataclasses import dataclass

from cod_bayes.priors import Prior, _prior, fixed, gamma, lognormal, normal


@dataclass(frozen=True)
class TwoStepPriors:
    """Priors of both steps; the first step's stand at the largest run, where data pin them.

    ``height`` and ``log_steepness_mean`` are those of a sigmoid (logit of the risen share at the
    largest run's loss, and its rise as the loss falls by its own size); for a straight line see
    :data:`LINE_PRIORS`.
    """

    level: Prior = _prior(
        normal(0.0, 0.1, "the law runs by the largest run, whose own loss is the unit")
    )
    ratio_mean: Prior = _prior(
        normal(0.0, 1.5, "each term from a twentieth to twenty times the irreducible loss")
    )
    ratio_sd: Prior = _prior(gamma(0.7, "benchmarks' losses differ in what is irreducible"))
    log_exponent_mean: Prior = _prior(
        normal(math.log(0.25), 0.6, "published loss laws: 0.15 in compute, 0.28 to 0.35 in N and D")
    )
    log_exponent_sd: Prior = _prior(gamma(0.3, "benchmarks' exponents are alike"))
    log_noise_mean: Prior = _prior(
        normal(math.log(0.01), 1.0, "runs depart from a loss law by about 1 %, task losses more")
    )
    log_noise_sd: Prior = _prior(gamma(0.4, "losses over few questions are noisier"))
    height: Prior = _prior(
        normal(0.0, 1.5, "the largest run has risen by anything from 5 % to 95 %")
    )
    log_steepness_mean: Prior = _prior(
        normal(math.log(6.0), 0.7, "a loss 20 % lower raises the odds 1.8 to 11 times")
    )
    log_steepness_sd: Prior = _prior(gamma(0.5, "benchmarks differ in how steeply they answer"))
    ceiling_logit_mean: Prior = _prior(
        normal(3.0, 0.4, "most items are solvable in the end: ceilings about 0.90 to 0.98")
    )
    ceiling_logit_sd: Prior = _prior(
        fixed(0.6, "as the law's: the ladder says next to nothing of how ceilings scatter")
    )
    floor_logit_sd: Prior = _prior(
        fixed(0.5, "as the law's: lucky guesses depart from chance, boundedly")
    )
    departure_sd: Prior = _prior(
        gamma(0.1, "a run's own departure from the curve, logit, the same at all its checkpoints")
    )
    residual_sd: Prior = _prior(gamma(0.1, "a checkpoint's own departure from the curve, logit"))
    item_dispersion: Prior = _prior(
        lognormal(0.06, 0.8, "item-by-model noise: about sixteen trials' worth of information")
    )


# A straight line from loss to score: heights and spreads are scores, steepness is score per loss.
# ``height`` is the prior at the mean of the losses; the residual holds the item-by-model noise.
LINE_PRIORS = TwoStepPriors(
    height=normal(0.5, 0.3, "the score at the mean loss, anywhere between chance and all"),
    log_steepness_mean=normal(math.log(2.0), 1.0, "a loss 20 % lower adds 15 points to all"),
    log_steepness_sd=fixed(
        1.0, "stated: few benchmarks have emerged, and say next to nothing of how they scatter"
    ),
    residual_sd=lognormal(0.02, 0.7, "runs depart from their line by half a point to eight"),
)
