"""The broken neural scaling law, written once for PyTensor and NumPy, and its Bayesian model.

``y = a + b x^(-c_0) prod_i (1 + (x / d_i)^(1 / f_i))^(-c_i f_i)`` (arXiv 2210.14891, equation 1)
with ``y = 1 - score``, the error, and ``x`` the compute. With ``s_i = c_0 + ... + c_i``, the
exponent of ``y - a`` beyond break i, and ``softplus(z) = log(1 + e^z)``:

    log(y - a) = log b - G(log x),
    G(t) = s_0 t + sum_i (s_i - s_{i-1}) f_i softplus((t - log d_i) / f_i).

Here ``b`` is stated by the error of the smallest run, ``start``: ``b = (start - a) exp(G(t_min))``.
No ``s_i`` is negative, so that with one width ``f`` the error falls, and the score stays in [0, 1].
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cod_bayes.law.curves import LAPSE
from cod_bayes.law.model import noise_arrays, observe_counts
from cod_bayes.priors import LawPriors, Prior, fixed, lognormal, normal
from cod_bayes.schema import CLUSTER, LLM

if TYPE_CHECKING:
    import pymc as pm

SEGMENT, BREAK = "segment", "break"


@dataclass(frozen=True)
class BnslPriors:
    """Priors of the broken law; compute in nats, so that widths and breaks are in nats too."""

    start_logit: Prior = field(
        default_factory=lambda: normal(
            -1.0, 1.5, "the smallest run scores between 2 % and 88 %, chance included"
        )
    )
    limit_logit: Prior = field(
        default_factory=lambda: normal(
            -3.0, 0.7, "of the smallest run's error 1 % to 17 % never goes, as the law's ceilings"
        )
    )
    log_slope_mean: Prior = field(
        default_factory=lambda: normal(
            -2.0, 0.8, "errors above their limit fall as compute to the power 0.03 to 0.7"
        )
    )
    log_slope_sd: Prior = field(
        default_factory=lambda: fixed(
            0.7, "benchmarks' typical exponents differ by a factor of two either way: stated"
        )
    )
    bend_mean: Prior = field(
        default_factory=lambda: normal(
            1.0, 1.0, "errors fall faster once a benchmark has emerged, typically by a factor of e"
        )
    )
    bend_sd: Prior = field(
        default_factory=lambda: fixed(
            0.7, "bends differ by a factor of two either way: stated, a ladder shows few of them"
        )
    )
    break_logit: Prior = field(
        default_factory=lambda: normal(
            0.0, 1.0, "a break lies anywhere between the smallest run and the horizon"
        )
    )
    width: Prior = field(
        default_factory=lambda: lognormal(
            1.0, 0.3, "a bend takes a factor of about 50 in compute (four widths)"
        )
    )


def compute_decay(t: Any, slopes: Any, breaks: Any, widths: Any, math: ModuleType = np) -> Any:
    """``G(t)``: how far ``log(y - a)`` has fallen, up to a constant.

    Parameters
    ----------
    t
        Log compute.
    slopes
        ``s_0, s_1, ...``, each to broadcast with ``t``; one more than ``breaks``.
    breaks, widths
        ``log d_i`` and ``f_i``.
    """
    decay = slopes[0] * t
    for i, (at, width) in enumerate(zip(breaks, widths, strict=True)):
        z = (t - at) / width
        softplus = math.maximum(z, 0.0) + math.log1p(math.exp(-abs(z)))
        decay = decay + (slopes[i + 1] - slopes[i]) * width * softplus
    return decay


def compute_bnsl(
    t: Any,
    first: Any,
    start: Any,
    limit: Any,
    slopes: Any,
    breaks: Any,
    widths: Any,
    math: ModuleType = np,
) -> Any:
    """The score, 1 less the error, at log compute ``t``.

    Parameters
    ----------
    first
        Log compute of the smallest run.
    start, limit
        Errors of the smallest run and without end of compute: ``limit <= start``.
    """
    fall = compute_decay(t, slopes, breaks, widths, math) - compute_decay(
        first, slopes, breaks, widths, math
    )
    return 1 - limit - (start - limit) * math.exp(-fall)


def order_breaks(logits: Sequence[Any], first: Any, last: Any, math: ModuleType = np) -> list[Any]:
    """Breaks in order between ``first`` and ``last``: each takes its share of what is left.

    A logit of 0 puts break i of n after 1 / (n - i + 1) of the rest, so that all spread evenly.
    """
    breaks: list[Any] = []
    share_left: Any = 1.0
    for i, logit in enumerate(logits):
        share = 1 / (1 + math.exp(-logit) * (len(logits) - i))
        share_left = share_left * (1 - share)
        breaks.append(first + (last - first) * (1 - share_left))
    return breaks


def centre_bends(bends: Sequence[Any]) -> list[Any]:
    """Each segment's log exponent, from the mean of all: bends add up from break to break."""
    steps: list[Any] = [0 * bends[0]]
    for bend in bends:
        steps.append(steps[-1] + bend)
    mean = sum(steps) / len(steps)
    return [step - mean for step in steps]


