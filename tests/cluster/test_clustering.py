import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cod_bayes.cluster import ImprovedMeanShift, cluster_items
from cod_bayes.config import CLUSTER_ALGORITHMS, ClusterConfig
from cod_bayes.errors import ConfigError, DataError

from .studies import join_benchmarks, make_evals, random_pass_rates


class NotAClusterer:
    """Has no fit_predict."""


def levels(*rates, size=12):
    """``size`` items at each of these pass rates, on four llms."""
    return np.repeat(np.array(rates)[:, None] * np.array([0.5, 0.7, 0.9, 1.0]), size, axis=0)


def test_labels_rise_from_hardest_to_easiest():
    evals = make_evals(levels(0.9, 0.0, 0.2, 0.5))
    clusters = cluster_items(evals, ClusterConfig())
    assert clusters["label"].values.tolist() == [2] * 12 + [-2] * 12 + [0] * 12 + [1] * 12
    assert clusters["n_clusters"].sel(benchmark="sums") == 3
    assert clusters["zero_rate"].item() == 0.25
    assert clusters["outlier_rate"].item() == 0
    assert clusters["iad"].item() == pytest.approx(0, abs=1e-12)
    assert 0 < clusters["bandwidth"].item() <= 0.2  # sqrt(4) / 10
    assert clusters["n_rounds"].item() >= 1
    assert clusters["min_cluster_size"].item() == 10


def test_benchmarks_are_clustered_by_themselves_in_order_of_appearance(rng):
    first = make_evals(random_pass_rates(rng, 120), benchmark="words")
    second = make_evals(random_pass_rates(rng, 150), benchmark="sums")
    both = cluster_items(join_benchmarks(first, second))
    assert both["benchmark"].values.tolist() == ["words", "sums"]
    assert both["item_benchmark"].values.tolist() == ["words"] * 120 + ["sums"] * 150
    for part in (first, second):
        alone = cluster_items(part)
        np.testing.assert_array_equal(both["label"].sel(item=part["item"]), alone["label"])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_items_in_another_order_keep_their_labels(seed):
    rng = np.random.default_rng(seed)
    evals = make_evals(random_pass_rates(rng, 80, n_llms=4, n_trials=10), n_trials=10)
    config = ClusterConfig(min_cluster_size=3)
    labels = cluster_items(evals, config)["label"]
    shuffled = cluster_items(evals.isel(item=rng.permutation(80)), config)["label"]
    np.testing.assert_array_equal(shuffled.sel(item=labels["item"]), labels)


def test_a_share_of_many_items_is_the_smallest_cluster():
    clusters = cluster_items(
        make_evals(levels(0.9, 0.5, 0.1, size=40)), ClusterConfig(min_cluster_share=0.3)
    )
    assert clusters["min_cluster_size"].item() == 36
    assert clusters["n_clusters"].item() == 3


@pytest.mark.parametrize(("rate", "label"), [(0.0, -2), (1.0, 0)])
def test_all_items_solved_or_none(rate, label):
    clusters = cluster_items(make_evals(np.full((30, 4), rate)))
    assert set(clusters["label"].values) == {label}
    assert clusters["n_clusters"].item() == (label >= 0)
    assert np.isnan(clusters["iad"].item()) == (label < 0)


@pytest.mark.parametrize("n_items", [1, 9])
def test_too_few_items_make_no_cluster(n_items):
    clusters = cluster_items(make_evals(np.full((n_items, 4), 0.5)))
    assert set(clusters["label"].values) == {-1}
    assert clusters["n_clusters"].item() == 0
    assert clusters["n_rounds"].item() == 0
    assert np.isnan(clusters["bandwidth"].item())
    assert clusters["outlier_rate"].item() == 1


def test_any_scikit_learn_clusterer_by_name():
    evals = make_evals(levels(0.9, 0.0, 0.2))
    clusters = cluster_items(evals, ClusterConfig(algorithm="sklearn.cluster:DBSCAN"))
    assert clusters.attrs["algorithm"] == "sklearn.cluster:DBSCAN"
    assert set(clusters["label"].values) <= {0, 1, -1, -2}
    assert np.isnan(clusters["bandwidth"].item())
    assert clusters["n_rounds"].item() == 1


@pytest.mark.parametrize(
    ("algorithm", "fault"),
    [
        ("no_such_module:Thing", "No module named 'no_such_module'"),
        ("sklearn.cluster:Thing", "has no attribute 'Thing'"),
        ("numpy:add", "is a ufunc, not a type"),
        ("datetime:date", "cannot be made.*Use one of improved-mean-shift"),
        (f"{__name__}:NotAClusterer", "no method fit_predict.*Use one of improved-mean-shift"),
    ],
)
def test_a_clusterer_that_cannot_cluster_is_an_error(algorithm, fault):
    with pytest.raises(ConfigError, match=rf"ClusterConfig.algorithm.*{fault}"):
        cluster_items(make_evals(levels(0.5)), ClusterConfig(algorithm=algorithm))


def test_an_unknown_algorithm_is_refused_with_those_there_are():
    with pytest.raises(ConfigError, match=r"one of improved-mean-shift, .*got 'k-medoids'"):
        ClusterConfig(algorithm="k-medoids")


@pytest.mark.parametrize("algorithm", [a for a in CLUSTER_ALGORITHMS if a != "kept"])
def test_every_algorithm_labels_from_hardest_to_easiest(algorithm):
    rates = np.concatenate([levels(0.9, 0.2, 0.5, size=30), np.zeros((5, 4))])
    rates[:90] += np.tile(np.linspace(0, 0.02, 30), 3)[:, None]  # HDBSCAN wants some spread
    config = ClusterConfig(algorithm=algorithm, n_clusters=3, quantile=0.4)
    clusters = cluster_items(make_evals(rates, n_trials=1000), config)
    label = clusters["label"].values
    assert set(label[-5:]) == {-2}
    inside = np.flatnonzero(label >= 0)
    assert len(inside) >= 45
    mean = [rates[label == k].mean() for k in range(clusters["n_clusters"].item())]
    assert mean == sorted(mean)
    assert len(mean) >= 3
    assert clusters["iad"].item() < 0.05


def test_no_items_are_an_error():
    with pytest.raises(DataError, match="evals has no items"):
        cluster_items(make_evals(levels(0.5)).isel(item=slice(0)))


def test_the_papers_cap_and_sizes_reach_the_clusterer(rng):
    rates = random_pass_rates(rng, 200)
    clusters = cluster_items(make_evals(rates), ClusterConfig(quantile=0.5, min_cluster_size=20))
    order = np.lexsort(rates.T)
    direct = ImprovedMeanShift(0.5, max_bandwidth=np.sqrt(8) / 10, min_cluster_size=20)
    labels = direct.fit_predict(rates[order])
    assert clusters["bandwidth"].item() == direct.bandwidth_
    np.testing.assert_array_equal(clusters["label"].values[order] == -1, labels == -1)
    assert clusters["n_clusters"].item() == labels.max() + 1
