"""The hierarchical law of all clusters of a benchmark, as one PyMC model."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cod_bayes.config import LawConfig
from cod_bayes.law.curves import (
    Curve,
    compute_log_hazard,
    compute_score,
    load_curve,
    shift_logit,
)
from cod_bayes.law.data import SCALE
from cod_bayes.priors import LawPriors, Prior
from cod_bayes.schema import CLUSTER, LLM, N_CORRECT, N_TRIALS

if TYPE_CHECKING:
    import pymc as pm

GLOBAL_PARAMETERS = ("frailty", "luck_sd", "residual_sd", "item_dispersion")
ROW_PARAMETERS = ("log_hazard", "slope", "ceiling", "floor")
# Marks models of other families, dim (llm,), in rows that have any.
IS_ANCHOR = "is_anchor"


def law_arrays(data: xr.Dataset, curve: Curve) -> dict[str, np.ndarray]:
    """The data that change from fit to fit while the compiled graph of a curve stays."""
    chance = data["guess_floor"].values
    # a graph refuses data that it has no use for
    floor = {"mixed": data["mixed"].values.astype(float)} if curve.has_floor else {}
    return (
        noise_arrays(data)
        | floor
        | {
            "log_scale": data["log_scale"].values,
            "chance_odds": chance / (1 - chance),
            "used": data["used"].values.astype(float),
        }
    )


def noise_arrays(data: xr.Dataset) -> dict[str, np.ndarray]:
    """The data of :func:`observe_counts` that change from fit to fit."""
    arrays = {
        N_TRIALS: data[N_TRIALS].transpose(CLUSTER, LLM).values.astype(np.int64),
        N_CORRECT: data[N_CORRECT].transpose(CLUSTER, LLM).values.astype(np.int64),
        "n_questions": data["n_questions"].values.astype(float),
        "tried": (data[N_TRIALS] > 0).any(CLUSTER).values.astype(float),
    }
    if IS_ANCHOR in data:
        arrays[IS_ANCHOR] = data[IS_ANCHOR].values.astype(float)
    return arrays


def build_law(
    data: xr.Dataset, config: LawConfig | None = None, anchor_sd: Prior | None = None
) -> "pm.Model":
    """Score against scale for every row, partially pooled over rows.

    With ``x`` the log of compute (or of parameters and of tokens) relative to the largest ladder
    run, row ``k`` and language model ``m``::

        h_km  = sum_s exp(log_hazard_sk - slope_sk x_sm)                the hazard of failing
        p_km  = g_k + (1 - g_k) u_k S(h_km; frailty)                    the law
        q_km  = expit(logit p_km + luck_m),  luck_m ~ Normal(0, luck_sd)
        count ~ BetaBinomial(mean q_km, intra-class correlation r/(1+r)),
                r = item_dispersion / n_questions_k + residual_sd^2 q_km (1 - q_km)

    The count's noise has three sources besides the trials: a checkpoint's luck, shared by all its
    items; each item's own noise on each model, which averages out over the row's items; and the
    row's departure from its law, which does not. Only the second shrinks with more items and none
    with more trials, so a hundred trials an item are not a hundred times one; at one greedy trial
    an item the binomial part dominates by itself.

    The floor is near what guessing scores. Where nothing can be guessed, rows of ``mixed``
    difficulty have what even a model of no compute solves: without it, a benchmark of free-form
    answers that stands at 2 % before it rises has a law that is too shallow, and far too sure.

    Log-hazards, slopes and luck are centred, since the data pin them; ceilings and floors are
    not, since often only the prior does. Rows that are not ``used``, and models that tried
    nothing, stand apart from the others: they pad data to the shape of a compiled graph.

    Parameters
    ----------
    data
        Dims (cluster, llm): ``n_trials``, ``n_correct`` (counts); (cluster,): ``n_questions``,
        ``guess_floor`` (probability), ``used``, ``mixed``; (scale, llm): ``log_scale`` (nats).
        See :func:`cod_bayes.law.data.build_rows`.
    config
        Curve and priors.
    anchor_sd
        Prior of the discrepancy of models of other families, see :func:`observe_counts`.

    Returns
    -------
    pm.Model
        Nothing is sampled.

    References
    ----------
    Law: Xu et al., arXiv 2502.17262, section 4. Frailty: Vaupel, Manton and Stallard,
    Demography 16 (1979) 439.
    """
    import pymc as pm
    import pytensor.tensor as pt

    config = config or LawConfig()
    curve, priors = load_curve(config.curve), config.priors
    coords = {name: data[name].values for name in (SCALE, CLUSTER, LLM)}
    arrays = law_arrays(data, curve)
    with pm.Model(coords=coords) as model:
        log_scale = pm.Data("log_scale", arrays["log_scale"], dims=(SCALE, LLM))
        chance_odds = pm.Data("chance_odds", arrays["chance_odds"], dims=CLUSTER)
        used = pm.Data("used", arrays["used"], dims=CLUSTER)

        hazard_mean = priors.log_hazard_mean.build("log_hazard_mean", dims=SCALE)
        hazard_sd = priors.log_hazard_sd.build("log_hazard_sd", dims=SCALE)
        log_hazard = pm.Normal(
            "log_hazard",
            mu=hazard_mean[:, None] * used,
            sigma=hazard_sd[:, None] * used + (1 - used),
            dims=(SCALE, CLUSTER),
        )
        slope_mean = pt.exp(priors.log_slope_mean.build("log_slope_mean", dims=SCALE))
        slope_shape = priors.slope_shape.build("slope_shape")
        slope = pm.Gamma(
            "slope",
            alpha=slope_shape,
            beta=slope_shape / (slope_mean[:, None] * used + (1 - used)),
            dims=(SCALE, CLUSTER),
        )

        ceiling = _build_ceiling(curve, priors)
        floor = _build_floor(curve, priors, chance_odds, arrays)
        frailty = priors.frailty.build("frailty") if curve.has_frailty else pt.constant(0.0)
        hazard = compute_log_hazard(
            log_hazard[:, :, None], slope[:, :, None], log_scale[:, None, :], pt
        )
        law = compute_score(hazard, ceiling[:, None], floor[:, None], frailty, curve, pt)
        observe_counts(law, data, priors, anchor_sd)
    return model


def observe_counts(
    law: Any, data: xr.Dataset, priors: LawPriors, anchor_sd: Prior | None = None
) -> None:
    """Add the counts' likelihood, whatever law their mean follows, to the model being built.

    See :func:`build_law` for the luck and the three sources of spread. Models of other families
    (``is_anchor``, where the data have it) follow the law up to a discrepancy on the logit, half
    of its variance shared by a model's rows and half each row's own; both have ``anchor_sd``.

    Parameters
    ----------
    law
        Probability to succeed, luck apart, a tensor (cluster, llm) within (0, 1).
    data
        As in :func:`build_law`; of other columns than counts, ``n_questions`` and ``is_anchor``
        nothing is read.
    priors
        ``luck_sd``, ``residual_sd`` and ``item_dispersion`` are used.
    """
    import pymc as pm
    import pytensor.tensor as pt

    arrays = noise_arrays(data)
    n_trials = pm.Data(N_TRIALS, arrays[N_TRIALS], dims=(CLUSTER, LLM))
    n_correct = pm.Data(N_CORRECT, arrays[N_CORRECT], dims=(CLUSTER, LLM))
    n_questions = pm.Data("n_questions", arrays["n_questions"], dims=CLUSTER)
    tried = pm.Data("tried", arrays["tried"], dims=LLM)
    luck_sd = priors.luck_sd.build("luck_sd")
    discrepancy: Any = 0.0
    if IS_ANCHOR in data:
        assert anchor_sd is not None
        is_anchor = pm.Data(IS_ANCHOR, arrays[IS_ANCHOR], dims=LLM)
        discrepancy = anchor_sd.build("anchor_sd") * is_anchor
        luck_sd = pt.sqrt(luck_sd**2 + discrepancy**2)
    luck = pm.Normal("luck", 0.0, luck_sd * tried + (1 - tried), dims=LLM)
    residual_sd = priors.residual_sd.build("residual_sd")
    if IS_ANCHOR in data:
        residual_sd = pt.sqrt(residual_sd**2 + discrepancy**2)
    item_dispersion = priors.item_dispersion.build("item_dispersion")
    rate = shift_logit(law, luck[None, :], pt)
    spread = compute_spread(rate, n_questions[:, None], item_dispersion, residual_sd)
    pm.BetaBinomial(
        "count",
        n=n_trials,
        alpha=rate / spread,
        beta=(1 - rate) / spread,
        observed=n_correct,
        dims=(CLUSTER, LLM),
    )


def _build_ceiling(curve: Curve, priors: LawPriors) -> Any:
    """The share that each row's best model solves, dims (cluster,)."""
    import pymc as pm
    import pytensor.tensor as pt

    if not curve.has_ceiling:
        n_rows = pm.modelcontext(None).dim_lengths[CLUSTER]
        return pm.Deterministic("ceiling", pt.ones(n_rows), dims=CLUSTER)
    centre = priors.ceiling_logit_mean.build("ceiling_logit_mean")
    sd = priors.ceiling_logit_sd.build("ceiling_logit_sd")
    offset = bound_at_two_sd(pm.Normal("ceiling_offset", dims=CLUSTER), sd, pt)
    return pm.Deterministic("ceiling", pm.math.sigmoid(centre + offset), dims=CLUSTER)


