"""Both steps of all benchmarks as one PyMC model."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cod_bayes.law.curves import LAPSE, shift_logit
from cod_bayes.law.data import SCALE
from cod_bayes.law.model import bound_at_two_sd, compute_spread
from cod_bayes.methods.two_step.line import build_line
from cod_bayes.methods.two_step.priors import TwoStepPriors
from cod_bayes.schema import BENCHMARK, LLM, N_CORRECT, N_TRIALS

if TYPE_CHECKING:
    import pymc as pm

CHECKPOINT, LOSS_ROW = "checkpoint", "loss_row"


@dataclass(frozen=True)
class Shape:
    """The form of both steps.

    irreducible
        Whether the loss law has a part that no scale takes away.
    sigmoid
        From loss to score by a sigmoid between floor and ceiling, else by a straight line.
    """

    irreducible: bool
    sigmoid: bool


def build_two_step_model(
    arrays: dict[str, np.ndarray], shape: Shape, priors: TwoStepPriors
) -> "pm.Model":
    """Loss against scale on final checkpoints; score against loss on checkpoints along the way.

    Losses are relative to the largest run's, covariates ``x`` logs relative to the largest run's.
    With ``l`` a row of losses (each benchmark's own, or one domain for all), ``m`` a run, ``k`` a
    benchmark and ``t`` a checkpoint::

        ln L_lm ~ Normal(ln law_l(x_m), noise_l)
        law_l   = exp(level_l) (1 + sum_s exp(ratio_sl - exponent_sl x_sm))
                               / (1 + sum_s exp(ratio_sl))                  with irreducible part
                = exp(level_l - exponent_l x_m)                             without
        curve_k = g_k + (1 - g_k) u_k expit(height_k - steepness_k (L - 1))
        q_kmt   = expit(logit curve_k(L_kmt) + departure_km),  departure ~ Normal(0, departure_sd)
        count   ~ BetaBinomial(q_kmt, intra-class correlation as the law's)

    A straight line instead of the sigmoid has normal errors, see
    :func:`~cod_bayes.methods.two_step.line.build_line`.

    The second step conditions on the *measured* loss: loss and score are of the same checkpoint,
    so a run's luck with its loss is in both, and a forecast draws the measured loss of a new run
    (law and noise) before its score. So the steps share no parameter and no error-in-variables
    bias arises. Checkpoints of one run share its departure, which keeps them from counting as
    runs of their own.

    Parameters
    ----------
    arrays
        From :func:`~cod_bayes.methods.two_step.sampling.two_step_arrays`.
    """
    import pymc as pm

    n_scales, n_llms = arrays["log_scale"].shape
    n_benchmarks, _, n_checkpoints = arrays["loss"].shape
    coords = {
        SCALE: range(n_scales),
        LLM: range(n_llms),
        LOSS_ROW: range(len(arrays["log_loss"])),
        BENCHMARK: range(n_benchmarks),
        CHECKPOINT: range(n_checkpoints),
    }
    with pm.Model(coords={name: list(values) for name, values in coords.items()}) as model:
        _build_losses(arrays, shape, priors)
        if shape.sigmoid:
            _build_scores(arrays, priors)
        else:
            dims = (BENCHMARK, LLM, CHECKPOINT)
            build_line(arrays, _build_steepness(arrays, priors), priors, dims)
    return model


def _build_losses(arrays: dict[str, np.ndarray], shape: Shape, priors: TwoStepPriors) -> None:
    """Add the first step to the model being built."""
    import pymc as pm
    import pytensor.tensor as pt

    log_scale = pm.Data("log_scale", arrays["log_scale"], dims=(SCALE, LLM))
    log_loss = pm.Data("log_loss", arrays["log_loss"], dims=(LOSS_ROW, LLM))
    known = pm.Data("known", arrays["known"], dims=(LOSS_ROW, LLM))
    level = priors.level.build("level", dims=LOSS_ROW)
    used = known.max(axis=1)
    exponent = _pool(
        "exponent",
        priors.log_exponent_mean,
        priors.log_exponent_sd,
        (SCALE, LOSS_ROW),
        used,
        centred=not shape.irreducible,  # what is irreducible trades off with the exponents
    )
    noise = _pool("noise", priors.log_noise_mean, priors.log_noise_sd, (LOSS_ROW,), used)
    ratio = pt.zeros_like(exponent)
    if shape.irreducible:
        mean = priors.ratio_mean.build("ratio_mean", dims=SCALE)
        sd = priors.ratio_sd.build("ratio_sd", dims=SCALE)
        offset = pm.Normal("ratio_offset", dims=(SCALE, LOSS_ROW))
        ratio = pm.Deterministic(
            "ratio", mean[:, None] + sd[:, None] * offset, dims=(SCALE, LOSS_ROW)
        )
    centre = compute_log_loss(
        level[:, None], ratio[:, :, None], exponent[:, :, None], log_scale[:, None, :], shape, pt
    )
    # what was not measured says nothing, whatever the parameters
    pm.Normal(
        "observed_log_loss",
        mu=known * centre,
        sigma=known * noise[:, None] + (1 - known),
        observed=log_loss,
        dims=(LOSS_ROW, LLM),
    )


def _build_scores(arrays: dict[str, np.ndarray], priors: TwoStepPriors) -> None:
    """Add the second step with a sigmoid to the model being built."""
    import pymc as pm
    import pytensor.tensor as pt

    loss = pm.Data("loss", arrays["loss"], dims=(BENCHMARK, LLM, CHECKPOINT))
    n_trials = pm.Data(N_TRIALS, arrays[N_TRIALS], dims=(BENCHMARK, LLM, CHECKPOINT))
    n_correct = pm.Data(N_CORRECT, arrays[N_CORRECT], dims=(BENCHMARK, LLM, CHECKPOINT))
    n_questions = pm.Data("n_questions", arrays["n_questions"], dims=BENCHMARK)
    curve = _build_curve(arrays, priors)
    values = {name: parameter[:, None, None] for name, parameter in curve.items()}
    p = compute_curve(values, loss, pt)
    departure_sd = priors.departure_sd.build("departure_sd")
    departure = pm.Normal("departure", dims=(BENCHMARK, LLM))
    rate = shift_logit(p, departure_sd * departure[:, :, None], pt)
    spread = compute_spread(
        rate,
        n_questions[:, None, None],
        priors.item_dispersion.build("item_dispersion"),
        priors.residual_sd.build("residual_sd"),
    )
    pm.BetaBinomial(
        "count",
        n=n_trials,
        alpha=rate / spread,
        beta=(1 - rate) / spread,
        observed=n_correct,
        dims=(BENCHMARK, LLM, CHECKPOINT),
    )


def _build_curve(arrays: dict[str, np.ndarray], priors: TwoStepPriors) -> dict[str, Any]:
    """Add the sigmoid's parameters to the model being built."""
    import pymc as pm
    import pytensor.tensor as pt

    height = priors.height.build("height", dims=BENCHMARK)
    steepness = _build_steepness(arrays, priors)
    chance_odds = pm.Data("chance_odds", arrays["chance_odds"], dims=BENCHMARK)
    ceiling_mean = priors.ceiling_logit_mean.build("ceiling_logit_mean")
    ceiling_sd = priors.ceiling_logit_sd.build("ceiling_logit_sd")
    offset = bound_at_two_sd(pm.Normal("ceiling_offset", dims=BENCHMARK), ceiling_sd, pt)
    ceiling = pm.Deterministic("ceiling", pm.math.sigmoid(ceiling_mean + offset), dims=BENCHMARK)
    floor_sd = priors.floor_logit_sd.build("floor_logit_sd")
    offset = bound_at_two_sd(pm.Normal("floor_offset", dims=BENCHMARK), floor_sd, pt)
    odds = chance_odds * pt.exp(offset)
    floor = pm.Deterministic("floor", odds / (1 + odds), dims=BENCHMARK)
    return {"height": height, "steepness": steepness, "ceiling": ceiling, "floor": floor}


def _build_steepness(arrays: dict[str, np.ndarray], priors: TwoStepPriors) -> Any:
    """How fast benchmarks' scores rise as the loss falls, shape (benchmark,)."""
    import pymc as pm

    used = pm.Data("used", arrays["used"], dims=BENCHMARK)
    return _pool(
        "steepness", priors.log_steepness_mean, priors.log_steepness_sd, (BENCHMARK,), used
    )


def _pool(
    name: str, log_mean: Any, log_sd: Any, dims: tuple[str, ...], used: Any, *, centred: bool = True
) -> Any:
    """Log-normal parameters about a common median, one median a scale.

    Centred where the data pin every parameter; rows that only pad the graph (``used`` is 0) then
    follow a prior of their own. One row alone is no population: it has the median's prior.
    """
    import pymc as pm
    import pytensor.tensor as pt

    if len(pm.modelcontext(None).coords[dims[-1]]) == 1:
        return pm.Deterministic(name, pt.exp(log_mean.build(f"log_{name}", dims=dims)), dims=dims)
    above = dims[:-1]
    mean = log_mean.build(f"log_{name}_mean", dims=above)
    sd = log_sd.build(f"log_{name}_sd", dims=above)
    if above:
        mean, sd = mean[:, None], sd[:, None]
    if centred:
        spread = sd * used + (1 - used)
        log_value = pm.Normal(f"log_{name}", mu=mean * used, sigma=spread, dims=dims)
    else:
        log_value = mean + sd * pm.Normal(f"{name}_offset", dims=dims)
    return pm.Deterministic(name, pt.exp(log_value), dims=dims)


def compute_log_loss(
    level: Any, ratio: Any, exponent: Any, log_scale: Any, shape: Shape, math: Any = np
) -> Any:
    """The loss law's log; the leading axis of ratio, exponent and log_scale runs over scales."""
    if not shape.irreducible:
        return level - (exponent * log_scale).sum(axis=0)
    terms = math.exp(ratio - exponent * log_scale).sum(axis=0)
    return level + math.log1p(terms) - math.log1p(math.exp(ratio).sum(axis=0))


def compute_curve(parameters: dict[str, Any], loss: Any, math: Any = np) -> Any:
    """The sigmoid's score at a relative loss, within (0, 1)."""
    risen = 1 / (1 + math.exp(parameters["steepness"] * (loss - 1) - parameters["height"]))
    floor, ceiling = parameters["floor"], parameters["ceiling"]
    p = floor + (1 - floor) * ceiling * risen
    return LAPSE + (1 - 2 * LAPSE) * p
