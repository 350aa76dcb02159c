"""Hiding the largest models: who is fitted, who is asked about, and what is known of them."""

import numpy as np
import pytest
import xarray as xr
from invented import make_evals

from cod_bayes.errors import ConfigError, DataError
from cod_bayes.evaluation.splits import (
    drop_anchors,
    find_levels,
    hide_largest,
    make_case,
    rolling_origin,
)


@pytest.fixture
def ladder(rng):
    """Eight rungs, ten items."""
    trials = np.full((8, 10), 20)
    return make_evals(trials, rng.binomial(trials, np.linspace(0.1, 0.8, 8)[:, None]))


def test_the_largest_runs_are_hidden_with_all_their_checkpoints(small_evals):
    evals = small_evals[0]
    case = hide_largest(evals, 2)
    runs = set(case.evals["run"].values[case.evals["role"].values == "ladder"].tolist())
    assert runs == {"122M", "238M", "411M", "652M", "973M", "1.9B"}
    assert case.targets["target_llm"].values.tolist() == ["6.98B", "12B"]
    assert set(case.targets.data_vars) == {"flops", "params_active", "tokens"}
    hidden = evals.sel(llm=["6.98B", "12B"])
    np.testing.assert_array_equal(case.targets["flops"], hidden["flops"])
    rates = (hidden["n_correct"] / hidden["n_trials"]).groupby("benchmark").mean("item")
    for name in ("SUMS", "READ"):
        np.testing.assert_allclose(case.truth.sel(benchmark=name), rates.sel(benchmark=name))


def test_anchors_are_known_whatever_their_compute(small_evals):
    evals = small_evals[0]
    assert (hide_largest(evals, 1).evals["role"] == "anchor").sum() == 2
    without = drop_anchors(evals)
    assert set(without["role"].values.tolist()) == {"ladder"}
    assert (hide_largest(without, 1).evals["role"] == "anchor").sum() == 0


def test_a_target_in_the_data_is_neither_fitted_nor_forecast(ladder):
    roles = ["ladder"] * 7 + ["target"]
    case = hide_largest(ladder.assign_coords(role=("llm", roles)), 1)
    assert case.evals["llm"].values.tolist() == [f"m{i}" for i in range(6)]
    assert case.targets["target_llm"].values.tolist() == ["m6"]


def test_the_origin_rolls_over_all_levels(ladder):
    cases = list(rolling_origin(ladder, 5))
    assert [case.evals.sizes["llm"] for case in cases] == [5, 6, 7]
    assert [case.targets.sizes["target"] for case in cases] == [3, 2, 1]
    assert len({case.name for case in cases}) == 3
    assert cases[0].name == f"up to {ladder['flops'].values[4]:.3g} flops"
    for case in cases:
        assert case.evals["flops"].max() < case.targets["flops"].min()


def test_runs_of_equal_size_are_hidden_together(ladder):
    params = np.repeat([1e8, 2e8, 4e8, 8e8], 2)
    evals = ladder.assign_coords(params_active=("llm", params), params_total=("llm", params))
    assert find_levels(evals, "params_active").tolist() == [1e8, 2e8, 4e8, 8e8]
    case = hide_largest(evals, 1, by="params_active")
    assert case.targets["params_active"].values.tolist() == [8e8, 8e8]
    assert case.evals.sizes["llm"] == 6


def test_nearly_equal_computes_are_one_level(ladder):
    flops = ladder["flops"].values.copy()
    flops[1] = 1.01 * flops[0]
    evals = ladder.assign_coords(flops=("llm", flops))
    assert len(find_levels(evals, "flops")) == 7


def test_what_is_wrong_is_said(ladder):
    with pytest.raises(DataError, match=r"hiding 7 leaves too few. Hide between 1 and 6"):
        hide_largest(ladder, 7)
    with pytest.raises(DataError, match=r"a rolling origin from 8 needs more"):
        list(rolling_origin(ladder, 8))
    with pytest.raises(ConfigError, match="an origin is in flops, params_active, tokens"):
        find_levels(ladder, "size")
    with pytest.raises(DataError, match="m7 would be fitted and forecast"):
        make_case("x", 0, ladder, ladder.isel(llm=[7]))


def test_a_score_that_was_not_measured_is_unknown(ladder):
    trials = ladder["n_trials"].values.copy()
    trials[-1] = 0
    evals = ladder.assign(
        n_trials=(("llm", "item"), trials),
        n_correct=(("llm", "item"), np.minimum(ladder["n_correct"].values, trials)),
    )
    case = make_case("x", 0, evals.isel(llm=slice(0, 7)), evals.isel(llm=[7]))
    assert isinstance(case.truth, xr.DataArray)
    assert np.isnan(case.truth).all()
