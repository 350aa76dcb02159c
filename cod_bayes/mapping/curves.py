"""The monotone map, written once for PyTensor and NumPy.

The subset is part of the full set, so with ``w`` its share of the items

    full = w subset + (1 - w) rest

exactly: only the rest's score is unknown. On the logit scale the rest follows the subset along a
rising line (the *rest-map*), which is bounded, monotone and tends to (0, 0) and (1, 1). The form
``monotone`` draws the same line for the full score itself, as the paper maps subset to full
(arXiv 2502.17262, section 4) with a polynomial or a spline.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from cod_bayes.errors import ConfigError
from cod_bayes.plugin import load_object

NO_MAP = "none"
RESPONSES = ("rest", "full")

Line = Callable[[Any, Any, Any, Any, ModuleType], Any]


@dataclass(frozen=True)
class MapForm:
    """How a response's score follows the subset's.

    response
        ``rest``: the items outside the subset; ``full``: all items.
    line
        ``line(subset_logit, centre, offset, slope, math)``: the response's logit, rising with the
        subset's. ``centre`` is the small models' mean subset logit: there ``offset``, the log odds
        ratio of response to subset, is pinned by the data and nearly independent of ``slope > 0``.
        ``math`` is ``numpy`` or ``pytensor.tensor``.
    """

    name: str
    response: str
    line: Line

    def __post_init__(self) -> None:
        if self.response not in RESPONSES:
            raise ConfigError(
                f"a map's response is {' or '.join(RESPONSES)}; got {self.response!r}"
            )


def _straight(subset_logit: Any, centre: Any, offset: Any, slope: Any, math: ModuleType) -> Any:
    return centre + offset + slope * (subset_logit - centre)


FORMS = {
    "rest": MapForm("rest", "rest", _straight),
    "monotone": MapForm("monotone", "full", _straight),
}


def load_form(name: str) -> MapForm:
    """Find a map by name, or by ``module:attribute`` for a map of the user's own."""
    return FORMS[name] if name in FORMS else load_object(name, MapForm, "mapping.form", FORMS)


def compute_full(
    subset: np.ndarray, response: np.ndarray, share: float, form: MapForm
) -> np.ndarray:
    """The full set's score from the subset's and the response's."""
    if form.response == "rest":
        return share * subset + (1 - share) * response
    return response
