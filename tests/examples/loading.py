"""Import tinyladder's scripts, which import each other by name from their folder."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

TINYLADDER = Path(__file__).parents[2] / "examples" / "tinyladder"


@contextmanager
def tinyladder_modules(*names: str) -> Iterator[dict[str, ModuleType]]:
    """The modules by name; all of the folder are forgotten afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TINYLADDER))
        yield {name: importlib.import_module(name) for name in names}
    for path in TINYLADDER.glob("[a-z]*.py"):
        sys.modules.pop(path.stem, None)
