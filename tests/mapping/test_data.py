import numpy as np
import pytest
import xarray as xr
from invented import make_evals
from scipy.special import logit

from cod_bayes.mapping import FORMS, build_mapping_data
from cod_bayes.mapping.data import smoothed_logit


@pytest.fixture
def evals(rng):
    """Two benchmarks of ten and six items; three ladder runs and an anchor."""
    roles = ["ladder", "ladder", "ladder", "anchor"]
    parts = [
        make_evals(np.full((4, n), 20), rng.integers(0, 21, (4, n)), benchmark=name, roles=roles)
        for name, n in (("A", 10), ("B", 6))
    ]
    return xr.concat(parts, dim="item", data_vars="minimal", coords="minimal", compat="equals")


def subset_of(evals, **sizes):
    """The first so many items of each benchmark."""
    masks = {}
    for name, size in sizes.items():
        mask = evals["benchmark"].values == name
        mask[np.flatnonzero(mask)[size:]] = False
        masks[name] = mask
    return masks


def test_subset_and_rest_share_out_the_items(evals):
    data = build_mapping_data(evals, subset_of(evals, A=4, B=2))
    correct = evals["n_correct"].values.astype(int)
    assert data["subset_correct"].dims == ("benchmark", "llm")
    np.testing.assert_array_equal(data["subset_correct"].sel(benchmark="A"), correct[:, :4].sum(1))
    np.testing.assert_array_equal(
        data["response_correct"].sel(benchmark="A"), correct[:, 4:10].sum(1)
    )
    np.testing.assert_array_equal(
        data["response_correct"].sel(benchmark="B"), correct[:, 12:].sum(1)
    )
    assert (data["subset_trials"].sel(benchmark="B") == 40).all()
    assert (data["response_trials"].sel(benchmark="B") == 80).all()
    np.testing.assert_allclose(data["share"], [0.4, 1 / 3])
    np.testing.assert_array_equal(data["is_anchor"], [False, False, False, True])


def test_a_map_of_the_full_score_has_all_items_in_its_response(evals):
    data = build_mapping_data(evals, subset_of(evals, A=4), FORMS["monotone"])
    correct = evals["n_correct"].values.astype(int)
    np.testing.assert_array_equal(data["response_correct"].values[0], correct[:, :10].sum(1))
    assert (data["response_trials"] == 200).all()


def test_the_centre_is_the_ladders_mean_logit_without_anchors(evals):
    data = build_mapping_data(evals, subset_of(evals, A=4))
    correct = evals["n_correct"].values[:3, :4].sum(1).astype(float)
    expected = np.log((correct + 0.5) / (80 - correct + 0.5)).mean()
    assert data["centre"].item() == pytest.approx(expected)


def test_runs_that_did_not_try_the_subset_do_not_move_the_centre(evals):
    evals["n_trials"][0, :4], evals["n_correct"][0, :4] = 0, 0
    data = build_mapping_data(evals, subset_of(evals, A=4))
    correct = evals["n_correct"].values[1:3, :4].sum(1).astype(float)
    expected = np.log((correct + 0.5) / (80 - correct + 0.5)).mean()
    assert data["centre"].item() == pytest.approx(expected)
    assert data["subset_trials"].values[0, 0] == 0


def test_a_subset_of_all_items_leaves_a_rest_without_trials(evals):
    data = build_mapping_data(evals, subset_of(evals, A=10))
    assert data["share"].item() == 1
    assert (data["response_trials"] == 0).all()
    assert (data["response_correct"] == 0).all()


def test_logits_are_finite_at_none_and_at_all():
    n = xr.DataArray([100, 100, 100, 0])
    logits = smoothed_logit(xr.DataArray([0, 50, 100, 0]), n)
    assert np.isfinite(logits).all()
    np.testing.assert_allclose(logits[[1, 3]], 0)
    assert logits[2] == -logits[0] == pytest.approx(logit(100.5 / 101))
