"""How tight a clustering is, and how much it leaves over (arXiv 2502.17262, Table 3)."""

import numpy as np
import numpy.typing as npt

from cod_bayes.schema import OUTLIER_LABEL


def intra_cluster_distance(features: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """IAD: the mean Euclidean distance of clustered items to the mean of their cluster.

    Parameters
    ----------
    features
        Shape (n_items, n_runs), pass rates.
    labels
        Shape (n_items,); items with a negative label belong to no cluster and do not count.

    Returns
    -------
    float
        In the unit of the features; NaN if no item is clustered.

    Notes
    -----
    The centre is the mean of the cluster's items whatever algorithm found it, so that algorithms
    compare.
    """
    features, labels = np.asarray(features, dtype=float), np.asarray(labels)
    clustered = labels >= 0
    if not clustered.any():
        return float("nan")
    points = features[clustered]
    _, cluster, sizes = np.unique(labels[clustered], return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), points.shape[1]))
    np.add.at(sums, cluster, points)
    centres = sums / sizes[:, None]
    return float(np.linalg.norm(points - centres[cluster], axis=1).mean())


def outlier_rate(labels: npt.ArrayLike) -> float:
    """OR: the share of outliers (-1) among the items that were offered to the clusterer.

    Zero-performance items (-2) were set aside before and count neither above nor below the line.

    Parameters
    ----------
    labels
        Shape (n_items,).

    Returns
    -------
    float
        In [0, 1]; NaN if all items are zero-performance ones.
    """
    labels = np.asarray(labels)
    offered = labels >= OUTLIER_LABEL
    return float((labels[offered] == OUTLIER_LABEL).mean()) if offered.any() else float("nan")
