"""What two-step methods are fitted to: finals' losses, and checkpoints' losses and scores."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import xarray as xr

from cod_bayes.law.data import (
    COVARIATE,
    SCALE,
    add_scales,
    choose_scale,
    compute_reference,
    select_runs,
)
from cod_bayes.methods.protocol import require
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
from cod_bayes.scores import tabulate_checkpoints

TASK = "task"
"""The loss of each benchmark's own correct answers, in place of a domain's."""

RUN = "run"


@dataclass(frozen=True)
class Selection:
    """Which data of a ladder the two steps see.

    loss
        ``task`` (mean ``gold_nll`` of a benchmark's items) or a name in ``loss_domain``.
    scale
        Covariates of the first step: ``params-tokens``, ``compute``, or ``auto``.
    skip
        Share of a run's checkpoints, from its start, that the second step leaves out.
    smoothing
        Trailing checkpoints that the second step's points average; a run's last is kept as it is.
    emergence
        The second step keeps checkpoints that score more than this above chance; below zero, all.
    """

    loss: str
    scale: str
    skip: float
    smoothing: int
    emergence: float


@dataclass(frozen=True)
class TwoStepData:
    """The tables of both steps.

    finals
        Final checkpoints by rising compute: ``relative_loss`` (benchmark, llm), over the
        reference's; ``log_scale`` (scale, llm), nats from the largest run.
    points
        Checkpoints of the second step, dim ``point``, run by run as they were trained:
        ``relative_loss``, ``smooth_loss`` (the trailing mean), ``smooth_score`` and ``chosen``
        (benchmark, point); ``n_correct``, ``n_trials`` (benchmark, point); ``run`` (point,),
        position of the run in ``finals``.
    loss_reference
        Each benchmark's loss on the largest run, shape (benchmark,), in the loss's own unit.
    scale_reference
        The largest run's covariates.
    """

    finals: xr.Dataset
    points: xr.Dataset
    loss_reference: np.ndarray
    scale_reference: dict[str, float]

    @property
    def benchmarks(self) -> list[str]:
        """Labels, in order."""
        return [str(name) for name in self.finals[BENCHMARK].values]


def build_two_step(evals: xr.Dataset, selection: Selection, method: str) -> TwoStepData:
    """Tabulate the ladder's losses and scores; other families have other losses and stay out.

    Raises
    ------
    DataError
        If the data have no such loss.
    """
    ladder = evals.isel({LLM: np.flatnonzero(evals["role"].values == "ladder")})
    loss = read_loss(ladder, selection.loss, method)
    final_evals = select_runs(ladder, "ladder")
    scales = choose_scale(final_evals, selection.scale)
    reference = compute_reference(final_evals, scales)
    table = tabulate_checkpoints(ladder)
    position = {name: i for i, name in enumerate(ladder[LLM].values)}
    at_finals = [position[name] for name in final_evals[LLM].values]
    known = np.isfinite(loss[:, at_finals])
    require(
        bool((known.sum(axis=1) >= 2).any()), method, "the loss of two runs or more", "measure it"
    )
    # the largest run whose loss is known; nothing is known of a benchmark without
    largest = known.shape[1] - 1 - known[:, ::-1].argmax(axis=1)
    loss_reference = loss[np.arange(len(loss)), np.array(at_finals)[largest]]
    relative = loss / loss_reference[:, None]
    finals = xr.Dataset(
        {"relative_loss": ((BENCHMARK, LLM), relative[:, at_finals])},
        coords={BENCHMARK: table[BENCHMARK].values, LLM: final_evals[LLM].values},
    )
    finals = add_scales(finals, final_evals, scales, reference)
    points = _tabulate_points(ladder, table, relative, list(final_evals[RUN].values), selection)
    return TwoStepData(finals, points, loss_reference, reference)


def read_loss(ladder: xr.Dataset, loss: str, method: str) -> np.ndarray:
    """Every checkpoint's loss beside every benchmark, shape (benchmark, llm); NaN: not measured.

    Raises
    ------
    DataError
        If the data have no such loss, naming those that they have.
    """
    benchmarks = list(dict.fromkeys(ladder[BENCHMARK].values.tolist()))
    domains = ladder[LOSS_DOMAIN].values.tolist() if LOSS in ladder else []
    have = [*([TASK] if GOLD_NLL in ladder else []), *domains]
    remedy = f"it has {', '.join(have)}" if have else "the data have none (gold_nll, loss)"
    require(loss in have, method, f"the loss {loss!r} of every model", f"{remedy}; set loss=...")
    if loss != TASK:
        values = ladder[LOSS].sel({LOSS_DOMAIN: loss}).values.astype(float)
        return np.tile(np.where(values > 0, values, np.nan), (len(benchmarks), 1))
    weight = ladder["n_questions"].values.astype(float)
    rows = []
    for name in benchmarks:
        items = np.flatnonzero(ladder[BENCHMARK].values == name)
        nll = ladder[GOLD_NLL].isel({ITEM: items}).values.astype(float)
        mean = (nll * weight[items]).sum(axis=1) / weight[items].sum()
        rows.append(np.where(mean > 0, mean, np.nan))
    return np.array(rows)


def _tabulate_points(
    ladder: xr.Dataset,
    table: xr.Dataset,
    relative: np.ndarray,
    runs: list[str],
    selection: Selection,
) -> xr.Dataset:
    """Checkpoints of the second step, run after run."""
    score = (table[N_CORRECT] / table[N_TRIALS].where(table[N_TRIALS] > 0)).values
    kept, of_run, smooth_loss, smooth_score = [], [], [], []
    for place, run in enumerate(runs):
        of = np.flatnonzero(ladder[RUN].values == run)
        of = of[np.argsort(ladder["checkpoint"].values[of], kind="stable")]
        # the last checkpoint always stays
        of = of[min(int(np.ceil(selection.skip * len(of))), len(of) - 1) :]
        kept.append(of)
        of_run.append(np.full(len(of), place))
        smooth_loss.append(smooth(relative[:, of], selection.smoothing))
        smooth_score.append(smooth(score[:, of], selection.smoothing))
    order = np.concatenate(kept)
    y = np.concatenate(smooth_score, axis=1)
    x = np.concatenate(smooth_loss, axis=1)
    chosen = np.isfinite(x) & np.isfinite(y)
    chosen &= np.nan_to_num(y) > table["guess_floor"].values[:, None] + selection.emergence
    both = (BENCHMARK, "point")
    return xr.Dataset(
        {
            "relative_loss": (both, relative[:, order]),
            "smooth_loss": (both, x),
            "smooth_score": (both, y),
            "chosen": (both, chosen),
            N_CORRECT: (both, table[N_CORRECT].values[:, order]),
            N_TRIALS: (both, table[N_TRIALS].values[:, order]),
            RUN: ("point", np.concatenate(of_run)),
            "n_questions": (BENCHMARK, table["n_questions"].values),
            "guess_floor": (BENCHMARK, table["guess_floor"].values),
        },
        coords={BENCHMARK: table[BENCHMARK].values},
    )


def smooth(values: np.ndarray, width: int) -> np.ndarray:
    """Trailing mean over ``width`` checkpoints (fewer at the start), shape kept.

    The last value is left alone: it is the run's result, however it was measured.
    """
    rolling = pd.DataFrame(values.T).rolling(width, min_periods=1)
    means: np.ndarray = rolling.mean().to_numpy(copy=True).T
    means[:, -1] = values[:, -1]
    return means


def thin(positions: np.ndarray, n: int) -> np.ndarray:
    """At most ``n`` of the positions, evenly from the first to the last, the last among them."""
    if len(positions) <= n:
        return positions
    places = np.rint(np.linspace(len(positions) - 1, 0, n)).astype(int)[::-1]
    chosen: np.ndarray = positions[places]
    return chosen


def log_scale_of_targets(data: TwoStepData, targets: xr.Dataset) -> np.ndarray:
    """Targets' covariates, nats from the reference, shape (scale, target)."""
    return np.array(
        [
            np.log(targets[COVARIATE[str(scale)]].values / data.scale_reference[str(scale)])
            for scale in data.finals[SCALE].values
        ]
    )
