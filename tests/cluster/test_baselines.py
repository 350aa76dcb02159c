import numpy as np
import pytest
from sklearn.cluster import DBSCAN, MeanShift

from cod_bayes.cluster import intra_cluster_distance
from cod_bayes.cluster.baselines import (
    BoundedKMeans,
    DistanceDBSCAN,
    ImprovedKMeans,
    PlainMeanShift,
)

from .studies import random_pass_rates


def clouds(rng, *sizes):
    """Clouds of these sizes about far corners, in four dimensions."""
    corners = np.eye(4)[: len(sizes)]
    return np.concatenate(
        [corner + rng.normal(0, 0.01, (n, 4)) for corner, n in zip(corners, sizes, strict=True)]
    )


def test_plain_mean_shift_is_scikit_learns_own(rng):
    rates = random_pass_rates(rng, 60)
    ours = PlainMeanShift(max_bandwidth=0.28).fit(rates)
    theirs = MeanShift(bandwidth=ours.bandwidth_).fit(rates)
    np.testing.assert_array_equal(ours.labels_, theirs.labels_)
    assert ours.labels_.min() == 0


def test_improved_k_means_takes_the_largest_k_that_leaves_no_cluster_too_small(rng):
    points = clouds(rng, 40, 30, 20)
    found = ImprovedKMeans(20).fit(points)
    assert found.n_clusters_ == 3
    assert ImprovedKMeans(46).fit(points).n_clusters_ == 1


def test_improved_k_means_leaves_out_what_is_far_from_its_centre(rng):
    points = np.concatenate([clouds(rng, 40, 40), [[0.8, 0.0, 0.0, 0.0]]])
    found = ImprovedKMeans(30).fit(points)
    assert found.labels_[-1] == -1
    inside = found.labels_ >= 0
    own_centre = found.cluster_centers_[found.labels_[inside]]
    farthest = np.linalg.norm(points[inside] - own_centre, axis=1).max()
    centres = np.linalg.norm(points[:, None] - found.cluster_centers_, axis=2).min(axis=1)
    assert farthest <= 2 * centres.mean()


def test_improved_k_means_keeps_clusters_near_the_size_asked_for(rng):
    rates = random_pass_rates(rng, 300)
    found = ImprovedKMeans(10).fit(rates)
    sizes = np.bincount(found.labels_[found.labels_ >= 0])
    assert 3 < found.n_clusters_ <= 30
    assert sizes.min() >= 5  # what was far from its centre is gone
    wide = intra_cluster_distance(rates, BoundedKMeans(2).fit_predict(rates))
    assert intra_cluster_distance(rates, found.labels_) < wide


def test_k_means_has_no_more_clusters_than_distinct_items():
    points = np.repeat(np.eye(3), 5, axis=0)
    labels = BoundedKMeans(10).fit_predict(points)
    assert set(labels) == {0, 1, 2}


def test_dbscan_measures_eps_at_the_neighbour_that_min_samples_names(rng):
    points = clouds(rng, 40, 40)
    found = DistanceDBSCAN(10).fit(points)
    distance = np.linalg.norm(points[:, None] - points, axis=2)
    assert found.eps_ == pytest.approx(np.sort(distance, axis=1)[:, 9].mean())
    expected = DBSCAN(eps=found.eps_, min_samples=10).fit_predict(points)
    np.testing.assert_array_equal(found.labels_, expected)
    assert DistanceDBSCAN(10, max_eps=1e-3).fit(points).eps_ == 1e-3


def test_equal_items_are_one_cluster_of_dbscan():
    assert set(DistanceDBSCAN(10).fit_predict(np.full((20, 3), 0.5))) == {0}
