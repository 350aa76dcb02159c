"""The points that the map is fitted to: every small model's and anchor's two scores."""

import numpy as np
import xarray as xr

from cod_bayes.law.data import pool_items
from cod_bayes.mapping.curves import FORMS, MapForm
from cod_bayes.schema import BENCHMARK, ITEM, LLM, N_CORRECT, N_TRIALS


def build_mapping_data(
    evals: xr.Dataset, subset_of: dict[str, np.ndarray], form: MapForm = FORMS["rest"]
) -> xr.Dataset:
    """Counts of subset and response for every benchmark and model.

    Parameters
    ----------
    evals
        Final runs of the ladder and the anchors, dims (llm, item).
    subset_of
        Benchmark -> a mask over all items, true for those of its predictable subset.
    form
        Whether the response is the benchmark's other items or all of them.

    Returns
    -------
    xr.Dataset
        Dims (benchmark, llm): ``subset_trials``, ``subset_correct``, ``response_trials``,
        ``response_correct`` (counts); (benchmark,): ``share`` of items in the subset, ``centre``
        (logit); (llm,): ``is_anchor``.
    """
    rows = []
    for benchmark, in_subset in subset_of.items():
        of_benchmark = evals["benchmark"].values == benchmark
        response = of_benchmark & ~in_subset if form.response == "rest" else of_benchmark
        subset = pool_items(evals.isel({ITEM: np.flatnonzero(in_subset)}))
        answer = pool_items(evals.isel({ITEM: np.flatnonzero(response)}))
        rows.append(
            xr.Dataset(
                {
                    "subset_trials": subset[N_TRIALS],
                    "subset_correct": subset[N_CORRECT],
                    "response_trials": answer[N_TRIALS],
                    "response_correct": answer[N_CORRECT],
                    "share": in_subset.sum() / of_benchmark.sum(),
                }
            )
        )
    data = xr.concat(rows, dim=BENCHMARK).assign_coords({BENCHMARK: list(subset_of)})
    is_anchor = evals["role"].values == "anchor"
    logit = smoothed_logit(data["subset_correct"], data["subset_trials"])
    tried = (data["subset_trials"] > 0) & xr.DataArray(~is_anchor, dims=LLM)
    return data.assign(is_anchor=(LLM, is_anchor), centre=logit.where(tried).mean(LLM))


def smoothed_logit(n_correct: xr.DataArray, n_trials: xr.DataArray) -> xr.DataArray:
    """Empirical logit, finite at none and at all correct."""
    odds = (n_correct + 0.5) / (n_trials - n_correct + 0.5)
    return xr.DataArray(np.log(odds))
