"""Every final model's score on every benchmark: what is seen, without items."""

import numpy as np
import xarray as xr

from cod_bayes.law.data import pool_items, select_runs
from cod_bayes.schema import (
    BENCHMARK,
    GOLD_NLL,
    ITEM,
    LLM,
    LOSS,
    LOSS_DOMAIN,
    N_CORRECT,
    N_TRIALS,
)

# What a table of scores keeps of its language models.
ABOUT = ("flops", "params_active", "tokens", "role", "family")


def positions_of_benchmarks(evals: xr.Dataset) -> dict[str, np.ndarray]:
    """Benchmark -> positions of its items, benchmarks in order of appearance."""
    of_item = evals[BENCHMARK].values
    return {str(name): np.flatnonzero(of_item == name) for name in dict.fromkeys(of_item)}


def tabulate_scores(evals: xr.Dataset) -> xr.Dataset:
    """Scores of the final checkpoints of the ladder's runs, then of the anchors.

    Returns
    -------
    xr.Dataset
        As :func:`tabulate_checkpoints`.
    """
    finals = xr.concat([select_runs(evals, "ladder"), select_runs(evals, "anchor")], dim=LLM)
    return tabulate_checkpoints(finals)


def tabulate_checkpoints(evals: xr.Dataset) -> xr.Dataset:
    """Scores of all models as they stand, with their measuring error.

    Returns
    -------
    xr.Dataset
        Dims (benchmark, llm): ``score`` (0 to 1; NaN where nothing was tried), ``score_se``,
        ``n_trials``, ``n_correct`` (see :func:`~cod_bayes.law.data.pool_items`), and
        ``task_loss`` (mean of ``gold_nll`` over items) where the data have it; (benchmark,):
        ``guess_floor``, ``n_questions``; (llm, loss_domain): ``loss`` where the data have it.
    """
    positions = positions_of_benchmarks(evals)
    rows = []
    for of_benchmark in positions.values():
        items = evals.isel({ITEM: of_benchmark})
        pooled = pool_items(items)
        trials = pooled[N_TRIALS].where(pooled[N_TRIALS] > 0)
        # Agresti and Coull's two successes and failures keep the error above zero at the ends.
        shrunk = (pooled[N_CORRECT] + 2) / (trials + 4)
        pooled["score"] = pooled[N_CORRECT] / trials
        pooled["score_se"] = np.sqrt(shrunk * (1 - shrunk) / (trials + 4))
        if GOLD_NLL in items:
            weight = items["n_questions"].astype(float)
            mean = items[GOLD_NLL].weighted(weight).mean(ITEM)
            pooled["task_loss"] = (LLM, mean.values)
        rows.append(pooled)
    names = {BENCHMARK: list(positions), LLM: evals[LLM].values}
    table = xr.concat(rows, dim=BENCHMARK).assign_coords(names)
    if LOSS in evals:
        table[LOSS] = (evals[LOSS].dims, evals[LOSS].values)
        table = table.assign_coords({LOSS_DOMAIN: evals[LOSS_DOMAIN].values})
    return table.assign_coords({name: (LLM, evals[name].values) for name in ABOUT})
