"""Files appear whole or not at all."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cod_bayes.errors import DataError


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Give a partial file beside ``path`` to write to; it takes the place of ``path`` at the end.

    If the block raises, ``path`` is as it was and the partial file is gone.

    Raises
    ------
    DataError
        If the system refuses to write there; the message says why.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.partial")
    try:
        # Libraries report a missing folder in words of their own; ask the system instead.
        partial.touch()
        yield partial
        os.replace(partial, path)
    except OSError as error:
        raise DataError(
            f"cannot write {path}: {error.strerror or error}; "
            "choose a folder that exists and may be written"
        ) from error
    finally:
        if partial.parent.is_dir():
            partial.unlink(missing_ok=True)
