"""One small fit for all tests of the command line; most of them only ask it again."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

import cod_bayes as cb
from cod_bayes.cli.application import app
from cod_bayes.config import ClusterConfig, Config, SamplerConfig
from cod_bayes.evals_file import write_dataset, write_evals
from cod_bayes.fitted import FittedModel
from cod_bayes.simulate import BenchmarkSpec

Run = Callable[..., Result]

SPECS = (
    BenchmarkSpec("SUMS", 160, 0.0, -0.3, 1.0, 0.2),
    BenchmarkSpec("READ", 160, 0.25, -0.8, 1.1, 0.2),
)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(app, [str(word) for word in words])


@pytest.fixture(scope="session")
def simulated() -> tuple[xr.Dataset, xr.Dataset]:
    return cb.simulate_evals(SPECS, n_trials=60, n_checkpoints=1, random_seed=3)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="session")
def evals_file(simulated: tuple[xr.Dataset, xr.Dataset], folder: Path) -> Path:
    return write_evals(simulated[0], folder / "evals.nc")


@pytest.fixture(scope="session")
def truth_file(simulated: tuple[xr.Dataset, xr.Dataset], folder: Path) -> Path:
    return write_dataset(simulated[1], folder / "truth.nc")


@pytest.fixture(scope="session")
def config() -> Config:
    """Few draws, whatever they are worth."""
    cluster = ClusterConfig(min_cluster_size=8)
    sampler = SamplerConfig(draws=150, tune=200, chains=2, max_attempts=1)
    return replace(Config(), cluster=cluster, sampler=sampler)


@pytest.fixture(scope="session")
def sampled(simulated: tuple[xr.Dataset, xr.Dataset], config: Config) -> FittedModel:
    """The one real fit."""
    return cb.fit(simulated[0], config, random_seed=1)


@pytest.fixture(scope="session")
def fitted(sampled: FittedModel) -> FittedModel:
    """The fit, its gate declared passed: two hundred draws never do."""
    return with_gate(sampled, rhat=1.001, ess_bulk=900.0, ess_tail=800.0)


@pytest.fixture(scope="session")
def failed(sampled: FittedModel) -> FittedModel:
    """The fit, the law of SUMS declared failed."""
    return with_gate(sampled, rhat=1.001, ess_bulk=900.0, ess_tail=800.0, failing="law/SUMS")


@pytest.fixture(scope="session")
def model(fitted: FittedModel, folder: Path) -> Path:
    return cb.save_model(fitted, folder / "models" / "good")


@pytest.fixture(scope="session")
def failed_model(failed: FittedModel, folder: Path) -> Path:
    return cb.save_model(failed, folder / "models" / "failed")


@pytest.fixture
def stub_fit(monkeypatch: pytest.MonkeyPatch, fitted: FittedModel) -> list[dict[str, object]]:
    """Replace fitting by the fit that is there; the arguments it was called with."""
    return replace_fit(monkeypatch, fitted)


def replace_fit(
    monkeypatch: pytest.MonkeyPatch, result: FittedModel | BaseException
) -> list[dict[str, object]]:
    calls: list[dict[str, object]] = []

    def stub(evals, config=None, *, clusters=None, random_seed=0, progress=None):
        calls.append(
            {"evals": evals, "config": config, "clusters": clusters, "random_seed": random_seed}
        )
        if progress is not None:
            for share in (0.0, 0.5, 1.0):
                progress("law/SUMS", share)
        if isinstance(result, BaseException):
            raise result
        return result

    monkeypatch.setattr("cod_bayes.fitting.fit", stub)
    return calls


def with_gate(
    fitted: FittedModel, *, rhat: float, ess_bulk: float, ess_tail: float, failing: str = ""
) -> FittedModel:
    """The same draws with another verdict."""
    diagnostics = fitted.tree["diagnostics"].to_dataset()
    bad = diagnostics["fit"].values == failing
    verdict = {
        "rhat": np.where(bad, 1.31, rhat),
        "ess_bulk": np.where(bad, 12.0, ess_bulk),
        "ess_tail": np.full(bad.shape, ess_tail),
        "divergent_share": np.zeros(bad.shape),
        "ebfmi": np.full(bad.shape, 0.9),
        "passed": ~bad,
    }
    tree = fitted.tree.copy()
    tree["diagnostics"] = diagnostics.assign({name: ("fit", v) for name, v in verdict.items()})
    return FittedModel(tree, fitted.config, fitted.provenance)


def flat(text: str) -> str:
    """Text without line breaks and frames, so that messages can be looked for in it."""
    return " ".join(text.replace("│", " ").split())
