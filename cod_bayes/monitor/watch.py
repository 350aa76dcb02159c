"""Watch a run in training: where its checkpoints lie, an alarm for drift, the end forecast anew."""

import json

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.errors import DataError
from cod_bayes.fitted import FittedModel
from cod_bayes.law.data import COMPUTE_SCALE
from cod_bayes.monitor.band import build_joint, build_law_joint
from cod_bayes.monitor.checkpoints import Checkpoints, Floats, read_checkpoints
from cod_bayes.monitor.drift import locate_drift
from cod_bayes.monitor.judgement import (
    BOUNDS,
    CHECKPOINT,
    TABLES,
    Tables,
    add_evidence,
    judge,
    place_in_band,
)
from cod_bayes.monitor.law_path import check_benchmarks, trace_law
from cod_bayes.monitor.structure import stack_values, with_end
from cod_bayes.monitor.trajectories import Trajectories, learn_trajectories
from cod_bayes.prediction import predict
from cod_bayes.schema import BENCHMARK
from cod_bayes.validation import validate_evals


def watch_run(
    fitted: FittedModel,
    run: xr.Dataset,
    trajectories: xr.Dataset | Trajectories | None = None,
    *,
    tokens: float,
    alpha: float = 0.05,
    ci_prob: float = 0.9,
    force: bool = False,
    random_seed: int = 0,
) -> xr.Dataset:
    """Watch a run in training, from the evals of its checkpoints so far.

    The law holds across finished models and not along a run, so the band along training comes from
    the ladder's own trajectories (:func:`~cod_bayes.monitor.trajectories.learn_trajectories`). A
    law in parameters and tokens gives a band without them, but nothing then says how checkpoints
    scatter: no alarm, and the forecast of the end stays as it was. With neither, only the end is
    forecast.

    Parameters
    ----------
    fitted
        A fitted model; its data are not the run's.
    run
        Evals of one run's checkpoints, dims (llm, item), measured as the ladder was.
    trajectories
        Evals of the ladder's checkpoints, or what was learnt from them.
    tokens
        With which the run will end. Its compute then is the checkpoints' own FLOP per token times
        these.
    alpha
        Probability at most of ever raising an alarm on a healthy run, if the model is right.
    ci_prob
        Level of all intervals, equal-tailed.
    force
        Go on although the sampler's gate failed.

    Returns
    -------
    xr.Dataset
        Dims (checkpoint, benchmark): ``score``; ``lower``, ``median``, ``upper``, the band stated
        before the run, of scores as they are measured, and ``quantile``, the score's place in it;
        ``ahead_lower`` and so on, the same given all earlier checkpoints; ``surprise``,
        standardised; ``end_lower`` and so on, the final score forecast anew. Dims (benchmark,):
        ``original_lower`` and so on, as forecast without the run. Dims (checkpoint, stream):
        ``evidence``; (checkpoint,): ``e_value``, ``judged``, ``share``, ``tokens``, ``phase``.
        Attributes: ``alarm`` (the checkpoint, or empty), ``alarm_share``, ``direction`` (below,
        above), ``drift_from``, ``foremost`` (a benchmark), ``notes`` (JSON). NaN where nothing can
        be said.

    Raises
    ------
    DataError
        For several runs, more tokens than planned, or benchmarks that were not fitted.
    ConvergenceError
        If the gate failed and ``force`` is not set.
    """
    for name, value in (("alpha", alpha), ("ci_prob", ci_prob)):
        if not 0 < value < 1:
            raise DataError(f"{name} is a fraction within (0, 1); got {value}")
    seen = read_checkpoints(validate_evals(run, needs_ladder=False), tokens)
    if isinstance(trajectories, xr.Dataset):
        trajectories = learn_trajectories(
            fitted, trajectories, force=force, random_seed=random_seed
        )
    seen = _align(seen, fitted, trajectories)
    levels = np.array([(1 - ci_prob) / 2, 0.5, (1 + ci_prob) / 2])
    original, notes = _forecast_end(fitted, seen, levels, force, random_seed)
    tables = {name: np.full(seen.score.shape, np.nan) for name in TABLES}
    common = np.full(len(seen.names), np.nan)
    scales = tuple(fitted.group("end_to_end/constant_data")["scale"].values.tolist())
    if trajectories is not None:
        known = (seen.phase == trajectories.final_phase) | trajectories.has_gain
        notes += _note_phases(seen, known, trajectories)
        if known.any():
            (path,) = trace_law(fitted, [seen], force=force, random_seed=random_seed)
            values = stack_values(seen.keep(known), trajectories.final_phase)
            stack = with_end(values, len(seen.benchmarks))
            joint = build_joint(path, stack, trajectories)
            inflation = max(trajectories.inflation_common, trajectories.inflation_own)
            common = judge(tables, np.flatnonzero(known), stack, joint, levels, inflation)
    elif scales != COMPUTE_SCALE:
        (path,) = trace_law(fitted, [seen], force=force, random_seed=random_seed)
        stack = stack_values(seen, str(seen.phase[-1]))
        rows = np.arange(len(seen.names))
        place_in_band(tables, rows, stack, build_law_joint(path, stack), levels)
        notes.append(NO_SCATTER)
    else:
        notes.append(NO_BAND)
    table = _tabulate(seen, tables, original)
    if trajectories is not None:
        table = add_evidence(table, common, trajectories)
    verdict = _find_alarm(table, alpha) if trajectories is not None else NO_VERDICT
    return table.assign_attrs(
        run=seen.run,
        planned_tokens=float(tokens),
        alpha=alpha,
        ci_prob=ci_prob,
        ci_kind="eti",
        **verdict,
        notes=json.dumps(notes),
    )


