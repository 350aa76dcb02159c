import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import MeanShift
from sklearn.metrics import adjusted_rand_score
from sklearn.utils.estimator_checks import check_estimator

from cod_bayes.cluster import ImprovedMeanShift, flat_kernel
from cod_bayes.cluster.mean_shift import mean_shift
from cod_bayes.errors import ConfigError

from .reference import plain_loop
from .studies import random_pass_rates

PAPERS_CAP = np.sqrt(8) / 10
TRIALS = (1, 2, 5, 10, 20, 100)
# With ten trials an item, squared distances are multiples of 0.01 and often equal R**2 = 0.08.


@pytest.mark.parametrize("n_trials", TRIALS)
@pytest.mark.parametrize("min_cluster_size", [3, 10])
def test_labels_are_those_of_the_plain_loop(rng, n_trials, min_cluster_size):
    X = random_pass_rates(rng, 200, n_trials=n_trials)
    expected = plain_loop(X, max_bandwidth=PAPERS_CAP, min_cluster_size=min_cluster_size)
    ours = ImprovedMeanShift(max_bandwidth=PAPERS_CAP, min_cluster_size=min_cluster_size).fit(X)
    np.testing.assert_array_equal(ours.labels_, expected)


@pytest.mark.parametrize("n_llms", [2, 3, 12])
def test_labels_are_those_of_the_plain_loop_without_a_cap(rng, n_llms):
    X = random_pass_rates(rng, 200, n_llms)
    ours = ImprovedMeanShift(0.05, min_cluster_size=4).fit(X)
    np.testing.assert_array_equal(ours.labels_, plain_loop(X, 0.05, min_cluster_size=4))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("study", range(24))
def test_labels_are_those_of_the_plain_loop_on_full_studies(rng, study):
    n_trials = (1, 1, 4, 10, 20, 100)[study % 6]
    X = random_pass_rates(rng, 500 + 20 * study, n_trials=n_trials)
    assert len(X) >= 500
    ours = ImprovedMeanShift(max_bandwidth=PAPERS_CAP).fit(X)
    np.testing.assert_array_equal(ours.labels_, plain_loop(X, max_bandwidth=PAPERS_CAP))


@pytest.mark.parametrize("n_items", [2, 5, 11, 12, 40, 300])
def test_one_round_is_scikit_learns_to_the_last_bit(rng, n_items):
    X = random_pass_rates(rng, n_items)
    plain = MeanShift(bandwidth=0.3, cluster_all=False).fit(X)
    labels, centres = mean_shift(X, 0.3)
    np.testing.assert_array_equal(labels, plain.labels_)
    np.testing.assert_array_equal(centres, plain.cluster_centers_)


def test_forgetting_positions_changes_nothing(rng, monkeypatch):
    X = random_pass_rates(rng, 300)
    modes, counts = flat_kernel.climb(X, X, 0.3)
    monkeypatch.setattr(flat_kernel, "MAX_POSITIONS", 1)
    forgetful_modes, forgetful_counts = flat_kernel.climb(X, X, 0.3)
    np.testing.assert_array_equal(forgetful_modes, modes)
    np.testing.assert_array_equal(forgetful_counts, counts)


def test_climb_without_neighbours_counts_none():
    modes, counts = flat_kernel.climb(np.eye(3), np.full((1, 3), 9.0), 0.5)
    assert counts.tolist() == [0]
    assert modes.shape == (1, 3)


def test_clusters_are_large_and_disjoint(rng):
    X = random_pass_rates(rng, 400)
    fitted = ImprovedMeanShift(max_bandwidth=PAPERS_CAP, min_cluster_size=15).fit(X)
    clusters, sizes = np.unique(fitted.labels_[fitted.labels_ >= 0], return_counts=True)
    assert clusters.tolist() == list(range(len(fitted.cluster_centers_)))
    assert sizes.min() >= 15
    clustered = fitted.labels_ >= 0
    own_centre = fitted.cluster_centers_[fitted.labels_[clustered]]
    distance = np.linalg.norm(X[clustered] - own_centre, axis=1)
    assert distance.max() <= fitted.bandwidth_ * (1 + 1e-12)
    assert fitted.bandwidth_ <= PAPERS_CAP
    assert fitted.n_rounds_ >= 1


