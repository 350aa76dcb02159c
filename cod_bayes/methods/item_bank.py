"""Item bank: items' curves come from an unknown distribution, estimated without a form (ours).

The Bayesian form of nonparametric maximum likelihood for mixtures (Laird, JASA 73 (1978) 805):
no clusters, no map, no law of the mean. Every item follows a curve of a large bank; how often each
curve occurs is a smooth density of any form, and each item's curve is drawn given its own counts.
"""

from abc import abstractmethod
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config, SamplerConfig
from cod_bayes.law.curves import shift_logit
from cod_bayes.law.data import select_runs
from cod_bayes.methods.bank_curves import Array, Bank, GridConfig, build_bank
from cod_bayes.methods.bank_gibbs import Draws, GibbsConfig, Problem, sample_bank
from cod_bayes.methods.bank_likelihood import group_counts
from cod_bayes.methods.bank_luck import draw_trend
from cod_bayes.methods.bank_shares import Shares, build_bumps
from cod_bayes.methods.protocol import POSTERIOR, Method, has_items, require
from cod_bayes.priors import Prior, lognormal, normal
from cod_bayes.schema import ITEM, LLM, N_CORRECT, N_TRIALS
from cod_bayes.scores import positions_of_benchmarks

MIN_RUNS = 3
MIN_ITEMS = 2


@dataclass(frozen=True)
class BankPriors:
    """Priors beside the law's (``law.priors.luck_sd``).

    log_slope
        Normal, of the log of an item's slope (log-odds per nat): the bank's shares before the data.
    item_noise
        What an item and a model share with nothing else, logits.
    """

    log_slope: Prior = field(
        default_factory=lambda: normal(-0.4, 0.8, "items rise by 0.3 to 1.5 log-odds a nat")
    )
    item_noise: Prior = field(
        default_factory=lambda: lognormal(0.5, 0.6, "a hundred trials are worth about sixteen")
    )


@dataclass(frozen=True)
class FittedBank:
    """One benchmark: its curves, the ladder's computes (nats), draws, and the gate's verdict."""

    bank: Bank
    x: Array
    n_questions: float
    draws: Draws
    passed: bool


@dataclass(frozen=True)
class FittedBanks:
    """By benchmark, in order; None for a single score. ``reference``: FLOP of the largest run."""

    banks: dict[str, FittedBank | None]
    reference: float


