"""Fitted models on disk: written at once or not at all, readable without this package.

``models/<name>/``: ``fit.nc`` (one DataTree, ``xr.load_datatree`` reads it), ``config.toml``
(every setting written out), ``provenance.json`` and ``card.md``. Nothing is pickled.
"""

import json
import os
import shutil
import tempfile
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from cod_bayes.card import write_card
from cod_bayes.config import Config
from cod_bayes.errors import ModelFileError
from cod_bayes.fitted import FittedModel
from cod_bayes.schema import SCHEMA_VERSION

FIT_FILE, CONFIG_FILE = "fit.nc", "config.toml"
PROVENANCE_FILE, CARD_FILE = "provenance.json", "card.md"
GROUPS = (
    "/clusters",
    "/cluster_table",
    "/scores",
    "/end_to_end/posterior",
    "/end_to_end/constant_data",
    "/diagnostics",
)


def check_free(path: str | Path, *, force: bool = False) -> Path:
    """Refuse a model directory that exists, before anything is computed for it.

    Raises
    ------
    ModelFileError
        If ``path`` exists and ``force`` is not set, or is no model's directory.
    """
    path = Path(path)
    if path.exists() and not force:
        raise ModelFileError(
            f"{path} exists already; choose another name, or replace it (--force, force=True)"
        )
    if path.exists() and not (path / FIT_FILE).exists():
        raise ModelFileError(
            f"{path} exists and holds no {FIT_FILE}: it is no model of this package, so it is "
            "not replaced. Remove it yourself, or choose another name."
        )
    return path


def save_model(fitted: FittedModel, path: str | Path, *, force: bool = False) -> Path:
    """Write a fitted model to the directory ``path``.

    All files are written to a directory beside it, which is then renamed; an interruption leaves
    what was there before.

    Raises
    ------
    ModelFileError
        If the directory exists and ``force`` is not set, or cannot be written.
    """
    path = check_free(path, force=force)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error
    try:
        scratch.chmod(0o755)
        _write(fitted, scratch)
        _exchange(scratch, path)
    except OSError as error:
        raise ModelFileError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return path


def _exchange(scratch: Path, path: Path) -> None:
    """Put ``scratch`` in the place of ``path``; if that fails, what was there comes back."""
    old = scratch.with_name(scratch.name + "-old")
    if path.exists():
        path.rename(old)
    try:
        scratch.rename(path)
    except OSError:
        if old.exists():
            os.replace(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _write(fitted: FittedModel, folder: Path) -> None:
    provenance = json.dumps(fitted.provenance, indent=2)
    _compact(fitted.tree).to_netcdf(folder / FIT_FILE, engine="netcdf4")
    (folder / CONFIG_FILE).write_text(fitted.config.to_toml())
    (folder / PROVENANCE_FILE).write_text(provenance + "\n")
    (folder / CARD_FILE).write_text(write_card(fitted))


def _compact(tree: xr.DataTree) -> xr.DataTree:
    """Single precision for draws (its rounding is far below Monte-Carlo error), compressed."""

    def shrink(dataset: xr.Dataset) -> xr.Dataset:
        small = dataset.copy()
        for name in dataset.data_vars:
            is_draws = dataset[name].dtype == np.float64 and "draw" in dataset[name].dims
            if is_draws:
                small[name] = dataset[name].astype(np.float32)
            if small[name].dtype.kind in "fiub":
                small[name].encoding = {"zlib": True, "complevel": 4, "shuffle": True}
        return small

    compact: xr.DataTree = tree.map_over_datasets(shrink)
    compact.attrs = tree.attrs
    return compact


def load_model(path: str | Path, *, lazy: bool = False) -> FittedModel:
    """Read a fitted model.

    Parameters
    ----------
    path
        The model's directory.
    lazy
        Read draws when they are used, and leave the file open meanwhile: for one quick question.

    Raises
    ------
    ModelFileError
        If there is none, or a file is damaged, foreign, or of another schema version.
    """
    path = Path(path)
    file = path / FIT_FILE
    if not file.exists():
        raise ModelFileError(
            f"{path} holds no {FIT_FILE}: it is no fitted model. Make one with: "
            f"cod-bayes fit evals.nc -o {path}"
        )
    try:
        read = xr.open_datatree if lazy else xr.load_datatree
        tree = read(file, engine="netcdf4")
    except Exception as error:
        raise ModelFileError(
            f"{file} cannot be read as netCDF ({error}); it is damaged or foreign. Fit again."
        ) from error
    missing = [group for group in GROUPS if group not in tree.groups]
    if missing:
        raise ModelFileError(
            f"{file} is no fitted model of cod-bayes: it lacks the groups {', '.join(missing)}"
        )
    provenance = _provenance(tree, file)
    return FittedModel(tree, _config(path / CONFIG_FILE), provenance)


def _provenance(tree: xr.DataTree, file: Path) -> dict[str, Any]:
    try:
        provenance: dict[str, Any] = json.loads(tree.attrs["provenance"])
    except (KeyError, ValueError) as error:
        raise ModelFileError(f"{file} does not say where it comes from ({error!r})") from error
    if provenance.get("schema_version") != SCHEMA_VERSION:
        raise ModelFileError(
            f"{file} has schema version {provenance.get('schema_version')}; this version of "
            f"cod-bayes reads {SCHEMA_VERSION}. Fit again."
        )
    return provenance


def _config(file: Path) -> Config:
    if not file.exists():
        raise ModelFileError(f"{file} is missing: a model's settings stand beside its {FIT_FILE}")
    try:
        return Config.from_toml(file)
    except (tomllib.TOMLDecodeError, OSError) as error:
        raise ModelFileError(f"{file} cannot be read: {error}") from error


def thin_model(fitted: FittedModel, draws: int) -> FittedModel:
    """Keep every so many-th draw, at most ``draws`` a chain: a small copy for reference."""

    def thin(dataset: xr.Dataset) -> xr.Dataset:
        if "draw" not in dataset.dims:
            return dataset
        step = max(1, -(-dataset.sizes["draw"] // draws))
        return dataset.isel(draw=slice(None, None, step))

    tree: xr.DataTree = fitted.tree.map_over_datasets(thin)
    provenance = {**fitted.provenance, "thinned_to": draws}
    tree.attrs = {**fitted.tree.attrs, "provenance": json.dumps(provenance)}
    return FittedModel(tree, fitted.config, provenance)
