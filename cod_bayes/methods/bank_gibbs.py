"""Gibbs sampling of a bank of curves: which curve each item follows, and how often each occurs.

With ``l_jm`` the logit of curve ``j`` at model ``m``, for item ``i``::

    shares w     ~ a family of :mod:`cod_bayes.methods.bank_shares`
    curve z_i    ~ Categorical(w)
    luck e_m     ~ Normal(0, luck_sd)         shared by all items; see cod_bayes.methods.bank_luck
    count_im     ~ BetaBinomial about expit(l_(z_i, m) + e_m), with noise s of item and model

A sweep draws, each given the rest: the shares (curves summed over), the curves, luck, and on grids
its spread and the noise.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import scipy.stats as st

from cod_bayes.methods.bank_curves import Array, Bank
from cod_bayes.methods.bank_likelihood import (
    Counts,
    draw_curves,
    find_support,
    score_items,
    table_of_curves,
    tabulate,
)
from cod_bayes.methods.bank_luck import split_luck
from cod_bayes.methods.bank_shares import Shares
from cod_bayes.methods.bank_walk import Walk
from cod_bayes.priors import Prior

LUCK_SDS = np.geomspace(0.005, 3.0, 100)
NOISES = np.geomspace(0.1, 2.5, 60)
TUNE_EVERY = 25
N_MOVES = 2  # of luck in a sweep: cheap beside the curves


@dataclass(frozen=True)
class GibbsConfig:
    """How long the chains are.

    draws, tune, chains
        Sweeps kept and thrown away, in each chain.
    max_attempts
        Chains that fail the gate (``sampler.max_rhat``, ``sampler.min_ess``) are continued by as
        many draws again, until there were so many attempts.
    """

    draws: int = 300
    tune: int = 100
    chains: int = 4
    max_attempts: int = 3


@dataclass(frozen=True)
class Problem:
    """One benchmark: its curves and counts, the ladder, and the priors.

    ``x`` (llm,): nats of compute from the largest run; ``questions`` (item,): what an item counts.
    """

    bank: Bank
    shares: Shares
    counts: Counts
    x: Array
    questions: Array
    luck_sd: Prior
    item_noise: Prior


@dataclass(frozen=True)
class Draws:
    """What the sampler kept, leading axes (chain, draw).

    ``questions`` (..., curve): how many follow each curve; ``residual`` (..., llm): luck without
    its trend, logits; ``luck_sd`` and ``noise``: logits.
    """

    questions: Array
    residual: Array
    luck_sd: Array
    noise: Array


def sample_bank(
    problem: Problem, config: GibbsConfig, judge: Callable[[Draws], bool], random_seed: int
) -> tuple[Draws, bool]:
    """Run chains, each from its own start, until ``judge`` passes them or patience ends."""
    table = tabulate(problem.counts.pairs, NOISES)
    seeds = np.random.SeedSequence(random_seed).spawn(config.chains)
    chains = [Chain(problem, table, np.random.default_rng(seed)) for seed in seeds]
    for chain in chains:
        chain.tune(config.tune)
    for _ in range(config.max_attempts):
        for chain in chains:
            chain.extend(config.draws)
        draws = stack_chains(chains)
        passed = judge(draws)
        if passed:
            break
    return draws, passed


def stack_chains(chains: list["Chain"]) -> Draws:
    """The chains' draws, as arrays."""
    names = [field.name for field in fields(Draws)]
    return Draws(*(np.array([[getattr(d, n) for d in c.kept] for c in chains]) for n in names))