@dataclass(frozen=True)
class BankMethod(Method[FittedBanks]):
    """Forecasts by items' curves; subclasses say what the curves' distribution is.

    Compute alone is the covariate, also where the ladder tells parameters from tokens.

    grid
        Which curves there are.
    gibbs
        How they are sampled.
    priors
        Beside those of the law.
    """

    grid: GridConfig = field(default_factory=GridConfig)
    gibbs: GibbsConfig = field(default_factory=GibbsConfig)
    priors: BankPriors = field(default_factory=BankPriors)

    @abstractmethod
    def _build_shares(self, bank: Bank) -> Shares:
        """How often each curve may occur."""

    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> FittedBanks:
        require(has_items(evals), self.name, "items", "read the results item by item")
        ladder = select_runs(evals, "ladder")
        enough = ladder.sizes[LLM] >= MIN_RUNS
        require(enough, self.name, f"{MIN_RUNS} ladder runs or more", "add runs")
        flops = ladder["flops"].values
        banks = {
            name: self._fit_one(
                ladder.isel({ITEM: positions}), np.log(flops / flops.max()), config, random_seed
            )
            for name, positions in positions_of_benchmarks(evals).items()
        }
        return FittedBanks(banks, float(flops.max()))

    def _fit_one(
        self, items: xr.Dataset, x: Array, config: Config, random_seed: int
    ) -> FittedBank | None:
        if items.sizes[ITEM] < MIN_ITEMS:
            return None
        bank = build_bank(self.grid, items["guess_floor"].values, x, self.priors.log_slope)
        questions = items["n_questions"].values.astype(float)
        problem = Problem(
            bank=bank,
            shares=self._build_shares(bank),
            counts=group_counts(items[N_TRIALS].values.T, items[N_CORRECT].values.T),
            x=x,
            questions=questions,
            luck_sd=config.law.priors.luck_sd,
            item_noise=self.priors.item_noise,
        )
        horizon = np.log([config.law.classes.horizon])
        rate = bank.compute_probability(horizon)[:, 0]

        def judge(draws: Draws) -> bool:
            return check_chains(draws, draws.questions @ rate, config.sampler)

        draws, passed = sample_bank(problem, self.gibbs, judge, random_seed)
        return FittedBank(bank, x, questions.sum(), draws, passed)

    def _predict(self, fitted: FittedBanks, targets: xr.Dataset, random_seed: int) -> xr.DataArray:
        rng = np.random.default_rng(random_seed)
        at = np.log(targets["flops"].values / fitted.reference)
        made = {n: draw_scores(bank, at, rng) for n, bank in fitted.banks.items() if bank}
        # chains that were continued have more draws: all benchmarks keep as many as the shortest
        n_draws = min(len(values) for values in made.values())
        draws, notes = {}, []
        for name in fitted.banks:
            if name in made:
                draws[name] = made[name][:: len(made[name]) // n_draws][:n_draws]
            else:
                draws[name] = np.full((n_draws, at.size), np.nan)
                notes.append(f"{name}: it is a single score, without items")
        passed = all(bank.passed for bank in fitted.banks.values() if bank)
        return self.label_draws(draws, POSTERIOR, passed=passed, notes=notes)


@dataclass(frozen=True)
class ItemBank(BankMethod):
    """Items' curves from an unknown distribution: a mixture of bumps that cover the bank.

    widths
        Of the bumps: nats of compute, and log slope.
    concentration
        The weight, in items, of the prior that all bumps are as likely as their curves are.
    """

    name: ClassVar[str] = "item-bank"

    widths: tuple[float, ...] = (2.0, 0.7)
    concentration: float = 20.0

    def _build_shares(self, bank: Bank) -> Shares:
        return build_bumps(bank, self.widths, self.concentration)


def draw_scores(fitted: FittedBank, at: Array, rng: np.random.Generator) -> Array:
    """One new run's score for every draw, shape (draw, target).

    The benchmark's own items on the curves they were drawn on; the new run's luck, less the trend
    of the ladder's that the bank took up; and noise of item and run, which nearly averages out.

    Parameters
    ----------
    at
        Nats of compute from the largest ladder run, shape (target,).
    """
    questions, residual, luck_sd, noise = (
        np.concatenate(values)
        for values in (
            fitted.draws.questions,
            fitted.draws.residual,
            fitted.draws.luck_sd,
            fitted.draws.noise,
        )
    )
    luck = luck_sd[:, None] * rng.standard_normal((luck_sd.size, at.size))
    luck -= draw_trend(fitted.x, residual, luck_sd, at, rng)
    share = questions / fitted.n_questions
    rate = fitted.bank.compute_probability(at)
    scores = np.empty_like(luck)
    for t in range(at.size):
        p = shift_logit(rate[None, :, t], luck[:, t, None])
        spread = noise[:, None] ** 2 * p * (1 - p)
        variance = (share * p * (1 - p) * spread / (1 + spread)).sum(axis=1) / fitted.n_questions
        own = np.sqrt(variance) * rng.standard_normal(luck_sd.size)
        scores[:, t] = (share * p).sum(axis=1) + own
    return np.clip(scores, 0.0, 1.0)


def check_chains(draws: Draws, score: Array, config: SamplerConfig) -> bool:
    """Whether R-hat and effective sample sizes (Vehtari et al., arXiv 1903.08008) pass the gate.

    ``score`` (chain, draw): the forecast at the configured horizon, luck apart. Judged with it:
    luck and its spread. The noise lies on a grid so coarse that it may not move, and is not.
    """
    import arviz as az

    judged = xr.Dataset(
        {
            "score": (("chain", "draw"), score),
            "luck_sd": (("chain", "draw"), draws.luck_sd),
            "residual": (("chain", "draw", LLM), draws.residual),
        }
    )
    with np.errstate(invalid="ignore", divide="ignore"):  # stuck chains have an infinite R-hat
        rhat = az.rhat(judged).to_array()
        sizes = [az.ess(judged, method=method).to_array() for method in ("bulk", "tail")]
    ess = min(float(size.fillna(0.0).min()) for size in sizes)
    return bool(float(rhat.fillna(np.inf).max()) <= config.max_rhat and ess >= config.min_ess)
