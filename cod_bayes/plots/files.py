"""Figures on disk, whole or not there."""

import os
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from cod_bayes.atomic import write_whole
from cod_bayes.errors import DataError
from cod_bayes.plots.style import RESOLUTION, house_style

SUFFIXES = (".pdf", ".png", ".svg")

# Without them, two runs on equal data write equal files.
_DATELESS: dict[str, dict[str, Any]] = {
    ".pdf": {"CreationDate": None},
    ".png": {},
    ".svg": {"Date": None},
}


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: int = RESOLUTION) -> Path:
    """Write a figure to ``path``, replacing what is there; PNG, PDF or SVG by the suffix.

    The file is written beside its final place and renamed, so an interruption leaves the old file
    or none. Equal figures give equal files: no date is stored.

    Parameters
    ----------
    figure
        What a function of :mod:`cod_bayes.plots` returned, or any Matplotlib figure.
    path
        Ends in ``.png``, ``.pdf`` or ``.svg``.
    dpi
        Dots an inch, for PNG.

    Returns
    -------
    Path
        Where the figure lies.

    Raises
    ------
    DataError
        If the suffix is none of these, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(
            f"cannot write the figure {path}: its suffix {path.suffix!r} names no known format; "
            f"end it in one of {', '.join(SUFFIXES)}"
        )
    with write_whole(path) as partial, house_style():
        figure.savefig(partial, format=suffix[1:], dpi=dpi, metadata=_DATELESS[suffix])
    return path