class Chain:
    """One chain: where it stands, and what it kept."""

    def __init__(self, problem: Problem, table: Array, rng: np.random.Generator) -> None:
        self.problem, self.table, self.rng = problem, table, rng
        p = problem.bank.compute_probability(problem.x)
        self.logit = np.log(p / (1 - p))
        self.cells = problem.counts.cells_of_items
        self.basis, self.precision = split_luck(problem.x, weigh_llms(problem))
        self.luck_sd_prior = log_mass(problem.luck_sd, LUCK_SDS)
        self.noise_prior = log_mass(problem.item_noise, NOISES)
        self.kept: list[Draws] = []

        self.luck_sd = float(rng.uniform(0.05, 0.3))
        self.coordinates = rng.normal(0.0, 0.02, self.basis.shape[1:])
        self.noise = int(rng.integers(NOISES.size))
        self.parameters = problem.shares.start(rng)
        self.curve = np.zeros(len(self.cells), np.int64)
        self.luck_walk = Walk(self.coordinates.size, 0.05)
        self.share_walk = Walk(self.parameters.size, 0.1)

    @property
    def residual(self) -> Array:
        """Luck without its trend, shape (llm,)."""
        luck: Array = self.basis @ self.coordinates
        return luck

    def tune(self, n_sweeps: int) -> None:
        """Find the posterior and the walks' steps; nothing is kept."""
        for sweep in range(1, n_sweeps + 1):
            self.sweep()
            if sweep % TUNE_EVERY == 0:
                self.luck_walk.tune()
                self.share_walk.tune()

    def extend(self, n_sweeps: int) -> None:
        """Keep the draws of so many further sweeps."""
        n_curves = len(self.logit)
        for _ in range(n_sweeps):
            self.sweep()
            questions = np.bincount(self.curve, self.problem.questions, n_curves)
            luck_sd, noise = np.array(self.luck_sd), np.array(NOISES[self.noise])
            self.kept.append(Draws(questions.astype(np.float32), self.residual, luck_sd, noise))

    def sweep(self) -> None:
        """Draw everything once, each given the rest."""
        self._draw_curves()
        self._draw_luck()
        self._draw_luck_sd()
        self._draw_noise()

    def _draw_curves(self) -> None:
        shares, counts = self.problem.shares, self.problem.counts
        tables = table_of_curves(self.table[self.noise], self.logit + self.residual)
        support = find_support(tables, counts)
        self.parameters = shares.move(self.parameters, support, counts, self.share_walk, self.rng)
        share = shares.compute_share(self.parameters)
        self.curve = draw_curves(support, counts, share, self.rng)

    def _draw_luck(self) -> None:
        table, logit = self.table[self.noise], self.logit[self.curve]

        def log_p(coordinates: Array) -> float:
            scored = score_items(table, self.cells, logit, self.basis @ coordinates)
            return float(scored - 0.5 * self._square(coordinates) / self.luck_sd**2)

        for _ in range(N_MOVES):
            self.coordinates = self.luck_walk.move(self.coordinates, log_p, self.rng)

    def _draw_luck_sd(self) -> None:
        log_p = -0.5 * self._square(self.coordinates) / LUCK_SDS**2
        log_p -= self.coordinates.size * np.log(LUCK_SDS)
        self.luck_sd = float(LUCK_SDS[draw_index(self.luck_sd_prior + log_p, self.rng)])

    def _draw_noise(self) -> None:
        logit, residual = self.logit[self.curve], self.residual
        log_p = np.array([score_items(t, self.cells, logit, residual) for t in self.table])
        self.noise = draw_index(self.noise_prior + log_p, self.rng)

    def _square(self, coordinates: Array) -> float:
        """Square of luck without trend, in its prior's metric."""
        return float(coordinates @ self.precision @ coordinates)


def weigh_llms(problem: Problem) -> Array:
    """How much each model's counts say about its luck, up to a factor (llm,); little at a floor."""
    trials, correct = (column[problem.counts.cells_of_items] for column in problem.counts.pairs.T)
    rate = correct.sum(axis=0) / np.maximum(trials.sum(axis=0), 1)
    floor = problem.bank.floor.mean()
    above = np.clip((rate - floor) / (1 - floor), 0.02, 0.98)
    weight: Array = above * (1 - above)
    return weight


def draw_index(log_p: Array, rng: np.random.Generator) -> int:
    """One index, with probability proportional to ``exp(log_p)``."""
    cumulative = np.cumsum(np.exp(log_p - log_p.max()))
    return int(np.searchsorted(cumulative, rng.random() * cumulative[-1], side="right"))


def log_mass(prior: Prior, grid: Array) -> Array:
    """Log of a prior's mass at the points of a grid that is even in the log, up to a constant."""
    given = prior.parameters
    if prior.distribution == "fixed":
        at_value = np.arange(grid.size) == np.abs(grid - given["value"]).argmin()
        return np.where(at_value, 0.0, -np.inf)
    laws = {
        "normal": lambda: st.norm(given["mean"], given["sd"]),
        "lognormal": lambda: st.lognorm(given["log_sd"], scale=given["median"]),
        "gamma": lambda: st.gamma(given["shape"], scale=given["mean"] / given["shape"]),
    }
    mass: Array = laws[prior.distribution]().logpdf(grid) + np.log(grid)
    return mass
