import math

import numpy as np
import pytest

from cod_bayes.cluster import intra_cluster_distance, outlier_rate


def test_intra_cluster_distance_is_the_mean_distance_to_the_clusters_mean():
    features = [[0.0, 0.0], [0.0, 2.0], [5.0, 5.0], [5.0, 5.0], [9.0, 9.0], [0.0, 0.0]]
    assert intra_cluster_distance(features, [4, 4, 7, 7, -1, -2]) == pytest.approx(0.5)


def test_intra_cluster_distance_ignores_the_clusters_names(rng):
    features, labels = rng.uniform(size=(50, 3)), rng.integers(0, 4, 50)
    renamed = np.array([2, 0, 3, 1])[labels]
    expected = intra_cluster_distance(features, labels)
    assert intra_cluster_distance(features, renamed) == pytest.approx(expected)


def test_outlier_rate_leaves_zero_performance_items_out():
    assert outlier_rate([0, 0, 1, -1, -2, -2, -2]) == 0.25


def test_without_items_there_is_no_quality():
    assert math.isnan(intra_cluster_distance(np.zeros((3, 2)), [-1, -1, -2]))
    assert math.isnan(outlier_rate([-2, -2]))
