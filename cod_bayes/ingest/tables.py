"""Tidy tables of evaluation results -> the ``evals`` Dataset."""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from cod_bayes.errors import DataError
from cod_bayes.ingest.counts import count_rows
from cod_bayes.ingest.frames import read_frames, sha256
from cod_bayes.ingest.llms import Metadata, build_llms, fields_of, read_metadata
from cod_bayes.schema import ITEM, LLM, LLM_COORDS, N_CORRECT, N_TRIALS, SCHEMA_VERSION
from cod_bayes.validation import validate_evals

PathLike = str | os.PathLike[str]

_METADATA_NAMES = ("llms.toml", "llms.csv")
_DEFAULTS = {"guess_floor": 0.0, "metric": "accuracy"}


def read_table(
    path_or_paths: PathLike | Sequence[PathLike],
    llms: PathLike | Mapping[str, Mapping[str, object]] | None = None,
    *,
    columns: Mapping[str, str | None] | None = None,
    benchmark: str | None = None,
    flop_convention: str | None = None,
    decoding: str | None = None,
) -> xr.Dataset:
    """Read tables (CSV, Parquet or JSON Lines, compressed or not) of evaluation results.

    Parameters
    ----------
    path_or_paths
        One table, or several to be stacked. The columns tell what a row is:

        - an item: ``llm, benchmark, item_id, n_trials, n_correct``;
        - one attempt: ``llm, benchmark, item_id, correct`` (0/1 or true/false);
        - a score without items: ``llm, benchmark, score`` in [0, 1] and ``n_questions``, or
          ``standard_error``, which counts as n = s (1 - s) / se^2 questions. The benchmark
          becomes one item, its questions the trials.

        Optional: ``guess_floor`` (default 0), ``metric`` (default "accuracy"), and any field of
        the llms. Other columns are ignored.
    llms
        Fields of the llms: a TOML or CSV file (see :mod:`cod_bayes.ingest.llms`) or a mapping of
        names to fields; over columns of the table. By default ``llms.toml`` or ``llms.csv``
        beside the first table, if there is one. Every llm needs ``params_total`` and ``tokens``;
        the rest has defaults (:func:`cod_bayes.ingest.llms.build_llms`).
    columns
        Names used here -> names in the tables, as ``{"llm": "model", "n_correct": "passes"}``;
        None ignores a column: ``{"role": None}``.
    benchmark
        Name of the benchmark, for tables without such a column.
    flop_convention
        How compute was counted, where the llms give ``flops``; over the TOML's. Default "6ND"
        where flops are computed here, else "as given".
    decoding
        How answers were sampled, a label; over the TOML's.

    Returns
    -------
    xr.Dataset
        Valid ``evals`` (:mod:`cod_bayes.schema`), llms sorted by role and compute, items in the
        order of the table; ``attrs["sources"]`` lists files and their SHA-256 as JSON.

    Raises
    ------
    DataError
        With what is wrong, where, and what to do.

    Examples
    --------
    >>> evals = read_table("results.csv", "llms.toml", columns={"llm": "model"})  # doctest: +SKIP
    """
    paths = _paths(path_or_paths)
    source = _metadata_source(llms, paths)
    table = read_frames(paths, columns)
    if benchmark is not None:
        table = table.assign(benchmark=benchmark)
    counted = count_rows(table)
    metadata = read_metadata(source)
    names = list(dict.fromkeys(counted["llm"].astype(str)))
    fields, convention = build_llms(names, fields_of(table), metadata, flop_convention)
    files = [*paths, source] if isinstance(source, Path) else paths
    attrs: dict[str, str | int] = {
        "schema_version": SCHEMA_VERSION,
        "flop_convention": convention,
        "decoding": decoding or metadata.decoding or "unstated",
        "sources": json.dumps([{"file": path.name, "sha256": sha256(path)} for path in files]),
    }
    return validate_evals(_dataset(counted, fields, metadata, attrs))


def _paths(path_or_paths: PathLike | Sequence[PathLike]) -> list[Path]:
    if isinstance(path_or_paths, str | os.PathLike):
        return [Path(path_or_paths)]
    paths = [Path(path) for path in path_or_paths]
    if not paths:
        raise DataError("no table was given; name at least one file")
    return paths


def _metadata_source(
    llms: PathLike | Mapping[str, Mapping[str, object]] | None, paths: Sequence[Path]
) -> Path | Mapping[str, Mapping[str, object]] | None:
    if isinstance(llms, Mapping):
        return llms
    if llms is not None:
        return Path(llms)
    beside = (paths[0].with_name(name) for name in _METADATA_NAMES)
    return next((path for path in beside if path.is_file()), None)


def _dataset(
    counted: pd.DataFrame, llms: pd.DataFrame, metadata: Metadata, attrs: Mapping[str, str | int]
) -> xr.Dataset:
    label = counted["benchmark"].astype(str) + "/" + counted["item_id"].astype(str)
    column, labels = pd.factorize(label)
    row = llms.index.get_indexer(counted["llm"].astype(str))
    counts = {}
    for name in (N_TRIALS, N_CORRECT):
        # floats, so that validation sees what the table said
        cells = np.zeros((len(llms), len(labels)))
        cells[row, column] = counted[name].astype(float)
        counts[name] = ((LLM, ITEM), cells)
    items = _items(counted.assign(**{ITEM: label}), metadata)
    return xr.Dataset(
        counts,
        coords={
            LLM: llms.index.to_numpy(dtype=str),
            **{name: (LLM, _plain(llms[name])) for name in LLM_COORDS},
            ITEM: np.asarray(labels, dtype=str),
            **{name: (ITEM, _plain(items[name])) for name in items},
        },
        attrs=dict(attrs),
    )


def _items(counted: pd.DataFrame, metadata: Metadata) -> pd.DataFrame:
    """One row an item, in the order of the table; its fields must agree over llms."""
    fields = ["benchmark", "item_id", "n_questions", *_DEFAULTS]
    stated = counted.reindex(columns=[ITEM, *fields])
    for name in _DEFAULTS:
        values = stated[[ITEM, name]].dropna().drop_duplicates()
        twice = values[values.duplicated(ITEM, keep=False)]
        if not twice.empty:
            item = twice[ITEM].iloc[0]
            found = ", ".join(str(v) for v in twice.loc[twice[ITEM] == item, name])
            raise DataError(
                f"item {item!r} has several values of {name} ({found}); each item has one. "
                "Mend the table, or give the item one benchmark name for each"
            )
    items = stated.groupby(ITEM, sort=False).first()
    for name, default in _DEFAULTS.items():
        of_benchmark = {key: values.get(name) for key, values in metadata.benchmarks.items()}
        override = items["benchmark"].map(of_benchmark).astype(object)
        stated_or_not = override.where(override.notna(), items[name].astype(object))
        items[name] = stated_or_not.where(stated_or_not.notna(), default)
    number = pd.to_numeric(items["guess_floor"], errors="coerce")
    if number.isna().any():
        item = items.index[number.isna()][0]
        raise DataError(
            f"guess_floor of item {item!r} is no number: {items.loc[item, 'guess_floor']!r}; "
            "four choices have a floor of 0.25, free answers 0"
        )
    return items.assign(guess_floor=number)


def _plain(values: "pd.Series[object]") -> npt.NDArray[np.generic]:
    kind = float if pd.api.types.is_numeric_dtype(values) else str
    return np.asarray(values, dtype=kind)
