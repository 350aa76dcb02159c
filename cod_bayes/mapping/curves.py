"""The monotone map, written once for PyTensor and NumPy.

The subset is part of the full set, so with ``w`` its share of the items

    full = w subset + (1 - w) rest

exactly: only the rest's score is unknown. On the logit scale the rest follows the subset along a
rising line (the *rest-map*), which is bounded, monotone and tends to (0, 0) and (1, 1). The form
``monotone`` draws the same line for the full score itself, as the paper maps subset to full
(arXiv 2502.17262, section 4) with a polynomial or a spline.
"""

from typing import Any

import numpy as np

FORMS = ("rest", "monotone", "none")


def compute_response_logit(subset_logit: Any, centre: Any, offset: Any, slope: Any) -> Any:
    """Logit of the response: ``centre + offset + slope (subset_logit - centre)``.

    ``centre`` is the small models' mean subset logit: there the offset, the log odds ratio of
    response to subset, is pinned by the data and nearly independent of the slope.
    """
    return centre + offset + slope * (subset_logit - centre)


def compute_full(
    subset: np.ndarray, response: np.ndarray, share: np.ndarray | float, form: str
) -> np.ndarray:
    """The full set's score from the subset's and the response's."""
    if form == "rest":
        return share * subset + (1 - share) * response
    return response
