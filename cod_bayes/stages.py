"""What a forecast reads of a fitted model, and how it is lined up for one benchmark."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr

from cod_bayes.fitted import FittedModel
from cod_bayes.law.curves import Curve, load_curve
from cod_bayes.law.evaluate import stack_draws
from cod_bayes.law.model import GLOBAL_PARAMETERS, ROW_PARAMETERS
from cod_bayes.mapping.curves import NO_MAP
from cod_bayes.propagate import Chain
from cod_bayes.schema import BENCHMARK, CLUSTER
from cod_bayes.subset import CLUSTER_BENCHMARK

MAP_PARAMETERS = ("offset", "slope", "scatter_sd")


@dataclass(frozen=True)
class Stages:
    """The draws that make a score, read once; the small models' own luck stays on disk.

    Chains are stacked along ``sample``. ``whole`` has a row a benchmark, ``law`` a row a cluster;
    ``mapping`` has its centre and share. ``law`` and ``mapping`` are None where there is none.
    """

    clusters: xr.Dataset
    table: xr.Dataset
    n_items: xr.DataArray
    whole: xr.Dataset
    law: xr.Dataset | None
    mapping: xr.Dataset | None
    curve: Curve
    form: str
    n_chains: int
    pool_weight: float


def load_stages(fitted: FittedModel, max_draws: int | None = None) -> Stages:
    """Read what a forecast needs, thinned to about ``max_draws`` draws where they are more."""
    groups = fitted.tree.children
    whole = fitted.group("end_to_end/posterior")
    n_draws = whole.sizes["chain"] * whole.sizes["draw"]
    keep = slice(None, None, max(1, n_draws // max(1, max_draws or n_draws)))
    mapping = None
    if "mapping" in groups:
        constants = fitted.group("mapping/constant_data")[["centre", "share"]]
        mapping = _read(fitted, "mapping/posterior", MAP_PARAMETERS, keep).assign(constants.load())
    parameters = (*ROW_PARAMETERS, *GLOBAL_PARAMETERS)
    return Stages(
        clusters=fitted.group("clusters").load(),
        table=fitted.group("cluster_table").load(),
        n_items=fitted.group("end_to_end/constant_data")["n_questions"].load(),
        whole=_read(fitted, "end_to_end/posterior", parameters, keep),
        law=_read(fitted, "law/posterior", parameters, keep) if "law" in groups else None,
        mapping=mapping,
        curve=load_curve(fitted.config.law.curve),
        form=fitted.config.mapping.form,
        n_chains=whole.sizes["chain"],
        pool_weight=fitted.config.forecast.end_to_end_weight,
    )


def _read(fitted: FittedModel, group: str, names: tuple[str, ...], keep: slice) -> xr.Dataset:
    posterior = fitted.group(group)
    chosen = posterior[[name for name in names if name in posterior]]
    return stack_draws(chosen.isel(draw=keep).load())


def build_chains(
    stages: Stages, name: str, log_scale: np.ndarray, trials: int | None
) -> dict[str, Chain]:
    """All that leads from draws to one benchmark's score, for each forecaster that has any.

    Parameters
    ----------
    stages
        From :func:`load_stages`.
    name
        The benchmark.
    log_scale
        Targets' covariates, nats from the reference, shape (scale, target).
    trials
        Trials an item of the measurement; None for the true pass rate.
    """
    n_items = float(stages.n_items.sel({CLUSTER: name}))
    about: dict[str, Any] = {
        "curve": stages.curve,
        "log_scale": log_scale,
        "trials": trials,
        "n_items": n_items,
    }
    whole = stages.whole.sel({CLUSTER: [name]})
    chains = {"end-to-end": Chain(law=whole, n_questions=np.array([n_items]), **about)}
    maps = stages.form != NO_MAP
    has_subset = bool(stages.clusters["has_subset"].sel({BENCHMARK: name}))
    if stages.law is None or not has_subset or (maps and stages.mapping is None):
        return chains
    of_benchmark = stages.table[CLUSTER_BENCHMARK].values == name
    used = of_benchmark & (stages.table["in_subset"].values | (not maps))
    rows = stages.table.isel({CLUSTER: np.flatnonzero(used)})
    chains["cod"] = Chain(
        law=stages.law.sel({CLUSTER: rows[CLUSTER].values, BENCHMARK: name}),
        n_questions=rows["n_items"].values.astype(float),
        mapping=stages.mapping.sel({BENCHMARK: name}) if stages.mapping is not None else None,
        form=stages.form,
        **about,
    )
    return chains
