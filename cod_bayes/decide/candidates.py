"""Candidates for the next large run: what they are, what they cost, and draws of their utility."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from cod_bayes.decide.costs import Costs
from cod_bayes.decide.values import Value, check_values, value_scores
from cod_bayes.errors import DataError, join_faults
from cod_bayes.fitted import FittedModel
from cod_bayes.runs import draw_scores, find_leads
from cod_bayes.stages import Stages
from cod_bayes.targets import describe_runs

type Floats = npt.NDArray[np.float64]

COVARIATES = ("flops", "params", "tokens")


@dataclass(frozen=True)
class Candidates:
    """Runs to choose between, and their prices; arrays have shape (candidate,).

    names
        Labels, unique.
    runs
        Dim target: covariates, see :func:`cod_bayes.targets.describe_runs`.
    copies
        How many runs of the kind are trained, of which the best is kept.
    costs
        Prices and limits.
    """

    names: list[str]
    runs: xr.Dataset
    copies: npt.NDArray[np.intp]
    costs: Costs

    @property
    def flops(self) -> Floats:
        """Compute of all copies, FLOP."""
        flops: Floats = self.copies * self.runs["flops"].values
        return flops

    @property
    def training(self) -> Floats:
        """Price of training, all copies."""
        return self.costs.price_training(self.flops)

    @property
    def serving(self) -> Floats:
        """Price of serving the run that is kept."""
        if not self.costs.inference_tokens:
            return np.zeros(len(self.names))
        return self.costs.price_inference(self.runs["params"].values)

    @property
    def feasible(self) -> npt.NDArray[np.bool_]:
        """Whether they meet the deadline, and the budget less its reserve."""
        return self.costs.is_feasible(self.flops)

    def take(self, positions: npt.NDArray[np.intp]) -> "Candidates":
        """Some of them, in that order."""
        names = [self.names[position] for position in positions]
        runs = self.runs.isel(target=positions)
        return Candidates(names, runs, self.copies[positions], self.costs)

    def still_feasible(self, spent: float) -> npt.NDArray[np.bool_]:
        """Which are feasible when so much of the budget has gone to something else."""
        if self.costs.reserve + spent >= self.costs.budget:
            return np.zeros(len(self.names), dtype=bool)
        left = replace(self.costs, reserve=self.costs.reserve + spent)
        return left.is_feasible(self.flops)


@dataclass(frozen=True)
class Outcome:
    """What choosing each candidate comes to in every draw.

    scores
        Of the run that is kept; benchmark -> (draw, candidate).
    worth
        Of those scores, shape (draw, candidate).
    utility
        Worth less training and serving.
    """

    scores: dict[str, Floats]
    worth: Floats
    utility: Floats


def describe_candidates(
    fitted: FittedModel, table: pd.DataFrame, costs: Costs
) -> tuple[Candidates, list[str]]:
    """Read candidates from a table, and say what must be said of them.

    Parameters
    ----------
    table
        A row a candidate: ``params`` (active) and ``tokens``, or ``flops``, or two or all of the
        three; ``name`` and ``copies`` if wanted.

    Raises
    ------
    DataError
        For faulty candidates: all faults at once.
    """
    if table.empty:
        raise DataError("there are no candidates: give at least one run to judge")
    columns, faults = _read_covariates(table)
    copies = table["copies"].to_numpy(float) if "copies" in table else np.ones(len(table))
    copies = np.where(np.isnan(copies), 1.0, copies)
    for row in np.flatnonzero((copies < 1) | (copies != np.rint(copies))):
        faults.append(f"copies of candidate {row + 1} must be 1, 2, ...; got {copies[row]}")
    names = [str(n) for n in table["name"]] if "name" in table else []
    if len(set(names)) < len(names):
        faults.append(f"candidate {max(names, key=names.count)!r} stands there twice")
    if faults:
        raise DataError(join_faults("the candidates", faults))
    runs, notes = describe_runs(fitted, **columns)
    if costs.inference_tokens and np.isnan(runs["params"].values).any():
        raise DataError(
            "inference is priced by parameters, which the candidates lack: give params and "
            "tokens, or set inference_tokens = 0"
        )
    names = names or [f"run {i + 1}" for i in range(len(table))]
    return Candidates(names, runs, copies.astype(np.intp), costs), notes


def draw_outcome(
    stages: Stages,
    candidates: Candidates,
    values: Sequence[Value],
    *,
    trials: int | None = None,
    random_seed: int = 0,
    run: str = "",
) -> Outcome:
    """Draw what every candidate would come to.

    Copies differ in their luck and are kept by their worth. Candidates share the first copy's luck,
    the second's, and so on: they are alternatives.
    """
    log_scale = candidates.runs["log_scale"].values
    only = check_values(values, find_leads(stages))
    kept: dict[str, Floats] = {}
    worth = np.full((1, 1), -np.inf)
    for copy in range(int(candidates.copies.max())):
        name = f"{run} copy {copy}" if copy else run
        scores = draw_scores(
            stages, log_scale, trials=trials, random_seed=random_seed, run=name, only=only
        )
        own = value_scores(scores, values)
        better = (own > worth) & (copy < candidates.copies)
        kept = {n: np.where(better, score, kept.get(n, score)) for n, score in scores.items()}
        worth = np.where(better, own, worth)
    return Outcome(kept, worth, worth - candidates.training - candidates.serving)


def _read_covariates(table: pd.DataFrame) -> tuple[dict[str, Floats], list[str]]:
    """Covariates as given; of compute, parameters and tokens any two give the third."""
    columns = {c: table[c].to_numpy(float) for c in COVARIATES if c in table}
    faults = [
        f"{name} of candidate {row + 1} must be positive; got {column[row]}"
        for name, column in columns.items()
        for row in np.flatnonzero(~(np.isfinite(column) & (column > 0)))
    ]
    if not columns:
        faults.append("neither flops nor params and tokens are given")
    elif "flops" not in columns and len(columns) == 1:
        faults.append("params and tokens belong together")
    if "flops" in columns and len(columns) == 2:
        missing, given = ("tokens", "params") if "params" in columns else ("params", "tokens")
        columns[missing] = columns["flops"] / (6.0 * columns[given])
    return columns, faults
