"""What the forecast would be under neighbouring priors: power-scaling, without another fit.

A prior raised to the power ``alpha`` is weaker (``alpha < 1``) or stronger (``alpha > 1``) than the
one that was used; the likelihood likewise. Draws are reweighted by ``density^(alpha - 1)``,
Pareto-smoothed (Kallioinen et al., arXiv 2107.14054). Extrapolating from a few small models is
prior-dominated by nature: this says by how much, and by which prior.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.config import LawConfig
from cod_bayes.errors import DataError
from cod_bayes.evaluation.densities import law_log_likelihood, law_log_priors
from cod_bayes.fitted import FittedModel
from cod_bayes.law.curves import load_curve
from cod_bayes.prediction import predict
from cod_bayes.schema import BENCHMARK, CLUSTER, FORECASTERS
from cod_bayes.subset import CLUSTER_BENCHMARK
from cod_bayes.targets import Numbers

Array = npt.NDArray[np.float64]

ALPHAS = (0.5, 0.8, 1.25, 2.0)
# The sensitivity is a derivative, taken between these.
NEAR = (0.8, 1.25)
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
PRIOR, LIKELIHOOD = "all priors", "likelihood"
# Above it importance weights rest on too few draws (Vehtari et al., arXiv 1507.02646).
MAX_KHAT = 0.7


def prior_sensitivity(
    fitted: FittedModel,
    *,
    flops: Numbers | None = None,
    params: Numbers | None = None,
    tokens: Numbers | None = None,
    alphas: Sequence[float] = ALPHAS,
    random_seed: int = 0,
) -> xr.Dataset:
    """The forecast's quantiles as priors and likelihood are scaled.

    Parameters
    ----------
    fitted
        From :func:`cod_bayes.fit`.
    flops, params, tokens
        The targets, as in :func:`cod_bayes.predict`.
    alphas
        Powers; 1 leaves things as they are.

    Returns
    -------
    xr.Dataset
        Dims (forecaster, benchmark, component, alpha, target, level). ``quantile``: of one new
        run's score; ``unscaled``: the same at alpha 1; ``khat`` (forecaster, benchmark, component,
        alpha): above 0.7 the row is a guess; ``sensitivity`` (forecaster, benchmark, component,
        target): how far the forecast's distribution moves (cumulative Jensen-Shannon distance)
        for a doubling of the power; above 0.05 it is worth a look. Components: ``all priors``
        together, each by name, and the ``likelihood``. NaN where there is no forecast. COD's
        map is not scaled, its law is.

    Raises
    ------
    DataError
        If there are too many targets to keep all draws, or an alpha is not positive.
    """
    if not all(alpha > 0 for alpha in alphas):
        raise DataError(f"powers must be positive; got {list(alphas)}")
    forecast = predict(
        fitted,
        flops=flops,
        params=params,
        tokens=tokens,
        explain=False,
        force=True,
        random_seed=random_seed,
    )
    scores = forecast["predictions"].to_dataset()["score_by_forecaster"]
    whole = fitted.group("end_to_end/posterior")
    if scores.sizes["draw"] != whole.sizes["draw"]:
        raise DataError(
            f"{scores.sizes['target']} targets are too many: their forecast is thinned to "
            f"{scores.sizes['draw']} of {whole.sizes['draw']} draws a chain. Ask for fewer at once."
        )
    law = fitted.config.law
    shared = weigh(whole, fitted.group("end_to_end/constant_data"), law)
    parts = []
    for name in scores[BENCHMARK].values:
        own = scores.sel({BENCHMARK: name})
        of_forecaster = []
        for forecaster in FORECASTERS:
            drawn = own.sel(forecaster=forecaster)
            densities = shared
            if forecaster == "cod" and not np.isnan(drawn.values).any():
                densities = weigh(*_law_of(fitted, str(name)), law)
            of_forecaster.append(scale_powers(drawn, densities, alphas))
        parts.append(xr.concat(of_forecaster, dim="forecaster", join="outer"))
    # benchmarks without a guess floor have no prior of it, and fewer components
    joined = xr.concat(parts, dim=BENCHMARK, join="outer").sel(component=list(shared))
    return joined.assign_coords(
        {"forecaster": list(FORECASTERS), BENCHMARK: scores[BENCHMARK].values}
    )


def weigh(posterior: xr.Dataset, data: xr.Dataset, law: LawConfig) -> dict[str, Array]:
    """Log density of every component at every draw, component -> (draw,)."""
    priors = law_log_priors(posterior, data, law)
    likelihood = law_log_likelihood(posterior, data, load_curve(law.curve))
    return {PRIOR: np.sum(list(priors.values()), axis=0), **priors, LIKELIHOOD: likelihood}


def scale_powers(
    scores: xr.DataArray, densities: Mapping[str, Array], alphas: Sequence[float]
) -> xr.Dataset:
    """Reweight one benchmark's scores, dims (chain, draw, target); see prior_sensitivity."""
    drawn = scores.transpose("chain", "draw", "target").values.reshape(-1, scores.sizes["target"])
    shape = len(densities), len(alphas)
    quantile = np.full((*shape, drawn.shape[1], len(LEVELS)), np.nan)
    khat, moved = np.full(shape, np.nan), np.full((shape[0], drawn.shape[1]), np.nan)
    missing = bool(np.isnan(drawn).any())
    for i, density in enumerate(densities.values()):
        if missing:
            break
        for j, alpha in enumerate(alphas):
            weights, khat[i, j] = power_weights(density, alpha)
            quantile[i, j] = weighted_quantiles(drawn, weights)
        near = [power_weights(density, alpha)[0][None, :] for alpha in NEAR]
        for t, column in enumerate(drawn.T):
            moved[i, t] = _array_stats().power_scale_sense(column[None, :], *near, *NEAR)
    even = np.full(len(drawn), 1 / len(drawn))
    unscaled = np.full((drawn.shape[1], len(LEVELS)), np.nan)
    return xr.Dataset(
        {
            "quantile": (("component", "alpha", "target", "level"), quantile),
            "khat": (("component", "alpha"), khat),
            "sensitivity": (("component", "target"), moved),
            "unscaled": (
                ("target", "level"),
                unscaled if missing else weighted_quantiles(drawn, even),
            ),
        },
        coords={
            "component": list(densities),
            "alpha": list(alphas),
            "level": list(LEVELS),
        },
    )


