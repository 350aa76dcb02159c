"""Difficulty features: an item's pass rates on the ladder's training runs, by compute."""

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.errors import ConfigError, DataError
from cod_bayes.schema import BENCHMARK, ITEM, LLM, N_CORRECT, N_TRIALS

RUN = "run"
CHECKPOINTS = ("pool", "final", "earlier")

type Floats = npt.NDArray[np.float64]
type Ints = npt.NDArray[np.int64]


def build_features(evals: xr.Dataset, benchmark: str, checkpoints: str = "pool") -> xr.DataArray:
    """Pass rates of a benchmark's items on the ladder's training runs.

    Parameters
    ----------
    evals
        Evaluation data, dims (llm, item), see :mod:`cod_bayes.schema`. Only llms whose ``role`` is
        "ladder" enter: anchors and the target never shape the clusters.
    benchmark
        Whose items.
    checkpoints
        "pool" sums the counts of all checkpoints of a run (the paper pools three adjacent ones);
        "final" takes each run's last checkpoint alone; "earlier" all but the last, so that the law
        can be fitted to data that the clusters have not seen. Runs that differ in nothing but the
        seed are separate features.

    Returns
    -------
    xr.DataArray
        Dims (item, run), pass rates in [0, 1], with the coordinate ``flops(run)``, the compute of
        the last checkpoint used, by which the runs are ordered (then by name).

    Raises
    ------
    DataError
        If nothing of the benchmark was tried on the ladder, if an item never was, or if "earlier"
        meets a run with one checkpoint.

    Notes
    -----
    A run on which no item of the benchmark was tried is left out. An item that was tried on some
    runs alone gets the other pass rates by interpolation in log compute, held constant beyond the
    outermost runs; the counts themselves, and so the law, are untouched by this.

    Feature of arXiv 2502.17262, section 3.
    """
    if checkpoints not in CHECKPOINTS:
        choices = ", ".join(CHECKPOINTS)
        raise ConfigError(f"checkpoints must be one of {choices}; got {checkpoints!r}")
    ladder = evals.isel(
        {LLM: evals["role"].values == "ladder", ITEM: evals[BENCHMARK].values == benchmark}
    )
    if ladder.sizes[LLM] == 0 or ladder.sizes[ITEM] == 0:
        missing = "llm with role 'ladder'" if ladder.sizes[LLM] == 0 else "item"
        raise DataError(
            f"benchmark {benchmark!r} has no {missing} in evals. Check the coordinates "
            "evals['role'] and evals['benchmark']."
        )
    members = _checkpoints_by_run(ladder, checkpoints)
    n_trials, n_correct = (
        np.stack([ladder[name].values[of_run].sum(axis=0, dtype=np.int64) for of_run in members])
        for name in (N_TRIALS, N_CORRECT)
    )
    flops = np.array([ladder["flops"].values[of_run].max() for of_run in members], dtype=float)
    runs = np.array([str(ladder[RUN].values[of_run[0]]) for of_run in members])
    tried = np.flatnonzero(n_trials.any(axis=1))
    _check_trials(ladder, benchmark, n_trials, checkpoints)
    order = tried[np.lexsort((runs[tried], flops[tried]))]
    return xr.DataArray(
        _pass_rates(n_correct[order].T, n_trials[order].T, np.log(flops[order])),
        dims=(ITEM, RUN),
        coords={ITEM: ladder[ITEM].values, RUN: runs[order], "flops": (RUN, flops[order])},
        name="pass_rate",
        attrs={BENCHMARK: benchmark, "checkpoints": checkpoints},
    )


def zero_performance(features: xr.DataArray) -> xr.DataArray:
    """Mark items that no model of the ladder ever solved: nothing says when they emerge.

    Parameters
    ----------
    features
        Dims (item, run), see :func:`build_features`.

    Returns
    -------
    xr.DataArray
        Dims (item,), boolean.
    """
    return (features == 0).all(RUN).rename("zero_performance")


def _checkpoints_by_run(ladder: xr.Dataset, checkpoints: str) -> list[Ints]:
    """Positions along ``llm`` of the checkpoints that stand for each run, first to last."""
    runs, run_of_llm = np.unique(ladder[RUN].values.astype(str), return_inverse=True)
    by_age = np.argsort(ladder["checkpoint"].values, kind="stable")
    members = [by_age[run_of_llm[by_age] == r] for r in range(len(runs))]
    if checkpoints == "pool":
        return members
    if checkpoints == "final":
        return [of_run[-1:] for of_run in members]
    single = [run for run, of_run in zip(runs, members, strict=True) if len(of_run) == 1]
    if single:
        raise DataError(
            f"checkpoints='earlier' needs two checkpoints a run, but {len(single)} of {len(runs)} "
            f"runs have one: {', '.join(single)}. Use 'pool' or 'final', or add checkpoints."
        )
    return [of_run[:-1] for of_run in members]


def _check_trials(ladder: xr.Dataset, benchmark: str, n_trials: Ints, checkpoints: str) -> None:
    never = np.flatnonzero(~n_trials.any(axis=0))
    if len(never) == 0:
        return
    used = {
        "pool": "any ladder llm",
        "final": "any run's final checkpoint",
        "earlier": "any run's earlier checkpoints",
    }[checkpoints]
    raise DataError(
        f"benchmark {benchmark!r} has {len(never)} of {ladder.sizes[ITEM]} items without a trial "
        f"on {used} (first: {str(ladder[ITEM].values[never[0]])!r}). Drop them: "
        "evals.sel(item=(evals.n_trials.where(evals.role == 'ladder', 0) > 0).any('llm'))."
    )


def _pass_rates(n_correct: Ints, n_trials: Ints, log_flops: Floats) -> Floats:
    """Shares of successes, shape (item, run); cells without trials are interpolated."""
    rates = n_correct / np.maximum(n_trials, 1)
    known = n_trials > 0
    for item in np.flatnonzero(~known.all(axis=1)):
        seen = known[item]
        rates[item, ~seen] = np.interp(log_flops[~seen], log_flops[seen], rates[item, seen])
    return rates
