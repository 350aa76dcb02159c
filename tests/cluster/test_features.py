import numpy as np
import pytest

from cod_bayes.cluster import build_features, zero_performance
from cod_bayes.errors import ConfigError, DataError

from .studies import join_benchmarks, make_evals

RATES = np.array([[0.1, 0.2, 0.9], [0.0, 0.0, 0.0], [0.0, 0.5, 1.0]])


def two_checkpoints():
    """Run "a" with checkpoints m1 (early) and m0 (final), run "b" with m2 alone."""
    return make_evals(RATES).assign_coords(
        run=("llm", ["a", "a", "b"]),
        checkpoint=("llm", [2, 1, 5]),
        flops=("llm", [2e19, 1e19, 3e18]),
    )


def test_features_are_pass_rates_by_compute(rng):
    evals = make_evals(RATES).isel(llm=[2, 0, 1])
    features = build_features(evals, "sums")
    assert features.dims == ("item", "run")
    assert features["run"].values.tolist() == ["m0", "m1", "m2"]
    assert (np.diff(features["flops"]) > 0).all()
    np.testing.assert_allclose(features, RATES)


def test_pooled_checkpoints_sum_their_counts():
    features = build_features(two_checkpoints(), "sums", "pool")
    assert features["run"].values.tolist() == ["b", "a"]
    assert features["flops"].values.tolist() == [3e18, 2e19]
    np.testing.assert_allclose(features.sel(run="a"), RATES[:, :2].mean(axis=1))


def test_final_checkpoints_alone():
    features = build_features(two_checkpoints(), "sums", "final")
    np.testing.assert_allclose(features.sel(run="a"), RATES[:, 0])


def test_earlier_checkpoints_need_two_a_run():
    with pytest.raises(DataError, match=r"1 of 2 runs have one: b\. Use 'pool'"):
        build_features(two_checkpoints(), "sums", "earlier")
    features = build_features(two_checkpoints().isel(llm=[0, 1]), "sums", "earlier")
    assert features["flops"].values.tolist() == [1e19]
    np.testing.assert_allclose(features.sel(run="a"), RATES[:, 1])


def test_only_the_ladder_and_the_benchmark_enter():
    evals = join_benchmarks(make_evals(RATES), make_evals(RATES[:2] / 2, benchmark="words"))
    evals = evals.assign_coords(role=("llm", ["ladder", "anchor", "target"]))
    features = build_features(evals, "words")
    assert features["item"].values.tolist() == ["words/0", "words/1"]
    assert features["run"].values.tolist() == ["m0"]


def test_seeds_are_separate_features():
    evals = make_evals(RATES).assign_coords(flops=("llm", [1e18] * 3))
    assert build_features(evals, "sums")["run"].values.tolist() == ["m0", "m1", "m2"]


def without_trials(evals, llm, items):
    evals = evals.copy(deep=True)
    for name in ("n_trials", "n_correct"):
        evals[name][{"llm": llm, "item": items}] = 0
    return evals


def test_cells_without_trials_are_interpolated_in_log_compute():
    evals = make_evals(RATES)
    features = build_features(without_trials(evals, 1, [0]), "sums")
    assert features.values[0, 1] == pytest.approx(0.5)  # halfway from 0.1 to 0.9
    features = build_features(without_trials(evals, 2, [0]), "sums")
    assert features.values[0, 2] == pytest.approx(0.2)  # held constant beyond the last run


def test_a_run_without_trials_is_left_out():
    features = build_features(without_trials(make_evals(RATES), 1, slice(None)), "sums")
    assert features["run"].values.tolist() == ["m0", "m2"]


def test_items_never_tried_are_an_error_whose_remedy_works():
    evals = without_trials(make_evals(RATES), slice(None), [2])
    with pytest.raises(DataError, match=r"1 of 3 items without a trial .*first: 'sums/2'") as fault:
        build_features(evals, "sums")
    remedy = str(fault.value).split("Drop them: ")[1].rstrip(".")
    assert build_features(eval(remedy, {"evals": evals}), "sums").sizes["item"] == 2


def test_nothing_on_the_ladder_is_an_error():
    with pytest.raises(DataError, match="'words' has no item"):
        build_features(make_evals(RATES), "words")
    with pytest.raises(DataError, match="no llm with role 'ladder'"):
        build_features(make_evals(RATES).assign_coords(role=("llm", ["anchor"] * 3)), "sums")
    with pytest.raises(ConfigError, match="got 'last'"):
        build_features(make_evals(RATES), "sums", "last")


def test_zero_performance_items_are_never_solved():
    mask = zero_performance(build_features(make_evals(RATES), "sums"))
    assert mask.dims == ("item",)
    assert mask.values.tolist() == [False, True, False]
