"""A backtest's results on disk: a part for each method and case, whole or not there.

A part is a Parquet file with a row for each benchmark and target. Its name is a digest of all that
its numbers depend on, so a run that is repeated, interrupted or shared by several processes finds
what is done, and a changed setting never meets old numbers.
"""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cod_bayes import __version__
from cod_bayes.atomic import write_whole
from cod_bayes.config import Config
from cod_bayes.errors import DataError, ModelFileError
from cod_bayes.methods import Variant
from cod_bayes.methods.summary import N_QUANTILES

PARTS = "parts"
KEYS = ("study", "case", "seed", "method", "benchmark", "target")
QUANTILES = "quantiles"


def name_part(
    study: str, case: str, data: str, variant: Variant, config: Config, random_seed: int
) -> str:
    """The file name of one method on one case.

    Parameters
    ----------
    data
        What tells these data from others that may come under the study's name: a digest, or the
        version of a recipe.
    """
    own = variant.configure(config)
    # how many cores share the chains changes no draw
    method = {
        "label": variant.label,
        "method": repr(variant.method),
        "config": replace(own, sampler=replace(own.sampler, cores=1)).digest(),
    }
    about = [study, case, data, method, random_seed, __version__]
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()
    return f"{digest[:24]}.parquet"


def write_part(rows: pd.DataFrame, folder: Path, name: str) -> Path:
    """Write the rows of one method on one case, whole or not at all."""
    path = folder / PARTS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(path) as partial:
        rows.to_parquet(partial, index=False)
    return path


def read_part(folder: Path, name: str) -> pd.DataFrame | None:
    """The rows of one part, or None where it is not done yet.

    Raises
    ------
    ModelFileError
        If the file is there and cannot be read.
    """
    path = folder / PARTS / name
    if not path.is_file():
        return None
    return _read(path)


def read_results(folder: Path) -> pd.DataFrame:
    """All rows of all parts in a folder, ordered by what they are about.

    Where a method ran on a case under several settings, the last run's rows are given.

    Returns
    -------
    pd.DataFrame
        Columns: study, case, seed, method, benchmark, target; ``decades`` of compute beyond the
        largest training run, ``n_runs``, ``truth``, ``quantiles`` (200 mid-quantiles of the
        forecast), ``draws_are``, ``passed``, ``seconds`` (fit and forecast of the whole case),
        ``reason`` why there is no forecast; and the scores of
        :func:`cod_bayes.evaluation.scores.score_forecast`.

    Raises
    ------
    DataError
        If there are none.
    """
    paths = sorted((folder / PARTS).glob("*.parquet"), key=lambda path: path.stat().st_mtime_ns)
    if not paths:
        raise DataError(
            f"there are no results in {folder}; make some with: cod-bayes backtest -o {folder}"
        )
    joined = pd.concat([_read(path) for path in paths], ignore_index=True)
    newest = joined.drop_duplicates(list(KEYS), keep="last")
    return newest.sort_values(list(KEYS), ignore_index=True)


def quantiles_of(rows: pd.DataFrame) -> np.ndarray:
    """The forecasts of several rows, shape (row, level)."""
    missing = np.full(N_QUANTILES, np.nan)
    return np.array([missing if np.ndim(q) == 0 else np.asarray(q, float) for q in rows[QUANTILES]])


def _read(path: Path) -> pd.DataFrame:
    try:
        return pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"{path} cannot be read as Parquet ({error}); delete it, and its case runs again"
        ) from error
