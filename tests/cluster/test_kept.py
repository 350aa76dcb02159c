import numpy as np
import pytest

from cod_bayes.cluster import cluster_items, keep_labels
from cod_bayes.config import ClusterConfig
from cod_bayes.errors import DataError

from .studies import make_evals, random_pass_rates

KEPT = ClusterConfig(algorithm="kept")


def test_labels_of_one_study_serve_another(rng):
    first = make_evals(random_pass_rates(rng, 120))
    clusters = cluster_items(first)
    other = make_evals(random_pass_rates(rng, 120)).isel(item=rng.permutation(120)[:100])
    kept = cluster_items(keep_labels(clusters, other), KEPT)
    expected = clusters["label"].sel(item=other["item"])
    np.testing.assert_array_equal(kept["label"], expected)
    assert kept["n_rounds"].item() == 0
    assert np.isfinite(kept["iad"].item())
    assert kept["n_clusters"].item() == len(np.unique(expected[expected >= 0]))


def test_an_item_without_a_label_is_an_error(rng):
    evals = make_evals(random_pass_rates(rng, 120))
    clusters = cluster_items(evals.isel(item=slice(100)))
    with pytest.raises(DataError, match=r"20 of 120 items have no label.*first: 'sums/100'"):
        keep_labels(clusters, evals)


def test_kept_labels_that_are_not_there_are_an_error(rng):
    with pytest.raises(DataError, match="keep_labels"):
        cluster_items(make_evals(random_pass_rates(rng, 50)), KEPT)
