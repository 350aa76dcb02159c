"""The paper's loop, transcribed over scikit-learn's MeanShift: slow, and the measure of ours."""

import numpy as np
from sklearn.cluster import MeanShift, estimate_bandwidth


def plain_loop(
    X: np.ndarray,
    quantile: float = 0.1,
    max_bandwidth: float = np.inf,
    min_cluster_size: int = 10,
) -> np.ndarray:
    """Labels of improved MeanShift (arXiv 2502.17262, section 3); -1 for outliers."""
    bandwidth = min(estimate_bandwidth(X, quantile=quantile), max_bandwidth)
    labels = np.full(len(X), -1)
    changed = True
    while changed and (labels == -1).any():
        changed = False
        unlabelled = np.flatnonzero(labels == -1)
        # cluster_all=False leaves an item farther than the bandwidth from its centre at -1
        found = MeanShift(bandwidth=bandwidth, cluster_all=False).fit(X[unlabelled]).labels_
        for cluster in range(found.max() + 1):
            members = unlabelled[found == cluster]
            if len(members) >= min_cluster_size:
                labels[members] = labels.max() + 1
                changed = True
    return labels