def power_weights(log_density: Array, alpha: float) -> tuple[Array, float]:
    """Pareto-smoothed weights of draws for a density raised to ``alpha``, and their k-hat.

    The weights sum to one. Equal densities, or alpha 1, give equal weights and a k-hat of zero.
    """
    ratios = (alpha - 1) * (log_density - log_density.max())
    if np.ptp(ratios) < 1e-12:
        return np.full(len(ratios), 1 / len(ratios)), 0.0
    # the function takes what weights are divided by, as leave-one-out does
    smoothed, khat = _array_stats().psislw(-ratios)
    weights: Array = np.exp(smoothed - smoothed.max())
    return weights / weights.sum(), float(khat)


def weighted_quantiles(drawn: Array, weights: Array) -> Array:
    """Quantiles of weighted draws, shape (target, level): midpoints of the weights' steps."""
    columns = []
    for column in drawn.T:
        order = np.argsort(column)
        steps = np.cumsum(weights[order])
        columns.append(np.interp(LEVELS, steps - weights[order] / 2, column[order]))
    return np.array(columns)


def _array_stats() -> Any:
    """ArviZ's functions of plain arrays; they carry no types."""
    from arviz_stats.base.array import array_stats

    return array_stats


def _law_of(fitted: FittedModel, name: str) -> tuple[xr.Dataset, xr.Dataset]:
    """Draws and rows of one benchmark's law; its flat clusters carry none."""
    posterior, data = (fitted.group(f"law/{part}") for part in ("posterior", "constant_data"))
    table = fitted.group("cluster_table")
    of_benchmark = table[CLUSTER].values[table[CLUSTER_BENCHMARK].values == name]
    rows = [row for row in of_benchmark if row in posterior[CLUSTER].values]
    return posterior.sel({BENCHMARK: name, CLUSTER: rows}), data.sel({CLUSTER: rows})
