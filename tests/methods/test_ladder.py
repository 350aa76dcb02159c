"""The model ladder: its published errors, its settings, its posterior."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from cod_bayes.config import Config, SamplerConfig
from cod_bayes.datasets import load_dataset, load_truth
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.methods import parse_variant
from cod_bayes.methods.ladder import Ladder
from cod_bayes.methods.protocol import describe_targets

from .two_step_ladders import (
    make_ladder,
    make_targets,
    sigmoid_score,
    task_loss,
)

POINT = Ladder(estimate="least-squares", draws=5)

# Absolute errors in points that the paper's own code makes on OLMo 7B-4T, through the task's bits
# per byte and (its initial values mended) through C4's loss.
PUBLISHED = {
    "task": {
        "mmlu_avg_test": 0.63, "hellaswag_val": 1.17, "arc_challenge_test": 10.45,
        "arc_easy_test": 7.97, "piqa_val": 0.83, "csqa_val": 3.07, "socialiqa_val": 1.19,
        "openbookqa_test": 5.23,
    },
    "c4_en": {
        "mmlu_avg_test": 1.05, "hellaswag_val": 3.66, "arc_challenge_test": 0.87,
        "arc_easy_test": 1.02, "piqa_val": 0.59, "csqa_val": 4.18, "socialiqa_val": 3.69,
        "openbookqa_test": 0.98,
    },
}  # fmt: skip


@pytest.mark.parametrize("loss", PUBLISHED)
def test_the_published_errors_come_out(loss, real_data, monkeypatch) -> None:
    monkeypatch.setenv("COD_BAYES_DATA", str(real_data))
    method = replace(POINT, loss=loss, draws=1)
    fitted = method.fit(load_dataset("olmo-ladder"))
    truth = load_truth("olmo-ladder")
    forecast = method.predict_points(fitted, describe_targets(truth)).isel(target=0)
    errors = 100 * abs(forecast - truth["score"].isel(llm=0))
    assert errors.sizes["benchmark"] == 8
    for name, published in PUBLISHED[loss].items():
        assert float(errors.sel(benchmark=name)) == pytest.approx(published, abs=0.05), name


def test_noise_free_losses_forecast_the_target() -> None:
    evals = make_ladder(score=lambda name, loss: 1 - 0.75 / (1 + np.exp(-6 * (loss - 0.9))))
    fitted = POINT.fit(evals)
    score = POINT.predict(fitted, make_targets(), random_seed=1)
    assert score.dims == ("draw", "benchmark", "target")
    assert score.attrs["draws_are"] == "residual bootstrap"
    for name in ("EASY", "HARD"):
        loss = task_loss(name, 7e9, 4e12)
        expected = 1 - 0.75 / (1 + np.exp(-6 * (loss - 0.9)))
        assert score.sel(benchmark=name).values == pytest.approx(expected, abs=2e-3)


def test_nothing_of_the_target_is_read() -> None:
    evals = make_ladder()
    giant = evals.isel(llm=[-1]).assign_coords(
        llm=["giant"], run=("llm", ["giant"]), role=("llm", ["target"]), flops=("llm", [1e26])
    )
    giant["gold_nll"] = giant["gold_nll"] * 1e-3
    both = xr.concat([evals, giant], dim="llm", coords="minimal", compat="override")
    both = both.assign_attrs(evals.attrs)
    clean = POINT.predict(POINT.fit(evals, random_seed=1), make_targets(), random_seed=2)
    poisoned = POINT.predict(POINT.fit(both, random_seed=1), make_targets(), random_seed=2)
    xr.testing.assert_identical(clean, poisoned)


def test_a_benchmark_without_losses_is_named() -> None:
    evals = make_ladder()
    evals["gold_nll"][:, 1] = np.nan
    score = POINT.predict(POINT.fit(evals), make_targets(), random_seed=1)
    assert np.isnan(score.sel(benchmark="HARD").values).all()
    assert np.isfinite(score.sel(benchmark="EASY").values).all()
    assert "HARD: 0 runs with a loss" in score.attrs["notes"]


def test_data_without_losses_are_refused() -> None:
    bare = make_ladder().drop_vars(["gold_nll", "loss", "loss_domain"])
    with pytest.raises(DataError, match="method ladder needs the loss 'task'"):
        POINT.fit(bare)


def test_settings_are_read_from_text_and_checked() -> None:
    method = parse_variant("ladder[estimate=least-squares, loss=c4_en, scale=compute]").method
    assert isinstance(method, Ladder)
    assert (method.estimate, method.loss, method.scale) == ("least-squares", "c4_en", "compute")
    for wrong, message in (
        ({"estimate": "map"}, "posterior or least-squares; got 'map'"),
        ({"scale": "tokens"}, "auto, compute or params-tokens"),
        ({"skip": 1.0}, "skip must be within"),
        ({"smoothing": 0}, "smoothing must be at least 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            Ladder(**wrong)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_posterior_finds_the_truth_and_passes_the_gate(rng) -> None:
    evals = make_ladder(rng, noise=0.005)
    questions = 5000
    counts = rng.binomial(questions, (evals["n_correct"] / evals["n_trials"]).values)
    evals["n_correct"] = (("llm", "item"), counts.astype(np.uint32))
    evals["n_trials"] = (("llm", "item"), np.full(counts.shape, questions, np.uint32))
    evals = evals.assign_coords(n_questions=("item", [questions, questions]))
    method = Ladder(checkpoints=3)
    config = Config(sampler=SamplerConfig(draws=1000, tune=1000, chains=2))
    score = method.predict(method.fit(evals, config, random_seed=1), make_targets(), random_seed=2)
    assert score.attrs["passed"] == 1
    assert score.attrs["draws_are"] == "posterior"
    for name in ("EASY", "HARD"):
        truth = sigmoid_score(name, task_loss(name, 7e9, 4e12))
        low, high = score.sel(benchmark=name).quantile([0.005, 0.995]).values
        assert low < truth < high
        assert high - low < 0.3
