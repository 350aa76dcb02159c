"""Compile a graph once a process, and sample it until the gate passes or patience ends."""

import logging
from collections.abc import Callable, Hashable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cod_bayes.config import SamplerConfig
from cod_bayes.inference.gate import check_gate
from cod_bayes.inference.sampling import Adaptation, Compiled, Progress, compile_model, sample

if TYPE_CHECKING:
    import pymc as pm

LOG = logging.getLogger(__name__)

# A process refits few graphs many times (a backtest); the oldest go first.
MAX_GRAPHS = 12
_graphs: dict[Hashable, Compiled] = {}


def compile_once(
    key: Hashable, build: Callable[[], "pm.Model"], adaptation: Adaptation = "diag"
) -> Compiled:
    """Give the compiled graph of ``key``; build and compile it where this process has not yet.

    Parameters
    ----------
    key
        Everything that the graph depends on besides the data that are swapped: priors, shapes.
    build
        Makes the model.
    """
    if key in _graphs:
        return replace(_graphs[key], seconds=0.0)
    compiled = compile_model(build(), adaptation)
    while len(_graphs) >= MAX_GRAPHS:
        _graphs.pop(next(iter(_graphs)))
    _graphs[key] = compiled
    return compiled


def sample_until_passed(
    compiled: Compiled,
    config: SamplerConfig,
    *,
    random_seed: int,
    data: Mapping[str, np.ndarray] | None = None,
    labels: Mapping[str, np.ndarray] | None = None,
    auxiliary: tuple[str, ...] = (),
    progress: Progress | None = None,
) -> tuple[xr.DataTree, dict[str, Any]]:
    """Sample, and sample longer where the gate fails.

    Parameters
    ----------
    compiled
        From :func:`compile_once`.
    config
        Draws, the gate's limits, and how many attempts there are.
    data
        Values for the model's ``pm.Data``.
    labels
        Dim -> its labels in ``data``. What lies beyond them is padding and is cut off before the
        gate judges.
    auxiliary
        Variables that exist for the sampler's sake: judged, but not kept.

    Returns
    -------
    tree, gate
        ``posterior`` and ``sample_stats``, thinned back to the configured number of draws; and
        :func:`~cod_bayes.inference.check_gate` with ``attempts`` and the seconds spent.
    """
    sampler, seconds = config, 0.0
    for attempt in range(1, config.max_attempts + 1):
        tree = sample(compiled, sampler, random_seed=random_seed, data=data, progress=progress)
        seconds += tree.attrs["sampling_seconds"]
        tree = _relabel(tree, labels or {})
        gate = check_gate(tree, config)
        LOG.debug("attempt %d, %.1f s: %s", attempt, seconds, gate)
        if gate["passed"] or attempt == config.max_attempts:
            break
        sampler = sampler.lengthened()
    tree["posterior"] = tree["posterior"].to_dataset().drop_vars(auxiliary, errors="ignore")
    groups = {name: _thin(tree[name].to_dataset(), config.draws) for name in tree.children}
    gate |= {
        "attempts": attempt,
        "sampling_seconds": seconds,
        "compile_seconds": compiled.seconds,
    }
    return xr.DataTree.from_dict(groups), gate


def _relabel(tree: xr.DataTree, labels: Mapping[str, np.ndarray]) -> xr.DataTree:
    posterior = tree["posterior"].to_dataset()
    known = {dim: names for dim, names in labels.items() if dim in posterior.dims}
    cut = posterior.isel({dim: slice(len(names)) for dim, names in known.items()})
    stats = tree["sample_stats"].to_dataset()
    return xr.DataTree.from_dict({"posterior": cut.assign_coords(known), "sample_stats": stats})


def _thin(dataset: xr.Dataset, n_draws: int) -> xr.Dataset:
    thinned = dataset.isel(draw=slice(None, None, dataset.sizes["draw"] // n_draws))
    return thinned.assign_coords(draw=np.arange(n_draws))
