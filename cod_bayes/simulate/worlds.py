"""Curves of items: the probability of a right answer, above the floor, against compute.

``logis``
    Richards curves in log compute, ``r = (1 + nu exp(-s (x - d)))^(-1/nu)``.
``exp``
    The law of arXiv 2502.17262, item by item: ``r = exp(-a C^-b)``, with a and b such that an
    item is half solved at the same compute, and as steep there, as in ``logis``.
``bend``
    ``logis``, but above a late point of the ladder a decade of compute is worth 0.6 to 1.2.

With ceiling ``u`` and floor ``g`` an item is solved with probability ``g + (1 - g) u r``. Two
kinds of items follow none of these: the non-emergent, whose midpoint lies far above the target,
and the oscillating, whose logit is a level plus a mild slope plus random walks over the models.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cod_bayes.simulate.benchmarks import BenchmarkSpec

Array = npt.NDArray[np.float64]

WORLDS = ("logis", "exp", "bend")

# Beta concentration of floors over items; a floor of 0 stays exactly 0.
_FLOOR_CONCENTRATION = 40.0
_CEILING_CONCENTRATION = 8.0
# Of oscillating items, in logits: level, walks (per square root of a decade), slopes (per decade).
_LEVEL = (-0.3, 1.2)
_COMMON_WALK, _OWN_WALK = 0.30, 0.25
_COMMON_SLOPE, _OWN_SLOPE = 0.12, 0.10
# Non-emergent items: midpoint above the target, in decades.
_BEYOND = (2.5, 4.5)


@dataclass(frozen=True)
class Items:
    """Everything that is fixed about a benchmark's items; arrays have dims (item,).

    walk : (item, knot), logits at the computes ``knots`` (decades, ascending); used where
    ``oscillating``. ``bend_from`` and ``bend_rate`` describe the benchmark's bend, if any.
    """

    world: str
    midpoint: Array
    slope: Array
    asymmetry: Array
    ceiling: Array
    floor: Array
    oscillating: npt.NDArray[np.bool_]
    walk: Array
    knots: Array
    bend_from: float
    bend_rate: float

    def logit(self, x: Array) -> Array:
        """Logit of the noise-free curve above the floor: x (llm,) in decades -> (item, llm)."""
        distance = self.slope[:, None] * (self._effective(x) - self.midpoint[:, None])
        if self.world == "exp":
            log_r = _log_exponential(distance)
        else:
            log_r = _log_richards(distance, self.asymmetry[:, None])
        walk = self.walk @ _hat_weights(self.knots, x)
        return np.where(self.oscillating[:, None], walk, _logit_of_log(log_r))

    def probability(self, logit: Array, floor: Array) -> Array:
        """Probability of a right answer: g + (1 - g) u r, r given by its logit; (item, llm)."""
        return floor + (1 - floor) * self.ceiling[:, None] * expit(logit)

    def _effective(self, x: Array) -> Array:
        if self.world != "bend":
            return x
        return np.minimum(x, self.bend_from) + self.bend_rate * np.maximum(x - self.bend_from, 0)


def draw_items(rng: np.random.Generator, spec: BenchmarkSpec, world: str, knots: Array) -> Items:
    """Draw a benchmark's items; ``knots`` are the computes of ladder and target, in decades."""
    n = spec.n_items
    midpoint = spec.difficulty + spec.spread * _skew_normal(rng, spec.skew, n)
    slope = spec.slope * np.exp(spec.slope_spread * rng.standard_normal(n))
    asymmetry = np.exp(rng.normal(0.0, 0.4, n))
    ceiling = 1 - _beta(rng, spec.ceiling_loss, _CEILING_CONCENTRATION, n)
    floor = _beta(rng, spec.guess_floor, _FLOOR_CONCENTRATION, n)
    kind = rng.random(n)
    oscillating = kind < spec.share_oscillating
    non_emergent = kind > 1 - spec.share_non_emergent
    beyond = knots[-1] + rng.uniform(*_BEYOND, n)
    walk = _draw_walks(rng, n, knots)
    bend_from, bend_rate = float(rng.uniform(-0.7, 0.2)), float(rng.uniform(0.6, 1.2))
    return Items(
        world=world,
        midpoint=np.where(non_emergent, beyond, midpoint),
        slope=slope,
        asymmetry=asymmetry,
        ceiling=ceiling,
        floor=floor,
        oscillating=oscillating,
        walk=walk,
        knots=knots,
        bend_from=bend_from,
        bend_rate=bend_rate,
    )


def expit(logit: Array) -> Array:
    """Inverse of the logit, without overflow."""
    p: Array = 0.5 * (1 + np.tanh(0.5 * logit))
    return p


def _draw_walks(rng: np.random.Generator, n_items: int, knots: Array) -> Array:
    """Level, slope and random walk over the models, partly common to all items: (item, knot)."""
    steps = np.sqrt(np.diff(knots, prepend=knots[0]))
    common = _COMMON_WALK * np.cumsum(steps * rng.standard_normal(knots.size))
    own = _OWN_WALK * np.cumsum(steps * rng.standard_normal((n_items, knots.size)), axis=1)
    slope = rng.normal(0, _COMMON_SLOPE) + rng.normal(0, _OWN_SLOPE, (n_items, 1))
    level = rng.normal(*_LEVEL, (n_items, 1))
    walk: Array = level + slope * knots + common + own
    return walk


def _skew_normal(rng: np.random.Generator, skew: float, n: int) -> Array:
    """Azzalini's skew normal with delta = ``skew``, standardised: (n,)."""
    half, whole = np.abs(rng.standard_normal(n)), rng.standard_normal(n)
    mean = skew * float(np.sqrt(2 / np.pi))
    raw: Array = skew * half + np.sqrt(1 - skew**2) * whole
    return (raw - mean) / float(np.sqrt(1 - mean**2))


def _beta(rng: np.random.Generator, mean: float, concentration: float, n: int) -> Array:
    """Beta variables by mean and concentration, exactly 0 where the mean is 0: (n,)."""
    if mean == 0:
        return np.zeros(n)
    return rng.beta(concentration * mean, concentration * (1 - mean), n)


def _log_richards(distance: Array, asymmetry: Array) -> Array:
    return -np.logaddexp(0, np.log(asymmetry) - distance) / asymmetry


def _log_exponential(distance: Array) -> Array:
    # exp(-h) is half at h = ln 2, where its logit rises by 2 ln 2 for each e-fold of h
    h: Array = np.log(2) * np.exp(np.minimum(-distance / (2 * np.log(2)), 700.0))
    return -h


def _logit_of_log(log_r: Array) -> Array:
    """Logit of exp(log_r), kept finite at both ends: what lies beyond no noise brings back."""
    log_r = np.clip(log_r, -40.0, -1e-12)
    logit: Array = log_r - np.log(-np.expm1(log_r))
    return logit


def _hat_weights(knots: Array, x: Array) -> Array:
    """Weights of linear interpolation from knots to x, constant outside: (knot, llm)."""
    return np.stack([np.interp(x, knots, unit) for unit in np.eye(knots.size)])
