"""One hierarchical model of all benchmarks' maps: each brings about ten points."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from cod_bayes.config import MappingConfig
from cod_bayes.mapping.curves import load_form
from cod_bayes.schema import BENCHMARK, LLM

if TYPE_CHECKING:
    import pymc as pm

# Wide enough to leave a true logit score to its own counts.
LATENT_LOGIT_SD = 3.0
# pm.Data -> column; what is solved has another name than the model's random variables
COUNTS = {
    "subset_trials": "subset_trials",
    "subset_solved": "subset_correct",
    "response_trials": "response_trials",
    "response_solved": "response_correct",
}


def mapping_arrays(data: xr.Dataset) -> dict[str, np.ndarray]:
    """The data that change from fit to fit while the compiled graph stays."""
    counts = {
        name: data[column].transpose(BENCHMARK, LLM).values.astype(np.int64)
        for name, column in COUNTS.items()
    }
    return counts | {"centre": data["centre"].values.astype(float)}


def build_mapping(data: xr.Dataset, config: MappingConfig | None = None) -> "pm.Model":
    """From subset to response, partially pooled over benchmarks.

    For benchmark ``b`` and language model ``m``, with latent true logits ``x`` (subset) and ``y``
    (response: the rest of the items, or all of them)::

        y_bm ~ Normal(line(x_bm), scatter_m)
        line(x) = centre_b + offset_b + slope_b (x - centre_b),   slope_b > 0
        subset_correct   ~ Binomial(subset_trials, expit x_bm)
        response_correct ~ Binomial(response_trials, expit y_bm)

    Both coordinates are latent, since both are measured with noise. A model of another family
    scatters further: ``scatter_m^2 = scatter_sd^2 + anchor_sd^2``.

    This stage conditions on the clusters that the law called extrapolatable and not on the law's
    draws: the two stages are a cut, not a joint fit.

    Parameters
    ----------
    data
        From :func:`cod_bayes.mapping.data.build_mapping_data`.
    config
        Form and priors.

    Returns
    -------
    pm.Model
        Nothing is sampled.
    """
    import pymc as pm
    import pytensor.tensor as pt

    config = config or MappingConfig()
    form, priors = load_form(config.form), config.priors
    n_llms = data.sizes[LLM]
    is_anchor = data["is_anchor"].values.astype(float)
    coords = {BENCHMARK: data[BENCHMARK].values, LLM: data[LLM].values}
    cell = (BENCHMARK, LLM)
    with pm.Model(coords=coords) as model:
        arrays = mapping_arrays(data)
        counts = {name: pm.Data(name, arrays[name], dims=cell) for name in COUNTS}
        centre = pm.Data("centre", arrays["centre"], dims=BENCHMARK)

        offset_mean = priors.offset_mean.build("offset_mean")
        offset_sd = priors.offset_sd.build("offset_sd")
        offset = pm.Normal("offset", offset_mean, offset_sd, dims=BENCHMARK)
        log_slope_mean = priors.log_slope_mean.build("log_slope_mean")
        log_slope_sd = priors.log_slope_sd.build("log_slope_sd")
        log_slope = pm.Normal("log_slope", log_slope_mean, log_slope_sd, dims=BENCHMARK)
        slope = pm.Deterministic("slope", pt.exp(log_slope), dims=BENCHMARK)
        scatter_sd = priors.scatter_sd.build("scatter_sd")
        if is_anchor.any():
            anchor_sd = priors.anchor_sd.build("anchor_sd")
            scatter = pt.sqrt(scatter_sd**2 + is_anchor * anchor_sd**2)
        else:
            scatter = scatter_sd * np.ones(n_llms)

        subset_logit = pm.Normal("subset_logit", 0.0, LATENT_LOGIT_SD, dims=cell)
        line = form.line(subset_logit, centre[:, None], offset[:, None], slope[:, None], pt)
        response_logit = pm.Normal("response_logit", line, scatter[None, :], dims=cell)
        for name, logit in (("subset", subset_logit), ("response", response_logit)):
            pm.Binomial(
                f"{name}_correct",
                n=counts[f"{name}_trials"],
                logit_p=logit,
                observed=counts[f"{name}_solved"],
                dims=cell,
            )
    return model
