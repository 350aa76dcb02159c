"""Conditioning of a joint Gaussian, value by value in time."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from cod_bayes.monitor.checkpoints import Floats

type Positions = npt.NDArray[np.intp]

# Surprises beyond this many standard deviations are gross: not conditioned on. A run of twenty
# checkpoints on eight benchmarks has one by chance once in ten thousand.
GROSS = 5.0


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution: mean (value,) and covariance (value, value)."""

    mean: Floats
    covariance: Floats

    @property
    def sd(self) -> Floats:
        """Standard deviations, (value,)."""
        sd: Floats = np.sqrt(np.diag(self.covariance))
        return sd

    def take(self, chosen: Positions) -> "Gaussian":
        """The marginal of some of the values."""
        return Gaussian(self.mean[chosen], self.covariance[np.ix_(chosen, chosen)])

    def widen(self, factor: float, most: Floats) -> "Gaussian":
        """The same with standard deviations ``factor`` times as large, up to ``most`` (value,)."""
        sd = np.maximum(self.sd, np.minimum(factor * self.sd, most))
        scale = sd / self.sd
        return Gaussian(self.mean, self.covariance * np.outer(scale, scale))

    def condition(self, seen: Positions, values: Floats, wanted: Positions) -> "Gaussian":
        """The values ``wanted``, given that those ``seen`` are ``values``."""
        if not len(seen):
            return self.take(wanted)
        across = self.covariance[np.ix_(seen, wanted)]
        factor = cho_factor(self.covariance[np.ix_(seen, seen)], lower=True)
        mean = self.mean[wanted] + across.T @ cho_solve(factor, values - self.mean[seen])
        own = self.covariance[np.ix_(wanted, wanted)]
        return Gaussian(mean, own - across.T @ cho_solve(factor, across))


@dataclass(frozen=True)
class Innovation:
    """What one moment brought beyond what all before it had led to expect.

    ``expected`` is the distribution of the values at ``positions``, given those ``before``.
    """

    positions: Positions
    before: Positions
    expected: Gaussian
    values: Floats

    @property
    def own(self) -> Floats:
        """Each value's surprise in its standard deviations, (value,); N(0, 1) if all is right."""
        own: Floats = (self.values - self.expected.mean) / self.expected.sd
        return own

    @property
    def common(self) -> float:
        """The mean of all surprises in its own standard deviation; N(0, 1) if all is right."""
        sd = self.expected.sd
        correlation = self.expected.covariance / np.outer(sd, sd)
        return float(self.own.sum() / np.sqrt(correlation.sum()))

    @property
    def until(self) -> Positions:
        """What the next moment is conditioned on: ``before``, and what is not gross of this."""
        believed = (np.abs(self.own) <= GROSS) & (abs(self.common) <= GROSS)
        return np.concatenate([self.before, self.positions[believed]])


def innovate(joint: Gaussian, values: Floats, time: Positions) -> Iterator[Innovation]:
    """One-step-ahead surprises, moment by moment; over time they are independent.

    A gross surprise is passed on and then forgotten: one excursion must not make its return, and
    all that follows, look like a drift the other way.

    ``values`` and ``time`` belong to the first values of ``joint``; those of one moment come
    together.
    """
    before = np.array([], dtype=np.intp)
    for moment in np.unique(time):
        now = np.flatnonzero(time == moment)
        expected = joint.condition(before, values[before], now)
        innovation = Innovation(now, before, expected, values[now])
        yield innovation
        before = innovation.until
