"""How often each curve of the bank occurs: two families of distributions over its curves.

:class:`Bumps`
    A mixture of overlapping bumps in ease and log slope, as many as cover the bank, with Dirichlet
    weights: a smooth density of any form.
:class:`NormalShares`
    Normal in ease and log slope, as parametric item response theory has it.

Both move with the items' curves summed over, so that neither waits for items to change curves.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from itertools import product

import numpy as np
from scipy.sparse import csr_matrix

from cod_bayes.methods.bank_curves import Array, Bank
from cod_bayes.methods.bank_likelihood import Counts, Support, draw_weights, mix
from cod_bayes.methods.bank_walk import Walk
from cod_bayes.priors import Prior, normal

N_SWEEPS = 40  # of weights and parts in turn: cheap, and each holds the other back
N_MOVES = 2
REACH = 3.0  # of a bump, in widths
START_SD = 0.3  # of the chains' starts about the prior's means


class Shares(ABC):
    """A family of distributions over the bank's curves."""

    @abstractmethod
    def start(self, rng: np.random.Generator) -> Array:
        """Parameters to begin a chain from, shape (parameter,)."""

    @abstractmethod
    def move(
        self,
        parameters: Array,
        support: Support,
        counts: Counts,
        walk: Walk,
        rng: np.random.Generator,
    ) -> Array:
        """New parameters, by steps that leave their posterior as it is."""

    @abstractmethod
    def compute_share(self, parameters: Array) -> Array:
        """Share of every curve, shape (curve,), sums to 1."""


@dataclass(frozen=True)
class Bumps(Shares):
    """A mixture of bumps.

    curves
        Share of each curve within each bump, shape (curve, bump), sparse.
    prior
        Parameters of the weights' Dirichlet, shape (bump,).
    """

    curves: csr_matrix
    prior: Array

    def start(self, rng: np.random.Generator) -> Array:
        """Weights about equal, far from a posterior's."""
        weight: Array = rng.dirichlet(np.ones(self.prior.size))
        return weight

    def move(
        self,
        parameters: Array,
        support: Support,
        counts: Counts,
        walk: Walk,
        rng: np.random.Generator,
    ) -> Array:
        """Gibbs sweeps over bumps and weights; needs no walk."""
        return draw_weights(support, counts, self.curves, self.prior, parameters, N_SWEEPS, rng)

    def compute_share(self, parameters: Array) -> Array:
        """Weights times what they weigh."""
        share: Array = self.curves @ parameters
        return share


def build_bumps(bank: Bank, widths: tuple[float, ...], concentration: float) -> Bumps:
    """Cover a bank with bumps whose centres stand one width (nats, log slope) apart.

    The Dirichlet has the weight of ``concentration`` items, and its mean comes near the bank's own
    shares. Each ceiling and each frailty has bumps of its own, so that all items together say
    which of them prevail.
    """
    kinds = np.unique([bank.ceiling, bank.frailty], axis=1).T
    curves, prior = [], []
    for ceiling, frailty in kinds:
        of_kind = (bank.ceiling == ceiling) & (bank.frailty == frailty)
        for centre in product(*map(lay_centres, bank.coordinates, widths)):
            steps = (bank.coordinates - np.array(centre)[:, None]) / np.array(widths)[:, None]
            square = (steps**2).sum(axis=0)
            near = of_kind * np.exp(-0.5 * square) * (square < REACH**2)
            if near.max() > np.exp(-0.5):  # some curve is less than one width away
                curves.append(bank.cell * near / (bank.cell @ near))
                prior.append(bank.share @ near)
    return Bumps(csr_matrix(np.array(curves).T), concentration * np.array(prior) / np.sum(prior))


def lay_centres(values: Array, width: float) -> Array:
    """Places one width apart that cover the values."""
    centres: Array = np.arange(values.min(), values.max() + width, width)
    return centres


@dataclass(frozen=True)
class NormalPriors:
    """Priors of the normal of (ease, log slope); all are normal themselves.

    ``ease_mean`` in nats of compute; ``*_log_sd`` are of the logs of standard deviations;
    ``correlation`` on Fisher's scale; ``low_ceiling`` adds to the log of the odds of any ceiling
    but the highest.
    """

    ease_mean: Prior = field(
        default_factory=lambda: normal(
            0.0, 4.0, "benchmarks half solved from far within to far beyond"
        )
    )
    ease_log_sd: Prior = field(
        default_factory=lambda: normal(1.1, 0.6, "items spread by 1.6 to 5.5 nats of compute")
    )
    slope_mean: Prior = field(
        default_factory=lambda: normal(-0.4, 0.5, "items rise by 0.4 to 1.1 log-odds a nat")
    )
    slope_log_sd: Prior = field(
        default_factory=lambda: normal(-0.7, 0.4, "slopes differ by factors 1.4 to 2.1")
    )
    correlation: Prior = field(
        default_factory=lambda: normal(0.0, 0.5, "ease and slope need not go together")
    )
    low_ceiling: Prior = field(
        default_factory=lambda: normal(0.0, 1.0, "the bank's shares, give or take a factor 3")
    )

    @property
    def moments(self) -> Array:
        """Means and standard deviations, shape (2, 6)."""
        given = [getattr(self, name).parameters for name in self.__dataclass_fields__]
        return np.array([[prior["mean"], prior["sd"]] for prior in given]).T


@dataclass(frozen=True)
class NormalShares(Shares):
    """Items are normal in ease and log slope, but for a share ``stray`` that may be anywhere."""

    bank: Bank
    priors: NormalPriors
    stray: float

    def start(self, rng: np.random.Generator) -> Array:
        """Near the prior's means."""
        mean = self.priors.moments[0]
        start: Array = mean + START_SD * rng.standard_normal(mean.size)
        return start

    def move(
        self,
        parameters: Array,
        support: Support,
        counts: Counts,
        walk: Walk,
        rng: np.random.Generator,
    ) -> Array:
        """Metropolis steps."""

        def log_p(moved: Array) -> float:
            mean, sd = self.priors.moments
            log_prior = -0.5 * (((moved - mean) / sd) ** 2).sum()
            return float(log_prior + mix(support, counts, self.compute_share(moved)))

        for _ in range(N_MOVES):
            parameters = walk.move(parameters, log_p, rng)
        return parameters

    def compute_share(self, parameters: Array) -> Array:
        """The density at each curve times what the curve stands for; shape (curve,)."""
        ease_mean, ease_log_sd, slope_mean, slope_log_sd, correlation, tilt = parameters
        ease, log_slope = self.bank.coordinates
        a = (ease - ease_mean) / np.exp(ease_log_sd)
        b = (log_slope - slope_mean) / np.exp(slope_log_sd)
        rho = np.tanh(correlation)
        square = (a**2 - 2 * rho * a * b + b**2) / (1 - rho**2)
        low = self.bank.ceiling < self.bank.ceiling.max()
        bump = self.bank.cell * np.exp(tilt * low - 0.5 * (square - square.min()))
        share: Array = (1 - self.stray) * bump / bump.sum() + self.stray * self.bank.share
        return share
