"""Evaluations on disk, and the tables of the data set that are made of them."""

import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from benchmarks import make_items
from evaluation import Evaluation, evaluate
from model import Transformer
from training import Run, load_checkpoints


def evaluate_run(run: Run, folder: Path) -> None:
    """Evaluate every kept checkpoint of a finished run: ``<folder>/<run>/evaluation-<step>.npz``.

    A checkpoint that has been evaluated is left as it is.
    """
    for step, _, model in load_checkpoints(run, folder):
        path = _path(run, folder, step)
        if not path.exists():
            values = asdict(evaluate(model, run.mixture, f"{run.name}/{step}"))
            names, losses = zip(*values.pop("losses").items(), strict=True)
            partial = path.with_suffix(".partial.npz")
            np.savez_compressed(partial, skills=names, losses=losses, **values)
            os.replace(partial, path)


def load_evaluation(run: Run, folder: Path, step: int) -> Evaluation:
    """Read what :func:`evaluate_run` wrote."""
    with np.load(_path(run, folder, step)) as stored:
        values = dict(stored)
    losses = dict(zip(values.pop("skills"), values.pop("losses"), strict=True))
    return Evaluation(**values, losses={str(k): float(v) for k, v in losses.items()})


def tabulate_llms(runs: Iterable[Run], folder: Path) -> pd.DataFrame:
    """One row a checkpoint: what it is, what it cost, its validation losses (nats a token)."""
    rows = []
    for run in runs:
        shape = run.architecture
        params = Transformer(shape).count_parameters()
        for index, (step, phase) in enumerate(sorted(run.checkpoints().items())):
            tokens = step * run.tokens_per_step
            losses = load_evaluation(run, folder, step).losses
            rows.append(
                {
                    "llm": name_llm(run, step),
                    "run": run.name,
                    "checkpoint": index,
                    "phase": phase,
                    "role": run.role,
                    "family": run.family,
                    "mixture": run.mixture,
                    "seed": run.seed,
                    "layers": run.layers,
                    "width": run.width,
                    "params_total": params,
                    "params_non_embedding": params - 2 * shape.vocabulary * shape.width,
                    "steps": step,
                    "tokens": tokens,
                    "flops": float(tokens * shape.flops_per_token),
                    **{f"loss/{name}": round(loss, 5) for name, loss in losses.items()},
                }
            )
    return pd.DataFrame(rows)


def tabulate_items() -> pd.DataFrame:
    """One row an item, with its text."""
    items = make_items()
    table = pd.DataFrame([asdict(item) | {"guess_floor": item.guess_floor} for item in items])
    number = table.groupby("benchmark").cumcount().map("{:03d}".format)
    table.insert(0, "item_id", table["skill"] + "-" + table["level"].astype(str) + "-" + number)
    table.insert(0, "item", table["benchmark"] + "/" + table["item_id"])
    return table


def tabulate_results(runs: Iterable[Run], folder: Path) -> pd.DataFrame:
    """One row a checkpoint and item: right answers of 100, greedy right or not, the key's nats.

    Item by item, so that like numbers stand together and compress well; nats are rounded to six
    significant bits, within 0.8 %, for the same reason.
    """
    items = tabulate_items()["item"].to_numpy()
    checkpoints = [(run, step) for run in runs for step in sorted(run.checkpoints())]
    found = [load_evaluation(run, folder, step) for run, step in checkpoints]
    llms = [name_llm(run, step) for run, step in checkpoints]
    return pd.DataFrame(
        {
            "llm": pd.Categorical(np.tile(llms, len(items)), llms),
            "item": pd.Categorical(np.repeat(items, len(llms)), items),
            "n_correct": np.stack([one.n_correct for one in found], axis=1).ravel(),
            "greedy_correct": np.stack([one.greedy_correct for one in found], axis=1).ravel(),
            "gold_nll": _round_bits(np.stack([one.gold_nll for one in found], axis=1).ravel()),
        }
    )


def publish(runs: Iterable[Run], folder: Path, out: Path, prefix: str = "") -> list[Path]:
    """Write the data set's Parquet tables; the target's apart, under a prefix.

    Raises
    ------
    FileNotFoundError
        If a run has not been trained and evaluated to its end.
    """
    runs = list(runs)
    tables = {
        f"{prefix}llms": tabulate_llms(runs, folder),
        f"{prefix}results": tabulate_results(runs, folder),
    }
    if not prefix:
        tables["items"] = tabulate_items()
    out.mkdir(parents=True, exist_ok=True)
    return [_write(table, out / f"{name}.parquet") for name, table in tables.items()]


def name_llm(run: Run, step: int) -> str:
    """Label of a checkpoint."""
    return f"{run.name}-step-{step}"


def _round_bits(values: npt.NDArray[np.float32], bits: int = 6) -> npt.NDArray[np.float32]:
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2**bits) / 2**bits, exponent).astype(np.float32)


def _write(table: pd.DataFrame, path: Path) -> Path:
    partial = path.with_suffix(".partial")
    split = "gold_nll" in table
    table.to_parquet(
        partial,
        index=False,
        compression="zstd",
        compression_level=19,
        row_group_size=len(table),
        use_dictionary=[name for name in table if name != "gold_nll"],
        column_encoding={"gold_nll": "BYTE_STREAM_SPLIT"} if split else None,
    )
    os.replace(partial, path)
    return path


def _path(run: Run, folder: Path, step: int) -> Path:
    return folder / run.name / f"evaluation-{step}.npz"
