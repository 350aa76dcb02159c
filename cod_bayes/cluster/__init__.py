"""Stage a: items grouped by difficulty, from their pass rates on a ladder of small models."""

from cod_bayes.cluster.clustering import cluster_items
from cod_bayes.cluster.features import build_features, zero_performance
from cod_bayes.cluster.kept import keep_labels
from cod_bayes.cluster.mean_shift import ImprovedMeanShift
from cod_bayes.cluster.quality import intra_cluster_distance, outlier_rate

__all__ = [
    "ImprovedMeanShift",
    "build_features",
    "cluster_items",
    "intra_cluster_distance",
    "keep_labels",
    "outlier_rate",
    "zero_performance",
]
