"""From evaluation data to a label for every item, benchmark by benchmark."""

import math
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import xarray as xr
from sklearn.cluster import HDBSCAN

from cod_bayes.cluster.baselines import (
    BoundedKMeans,
    DistanceDBSCAN,
    ImprovedKMeans,
    PlainMeanShift,
)
from cod_bayes.cluster.features import Floats, Ints, build_features, zero_performance
from cod_bayes.cluster.kept import KEPT, read_labels
from cod_bayes.cluster.mean_shift import ImprovedMeanShift
from cod_bayes.cluster.quality import intra_cluster_distance, outlier_rate
from cod_bayes.config import CLUSTER_ALGORITHMS, ClusterConfig
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.plugin import load_object
from cod_bayes.schema import BENCHMARK, ITEM, OUTLIER_LABEL, ZERO_LABEL

ITEM_BENCHMARK = "item_benchmark"


class Clusterer(Protocol):
    """What a clusterer must offer: scikit-learn's ``fit_predict``."""

    def fit_predict(self, X: Floats) -> Ints:
        """Label each row of ``X``; negative for outliers."""


def cluster_items(evals: xr.Dataset, config: ClusterConfig | None = None) -> xr.Dataset:
    """Group the items of every benchmark by their pass rates on the ladder.

    Parameters
    ----------
    evals
        Evaluation data, dims (llm, item), see :mod:`cod_bayes.schema`.
    config
        Algorithm, sizes and checkpoints; the paper's settings by default.

    Returns
    -------
    xr.Dataset
        ``label(item)``: 0, 1, ... within each benchmark from the hardest cluster to the easiest
        (by mean pass rate over items and runs); -1 for outliers, -2 for zero-performance items,
        which are set aside before clustering; with the coordinate ``item_benchmark(item)``.

        Over ``benchmark``, in order of appearance: ``bandwidth`` and ``n_rounds`` (NaN and 1 for
        an algorithm without them; NaN and 0 where nothing was clustered), ``n_clusters``, ``iad``,
        ``outlier_rate`` (among items that are not zero-performance ones), ``zero_rate``,
        ``min_cluster_size``.

    Raises
    ------
    DataError
        See :func:`cod_bayes.cluster.build_features`.
    ConfigError
        If ``config.algorithm`` names nothing that can cluster.

    Notes
    -----
    A benchmark with fewer items than a cluster must have (an aggregated score is one item) gets no
    cluster. Labels do not depend on the order of the items. Only improved MeanShift and HDBSCAN
    keep every cluster above ``min_cluster_size``. A clusterer of the user's own is taken
    with its own defaults: no other setting reaches it. Kept labels stay as they are, numbers
    included, also where an item is now solved by none.
    """
    config = ClusterConfig() if config is None else config
    benchmark_of_item = evals[BENCHMARK].values.astype(str)
    if len(benchmark_of_item) == 0:
        raise DataError("evals has no items: there is nothing to cluster. Check the selection.")
    benchmarks = list(dict.fromkeys(benchmark_of_item.tolist()))
    labels = np.full(len(benchmark_of_item), OUTLIER_LABEL)
    facts: list[dict[str, float]] = []
    for benchmark in benchmarks:
        features = build_features(evals, benchmark, config.checkpoints)
        members = benchmark_of_item == benchmark
        kept = read_labels(evals)[members] if config.algorithm == KEPT else None
        labels[members], fact = _cluster_benchmark(features, config, kept)
        facts.append(fact)
    return xr.Dataset(
        {"label": (ITEM, labels)}
        | {name: (BENCHMARK, [fact[name] for fact in facts]) for name in facts[0]},
        coords={
            ITEM: evals[ITEM].values,
            ITEM_BENCHMARK: (ITEM, benchmark_of_item),
            BENCHMARK: benchmarks,
        },
        attrs={
            "algorithm": config.algorithm,
            "quantile": config.quantile,
            "checkpoints": config.checkpoints,
        },
    )


