"""The performance-compute law, written once for PyTensor and NumPy.

For one item the paper has ``p(C) = g + (1 - g) exp(-a C^-b - c)`` (arXiv 2502.17262, section 4).
Write ``h = a C^-b`` for the hazard of failing and ``u = exp(-c)`` for the ceiling:

    p = g + (1 - g) u S(h),     S(h) = exp(-h).

Items of one cluster are alike, not equal. If ``a`` varies among them as a Gamma variable of
variance ``xi`` (a *frailty*, in the language of survival analysis; Vaupel et al. 1979) their mean
is again closed: ``S(h) = (1 + xi h)^(-1/xi)``, with the paper's law as ``xi -> 0`` and a logistic
curve in ``ln C`` at ``xi = 1``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from cod_bayes.plugin import load_object

# Keeps every probability inside (0, 1), where log densities are finite.
LAPSE = 1e-9

Survival = Callable[[Any, Any, ModuleType], Any]


@dataclass(frozen=True)
class Curve:
    """A law's shape: how the hazard of failing becomes the probability to succeed.

    survival
        ``survival(log_hazard, frailty, math)``: falls from 1 to 0 as the log-hazard rises; uses
        only functions of ``math``, which is ``numpy`` or ``pytensor.tensor``.
    has_frailty
        Whether the shape has a free heterogeneity parameter.
    has_floor, has_ceiling
        Without a floor nothing is guessed (``g = 0``), without a ceiling everything is solved in
        the end (``u = 1``, which is ``c = 0``).
    """

    name: str
    survival: Survival
    has_frailty: bool = False
    has_floor: bool = True
    has_ceiling: bool = True


def _paper(log_hazard: Any, frailty: Any, math: ModuleType) -> Any:
    return math.exp(-math.exp(log_hazard))


def _frailty(log_hazard: Any, frailty: Any, math: ModuleType) -> Any:
    return math.exp(-math.log1p(frailty * math.exp(log_hazard)) / frailty)


CURVES = {
    "paper": Curve("paper", _paper),
    "frailty": Curve("frailty", _frailty, has_frailty=True),
    # the paper's ablations of its law (Table 4)
    "f1": Curve("f1", _paper, has_floor=False),
    "f2": Curve("f2", _paper, has_ceiling=False),
    "f3": Curve("f3", _paper, has_floor=False, has_ceiling=False),
}


def load_curve(name: str) -> Curve:
    """Find a curve by name, or by ``module:attribute`` for a curve of the user's own."""
    return CURVES[name] if name in CURVES else load_object(name, Curve, "law.curve", CURVES)


def compute_log_hazard(log_hazard: Any, slope: Any, log_scale: Any, math: ModuleType = np) -> Any:
    """Sum the hazards of every scale: ``log sum_s exp(log_hazard_s - slope_s * log_scale_s)``.

    The leading axis runs over scales: one (compute), or two (parameters and tokens).
    """
    terms = log_hazard - slope * log_scale
    if terms.shape[0] == 1:
        return terms[0]
    # Two scales at most: a plain sum cannot overflow before the hazard itself has no meaning.
    return math.log(math.exp(terms).sum(axis=0))


def compute_score(
    log_hazard: Any, ceiling: Any, floor: Any, frailty: Any, curve: Curve, math: ModuleType = np
) -> Any:
    """Probability to succeed, within (0, 1): ``g + (1 - g) u S(h)``."""
    p = floor + (1 - floor) * ceiling * curve.survival(log_hazard, frailty, math)
    return LAPSE + (1 - 2 * LAPSE) * p


def shift_logit(p: Any, shift: Any, math: ModuleType = np) -> Any:
    """Move ``p`` by ``shift`` on the logit scale, without taking a logit."""
    odds_ratio = math.exp(shift)
    return p * odds_ratio / (1 - p + p * odds_ratio)
