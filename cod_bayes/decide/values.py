"""What scores are worth: value by the point, and payoffs at thresholds."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from cod_bayes.errors import ConfigError, DataError

type Floats = npt.NDArray[np.float64]


class Value(Protocol):
    """What the score on one benchmark is worth, in the currency of the costs."""

    benchmark: str

    def appraise(self, score: Floats) -> Floats:
        """Worth of scores (shares within [0, 1]), shape kept."""
        ...


@dataclass(frozen=True)
class PointValue:
    """Every point of score (a hundredth) is worth the same.

    benchmark
        Whose score.
    per_point
        Worth of a point.
    """

    benchmark: str
    per_point: float

    def __post_init__(self) -> None:
        _check_finite(self, "per_point")

    def appraise(self, score: Floats) -> Floats:
        """See :class:`Value`."""
        return 100.0 * self.per_point * score


@dataclass(frozen=True)
class ThresholdValue:
    """A payoff from a score on, and a penalty below it.

    benchmark
        Whose score.
    threshold
        A share within (0, 1); reaching it counts.
    payoff, penalty
        Gained at or above the threshold; lost below it (given as a positive number).
    """

    benchmark: str
    threshold: float
    payoff: float
    penalty: float = 0.0

    def __post_init__(self) -> None:
        _check_finite(self, "payoff", "penalty")
        if not 0 < self.threshold < 1:
            raise ConfigError(
                f"ThresholdValue.threshold is a share within (0, 1), as 0.7 for 70 %; "
                f"got {self.threshold}"
            )
        if self.penalty < 0:
            raise ConfigError(
                f"ThresholdValue.penalty is what is lost, a positive number; got {self.penalty}"
            )

    def appraise(self, score: Floats) -> Floats:
        """See :class:`Value`."""
        return np.where(score >= self.threshold, self.payoff, -self.penalty)


def value_scores(scores: Mapping[str, npt.ArrayLike], values: Sequence[Value]) -> Floats:
    """Total worth of scores by benchmark, each of one shape, such as (draw, candidate).

    Raises
    ------
    DataError
        If there is nothing of value, or a benchmark has no scores.
    """
    check_values(values, scores)
    parts = [value.appraise(np.asarray(scores[value.benchmark], float)) for value in values]
    total: Floats = np.sum(parts, axis=0)
    return total


def check_values(values: Sequence[Value], known: Collection[str]) -> list[str]:
    """The benchmarks that have a value, each once.

    Raises
    ------
    DataError
        If there is none, or one that is not known.
    """
    if not values:
        raise DataError("nothing is worth anything: give a value for at least one benchmark")
    missing = [value.benchmark for value in values if value.benchmark not in known]
    if missing:
        raise DataError(
            f"benchmark {missing[0]!r} has a value but no forecast; there are {', '.join(known)}"
        )
    return list(dict.fromkeys(value.benchmark for value in values))


def _check_finite(section: object, *names: str) -> None:
    for name in names:
        value = getattr(section, name)
        if not math.isfinite(value):
            raise ConfigError(f"{type(section).__name__}.{name} must be a finite number")
