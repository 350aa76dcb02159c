"""Remarks on valid evaluation data that bound what a forecast from them is worth."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.schema import BENCHMARK, ITEM, LLM, N_CORRECT, N_TRIALS

# When to speak: distinct computes, trials an item, items, decades of compute, residual sd of
# ln(tokens / parameters), share of items.
FEW_COMPUTES = 5
_FEW_TRIALS = 8
_FEW_ITEMS = 10
_SHORT_SPAN = 1.0
_OFF_LINE = 0.1
_MANY = 0.5


def ladder_notes(evals: xr.Dataset) -> list[str]:
    """Remark on what bounds the worth of a forecast from valid data, a sentence each.

    Parameters
    ----------
    evals
        Data that :func:`cod_bayes.validation.validate_evals` accepts. Targets and anchors
        are not looked at.
    """
    ladder = evals.sel({LLM: evals["role"] == "ladder"})
    notes = _compute_notes(ladder)
    for name in dict.fromkeys(ladder[BENCHMARK].values.astype(str)):
        items = ladder.isel({ITEM: np.flatnonzero(ladder[BENCHMARK].values == name)})
        notes += [f"{name}: {note}" for note in _benchmark_notes(items)]
    return notes


def _compute_notes(ladder: xr.Dataset) -> list[str]:
    notes = []
    log_c = np.log10(ladder["flops"].values.astype(float))
    computes = np.unique(log_c)
    if computes.size < FEW_COMPUTES:
        notes.append(
            f"the ladder has {computes.size} distinct computes; with fewer than {FEW_COMPUTES} "
            "a forecast is mostly prior"
        )
    if np.ptp(log_c) < _SHORT_SPAN:
        notes.append(
            f"the ladder spans {np.ptp(log_c):.2f} decades of compute; under {_SHORT_SPAN:g} "
            "its slope is hardly known"
        )
    spread = _off_line(ladder, log_c)
    if spread > _OFF_LINE:
        notes.append(
            f"tokens per parameter vary at equal compute (residual sd of ln(D/N): {spread:.2f}), "
            "so compute alone does not fix a score; law.scale = 'params-tokens' uses both"
        )
    if len(set(ladder["phase"].values.astype(str))) > 1:
        notes.append(
            "the ladder mixes annealed and stable checkpoints, which differ at equal compute; "
            "keep one phase: evals.sel(llm=evals.phase == 'stable')"
        )
    return notes


def _off_line(ladder: xr.Dataset, log_c: npt.NDArray[np.float64]) -> float:
    """Residual sd of ln(tokens / parameters) about a quadratic in log compute, 0 if it is exact.

    A quadratic follows any planned schedule; what is left is variation at equal compute.
    """
    ratio = np.log(ladder["tokens"].values / ladder["params_active"].values)
    degree = min(2, np.unique(log_c).size - 1)
    centred = log_c - log_c.mean()
    residual = ratio - np.polyval(np.polyfit(centred, ratio, degree), centred)
    return float(np.sqrt(np.mean(residual**2)))


def _benchmark_notes(items: xr.Dataset) -> list[str]:
    trials = items[N_TRIALS].values.astype(float)
    correct = items[N_CORRECT].values.astype(float)
    n_items = items.sizes[ITEM]
    notes = []
    if correct.sum() == 0:
        notes.append("no item was solved on any ladder model; when it emerges is not in the data")
    elif correct.sum() == trials.sum():
        notes.append("every item was solved on every ladder model; there is nothing to forecast")
    else:
        zero = float((correct.sum(axis=0) == 0).mean())
        if n_items > 1 and zero > _MANY:
            notes.append(f"{zero:.0%} of the items were solved by no ladder model")
    if (items["n_questions"].values > 1).all():
        notes.append("scores without items: the end-to-end law stands alone")
        return notes
    if n_items < _FEW_ITEMS:
        notes.append(f"{n_items} items are too few to cluster ({_FEW_ITEMS} make a cluster)")
    typical = float(np.median(trials[trials > 0])) if (trials > 0).any() else 0.0
    if typical < _FEW_TRIALS:
        notes.append(
            f"{typical:g} trial(s) an item are too few to cluster on (under {_FEW_TRIALS}); "
            "the end-to-end law stands alone"
        )
    untried = float((trials == 0).mean())
    if untried > 0:
        notes.append(f"{untried:.1%} of the (llm, item) cells were not tried")
    return notes
