"""One invented study for all figure tests."""

import numpy as np
import pytest

from .study import Study, invent_study


@pytest.fixture(scope="session")
def study() -> Study:
    """Three benchmarks; the last, with a guess floor, has no COD forecast."""
    return invent_study(np.random.default_rng(20250224))