def _cluster_benchmark(
    features: xr.DataArray, config: ClusterConfig, kept: Ints | None
) -> tuple[Ints, dict[str, float]]:
    """Labels of one benchmark's items, and what describes the clustering."""
    rates: Floats = features.values
    n_items = len(rates)
    min_size = max(config.min_cluster_size, math.ceil(config.min_cluster_share * n_items))
    about = {"bandwidth": math.nan, "n_rounds": 0}
    if kept is None:
        labels, about = _label_items(features, config, min_size)
    else:
        labels = kept
    return labels, {
        **about,
        "n_clusters": len(np.unique(labels[labels >= 0])),
        "iad": intra_cluster_distance(rates, labels),
        "outlier_rate": outlier_rate(labels),
        "zero_rate": float((labels == ZERO_LABEL).mean()),
        "min_cluster_size": min_size,
    }


def _label_items(
    features: xr.DataArray, config: ClusterConfig, min_size: int
) -> tuple[Ints, dict[str, float]]:
    """Cluster one benchmark's items; what the clusterer says of itself."""
    rates: Floats = features.values
    clusterer = _clusterer(config, min_size, rates.shape[1])
    labels = np.where(zero_performance(features).values, ZERO_LABEL, OUTLIER_LABEL)
    offered = np.flatnonzero(labels != ZERO_LABEL)
    is_clustered = len(offered) >= min_size
    if is_clustered:
        # sorted, so that the order of the items in a file decides nothing
        offered = offered[np.lexsort(rates[offered].T)]
        found = np.asarray(clusterer.fit_predict(rates[offered]))
        labels[offered] = _from_hardest(rates[offered], found)
    return labels, {
        "bandwidth": float(getattr(clusterer, "bandwidth_", math.nan)),
        "n_rounds": int(getattr(clusterer, "n_rounds_", is_clustered)),
    }


def _from_hardest(rates: Floats, found: Ints) -> Ints:
    """Renumber clusters by rising mean pass rate; every negative label becomes -1."""
    labels = np.full(len(found), OUTLIER_LABEL)
    clusters = np.unique(found[found >= 0])
    mean_rate = [rates[found == cluster].mean() for cluster in clusters]
    for label, cluster in enumerate(clusters[np.argsort(mean_rate, kind="stable")]):
        labels[found == cluster] = label
    return labels


def _clusterer(config: ClusterConfig, min_size: int, n_runs: int) -> Clusterer:
    """Make the clusterer that the configuration names."""
    largest_distance = math.sqrt(n_runs)  # between pass rates
    cap = largest_distance / 10  # the paper's U
    makers: dict[str, Callable[[], Clusterer]] = {
        "improved-mean-shift": lambda: ImprovedMeanShift(
            config.quantile, max_bandwidth=cap, min_cluster_size=min_size
        ),
        "mean-shift": lambda: PlainMeanShift(config.quantile, max_bandwidth=cap),
        "improved-k-means": lambda: ImprovedKMeans(min_size),
        "k-means": lambda: BoundedKMeans(config.n_clusters),
        "dbscan": lambda: DistanceDBSCAN(min_size, max_eps=cap),
        "hdbscan": lambda: HDBSCAN(max(min_size, 2), copy=True),
    }
    if config.algorithm in makers:
        return makers[config.algorithm]()
    return _load_clusterer(config.algorithm)


def _load_clusterer(algorithm: str) -> Clusterer:
    """Make a clusterer of the user's own from its class."""
    key = "ClusterConfig.algorithm"
    kind = load_object(algorithm, type, key, CLUSTER_ALGORITHMS)
    remedy = (
        f"Use one of {', '.join(CLUSTER_ALGORITHMS)}, or 'module:attribute' of a scikit-learn "
        "clusterer that needs no arguments, such as 'sklearn.cluster:OPTICS'."
    )
    try:
        clusterer: Any = kind()
    except TypeError as fault:
        raise ConfigError(f"{key} {algorithm!r} cannot be made: {fault}. {remedy}") from fault
    if not callable(getattr(clusterer, "fit_predict", None)):
        raise ConfigError(f"{key} {algorithm!r} has no method fit_predict. {remedy}")
    return clusterer  # type: ignore[no-any-return]
