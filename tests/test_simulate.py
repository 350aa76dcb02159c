"""The simulator's invariants: seeds, what changes what, and curves that mean what they say."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from cod_bayes.datasets import load_dataset, load_truth
from cod_bayes.errors import ConfigError
from cod_bayes.simulate import (
    ANNEALED,
    DENSE,
    MIXTURE_OF_EXPERTS,
    PAPER_BENCHMARKS,
    WORLDS,
    BenchmarkSpec,
    Family,
    random_benchmark,
    simulate_evals,
)
from cod_bayes.simulate.ladder import decades, paper_runs
from cod_bayes.simulate.worlds import draw_items
from cod_bayes.validation import ladder_notes, validate_evals

A = BenchmarkSpec("a", 40)
B = BenchmarkSpec("b", 30, guess_floor=0.25, difficulty=0.5)
# Nothing but items and compute: no luck of any kind.
PLAIN = BenchmarkSpec(
    "plain", 300, share_oscillating=0.0, shift_sd=0.0, skill_sd=0.0, item_noise=0.0
)
TARGET = "68.5B"


def test_evals_are_valid_and_without_the_target() -> None:
    evals, truth = simulate_evals([A, B])
    assert dict(evals.sizes) == {"llm": 8 * 3 + 2, "item": 70}
    assert TARGET not in evals["llm"]
    assert set(evals["role"].values) == {"ladder", "anchor"}
    assert evals["flops"].max() < truth["flops"].sel(llm=TARGET)
    assert evals.attrs["flop_convention"] == "compute-per-token x tokens"
    xr.testing.assert_identical(validate_evals(evals), validate_evals(validate_evals(evals)))
    assert ladder_notes(evals) == []


def test_truth_covers_final_checkpoints_and_the_target() -> None:
    evals, truth = simulate_evals([A, B])
    assert truth["score"].dims == ("benchmark", "llm")
    assert truth.sizes == {"benchmark": 2, "llm": 8 + 1 + 2}
    assert set(truth["llm"].values) - {TARGET} <= set(evals["llm"].values)
    shared = [llm for llm in truth["llm"].values if llm != TARGET]
    np.testing.assert_allclose(evals["flops"].sel(llm=shared), truth["flops"].sel(llm=shared))


def test_seeds_reproduce_and_differ() -> None:
    first, again, other = (simulate_evals([A], random_seed=seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(first[0], again[0])
    xr.testing.assert_identical(first[1], again[1])
    assert not np.array_equal(first[0]["n_correct"], other[0]["n_correct"])


def test_adding_a_benchmark_keeps_the_others() -> None:
    alone, truth_alone = simulate_evals([A])
    both, truth_both = simulate_evals([B, A])
    xr.testing.assert_equal(both.sel(item=both["benchmark"] == "a"), alone)
    xr.testing.assert_equal(truth_both.sel(benchmark=["a"]), truth_alone)


@pytest.mark.parametrize("changed", [{"n_trials": 1}, {"n_checkpoints": 1}, {"anchors": 0}])
def test_truth_of_the_ladder_depends_on_nothing_else(changed: dict[str, int]) -> None:
    truth = simulate_evals([A, B])[1]
    other = simulate_evals([A, B], **changed)[1]  # type: ignore[arg-type]
    kept = [llm for llm in truth["llm"].values if llm in other["llm"].values]
    assert TARGET in kept
    xr.testing.assert_equal(other["score"].sel(llm=kept), truth["score"].sel(llm=kept))


@pytest.mark.parametrize("world", WORLDS)
def test_scores_lie_above_the_floor_and_rise(world: str) -> None:
    specs = [replace(B, n_items=400, share_oscillating=0.0, name=f"b{i}") for i in range(4)]
    truth = simulate_evals(specs, world=world, anchors=0)[1]
    expected = truth["expected_score"].values
    assert ((expected > 0.2) & (expected < 1)).all()
    assert (np.diff(expected, axis=1) > 0).all()


def test_expected_score_averages_luck_out() -> None:
    # 40 runs of one benchmark differ in luck alone once luck is drawn anew by name
    spec = replace(A, n_items=600, shift_sd=0.1, share_oscillating=0.0)
    specs = [replace(spec, name=f"run-{i}") for i in range(40)]
    truth = simulate_evals(specs, anchors=0, n_checkpoints=1)[1].sel(llm=TARGET)
    error = (truth["score"] - truth["expected_score"]).values
    assert abs(error.mean()) < 4.5 * error.std() / np.sqrt(error.size)
    assert 0.005 < error.std() < 0.05


def test_trials_measure_the_true_score() -> None:
    evals, truth = simulate_evals([replace(A, n_items=2000)], n_checkpoints=1, anchors=0)
    rate = evals["n_correct"].sum("item") / evals["n_trials"].sum("item")
    true = truth["score"].isel(benchmark=0).sel(llm=rate["llm"])
    # at most 0.5 / sqrt(200,000) = 0.0011
    assert float(np.abs(rate - true).max()) < 5 * 0.0011


def test_checkpoints_share_most_of_their_luck() -> None:
    evals = simulate_evals([replace(A, n_items=3000, item_noise=1.0)], anchors=0)[0]
    rate = (evals["n_correct"] / evals["n_trials"]).sel(llm=evals["run"] == "12B").values
    across = (evals["n_correct"] / evals["n_trials"]).sel(llm="6.98B").values
    within = np.corrcoef(rate[0], rate[2])[0, 1]
    assert within > np.corrcoef(rate[2], across)[0, 1]
    assert within < 0.999


def test_items_of_the_exp_world_follow_the_paper_exactly(rng: np.random.Generator) -> None:
    knots = decades([run.flops for run in paper_runs()])
    spec = replace(A, share_oscillating=0.0, share_non_emergent=0.0, guess_floor=0.1)
    items = draw_items(rng, spec, "exp", knots)
    p = items.probability(items.logit(knots), items.floor[:, None])
    floor = items.floor[:, None]
    # p = g + (1 - g) exp(-a C^-b - c): -log((p - g) / (1 - g)) - c is linear in C on log axes
    share = np.clip((p - floor) / (1 - floor), 1e-300, None)
    loss = -np.log(share) + np.log(items.ceiling[:, None])
    # outside, what is left after taking the floor away is rounding error
    inside = (loss > 1e-6) & (loss < 15)
    for row, keep, slope in zip(loss, inside, items.slope, strict=True):
        if keep.sum() < 3:
            continue
        fit, *_ = np.polyfit(knots[keep], np.log(row[keep]), 1, full=True)
        np.testing.assert_allclose(np.polyval(fit, knots[keep]), np.log(row[keep]), atol=1e-4)
        np.testing.assert_allclose(fit[0], -slope / (2 * np.log(2)), rtol=1e-3)


def test_scale_shrinks_the_paper_benchmarks() -> None:
    evals, truth = simulate_evals(scale=0.01, n_checkpoints=1)
    assert list(truth["benchmark"].values) == [spec.name for spec in PAPER_BENCHMARKS]
    assert int(truth["n_items"].sel(benchmark="MMLU-pro")) == 120
    assert int(truth["n_items"].sel(benchmark="MBPP")) == 20
    assert evals.sizes["item"] == int(truth["n_items"].sum())
    assert sum(spec.n_items for spec in PAPER_BENCHMARKS) == 60905


def test_random_benchmarks_differ_widely(rng: np.random.Generator) -> None:
    specs = [random_benchmark(rng, f"b{i}", 200) for i in range(40)]
    truth = simulate_evals(specs, n_checkpoints=1, anchors=0)[1].sel(llm=TARGET)
    assert float(np.ptp(truth["score"].values)) > 0.3
    assert len({spec.guess_floor for spec in specs}) > 2


def item_scores(spec: BenchmarkSpec, family: Family) -> xr.DataArray:
    return simulate_evals([spec], family=family, anchors=0, item_scores=True)[1]["item_score"]


def test_the_data_in_the_package_are_what_the_simulator_gives() -> None:
    shipped = load_dataset("paper-ladder-sim")
    (spec,) = (spec for spec in PAPER_BENCHMARKS if spec.name == "MBPP")
    evals, truth = simulate_evals([spec], world="logis", random_seed=20250224)
    of_spec = shipped.sel(item=shipped["benchmark"] == "MBPP")
    np.testing.assert_array_equal(of_spec["n_correct"], evals["n_correct"])
    of_spec = load_truth("paper-ladder-sim").sel(benchmark=["MBPP"], llm=truth["llm"])
    for name in ("score", "expected_score"):
        np.testing.assert_allclose(of_spec[name], truth[name], rtol=1e-12)


@pytest.mark.parametrize("family", [MIXTURE_OF_EXPERTS, ANNEALED], ids=lambda f: f.name)
def test_a_further_ladder_is_valid_and_meets_the_same_items(family: Family) -> None:
    first, first_truth = simulate_evals([A, B])
    evals, truth = simulate_evals([A, B], family=family)
    validate_evals(evals)
    assert dict(evals.sizes) == dict(first.sizes)
    for name in ("item", "guess_floor"):
        np.testing.assert_array_equal(evals[name], first[name])
    is_ladder = evals["role"].values == "ladder"
    assert not set(evals["llm"].values[is_ladder]) & set(first["llm"].values)
    assert set(truth["role"].values) - set(evals["role"].values) == {"target"}
    anchors = truth["llm"].values[truth["role"].values == "anchor"]
    xr.testing.assert_equal(truth["score"].sel(llm=anchors), first_truth["score"].sel(llm=anchors))


def test_further_ladders_say_what_they_are() -> None:
    experts = simulate_evals([A], family=MIXTURE_OF_EXPERTS, anchors=0)[0]
    np.testing.assert_allclose(experts["params_total"], 8 * experts["params_active"])
    assert set(experts["family"].values) == {"mixture-of-experts"}
    annealed, dense = (simulate_evals([A], family=f, anchors=0)[0] for f in (ANNEALED, DENSE))
    assert set(annealed["phase"].values) == {"annealed"}
    assert set(annealed["family"].values) == set(dense["family"].values)
    np.testing.assert_allclose(annealed["flops"], 1.1 * dense["flops"])


def test_a_family_without_departures_repeats_the_first() -> None:
    np.testing.assert_array_equal(
        item_scores(PLAIN, Family("copy", paper_runs())), item_scores(PLAIN, DENSE)
    )


def test_effective_compute_that_is_not_stated_counts_like_stated_compute() -> None:
    smaller = tuple(replace(run, flops=run.flops / 10**0.2) for run in paper_runs())
    np.testing.assert_allclose(
        item_scores(PLAIN, Family("able", smaller, decades=0.2)), item_scores(PLAIN, DENSE)
    )


def test_the_uplift_reaches_a_share_of_the_items() -> None:
    lifted = Family("lifted", paper_runs(), uplift=1.0, uplift_share=0.4)
    gain = (item_scores(PLAIN, lifted) - item_scores(PLAIN, DENSE)).values
    assert (gain >= 0).all()
    # 300 items: a standard deviation of 0.028
    assert abs((gain > 0).mean() - 0.4) < 4.5 * 0.028


def test_models_that_are_trained_on_keep_their_runs_luck() -> None:
    spec = replace(PLAIN, item_noise=1.0)
    first, kept, other = (
        item_scores(spec, family)
        for family in (
            DENSE,
            Family("kept", paper_runs(), trained_on=True),
            Family("other", paper_runs()),
        )
    )
    assert 0 < np.std(kept - first) < 0.7 * np.std(other - first)


def test_the_targets_items_average_to_its_score() -> None:
    evals, truth = simulate_evals([A, B], family=ANNEALED, item_scores=True)
    np.testing.assert_array_equal(truth["item"], evals["item"])
    by_benchmark = truth["item_score"].groupby(evals["benchmark"]).mean()
    target = truth["score"].sel(llm=f"{TARGET}-annealed")
    np.testing.assert_allclose(by_benchmark, target.sel(benchmark=by_benchmark["benchmark"]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"world": "flat"}, "world must be one of logis, exp, bend; got 'flat'"),
        ({"n_trials": 0}, "n_trials must be at least 1"),
        ({"n_checkpoints": 0}, "n_checkpoints must be within"),
        ({"anchors": 9}, "anchors must be within 0 and 4; got 9"),
        ({"scale": 0.0}, "scale must be positive"),
        ({"benchmarks": []}, "benchmarks is empty"),
        ({"benchmarks": [A, A]}, "'a' is given twice"),
    ],
)
def test_bad_settings(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        simulate_evals(**settings)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "settings",
    [
        {"n_items": 0},
        {"guess_floor": 1.0},
        {"skew": 1.0},
        {"share_oscillating": 0.99},
        {"item_noise": -1.0},
        {"name": "a/b"},
    ],
)
def test_bad_benchmarks(settings: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match=f"BenchmarkSpec.({next(iter(settings))}|share_non)"):
        replace(A, **settings)  # type: ignore[arg-type]
