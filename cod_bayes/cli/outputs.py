"""Where files may be written, asked before the work; forecasts on disk, whole or not there."""

import os
import tempfile
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from cod_bayes.errors import DataError

if TYPE_CHECKING:
    import xarray as xr


def check_writable(path: Path) -> Path:
    """Refuse a path that cannot come to be, before anything is computed for it.

    Folders that do not exist yet are created by whoever writes.

    Raises
    ------
    DataError
        If what stands above ``path`` is no folder, or is not the user's to write to.
    """
    above = path.absolute().parent
    while not above.exists():
        above = above.parent
    if not above.is_dir():
        raise DataError(f"cannot write {path}: {above} is a file, not a folder; choose another")
    try:
        # asking for permissions would not tell of quotas, or of file systems that are read-only
        tempfile.TemporaryDirectory(dir=above, prefix=".cod-bayes-").cleanup()
    except OSError as fault:
        raise DataError(
            f"cannot write {path}: nothing can be written in {above} ({fault.strerror}); "
            "choose another folder"
        ) from fault
    return path


def check_file(path: Path) -> Path:
    """Refuse a path at which no file can be written, and make the folder that will hold it.

    Raises
    ------
    DataError
        If ``path`` is a folder, or nothing can be written above it.
    """
    if path.is_dir():
        raise DataError(f"cannot write {path}: it is a folder; name a file in it")
    check_writable(path)
    make_folder(path.parent)
    return path


def make_folder(path: Path) -> Path:
    """Make a folder and those above it, where they are missing.

    Raises
    ------
    DataError
        If that cannot be.
    """
    if path.is_file():
        raise DataError(f"cannot make the folder {path}: it is a file; choose another name")
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise DataError(
            f"cannot make the folder {path}: {fault.strerror}; choose another"
        ) from fault
    return path


def write_forecast(forecast: "xr.DataTree", path: Path) -> Path:
    """Write a forecast as netCDF, which ``xr.load_datatree`` reads; an old file is replaced.

    Raises
    ------
    DataError
        If it cannot be written.
    """
    check_file(path)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        forecast.to_netcdf(partial, engine="netcdf4")
        os.replace(partial, path)
    except OSError as fault:
        raise DataError(f"cannot write {path}: {fault.strerror or fault}") from fault
    finally:
        partial.unlink(missing_ok=True)
    return path