def bnsl_arrays(data: xr.Dataset, horizon: float) -> dict[str, np.ndarray]:
    """The data that change from fit to fit while the compiled graph stays.

    ``horizon`` is how far breaks may lie, as a multiple of the largest ladder run's compute.
    """
    x = data["log_scale"].values[0]
    tried = noise_arrays(data)["tried"] > 0
    return noise_arrays(data) | {
        "log_compute": x,
        "first": np.array(float(x[tried].min())),
        "last": np.array(float(np.log(horizon))),
        "used": data["used"].values.astype(float),
    }


def build_bnsl(
    data: xr.Dataset,
    n_breaks: int,
    priors: BnslPriors,
    noise: LawPriors,
    horizon: float,
    anchor_sd: Prior | None = None,
) -> "pm.Model":
    """The broken law of every row, with the likelihood of :func:`cod_bayes.law.build_law`.

    A row's typical exponent, and the factor by which each break changes it, are pooled over rows:
    with exponents of their own, a row whose one break may lie early or late has two modes. The
    width of the bend is one for all rows and breaks, since about eight runs say next to nothing on
    it; where a row starts, breaks and ends is its own. Rows on which the data are strong and show
    no single bend can still mix slowly: the gate judges, and its longer attempts are often needed.

    Parameters
    ----------
    data
        As :func:`cod_bayes.law.build_law`, in compute alone.
    noise
        Priors of luck, residual and dispersion.
    anchor_sd
        See :func:`cod_bayes.law.model.observe_counts`.
    """
    import pymc as pm
    import pytensor.tensor as pt

    coords: dict[str, Any] = {name: data[name].values for name in (CLUSTER, LLM)}
    coords |= {SEGMENT: np.arange(n_breaks + 1), BREAK: np.arange(n_breaks)}
    arrays = bnsl_arrays(data, horizon)
    with pm.Model(coords=coords) as model:
        x = pm.Data("log_compute", arrays["log_compute"], dims=LLM)
        first, last = (pm.Data(name, arrays[name]) for name in ("first", "last"))
        used = pm.Data("used", arrays["used"], dims=CLUSTER)
        start_logit = priors.start_logit.build("start_logit", dims=CLUSTER)
        start = pm.Deterministic("start", pt.sigmoid(-start_logit), dims=CLUSTER)
        limit_logit = priors.limit_logit.build("limit_logit", dims=CLUSTER)
        limit = pm.Deterministic("limit", start * pt.sigmoid(limit_logit), dims=CLUSTER)
        log_slope_mean = priors.log_slope_mean.build("log_slope_mean")
        bend_mean = priors.bend_mean.build("bend_mean", dims=BREAK)
        bend_sd = priors.bend_sd.build("bend_sd")
        bend_offset = pm.Normal("bend_offset", dims=(BREAK, CLUSTER))
        bend = bend_mean[:, None] * used + bend_sd * bend_offset
        log_slope_sd = priors.log_slope_sd.build("log_slope_sd")
        log_slope = pm.Normal(
            "log_slope",
            mu=log_slope_mean * used,
            sigma=log_slope_sd * used + (1 - used),
            dims=CLUSTER,
        )
        bends = [bend[i] for i in range(n_breaks)]
        slopes = pt.exp(log_slope[None, :] + pt.stack(centre_bends(bends)))
        slope = pm.Deterministic("slope", slopes, dims=(SEGMENT, CLUSTER))
        break_logit = priors.break_logit.build("break_logit", dims=(BREAK, CLUSTER))
        logits = [break_logit[i] for i in range(n_breaks)]
        ordered = pt.stack(order_breaks(logits, first, last, pt))
        breaks = pm.Deterministic("break_at", ordered, dims=(BREAK, CLUSTER))
        width = priors.width.build("width")
        score = compute_bnsl(
            x[None, :],
            first,
            start[:, None],
            limit[:, None],
            [slope[i][:, None] for i in range(n_breaks + 1)],
            [breaks[i][:, None] for i in range(n_breaks)],
            [width] * n_breaks,
            pt,
        )
        observe_counts(LAPSE + (1 - 2 * LAPSE) * score, data, noise, anchor_sd)
    return model
