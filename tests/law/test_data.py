import numpy as np
import pytest
import xarray as xr
from invented import make_evals

from cod_bayes.errors import DataError
from cod_bayes.law.data import (
    add_scales,
    build_rows,
    choose_scale,
    compute_reference,
    compute_scatter,
    pad_rows,
    pool_items,
    select_runs,
)


def test_pooling_equal_trials_is_a_plain_sum(rng):
    n_correct = rng.integers(0, 51, (4, 30))
    pooled = pool_items(make_evals(np.full((4, 30), 50), n_correct, guess_floor=0.25))
    np.testing.assert_array_equal(pooled["n_trials"], 1500)
    np.testing.assert_array_equal(pooled["n_correct"], n_correct.sum(axis=1))
    assert pooled["n_questions"].item() == 30
    assert pooled["guess_floor"].item() == pytest.approx(0.25)


def test_pooling_unequal_trials_weighs_items_equally():
    n_trials = np.array([[1000, 10, 10, 10]])
    n_correct = np.array([[1000, 0, 5, 0]])
    pooled = pool_items(make_evals(n_trials, n_correct))
    effective = 4**2 / (1 / 1000 + 3 / 10)
    assert pooled["n_trials"].item() == round(effective)
    rate = pooled["n_correct"].item() / pooled["n_trials"].item()
    assert rate == pytest.approx((1 + 0.5) / 4, abs=0.5 / effective)


