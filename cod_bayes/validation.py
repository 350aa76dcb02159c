"""Check evaluation data: all faults at once, each with its place and its remedy.

:func:`validate_evals` refuses data that cannot mean what they say; :func:`ladder_notes` (from
:mod:`cod_bayes.remarks`) remarks on valid data that bound what a forecast is worth.
"""

from collections.abc import Callable, Hashable, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.errors import DataError, join_faults
from cod_bayes.remarks import FEW_COMPUTES, ladder_notes
from cod_bayes.schema import (
    BENCHMARK,
    GOLD_NLL,
    ITEM,
    ITEM_COORDS,
    LLM,
    LLM_COORDS,
    LOSS,
    LOSS_DOMAIN,
    N_CORRECT,
    N_TRIALS,
    PHASES,
    ROLES,
)

__all__ = ["ladder_notes", "validate_evals"]

_COUNTS = (N_TRIALS, N_CORRECT)
_QUANTITIES = ("params_total", "params_active", "tokens", "flops")
_INTEGERS = ("seed", "checkpoint", "n_questions")
_LABELS = (LLM, "family", "run", "phase", "role", ITEM, BENCHMARK, "item_id", "metric")
# What can tell two llms apart, besides the run (which counts unless it is the llm's own label).
_IDENTITY = ("params_total", "params_active", "tokens", "flops", "family", "seed", "run",
             "checkpoint", "phase")  # fmt: skip
_MAX_COUNT = np.iinfo(np.uint32).max
_MIN_COMPUTES = 2


def validate_evals(evals: xr.Dataset, *, needs_ladder: bool = True) -> xr.Dataset:
    """Refuse evaluation data that contradict themselves, naming every fault.

    Parameters
    ----------
    evals
        As :mod:`cod_bayes.schema` describes. The ladder needs models of at least two distinct
        computes, on every benchmark: fewer say nothing about growth.
    needs_ladder
        False for results that stand apart from a ladder, as a target's do to judge by.

    Returns
    -------
    xr.Dataset
        The same data, dims in the order ``(llm, item)``, counts as uint32, quantities as
        float64, labels as strings.

    Raises
    ------
    DataError
        With all faults: what, how many, the first place, and what to do.
    """
    faults = _structure_faults(evals)
    if not faults:
        # the further checks need names, dims and numbers to be there
        evals = evals.set_coords([*LLM_COORDS, *ITEM_COORDS])
        order = [LLM, ITEM, *(dim for dim in evals.dims if dim not in (LLM, ITEM))]
        evals = evals.transpose(*order)
        checks: tuple[Callable[[xr.Dataset], list[str]], ...] = (
            _label_faults,
            _count_faults,
            _llm_faults,
            _item_faults,
            _loss_faults,
        )
        faults = [fault for check in checks for fault in check(evals)]
    if not faults and needs_ladder:
        faults = _ladder_faults(evals)
    if faults:
        raise DataError(join_faults("evals", faults))
    return _normalised(evals)


