"""A run's checkpoints as what a Gaussian model can see: empirical logits, with their own noise."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.errors import DataError
from cod_bayes.schema import BENCHMARK, LLM, N_CORRECT, N_TRIALS
from cod_bayes.scores import tabulate_checkpoints

type Floats = npt.NDArray[np.float64]

# A checkpoint may lie this far beyond the plan's tokens: plans are rounded.
_ROUNDING = 1.01


@dataclass(frozen=True)
class Checkpoints:
    """One run's checkpoints, by tokens.

    names, share, tokens, phase
        Label, share of the planned tokens within (0, 1], tokens, phase; (checkpoint,).
    score, logit, variance
        Measured score, its empirical logit and that logit's sampling variance, (checkpoint,
        benchmark); NaN where nothing was tried.
    params, flops
        Active parameters; training compute of the whole plan, in the data's own convention.
    """

    run: str
    names: tuple[str, ...]
    benchmarks: tuple[str, ...]
    share: Floats
    tokens: Floats
    phase: npt.NDArray[np.str_]
    score: Floats
    logit: Floats
    variance: Floats
    params: float
    flops: float

    def keep(self, chosen: npt.NDArray[np.bool_]) -> "Checkpoints":
        """Only some of the checkpoints, chosen by a mask (checkpoint,)."""
        rows: dict[str, Any] = {n: getattr(self, n)[chosen] for n in _BY_CHECKPOINT}
        names = tuple(n for n, kept in zip(self.names, chosen, strict=True) if kept)
        return replace(self, names=names, **rows)

    def align(self, benchmarks: tuple[str, ...]) -> "Checkpoints":
        """The same run on the given benchmarks, in that order; NaN where it was not tried."""
        held = {name: i for i, name in enumerate(self.benchmarks)}
        aligned: dict[str, Any] = {}
        for table in ("score", "logit", "variance"):
            own, blank = getattr(self, table), np.full(len(self.names), np.nan)
            columns = [own[:, held[name]] if name in held else blank for name in benchmarks]
            aligned[table] = np.column_stack(columns)
        return replace(self, benchmarks=benchmarks, **aligned)


_BY_CHECKPOINT = ("share", "tokens", "phase", "score", "logit", "variance")


def read_checkpoints(evals: xr.Dataset, tokens: float | None = None) -> Checkpoints:
    """Read one run's checkpoints, in order of tokens.

    The empirical logit is ``ln (k + 1/2) / (n - k + 1/2)`` with variance ``1 / (k + 1/2) +
    1 / (n - k + 1/2)`` (Cox 1970), finite at scores of 0 and 1. It counts trials as a binomial of
    the pooled items, which is too wide rather than too narrow where items differ.

    Parameters
    ----------
    evals
        Valid evals of one run's checkpoints, dims (llm, item).
    tokens
        With which the run will end; by default those of its last checkpoint.

    Raises
    ------
    DataError
        If the evals hold several runs, models without tokens, or more tokens than planned.
    """
    runs = list(dict.fromkeys(evals["run"].values.tolist()))
    if len(runs) != 1:
        raise DataError(
            f"one run is watched at a time; these evals hold {len(runs)} ({', '.join(runs[:4])}): "
            f"keep one, evals.sel(llm=evals.run == {runs[0]!r})"
        )
    order = np.argsort(evals["tokens"].values, kind="stable")
    evals = evals.isel({LLM: order})
    seen = evals["tokens"].values.astype(float)
    if not np.isfinite(seen).all():
        raise DataError(f"run {runs[0]!r}: {int((~np.isfinite(seen)).sum())} checkpoints have no "
                        "tokens, so nothing says where they lie; add them")  # fmt: skip
    planned = float(seen[-1] if tokens is None else tokens)
    if not 0 < seen[-1] <= _ROUNDING * planned:
        raise DataError(
            f"run {runs[0]!r} has seen {seen[-1]:.4g} tokens, more than the {planned:.4g} planned: "
            "give all the tokens with which it will end"
        )
    table = tabulate_checkpoints(evals)[["score", N_TRIALS, N_CORRECT]].transpose(LLM, BENCHMARK)
    n, k = (table[name].values.astype(float) for name in (N_TRIALS, N_CORRECT))
    tried = n > 0
    logit = np.log((k + 0.5) / (n - k + 0.5))
    variance = 1 / (k + 0.5) + 1 / (n - k + 0.5)
    return Checkpoints(
        run=str(runs[0]),
        names=tuple(map(str, evals[LLM].values)),
        benchmarks=tuple(map(str, table[BENCHMARK].values)),
        share=np.minimum(seen / planned, 1.0),
        tokens=seen,
        phase=evals["phase"].values.astype(str),
        score=table["score"].values,
        logit=np.where(tried, logit, np.nan),
        variance=np.where(tried, variance, np.nan),
        params=float(evals["params_active"].values[-1]),
        flops=float(evals["flops"].values[-1] / seen[-1]) * planned,
    )