def _align(
    seen: Checkpoints, fitted: FittedModel, trajectories: Trajectories | None
) -> Checkpoints:
    """The run on the benchmarks of the trajectories, in their order; else on its own."""
    check_benchmarks(fitted, seen)
    if trajectories is None:
        return seen
    unknown = [name for name in seen.benchmarks if name not in trajectories.benchmarks]
    if unknown:
        raise DataError(
            f"run {seen.run!r} has benchmark {unknown[0]!r}, but none of that name is among the "
            f"ladder's trajectories; there are {', '.join(trajectories.benchmarks)}. Drop it: "
            f"evals.sel(item=evals.benchmark != {unknown[0]!r})"
        )
    return seen.align(trajectories.benchmarks)


def _forecast_end(
    fitted: FittedModel, seen: Checkpoints, levels: Floats, force: bool, random_seed: int
) -> tuple[Floats, list[str]]:
    """Quantiles of the final score as forecast without the run, (bound, benchmark); remarks."""
    forecast = predict(
        fitted,
        flops=seen.flops,
        params=seen.params,
        tokens=seen.tokens[-1] / seen.share[-1],
        explain=False,
        force=force,
        random_seed=random_seed,
    )
    final = forecast["predictions"].to_dataset()["score"].sel({BENCHMARK: list(seen.benchmarks)})
    original: Floats = final.isel(target=0).quantile(levels, ("chain", "draw")).values
    return original, [str(note) for note in json.loads(str(forecast.attrs["notes"]))]


def _tabulate(seen: Checkpoints, tables: Tables, original: Floats) -> xr.Dataset:
    """All that is known of every checkpoint; evidence is still to come."""
    cells = (CHECKPOINT, BENCHMARK)
    return xr.Dataset(
        {
            "score": (cells, seen.score),
            **{name: (cells, values) for name, values in tables.items()},
            **{f"original_{b}": (BENCHMARK, row) for b, row in zip(BOUNDS, original, strict=True)},
            "judged": (CHECKPOINT, np.zeros(len(seen.names), dtype=bool)),
            "e_value": (CHECKPOINT, np.ones(len(seen.names))),
            "share": (CHECKPOINT, seen.share),
            "tokens": (CHECKPOINT, seen.tokens),
            "phase": (CHECKPOINT, seen.phase),
        },
        coords={CHECKPOINT: list(seen.names), BENCHMARK: list(seen.benchmarks)},
    )


def _note_phases(
    seen: Checkpoints, known: npt.NDArray[np.bool_], trajectories: Trajectories
) -> list[str]:
    if known.all():
        return []
    return [
        f"{int((~known).sum())} checkpoints are shown and not judged: the ladder's trajectories "
        f"are all {trajectories.final_phase}, and say nothing of "
        f"{' or '.join(sorted(set(seen.phase[~known].tolist())))} checkpoints"
    ]


def _find_alarm(table: xr.Dataset, alpha: float) -> dict[str, object]:
    """The first checkpoint at which the e-value reaches ``1 / alpha``, and what drifts there."""
    reached = np.flatnonzero(table["e_value"].values >= 1 / alpha)
    if not len(reached):
        return dict(NO_VERDICT)
    at = int(reached[0])
    until = table.isel({CHECKPOINT: slice(0, at + 1)})
    evidence = until["evidence"].values[-1]
    stream = int(evidence.argmax())
    until = until.isel({CHECKPOINT: np.flatnonzero(until["judged"].values)})
    begun, sign = locate_drift(until["stream_surprise"].values[:, stream], until["share"].values)
    return {
        "alarm": str(table[CHECKPOINT].values[at]),
        "alarm_share": float(table["share"].values[at]),
        "direction": "below" if sign < 0 else "above",
        "drift_from": begun,
        "foremost": str(table[BENCHMARK].values[evidence[1:].argmax()]),
    }


NO_VERDICT: dict[str, object] = {
    "alarm": "",
    "alarm_share": np.nan,
    "direction": "",
    "drift_from": np.nan,
    "foremost": "",
}
NO_BAND = (
    "no band and no alarm: the law holds across finished models, not along one run, where "
    "parameters stay fixed. Give the ladder's own checkpoints (trajectories), or fit a law in "
    "parameters and tokens"
)
NO_SCATTER = (
    "no alarm: the band is that of the law in parameters and tokens, and nothing says how "
    "checkpoints scatter about it. Give the ladder's own checkpoints (trajectories)"
)