def _structure_faults(evals: xr.Dataset) -> list[str]:
    """Names, dims and kinds of values."""
    faults = []
    for dim in (LLM, ITEM):
        if dim not in evals.dims:
            faults.append(f"it has no dim {dim!r} (dims: {', '.join(map(str, evals.dims))})")
        elif dim not in evals.coords:
            faults.append(f"dim {dim!r} has no labels; add evals.assign_coords({dim}=[...])")
        elif evals.sizes[dim] == 0:
            faults.append(f"dim {dim!r} is empty; nothing was read or everything was dropped")
    expected: dict[str, tuple[str, ...]] = dict.fromkeys(_COUNTS, (LLM, ITEM))
    expected |= dict.fromkeys(LLM_COORDS, (LLM,)) | dict.fromkeys(ITEM_COORDS, (ITEM,))
    if GOLD_NLL in evals.variables:
        expected[GOLD_NLL] = (LLM, ITEM)
    if LOSS in evals.variables:
        expected |= {LOSS: (LLM, LOSS_DOMAIN), LOSS_DOMAIN: (LOSS_DOMAIN,)}
    missing = [name for name in expected if name not in evals.variables]
    if missing:
        faults.append(
            f"missing {', '.join(missing)}; cod_bayes.read_table fills in the defaults, "
            "or see cod_bayes.schema for what each one means"
        )
    for name, dims in expected.items():
        if name in missing:
            continue
        if set(evals[name].dims) != set(dims):
            found = ", ".join(map(str, evals[name].dims))
            faults.append(f"{name} has dims ({found}); it needs ({', '.join(dims)})")
        numeric = name in (*_COUNTS, *_QUANTITIES, *_INTEGERS, "guess_floor", GOLD_NLL, LOSS)
        if numeric and evals[name].dtype.kind not in "iuf":
            faults.append(
                f"{name} holds {evals[name].dtype}, not numbers; "
                f"convert it: evals['{name}'] = evals.{name}.astype(float)"
            )
    return faults


def _label_faults(evals: xr.Dataset) -> list[str]:
    faults = []
    for dim in (LLM, ITEM, *_loss_dims(evals)):
        labels, counts = np.unique(evals[dim].values.astype(str), return_counts=True)
        repeated = labels[counts > 1]
        if repeated.size:
            faults.append(
                f"{repeated.size} {dim} labels occur more than once (first: {str(repeated[0])!r}). "
                f"Keep the first of each: evals = evals.drop_duplicates('{dim}')"
            )
    for name, known in (("role", ROLES), ("phase", PHASES)):
        for value in sorted(set(evals[name].values.astype(str)) - set(known)):
            first = _first_label(evals, LLM, evals[name].values.astype(str) == value)
            faults.append(
                f"{name} {str(value)!r} (first: llm {first}) is unknown; "
                f"use one of {', '.join(known)}"
            )
    return faults


def _count_faults(evals: xr.Dataset) -> list[str]:
    faults = []
    for name in _COUNTS:
        values = evals[name].values.astype(float)
        finite = np.isfinite(values)
        whole = np.floor(values, out=np.zeros_like(values), where=finite) == values
        for wrong, what, remedy in (
            (~finite, "not a number", "a cell that was not tried has n_trials = n_correct = 0"),
            (finite & (values < 0), "negative", "counts start at 0"),
            (finite & ~whole, "fractional", "give counts, not rates: n_correct = rate * n_trials"),
            (values > _MAX_COUNT, "too large", f"counts end at {_MAX_COUNT}"),
        ):
            if wrong.any():
                cell = _first_cell(evals, wrong)
                value = values[wrong][0]
                faults.append(
                    f"{name} is {what} in {_cells(wrong)} (first: {cell}: {value:g}); {remedy}"
                )
    trials, correct = (evals[name].values.astype(float) for name in _COUNTS)
    over = correct > trials
    if over.any():
        faults.append(
            f"n_correct exceeds n_trials in {_cells(over)} (first: {_first_cell(evals, over)}: "
            f"{correct[over][0]:g} of {trials[over][0]:g}). Mend the source, or drop these items: "
            "evals = evals.sel(item=(evals.n_correct <= evals.n_trials).all('llm'))"
        )
    idle = (trials == 0).all(axis=0)
    if idle.any():
        faults.append(
            f"{int(idle.sum())} items have no trials on any llm "
            f"(first: {_first_label(evals, ITEM, idle)}). "
            "Drop them: evals = evals.sel(item=evals.n_trials.sum('llm') > 0)"
        )
    # a target without results is what a forecast is for
    idle = (trials == 0).all(axis=1) & (evals["role"].values != "target")
    if idle.any():
        faults.append(
            f"{int(idle.sum())} llms have no trials on any item "
            f"(first: {_first_label(evals, LLM, idle)}). "
            "Drop them: evals = evals.sel(llm=evals.n_trials.sum('item') > 0)"
        )
    return faults


