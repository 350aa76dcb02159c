"""The paper's law as the paper fits it: least squares, one row at a time.

``p(C) = g + (1 - g) exp(-a C^-b - c)`` (arXiv 2502.17262, section 4) with the guess floor ``g``
known, ``c >= 0``, and ``C`` in units of 1e18 FLOP, in which the paper's thresholds on ``a`` hold.

Given ``a`` and ``b`` the law is linear in ``exp(-c)``, so its best value within (0, 1] is known in
closed form, and the search runs over two numbers (variable projection, Golub and Pereyra 1973).
The minimum is that of the search over three.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from cod_bayes.errors import ConfigError, DataError
from cod_bayes.law.classes import PAPER_FLOP_UNIT, PAPER_MAX_C, PAPER_MIN_A, PAPER_MIN_B
from cod_bayes.law.curves import CURVES, Curve

type Floats = NDArray[np.float64]

# the law and its ablations (Table 4), by the paper's names
LAWS = {"f": CURVES["paper"], "f1": CURVES["f1"], "f2": CURVES["f2"], "f3": CURVES["f3"]}
MIN_RUNS = 4  # one more than the law has parameters

# (log-hazard at the middle of the ladder, ln b): easy to hard, flat to steep
STARTS = tuple((level, np.log(b)) for level in (-2.0, 0.0, 2.0) for b in (0.1, 0.3, 0.8))
SMALLEST_CEILING = 1e-9
# Beyond these the law is 0 or 1 to the last digit, and exp would overflow.
LARGEST_LOG_HAZARD = 50.0
LOG_B_RANGE = (-10.0, 5.0)  # flat, or a step between two runs


@dataclass(frozen=True)
class PointLaw:
    """One row's fitted law; the fields may be arrays that broadcast.

    log_a
        ``ln a``, with compute in units of 1e18 FLOP.
    b, c, floor
        Exponent; what is lost however large the model; probability of a lucky guess.
    """

    log_a: Any
    b: Any
    c: Any
    floor: Any

    def __call__(self, flops: Any) -> Floats:
        """Score at a compute in FLOP, within [0, 1]."""
        log_hazard = self.log_a - self.b * np.log(np.asarray(flops) / PAPER_FLOP_UNIT)
        hazard = np.exp(np.clip(log_hazard, -LARGEST_LOG_HAZARD, LARGEST_LOG_HAZARD))
        score: Floats = self.floor + (1 - self.floor) * np.exp(-hazard - self.c)
        return score

    @property
    def path(self) -> tuple[Any, Any]:
        """Where a fit to like data may start: ``(ln a, ln b)``."""
        return self.log_a, np.log(self.b)


@dataclass(frozen=True)
class _Problem:
    """Least squares in (log-hazard at the middle of the ladder, ln b).

    log_compute is centred; response is ``(score - g) / (1 - g)``.
    """

    log_compute: Floats
    response: Floats
    has_ceiling: bool

    def evaluate(self, parameters: Floats) -> tuple[Floats, Floats, float]:
        """Residuals (run,), their Jacobian (run, 2), and the best ceiling."""
        level, b = parameters[0], np.exp(np.clip(parameters[1], *LOG_B_RANGE))
        log_hazard = level - b * self.log_compute
        hazard = np.exp(np.clip(log_hazard, -LARGEST_LOG_HAZARD, LARGEST_LOG_HAZARD))
        survival = np.exp(-hazard)
        by_level = -survival * hazard
        slopes = np.stack([by_level, -by_level * b * self.log_compute])
        ceiling, by_ceiling = self._ceiling(survival, slopes)
        jacobian = ceiling * slopes + by_ceiling[:, None] * survival
        return ceiling * survival - self.response, jacobian.T, ceiling

    def _ceiling(self, survival: Floats, slopes: Floats) -> tuple[float, Floats]:
        """The best ``exp(-c)`` within (0, 1], and its derivatives where it is inside."""
        constant = np.zeros(2)
        size = survival @ survival
        if not self.has_ceiling or size == 0:
            return 1.0, constant
        best = float(survival @ self.response / size)
        if best >= 1:
            return 1.0, constant
        if best <= SMALLEST_CEILING:
            return SMALLEST_CEILING, constant
        return best, (slopes @ self.response - 2 * best * (slopes @ survival)) / size

    def residuals(self, parameters: Floats) -> Floats:
        return self.evaluate(parameters)[0]

    def jacobian(self, parameters: Floats) -> Floats:
        return self.evaluate(parameters)[1]


def find_law(name: str) -> Curve:
    """The law of the paper, or one of its ablations: f1 (no floor), f2 (c = 0), f3 (neither).

    Raises
    ------
    ConfigError
        For any other name.
    """
    if name not in LAWS:
        raise ConfigError(f"there is no law {name!r} to fit by least squares; {', '.join(LAWS)}")
    return LAWS[name]


def fit_point_law(
    flops: Floats,
    score: Floats,
    floor: float = 0.0,
    law: str = "f",
    starts: Sequence[tuple[float, float]] | None = None,
) -> PointLaw:
    """Fit one row by least squares on the score.

    Parameters
    ----------
    flops, score
        Shape (run,): compute in FLOP, and score in [0, 1].
    floor
        Probability of a lucky guess; f1 and f3 take none.
    law
        ``f``, ``f1``, ``f2`` or ``f3``, see :func:`find_law`.
    starts
        Pairs (ln a, ln b), such as another fit's :attr:`PointLaw.path`; a grid if omitted.

    Raises
    ------
    DataError
        With fewer than four runs: the law has three parameters.
    """
    if len(flops) < MIN_RUNS:
        raise DataError(
            f"the law has three parameters, and there are {len(flops)} scores to fit it to; at "
            f"least {MIN_RUNS} runs are needed"
        )
    shape = find_law(law)
    floor = floor if shape.has_floor else 0.0
    log_compute = np.log(np.asarray(flops, float) / PAPER_FLOP_UNIT)
    middle = float(log_compute.mean())
    response = (np.asarray(score, float) - floor) / (1 - floor)
    problem = _Problem(log_compute - middle, response, shape.has_ceiling)
    centred = STARTS if starts is None else [(p - np.exp(q) * middle, q) for p, q in starts]
    fits = [
        least_squares(problem.residuals, start, problem.jacobian, method="lm") for start in centred
    ]
    best = min(fits, key=lambda fit: fit.cost).x
    b = float(np.exp(np.clip(best[1], *LOG_B_RANGE)))
    ceiling = problem.evaluate(best)[2]
    return PointLaw(float(best[0]) + b * middle, b, float(-np.log(ceiling)), floor)


def is_extrapolatable(
    law: PointLaw,
    min_a: float = PAPER_MIN_A,
    min_b: float = PAPER_MIN_B,
    max_c: float = PAPER_MAX_C,
) -> Any:
    """Whether ``a > 1``, ``b > 0.1`` and ``0 <= c < 1``, by default: the paper's thresholds.

    Each is lifted by a value beyond every fit: ``min_a=0``, ``min_b=0``, ``max_c=100``.
    """
    with np.errstate(divide="ignore"):
        least_log_a = np.log(min_a)
    return (law.log_a > least_log_a) & (law.b > min_b) & (law.c < max_c)
