"""Look at a path and read what is there."""

import os
from collections.abc import Mapping
from pathlib import Path

import xarray as xr

from cod_bayes.errors import DataError
from cod_bayes.ingest.frames import FORMATS, table_format
from cod_bayes.ingest.tables import PathLike, read_table


def read_logs(
    path: PathLike,
    llms: PathLike | Mapping[str, Mapping[str, object]] | None = None,
    *,
    columns: Mapping[str, str | None] | None = None,
    benchmark: str | None = None,
    flop_convention: str | None = None,
    decoding: str | None = None,
) -> xr.Dataset:
    """Read a table, or all tables of a folder, into ``evals``.

    In a folder, ``llms.toml`` or ``llms.csv`` describes the language models, and every other
    file of a table's format is read, in the order of their names; its subfolders are not.
    The parameters are those of :func:`cod_bayes.read_table`.

    Raises
    ------
    DataError
        If the path or its tables are missing, or their content is at fault.
    """
    path = Path(path)
    if path.is_dir():
        tables = [
            file
            for file in sorted(path.iterdir())
            if file.is_file()
            and table_format(file)
            and file.name != "llms.csv"
            and not _same(file, llms)
        ]
        if not tables:
            raise DataError(
                f"{path} holds no tables; they end in {', '.join(FORMATS)} (or with .gz after it)"
            )
    else:
        tables = [path]
    return read_table(
        tables,
        llms,
        columns=columns,
        benchmark=benchmark,
        flop_convention=flop_convention,
        decoding=decoding,
    )


def _same(file: Path, llms: PathLike | Mapping[str, Mapping[str, object]] | None) -> bool:
    """Whether a file of the folder is the one that describes the llms."""
    return isinstance(llms, str | os.PathLike) and file.resolve() == Path(llms).resolve()