def _llm_faults(evals: xr.Dataset) -> list[str]:
    faults = []
    for name in _QUANTITIES:
        values = evals[name].values.astype(float)
        wrong = ~(np.isfinite(values) & (values > 0))
        if wrong.any():
            faults.append(
                f"{name} must be positive; it is {values[wrong][0]:g} for llm "
                f"{_first_label(evals, LLM, wrong)} ({int(wrong.sum())} in all). Give its value, "
                f"or drop these llms: evals = evals.sel(llm=evals.{name} > 0)"
            )
    wrong = evals["params_active"].values > evals["params_total"].values
    if wrong.any():
        faults.append(
            f"params_active exceeds params_total for llm {_first_label(evals, LLM, wrong)} "
            f"({int(wrong.sum())} in all); they are equal for dense models"
        )
    for name in ("seed", "checkpoint"):
        faults += _integer_faults(evals, name, LLM, minimum=0)
    if not faults:
        faults += _twin_faults(evals)
    return faults


def _twin_faults(evals: xr.Dataset) -> list[str]:
    """Two llms that nothing tells apart, or one checkpoint of one run twice."""
    labels = [str(label) for label in evals[LLM].values]
    # a run that bears the llm's own label was not stated, so it tells nothing
    own = evals["run"].values.astype(str) == np.array(labels)
    columns = {name: evals[name].values for name in _IDENTITY}
    columns["run"] = np.where(own, "", evals["run"].values.astype(str))
    twins = _repeats([columns[name] for name in _IDENTITY])
    if twins:
        first, second = twins[0]
        return [
            f"nothing tells llms {labels[first]!r} and {labels[second]!r} apart "
            f"({len(twins)} in all): they agree in {', '.join(_IDENTITY)}. If they are two runs, "
            "give them different seeds (or name their runs); if they are one, drop one: "
            f"evals = evals.drop_sel(llm={labels[second]!r})"
        ]
    place = [evals[name].values for name in ("run", "seed", "checkpoint", "phase")]
    claims = _repeats(place)
    if claims:
        first, second = claims[0]
        return [
            f"llms {labels[first]!r} and {labels[second]!r} both claim checkpoint "
            f"{place[2][first]} of run {str(place[0][first])!r} ({len(claims)} in all); number "
            "the checkpoints of a run in order of training"
        ]
    return []


def _item_faults(evals: xr.Dataset) -> list[str]:
    faults = []
    floor = evals["guess_floor"].values.astype(float)
    wrong = ~((floor >= 0) & (floor < 1))
    if wrong.any():
        faults.append(
            f"guess_floor must lie in [0, 1); it is {floor[wrong][0]:g} for item "
            f"{_first_label(evals, ITEM, wrong)} ({int(wrong.sum())} in all). Four choices have "
            "a floor of 0.25, free answers 0"
        )
    faults += _integer_faults(evals, "n_questions", ITEM, minimum=1)
    benchmark, metric = (evals[name].values.astype(str) for name in (BENCHMARK, "metric"))
    for name in dict.fromkeys(benchmark):
        metrics = sorted(set(metric[benchmark == name]))
        if len(metrics) > 1:
            faults.append(
                f"benchmark {str(name)!r} mixes metrics {', '.join(metrics)}; its score would be "
                f"of neither. Keep one: evals.sel(item=evals.metric == {str(metrics[0])!r}), "
                "or give each its own benchmark name"
            )
    return faults


def _loss_faults(evals: xr.Dataset) -> list[str]:
    if LOSS not in evals:
        return []
    loss = evals[LOSS].values.astype(float)
    wrong = np.isinf(loss) | (loss < 0)
    if not wrong.any():
        return []
    row, column = np.argwhere(wrong)[0]
    place = f"llm {str(evals[LLM].values[row])!r}, {str(evals[LOSS_DOMAIN].values[column])!r}"
    return [
        f"loss must be a number of at least 0; it is not in {_cells(wrong)} "
        f"(first: {place}: {loss[row, column]:g}). Where it was not measured it is NaN: "
        "evals['loss'] = evals.loss.where(np.isfinite(evals.loss) & (evals.loss >= 0))"
    ]


