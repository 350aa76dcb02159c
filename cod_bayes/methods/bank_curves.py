"""The bank: every curve that an item may follow, on a grid.

A curve is the law of :mod:`cod_bayes.law.curves` for one item, ``p = g + (1 - g) u S(h)``, given by

- ``level``: the log-odds of ``S`` at the largest ladder run, 0 where half of the rise is behind;
- ``slope``: how fast those log-odds rise at the half-way point, per nat of compute;
- the ceiling ``u``, the floor ``g``, and the frailty, which here is a shape: 1 is logistic in the
  log of compute, 0 the paper's exponential of a power.

``level`` and ``log slope`` are the coordinates of item response theory: ability is compute.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import scipy.stats as st

from cod_bayes.errors import ConfigError
from cod_bayes.law.curves import CURVES, compute_score
from cod_bayes.priors import Prior

Array = np.ndarray

FLAT_SLOPE = 0.25  # log-odds per nat; flatter curves are told apart by level, not by midpoint
MAX_FLOORS = 3


@dataclass(frozen=True)
class GridConfig:
    """Which curves the bank holds.

    slope_ends, n_slopes
        Smallest and largest slope, log-odds per nat, and how many, evenly spaced in the log.
    level_step
        Between the levels of curves of one slope, log-odds.
    margin
        Curves reach this many log-odds beyond the ladder and the horizon: solved that far before
        the smallest run, or so far from half solved at the horizon that they never emerge.
    horizon
        In multiples of the largest ladder run's compute; a target beyond it is still forecast.
    ceilings, ceiling_shares
        What an item's curve may rise to, and how often, before the data; within the ladder law's
        prior. Lower ones are taken for item noise, and hold back items that have not risen yet.
    floor_shifts
        Departures of the floor from chance, log-odds, equally likely; none where chance is zero.
    frailties
        Shapes, equally likely before the data.
    """

    slope_ends: tuple[float, ...] = (0.1, 4.0)
    n_slopes: int = 8
    level_step: float = 1.2
    margin: float = 4.0
    horizon: float = 100.0
    ceilings: tuple[float, ...] = (0.98, 0.9)
    ceiling_shares: tuple[float, ...] = (0.5, 0.5)
    floor_shifts: tuple[float, ...] = (-0.4, 0.0, 0.4)
    frailties: tuple[float, ...] = (0.15, 1.0)

    def __post_init__(self) -> None:
        if len(self.ceilings) != len(self.ceiling_shares):
            raise ConfigError(
                "GridConfig.ceiling_shares must have one share for each of ceilings "
                f"{self.ceilings}; got {self.ceiling_shares}"
            )


@dataclass(frozen=True)
class Bank:
    """The curves, each array of shape (curve,).

    ``level`` in log-odds, ``slope`` in log-odds per nat, ``ceiling``, ``floor`` and ``frailty``;
    ``share`` sums to 1 and gives all levels that a slope allows an equal chance;
    ``cell`` is the volume that a curve stands for in :attr:`coordinates`, times the shares of its
    ceiling, floor and frailty.
    """

    level: Array
    slope: Array
    ceiling: Array
    floor: Array
    frailty: Array
    share: Array
    cell: Array

    @cached_property
    def coordinates(self) -> Array:
        """Ease and log slope, shape (2, curve).

        Ease is how far before the largest ladder run a curve is half-way up, in nats. A flat
        curve is half-way nowhere near, and has its level over ``FLAT_SLOPE`` instead.
        """
        return np.stack([self.level / np.hypot(self.slope, FLAT_SLOPE), np.log(self.slope)])

    def compute_probability(self, x: Array) -> Array:
        """Probability of a right answer, shape (curve, run).

        Parameters
        ----------
        x
            Log of compute relative to the largest ladder run, shape (run,).
        """
        half = np.log(np.expm1(self.frailty * np.log(2)) / self.frailty)  # log-hazard where S = 1/2
        steepness = 2 * np.exp(half) / 2**self.frailty  # log-odds per unit of log-hazard there
        rise = self.level[:, None] + self.slope[:, None] * np.asarray(x)
        log_hazard = half[:, None] - rise / steepness[:, None]
        p: Array = compute_score(
            np.clip(log_hazard, -50, 50),
            self.ceiling[:, None],
            self.floor[:, None],
            self.frailty[:, None],
            CURVES["frailty"],
        )
        return p


def build_bank(config: GridConfig, guess_floors: Array, x: Array, log_slope: Prior) -> Bank:
    """Lay the curves for a benchmark and a ladder.

    Parameters
    ----------
    config
        Which curves.
    guess_floors
        Chance of each item, shape (item,). The bank has curves for each distinct one, or for their
        mean where there are more than ``MAX_FLOORS``.
    x
        Nats of compute from the largest ladder run, shape (llm,).
    log_slope
        Normal prior of the log of an item's slope.
    """
    level, slope, share = lay_lines(config, x, log_slope)
    crossed = [
        (level, slope, u, floor, frailty, share * u_share * floor_share, u_share * floor_share)
        for u, u_share in zip(config.ceilings, config.ceiling_shares, strict=True)
        for floor, floor_share in lay_floors(config, guess_floors)
        for frailty in config.frailties
    ]
    parts = [[np.broadcast_to(value, level.size) for value in part] for part in crossed]
    level, slope, ceiling, floor, frailty, share, kind = np.concatenate(parts, axis=1)
    cell = kind / np.hypot(slope, FLAT_SLOPE)  # levels are evenly spaced, so eases by this
    return Bank(level, slope, ceiling, floor, frailty, share / share.sum(), cell)


def lay_lines(config: GridConfig, x: Array, log_slope: Prior) -> tuple[Array, Array, Array]:
    """Levels, slopes and prior shares; all levels that a slope allows are equally likely."""
    low, high = config.slope_ends
    slopes = np.geomspace(low, high, config.n_slopes)
    mean, sd = log_slope.parameters["mean"], log_slope.parameters["sd"]
    columns = []
    for slope, share in zip(slopes, st.norm(mean, sd).pdf(np.log(slopes)), strict=True):
        bottom = -config.margin - slope * np.log(config.horizon)
        top = config.margin - slope * np.min(x)
        levels = np.linspace(bottom, top, 2 + int((top - bottom) / config.level_step))
        one = np.ones(levels.size)
        columns.append(np.array([levels, slope * one, share / levels.size * one]))
    level, slope_of, share_of = np.concatenate(columns, axis=1)
    return level, slope_of, share_of


def lay_floors(config: GridConfig, guess_floors: Array) -> list[tuple[float, float]]:
    """Floors and their shares: every chance of the benchmark, each with its departures."""
    chances, counts = np.unique(guess_floors, return_counts=True)
    shares = counts / counts.sum()
    if chances.size > MAX_FLOORS:
        chances, shares = np.array([guess_floors.mean()]), np.ones(1)
    floors = []
    for chance, share in zip(chances, shares, strict=True):
        odds = chance / (1 - chance)
        shifts = config.floor_shifts if chance > 0 else (0.0,)
        for shifted in odds * np.exp(shifts):
            floors.append((float(shifted / (1 + shifted)), float(share / len(shifts))))
    return floors
