"""A straight line from loss to score, with normal errors: the second step of FLP as a model.

A line leaves [0, 1], and counts need a rate within it: bent at the ends it has regions without a
gradient, where chains stick. Scores that have emerged are far from no count, so they are taken as
normal about the line itself, as in the regression of the paper (arXiv 2410.08527, equation 2).
"""

from typing import Any

import numpy as np

from cod_bayes.methods.two_step.priors import TwoStepPriors
from cod_bayes.schema import BENCHMARK, LLM, N_CORRECT, N_TRIALS


def build_line(
    arrays: dict[str, np.ndarray], steepness: Any, priors: TwoStepPriors, dims: tuple[str, ...]
) -> None:
    """Add ``score ~ line(loss)`` to the model being built.

    With ``y_kmt`` the score of run m's checkpoint t on benchmark k, and ``L_k`` the mean loss::

        y_kmt ~ Normal(middle_k - steepness_k (L_kmt - L_k), sqrt(residual_sd_k^2 + noise_kmt^2))
        noise_kmt^2 = y_kmt (1 - y_kmt) / trials_kmt

    One line through all checkpoints, as in the paper. Those of one run err together, so that each
    has the weight ``1 / (checkpoints of its run)``: a run counts once, however often it was
    measured. (A departure of each run in the model would do that too, but leaves the line to what
    happens *within* runs; from run to run, where forecasts are, the score rises differently.)

    Parameters
    ----------
    arrays
        ``loss``, ``n_trials`` and ``n_correct``, dims (benchmark, llm, checkpoint); no trials, no
        observation.
    steepness
        Shape (benchmark,).
    dims
        Names of the dims of ``arrays``.
    """
    import pymc as pm
    import pytensor.tensor as pt

    loss = pm.Data("loss", arrays["loss"], dims=dims)
    n_trials = pm.Data(N_TRIALS, arrays[N_TRIALS], dims=dims)
    n_correct = pm.Data(N_CORRECT, arrays[N_CORRECT], dims=dims)
    known = pt.cast(n_trials > 0, "float64")
    weight = known / pt.maximum(known.sum(axis=2, keepdims=True), 1.0)
    mean_loss = (weight * loss).sum(axis=(1, 2)) / pt.maximum(weight.sum(axis=(1, 2)), 1.0)
    middle = priors.height.build("middle", dims=BENCHMARK)
    pm.Deterministic("height", middle + steepness * (mean_loss - 1), dims=BENCHMARK)
    line = middle[:, None, None] - steepness[:, None, None] * (loss - mean_loss[:, None, None])
    residual_sd = priors.residual_sd.build("residual_sd", dims=BENCHMARK)
    score = n_correct / pt.maximum(n_trials, 1)
    # half a success and half a failure more: a full score was not measured without error
    smoothed = (n_correct + 0.5) / (n_trials + 1)
    variance = residual_sd[:, None, None] ** 2 + smoothed * (1 - smoothed) / (n_trials + 1)
    logp = weight * pm.logp(pm.Normal.dist(line, pt.sqrt(variance)), score)
    pm.Potential("score", logp.sum(axis=2), dims=(BENCHMARK, LLM))


def draw_line(
    height: np.ndarray,
    steepness: np.ndarray,
    residual_sd: np.ndarray,
    loss: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """A new run's score at a loss, cut at 0 and 1: a line knows neither."""
    line = height - steepness * (loss - 1)
    drawn: np.ndarray = np.clip(line + residual_sd * rng.standard_normal(line.shape), 0.0, 1.0)
    return drawn