def _loss_dims(evals: xr.Dataset) -> tuple[str, ...]:
    return (LOSS_DOMAIN,) if LOSS in evals else ()


def _ladder_faults(evals: xr.Dataset) -> list[str]:
    """Too few computes to say anything about growth."""
    ladder = evals["role"].values.astype(str) == "ladder"
    flops = evals["flops"].values
    computes = np.unique(flops[ladder])
    if computes.size < _MIN_COMPUTES:
        found = "no llm" if not ladder.any() else f"{int(ladder.sum())} llm(s) of one compute"
        return [
            f"the ladder holds {found}; a law needs models of at least {_MIN_COMPUTES} computes, "
            f"and {FEW_COMPUTES} or more to be worth much. Add smaller models"
            + (", or set role = 'ladder' for those that are there" if not ladder.any() else "")
        ]
    faults = []
    benchmark = evals[BENCHMARK].values.astype(str)
    tried = evals[N_TRIALS].values > 0
    for name in dict.fromkeys(benchmark):
        on = ladder & tried[:, benchmark == name].any(axis=1)
        if np.unique(flops[on]).size < _MIN_COMPUTES:
            faults.append(
                f"benchmark {str(name)!r} was tried on {int(on.sum())} ladder llm(s) of fewer "
                f"than {_MIN_COMPUTES} computes. Drop it: "
                f"evals = evals.sel(item=evals.benchmark != {str(name)!r})"
            )
    return faults


def _normalised(evals: xr.Dataset) -> xr.Dataset:
    kinds: tuple[tuple[Sequence[str], type], ...] = (
        (_COUNTS, np.uint32),
        (_INTEGERS, np.int64),
        ((*_QUANTITIES, "guess_floor", *((LOSS,) if LOSS in evals else ())), np.float64),
        ((*_LABELS, *_loss_dims(evals)), str),
    )
    typed: dict[str, tuple[tuple[Hashable, ...], npt.NDArray[np.generic]]] = {
        name: (evals[name].dims, evals[name].values.astype(kind))
        for names, kind in kinds
        for name in names
    }
    variables = {name: typed.pop(name) for name in (*_COUNTS, LOSS) if name in typed}
    return evals.assign(variables).assign_coords(typed)


def _integer_faults(evals: xr.Dataset, name: str, dim: str, minimum: int) -> list[str]:
    values = evals[name].values.astype(float)
    wrong = ~(np.isfinite(values) & (values >= minimum) & (values == np.round(values)))
    if not wrong.any():
        return []
    first = _first_label(evals, dim, wrong)
    return [
        f"{name} must be a whole number of at least {minimum}; it is {values[wrong][0]:g} for "
        f"{dim} {first} ({int(wrong.sum())} in all)"
    ]


def _repeats(columns: Sequence[npt.NDArray[np.generic]]) -> list[tuple[int, int]]:
    """Pairs (first, later) of positions at which all columns agree."""
    seen: dict[tuple[object, ...], int] = {}
    pairs = []
    for position, key in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        if key in seen:
            pairs.append((seen[key], position))
        seen.setdefault(key, position)
    return pairs


def _cells(mask: npt.NDArray[np.bool_]) -> str:
    count = int(mask.sum())
    return "1 cell" if count == 1 else f"{count} cells"


def _first_cell(evals: xr.Dataset, mask: npt.NDArray[np.bool_]) -> str:
    row, column = np.argwhere(mask)[0]
    return f"llm {str(evals[LLM].values[row])!r}, item {str(evals[ITEM].values[column])!r}"


def _first_label(evals: xr.Dataset, dim: str, mask: npt.NDArray[np.bool_]) -> str:
    return repr(str(evals[dim].values[np.flatnonzero(mask)[0]]))
