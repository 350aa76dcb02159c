"""Labels carried from one study to another: other families, or after continued training."""

import numpy as np
import xarray as xr

from cod_bayes.cluster.features import Ints
from cod_bayes.errors import DataError
from cod_bayes.schema import ITEM

KEPT = "kept"
KEPT_LABEL = "kept_label"


def keep_labels(clusters: xr.Dataset, evals: xr.Dataset) -> xr.Dataset:
    """Write the labels of another study beside the items that both have.

    With ``cluster.algorithm = "kept"`` every method that clusters takes them instead of its own:
    the forecasts for another family, and after continued training, of arXiv 2502.17262 (Tables 2
    and A6).

    Parameters
    ----------
    clusters
        From :func:`~cod_bayes.cluster.cluster_items` on the study whose clusters are to be kept,
        or ``fitted.tree["clusters"].to_dataset()``.
    evals
        The study to be forecast.

    Returns
    -------
    xr.Dataset
        ``evals`` with the coordinate ``kept_label(item)``.

    Raises
    ------
    DataError
        If an item has no label, for a cluster cannot be guessed.
    """
    unknown = evals[ITEM].values[~np.isin(evals[ITEM].values, clusters[ITEM].values)]
    if len(unknown):
        raise DataError(
            f"{len(unknown)} of {evals.sizes[ITEM]} items have no label in the clusters to keep "
            f"(first: {str(unknown[0])!r}). Drop them, or cluster afresh."
        )
    labels = clusters["label"].sel({ITEM: evals[ITEM].values}).values
    return evals.assign_coords({KEPT_LABEL: (ITEM, labels)})


def read_labels(evals: xr.Dataset) -> Ints:
    """The labels that :func:`keep_labels` wrote, shape (item,).

    Raises
    ------
    DataError
        If there are none.
    """
    if KEPT_LABEL not in evals.coords:
        raise DataError(
            f"cluster.algorithm is {KEPT!r}, but the data have no coordinate {KEPT_LABEL!r}; add "
            "it: evals = cod_bayes.cluster.keep_labels(clusters, evals)"
        )
    labels: Ints = evals[KEPT_LABEL].values.astype(np.int64)
    return labels
