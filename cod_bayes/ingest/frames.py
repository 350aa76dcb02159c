"""Files of tables -> data frames whose columns bear the package's names."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from cod_bayes.errors import DataError
from cod_bayes.schema import LLM_COORDS

LABEL_COLUMNS = ("llm", "benchmark", "item_id", "metric", "family", "run", "phase", "role")
RESULT_COLUMNS = (
    "llm",
    "benchmark",
    "item_id",
    "n_trials",
    "n_correct",
    "correct",
    "score",
    "n_questions",
    "standard_error",
    "guess_floor",
    "metric",
)
COLUMNS = (*RESULT_COLUMNS, *LLM_COORDS)
# Where a row came from, for messages: file and line among its rows, from 1.
FILE, ROW = "__file__", "__row__"

# Last suffixes first: "x.csv.gz" counts as .csv; pandas undoes the compression.
_CSV, _JSON, _PARQUET = (".csv", ".tsv"), (".jsonl", ".ndjson"), (".parquet", ".pq")
_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".zip")
FORMATS = (*_CSV, *_JSON, *_PARQUET)


def table_format(path: Path) -> str | None:
    """Tell a table's format from its name, compression aside; None if it is not a table's."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in _COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in FORMATS else None


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_frames(
    paths: Sequence[Path], columns: Mapping[str, str | None] | None = None
) -> pd.DataFrame:
    """Read tables and stack them, columns renamed to the package's names, the others dropped.

    Parameters
    ----------
    columns
        Package name -> name in the files; None to ignore a column of the package's name.

    Raises
    ------
    DataError
        If a file is missing, of no known format, damaged or empty, or a mapped column is absent.
    """
    columns = dict(columns or {})
    unknown = sorted(set(columns) - set(COLUMNS))
    if unknown:
        raise DataError(
            f"columns maps {unknown[0]!r}, which means nothing here; the names are "
            f"{', '.join(COLUMNS)}, each mapped to the name in your table"
        )
    frames = [_read_one(path, columns) for path in paths]
    return pd.concat(frames, ignore_index=True)


def _read_one(path: Path, columns: Mapping[str, str | None]) -> pd.DataFrame:
    kind = table_format(path)
    if not path.is_file():
        raise DataError(f"there is no file {path}; give the path of a table that exists")
    if kind is None:
        raise DataError(
            f"{path} is of no known format; tables end in {', '.join(FORMATS)} (or with .gz "
            "after it). Files ending in .nc are read by cod_bayes.evals_file.read_evals"
        )
    try:
        frame = _load(path, kind, columns)
    # pandas and Arrow report damage as subclasses of these
    except (OSError, ValueError, EOFError, RuntimeError, LookupError) as error:
        raise DataError(
            f"{path} cannot be read as {kind[1:]}: {error}; is it complete, and of that format?"
        ) from error
    if frame.empty:
        raise DataError(f"{path} has no rows; leave it out, or write it again")
    return _renamed(frame, path, columns).assign(**{FILE: path.name, ROW: range(1, len(frame) + 1)})


def _load(path: Path, kind: str, columns: Mapping[str, str | None]) -> pd.DataFrame:
    if kind in _PARQUET:
        return pd.read_parquet(path)
    if kind in _JSON:
        # dtype=False: "007" stays a label
        return pd.read_json(path, lines=True, dtype=False)
    labels = {columns.get(name) or name: str for name in LABEL_COLUMNS}
    # only an empty field is a missing one: a model may well be called "NA"
    return pd.read_csv(
        path,
        sep="\t" if kind == ".tsv" else ",",
        dtype=labels,
        keep_default_na=False,
        na_values=[""],
        skipinitialspace=True,
    )


def _renamed(frame: pd.DataFrame, path: Path, columns: Mapping[str, str | None]) -> pd.DataFrame:
    absent = sorted({name for name in columns.values() if name and name not in frame.columns})
    if absent:
        raise DataError(
            f"{path} has no column {absent[0]!r}, which columns asks for; "
            f"it has {', '.join(map(str, frame.columns))}"
        )
    picked = {}
    for name in COLUMNS:
        source = columns.get(name, name)
        if source is not None and source in frame.columns:
            picked[name] = frame[source]
    renamed = pd.DataFrame(picked)
    for name in LABEL_COLUMNS:
        if name in renamed:
            renamed[name] = _as_labels(renamed[name])
    return renamed


def _as_labels(values: "pd.Series[object]") -> "pd.Series[str]":
    """Labels as strings, missing ones kept; whole numbers lose the ".0" a gap gave them."""
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        values = values.astype("Int64")
    return values.astype("string").str.strip()


def place(frame: pd.DataFrame, position: int) -> str:
    """Name the file and row of a position of the stacked table."""
    row = frame.iloc[position]
    return f"row {row[ROW]} of {row[FILE]}"
