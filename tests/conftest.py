"""Fixtures shared by all tests."""

import os
import zlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from cod_bayes.config import ClusterConfig, Config, ForecastConfig, SamplerConfig
from cod_bayes.fitted import FittedModel
from cod_bayes.fitting import fit
from cod_bayes.simulate import BenchmarkSpec, simulate_evals

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


@pytest.fixture(scope="session")
def small_evals() -> tuple[xr.Dataset, xr.Dataset]:
    """Two benchmarks of 150 items, one with a guess floor; 8 runs, 3 checkpoints, 2 anchors."""
    specs = (
        BenchmarkSpec("SUMS", 150, 0.0, -0.2, 1.0, 0.2, share_oscillating=0.05),
        BenchmarkSpec("READ", 150, 0.25, -0.3, 1.1, 0.2),
    )
    return simulate_evals(specs, n_trials=100, n_checkpoints=3, anchors=2, random_seed=2)


@pytest.fixture(scope="session")
def small_config() -> Config:
    """Few draws: enough to test with, too few for the gate. COD leads, to be seen everywhere."""
    return replace(
        Config(),
        cluster=ClusterConfig(min_cluster_size=8),
        sampler=SamplerConfig(draws=300, tune=400, chains=2, max_attempts=1),
        forecast=ForecastConfig(lead="cod"),
    )


@pytest.fixture(scope="session")
def small_fit(small_evals: tuple[xr.Dataset, xr.Dataset], small_config: Config) -> FittedModel:
    """The suite's one real fit of all stages: two compiled graphs, about half a minute."""
    return fit(small_evals[0], small_config, random_seed=1)


@pytest.fixture
def interpreted() -> Iterator[None]:
    """PyTensor interprets instead of compiling: right for a density that is asked once."""
    import pytensor

    with pytensor.config.change_flags(mode="FAST_COMPILE"):
        yield