def test_the_pooled_binomial_has_the_variance_of_the_mean_rate(rng):
    n_trials = np.array([4, 8, 16, 64])
    p = 0.3
    rates = rng.binomial(n_trials, p, (100_000, 4)) / n_trials
    pooled = pool_items(make_evals(n_trials[None], n_trials[None] // 2))
    assert rates.mean(axis=1).var() == pytest.approx(
        p * (1 - p) / pooled["n_trials"].item(), rel=0.03
    )


def test_cells_that_were_not_tried_do_not_count():
    n_trials = np.array([[10, 10, 0], [10, 10, 10], [0, 0, 0]])
    n_correct = np.array([[2, 4, 0], [2, 4, 9], [0, 0, 0]])
    pooled = pool_items(make_evals(n_trials, n_correct))
    np.testing.assert_array_equal(pooled["n_trials"], [20, 30, 0])
    np.testing.assert_array_equal(pooled["n_correct"], [6, 15, 0])


def test_aggregated_scores_weigh_by_their_questions():
    evals = make_evals(np.array([[100, 300]]), np.array([[50, 300]]))
    evals = evals.assign_coords(n_questions=("item", [100, 300]), guess_floor=("item", [0.0, 0.4]))
    pooled = pool_items(evals)
    assert pooled["n_trials"].item() == 400
    assert pooled["n_correct"].item() == 350
    assert pooled["n_questions"].item() == 400
    assert pooled["guess_floor"].item() == pytest.approx(0.3)


def test_no_items_are_a_row_without_trials():
    evals = make_evals(np.full((3, 5), 10), np.full((3, 5), 4))
    pooled = pool_items(evals.isel(item=[]))
    np.testing.assert_array_equal(pooled["n_trials"], 0)
    assert pooled["n_questions"].item() == 0


def test_final_checkpoints_alone_enter_a_law_by_rising_compute(small_evals):
    evals, _ = small_evals
    shuffled = evals.isel(llm=np.random.default_rng(0).permutation(evals.sizes["llm"]))
    final = select_runs(shuffled, "ladder")
    assert list(final["llm"].values) == [
        "122M", "238M", "411M", "652M", "973M", "1.9B", "6.98B", "12B"
    ]  # fmt: skip
    assert (np.diff(final["flops"]) > 0).all()
    assert set(final["role"].values) == {"ladder"}
    assert set(select_runs(shuffled, "anchor")["role"].values) == {"anchor"}
    assert select_runs(shuffled, "target").sizes["llm"] == 0


def ladder(params, tokens):
    """Runs with these parameters and tokens, and a single item."""
    params, tokens = np.asarray(params, float), np.asarray(tokens, float)
    evals = make_evals(np.full((len(params), 1), 10), np.full((len(params), 1), 4))
    return evals.assign_coords(
        params_active=("llm", params),
        tokens=("llm", tokens),
        flops=("llm", 6 * params * tokens),
    )


def test_the_scale_is_compute_on_one_line_and_two_fold_off_it(small_evals):
    params = np.repeat([1e8, 1e9, 1e10], 3)
    crossed = ladder(params, params * np.tile([5, 20, 80], 3))
    on_line = ladder(params, 20 * params)
    assert choose_scale(crossed) == ("params", "tokens")
    assert choose_scale(crossed, "compute") == ("compute",)
    assert choose_scale(crossed, "params-tokens") == ("params", "tokens")
    assert choose_scale(on_line) == ("compute",)
    assert choose_scale(select_runs(small_evals[0], "ladder")) == ("compute",)
    assert compute_scatter(on_line) == pytest.approx(0, abs=1e-6)


def test_two_scales_are_refused_where_the_ladder_cannot_tell_them_apart():
    few = ladder([1e8, 1e8, 1e9, 1e9], [1e9, 1e11, 1e10, 1e12])
    with pytest.raises(DataError, match=r"its 4 runs scatter .* at least 9 runs .*law\.scale"):
        choose_scale(few, "params-tokens")
    line = ladder(np.geomspace(1e8, 1e10, 12), np.geomspace(1e10, 1e12, 12))
    with pytest.raises(DataError, match=r"scatter 0\.00 nats"):
        choose_scale(line, "params-tokens")
    unknown = ladder(np.repeat([1e8, 1e9, 1e10], 3), np.full(9, np.nan))
    assert choose_scale(unknown) == ("compute",)


def test_scales_are_relative_to_the_largest_run():
    evals = ladder([1e8, 1e10, 1e9], [1e10, 1e11, 1e12])  # the last has most compute
    evals = evals.assign_coords(flops=("llm", [6e18, 6e20, 6e21]))
    reference = compute_reference(evals, ("params", "tokens"))
    assert reference == {"params": 1e9, "tokens": 1e12}
    data = add_scales(xr.Dataset(), evals, ("params", "tokens"), reference)
    np.testing.assert_allclose(
        data["log_scale"], np.log([[0.1, 10, 1], [0.01, 0.1, 1]]), atol=1e-12
    )
    assert list(data["scale"].values) == ["params", "tokens"]


def test_rows_keep_their_labels_and_a_runs_missing_cells():
    n_trials = np.full((3, 6), 20)
    n_trials[1, :3] = 0
    n_correct = np.where(n_trials > 0, 7, 0)
    data = build_rows(
        make_evals(n_trials, n_correct), {"B/0": np.arange(3), "B/1": np.arange(3, 6)}
    )
    assert list(data["cluster"].values) == ["B/0", "B/1"]
    np.testing.assert_array_equal(data["n_trials"], [[60, 0, 60], [60, 60, 60]])
    np.testing.assert_array_equal(data["n_correct"], [[21, 0, 21], [21, 21, 21]])
    assert data["used"].all()


def test_padding_adds_unused_rows_and_keeps_the_others(rng):
    evals = make_evals(np.full((3, 6), 20), rng.integers(0, 21, (3, 6)), guess_floor=0.2)
    data = build_rows(evals, {"B/0": np.arange(3), "B/1": np.arange(3, 6)})
    padded = pad_rows(data, 5)
    assert padded.sizes["cluster"] == 5
    xr.testing.assert_equal(padded.isel(cluster=slice(2)), data)
    added = padded.isel(cluster=slice(2, None))
    assert not added["used"].any()
    assert not added["mixed"].any()
    assert (added["n_trials"] == 0).all()
    assert (added["n_correct"] == 0).all()
    assert {n: padded[n].dtype for n in padded} == {n: data[n].dtype for n in data}
    assert len(set(padded["cluster"].values)) == 5


def test_padding_to_the_same_size_changes_nothing():
    data = build_rows(make_evals(np.full((3, 6), 20), np.full((3, 6), 3)), {"B/0": np.arange(6)})
    xr.testing.assert_equal(pad_rows(data, 1), data)
