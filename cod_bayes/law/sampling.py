"""Sample the law of as many sets of rows as there are, on one compiled graph."""

import json
from typing import Any

import xarray as xr

from cod_bayes import configio
from cod_bayes.config import Config
from cod_bayes.inference import Compiled, compile_once, sample_until_passed
from cod_bayes.inference.sampling import Progress
from cod_bayes.law.curves import load_curve
from cod_bayes.law.data import SCALE, pad_llms, pad_rows
from cod_bayes.law.model import IS_ANCHOR, build_law, law_arrays
from cod_bayes.schema import CLUSTER, LLM

# Graphs are padded to multiples of these, so that studies of like size share a compiled graph.
ROWS_STEP, LLMS_STEP = 8, 4
# Offsets that exist for the sampler's sake; what they make is stored.
AUXILIARY = ("floor_offset", "ceiling_offset")


def compile_law(data: xr.Dataset, config: Config, n_rows: int | None = None) -> Compiled:
    """Compile the graph that :func:`sample_law` uses for such data; a moment if it has been."""
    padded = _pad(data, n_rows)
    law = json.dumps(configio.to_mapping(config.law), sort_keys=True)
    anchor_sd = config.mapping.priors.anchor_sd if IS_ANCHOR in data else None
    key = ("law", law, repr(anchor_sd), *padded.sizes.values(), *data[SCALE].values)
    return compile_once(key, lambda: build_law(padded, config.law, anchor_sd), "low_rank")


def sample_law(
    data: xr.Dataset,
    config: Config,
    *,
    random_seed: int,
    n_rows: int | None = None,
    progress: Progress | None = None,
) -> tuple[xr.DataTree, dict[str, Any]]:
    """Sample the posterior of :func:`~cod_bayes.law.build_law`.

    Parameters
    ----------
    data
        Rows with ``log_scale``; see :func:`~cod_bayes.law.build_rows`.
    config
        The law's curve and priors, and the sampler.
    n_rows
        The graph has room for at least so many rows: calls that give the same number share it.

    Returns
    -------
    tree, gate
        As :func:`~cod_bayes.inference.sample_until_passed`.
    """
    return sample_until_passed(
        compile_law(data, config, n_rows),
        config.sampler,
        random_seed=random_seed,
        data=law_arrays(_pad(data, n_rows), load_curve(config.law.curve)),
        labels={dim: data[dim].values for dim in (CLUSTER, LLM, SCALE)},
        auxiliary=AUXILIARY,
        progress=progress,
    )


def _pad(data: xr.Dataset, n_rows: int | None) -> xr.Dataset:
    rows = max(n_rows or 0, data.sizes[CLUSTER])
    padded = pad_llms(data, -(-data.sizes[LLM] // LLMS_STEP) * LLMS_STEP)
    return pad_rows(padded, -(-rows // ROWS_STEP) * ROWS_STEP)