def test_equal_items_share_a_label(rng):
    X = random_pass_rates(rng, 300, n_trials=4)
    labels = ImprovedMeanShift(max_bandwidth=PAPERS_CAP).fit_predict(X)
    _, group = np.unique(X, axis=0, return_inverse=True)
    assert all(len(set(labels[group == g])) == 1 for g in range(group.max() + 1))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_items_in_another_order_get_the_same_clusters(seed):
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(80, 2))  # continuous: no ties
    order = rng.permutation(len(X))
    clusterer = ImprovedMeanShift(max_bandwidth=0.15, min_cluster_size=4)
    labels = clusterer.fit_predict(X)
    shuffled = clusterer.fit_predict(X[order])
    assert adjusted_rand_score(labels[order], shuffled) == 1
    np.testing.assert_array_equal(labels[order] == -1, shuffled == -1)


def test_all_items_equal_make_one_cluster():
    fitted = ImprovedMeanShift(max_bandwidth=0.3).fit(np.ones((30, 8)))
    assert set(fitted.labels_) == {0}
    np.testing.assert_allclose(fitted.cluster_centers_, np.ones((1, 8)))


@pytest.mark.parametrize("n_items", [1, 9])
def test_fewer_items_than_a_cluster_has_are_outliers(rng, n_items):
    X = rng.uniform(size=(n_items, 3))
    fitted = ImprovedMeanShift().fit(X)
    assert fitted.labels_.tolist() == [-1] * n_items
    assert fitted.cluster_centers_.shape == (0, 3)
    assert fitted.predict(X).tolist() == [-1] * n_items


def test_predict_finds_the_nearest_centre_within_the_bandwidth(rng):
    X = np.vstack([rng.normal(centre, 0.02, (20, 2)) for centre in (0.0, 1.0)])
    fitted = ImprovedMeanShift(max_bandwidth=0.2).fit(X)
    np.testing.assert_array_equal(fitted.predict(X), fitted.labels_)
    assert fitted.predict([[0.5, 0.5], [9.0, 9.0]]).tolist() == [-1, -1]


def test_bandwidth_from_a_subsample_is_near(rng):
    X = random_pass_rates(rng, 600)
    full = ImprovedMeanShift(n_samples=None).fit(X).bandwidth_
    assert ImprovedMeanShift(n_samples=600).fit(X).bandwidth_ == full
    some = ImprovedMeanShift(n_samples=300, random_state=1).fit(X).bandwidth_
    assert some == pytest.approx(full, rel=0.3)
    assert some != full


@pytest.mark.parametrize(
    "bad",
    [
        {"quantile": 0},
        {"quantile": 1.5},
        {"max_bandwidth": 0.0},
        {"min_cluster_size": 0},
        {"n_samples": 0},
    ],
)
def test_bad_parameters_are_named(bad):
    (name,) = bad
    with pytest.raises(ConfigError, match=rf"ImprovedMeanShift\.{name} must be .*; got "):
        ImprovedMeanShift(**bad).fit(np.eye(3))


def test_scikit_learns_checks_pass():
    results = check_estimator(ImprovedMeanShift(quantile=0.3), on_skip=None)
    assert {result["status"] for result in results} <= {"passed", "skipped"}


def test_scikit_learns_checks_pass_with_the_papers_settings():
    reason = "50 points cannot make clusters of ten with the bandwidth of quantile 0.1"
    results = check_estimator(
        ImprovedMeanShift(), expected_failed_checks={"check_clustering": reason}, on_skip=None
    )
    failed = {r["check_name"] for r in results if r["status"] not in ("passed", "skipped")}
    assert failed == {"check_clustering"}
    assert {r["status"] for r in results if r["check_name"] in failed} == {"xfail"}


def test_compiles_where_no_cache_can_be_written(monkeypatch):
    from numba.core.caching import CacheImpl

    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert flat_kernel.compile_cached(lambda x: x + 1)(1) == 2


def test_numba_is_not_imported_before_it_is_needed():
    code = "import sys, cod_bayes.cluster; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