def _build_floor(
    curve: Curve, priors: LawPriors, chance_odds: Any, arrays: dict[str, np.ndarray]
) -> Any:
    """What a model of no compute scores: guesses, and what is trivial; dims (cluster,)."""
    import pymc as pm
    import pytensor.tensor as pt

    if not curve.has_floor:
        return pm.Deterministic("floor", pt.zeros_like(chance_odds), dims=CLUSTER)
    sd = priors.floor_logit_sd.build("floor_logit_sd")
    offset = bound_at_two_sd(pm.Normal("floor_offset", dims=CLUSTER), sd, pt)
    mixed = pm.Data("mixed", arrays["mixed"], dims=CLUSTER)
    trivial = priors.trivial_odds.build("trivial_odds", dims=CLUSTER)
    odds = pt.where(chance_odds > 0, chance_odds * pt.exp(offset), trivial * mixed)
    return pm.Deterministic("floor", odds / (1 + odds), dims=CLUSTER)


def bound_at_two_sd(offset: Any, sd: Any, math: Any) -> Any:
    """A standard-normal offset scaled by ``sd`` and bent so that it stays within two of them.

    Without the bound a row stuck at 0.7 has three explanations, each a mode of its own: no slope,
    a floor of 0.7, and a ceiling of 0.6 reached long ago. Only the first is left.
    """
    return 2 * sd * math.tanh(offset / 2)


def compute_spread(rate: Any, n_questions: Any, item_dispersion: Any, residual_sd: Any) -> Any:
    """Variance of a row's rate over ``rate (1 - rate)``, trials apart; a beta has r / (1 + r)."""
    return item_dispersion / n_questions + residual_sd**2 * rate * (1 - rate)
