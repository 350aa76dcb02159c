"""Fixtures shared by all tests."""

import os
import zlib
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """A generator seeded from the test's own name: no test depends on the order of others."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real evaluation data, or a skip that says what is missing."""
    folder = Path(os.environ.get("COD_BAYES_DATA", "../shared/data"))
    if not (folder / "pythia_gsm8k_items.parquet").exists():
        pytest.skip(f"no real data at {folder}: set COD_BAYES_DATA to the folder that holds them")
    return folder
