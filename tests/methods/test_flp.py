"""FLP: compute to loss, loss to score, for what has emerged."""

import numpy as np
import pytest

from cod_bayes.config import Config, SamplerConfig
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.methods.flp import Flp

from .two_step_ladders import make_ladder, make_targets

POINT = Flp(estimate="least-squares", draws=5)


def make_line_ladder():
    """Score falls on a line in the domain's loss: EASY has emerged everywhere, HARD nowhere."""
    evals = make_ladder()
    loss = evals["loss"].sel(loss_domain="overall").values
    score = np.stack([1.7 - 0.45 * loss, np.full_like(loss, 0.27)], axis=1)
    evals["n_correct"] = (("llm", "item"), np.rint(score * 1e7).astype(np.uint32))
    return evals


def test_its_own_laws_are_forecast() -> None:
    targets = make_targets(2e9, 4e11)
    loss = 2.0 * (targets["flops"].values / 1e21) ** -0.05
    score = POINT.predict(POINT.fit(make_line_ladder()), targets, random_seed=1)
    assert score.sel(benchmark="EASY").values == pytest.approx(1.7 - 0.45 * loss[0], abs=1e-4)


def test_what_has_not_emerged_has_no_forecast() -> None:
    score = POINT.predict(POINT.fit(make_line_ladder()), make_targets(), random_seed=1)
    assert np.isnan(score.sel(benchmark="HARD").values).all()
    assert "HARD: 0 checkpoints of 0 runs have a loss and a risen score" in score.attrs["notes"]


def test_nothing_emerged_is_refused() -> None:
    evals = make_line_ladder()
    evals["n_correct"] = evals["n_trials"] // 4
    with pytest.raises(DataError, match="a benchmark with losses and scores"):
        POINT.fit(evals)


def test_its_loss_law_has_compute_alone() -> None:
    with pytest.raises(ConfigError, match="scale must be auto, compute; got 'params-tokens'"):
        Flp(scale="params-tokens")


def test_the_posterior_forecasts_a_line_and_passes_the_gate(rng) -> None:
    evals = make_line_ladder()
    evals["loss"] = evals["loss"] * np.exp(0.003 * rng.standard_normal(evals["loss"].shape))
    rate = 1.7 - 0.45 * evals["loss"].sel(loss_domain="overall").values
    counts = np.stack([rng.binomial(4000, rate), np.full(len(rate), 1080)], axis=1)
    evals["n_correct"] = (("llm", "item"), counts.astype(np.uint32))
    evals["n_trials"] = (("llm", "item"), np.full(counts.shape, 4000, np.uint32))
    evals = evals.assign_coords(n_questions=("item", [4000, 4000]))
    config = Config(sampler=SamplerConfig(draws=600, tune=600, chains=2, max_attempts=1))
    method = Flp(checkpoints=2)
    targets = make_targets(2e9, 4e11)
    score = method.predict(method.fit(evals, config, random_seed=1), targets, random_seed=2)
    truth = 1.7 - 0.45 * 2.0 * (targets["flops"].item() / 1e21) ** -0.05
    easy = score.sel(benchmark="EASY")
    assert score.attrs["passed"] == 1
    assert float(easy.mean()) == pytest.approx(truth, abs=0.02)
    assert 0.005 < float(easy.std()) < 0.05
    assert np.isnan(score.sel(benchmark="HARD").values).all()
