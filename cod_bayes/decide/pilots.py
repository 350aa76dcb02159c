"""Pilots: data that one could buy before the large run, simulated from posterior draws."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr

from cod_bayes.decide.costs import Costs
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.fitted import FittedModel
from cod_bayes.law.curves import load_curve, shift_logit
from cod_bayes.law.evaluate import evaluate_rows, stack_draws
from cod_bayes.law.model import compute_spread
from cod_bayes.runs import draw_scores
from cod_bayes.schema import CLUSTER, LLM, N_CORRECT, N_TRIALS
from cod_bayes.stages import Stages
from cod_bayes.streams import open_stream
from cod_bayes.targets import describe_runs

type Floats = npt.NDArray[np.float64]

# Keeps logits of what was never or always solved finite.
EDGE, TINY = 1e-4, 1e-12


@dataclass(frozen=True)
class NewRun:
    """Train one more small model, of a new size or an old one, or several seeds of it.

    name
        What to call it.
    flops, params, tokens
        The run: its compute, or parameters (active) and tokens.
    seeds
        How many runs of that size, each with luck of its own.
    trials
        Trials an item with which it is evaluated.
    price
        What it costs; by default that of its compute.
    """

    name: str
    flops: float | None = None
    params: float | None = None
    tokens: float | None = None
    seeds: int = 1
    trials: int = 100
    price: float | None = None

    def __post_init__(self) -> None:
        _check(self, ("flops", "params", "tokens"), ("seeds", "trials"))

    def compute_flops(self, fitted: FittedModel) -> float:
        """Compute of all its runs, FLOP."""
        return self.seeds * float(self._describe(fitted)["flops"].item())

    def compute_price(self, fitted: FittedModel, costs: Costs) -> float:
        """What it costs, in the costs' currency."""
        if self.price is not None:
            return self.price
        return float(costs.price_training(self.compute_flops(fitted)))

    def simulate(self, fitted: FittedModel, stages: Stages, random_seed: int) -> Floats:
        """The mean logit score of its runs on every benchmark, shape (draw, benchmark).

        For each posterior draw one set of runs, with their luck, their departures from the law and
        the noise of measuring.
        """
        log_scale = self._describe(fitted)["log_scale"].values
        logits = []
        for seed in range(self.seeds):
            run = f"pilot {self.name}, seed {seed}"
            scores = draw_scores(
                stages, log_scale, trials=self.trials, random_seed=random_seed, run=run
            )
            logits.append([_logit(score[:, 0]) for score in scores.values()])
        mean: Floats = np.mean(logits, axis=0).T
        return mean

    def _describe(self, fitted: FittedModel) -> xr.Dataset:
        given = {"flops": self.flops, "params": self.params, "tokens": self.tokens}
        runs, _ = describe_runs(fitted, **{n: v for n, v in given.items() if v is not None})
        return runs


@dataclass(frozen=True)
class Remeasure:
    """Evaluate a run of the ladder again: more trials of its items, or more items.

    name
        What to call it.
    run
        The run's label in the data (its final checkpoint).
    trials
        Further trials of every item.
    items
        Further items of every benchmark, each tried ``trials`` times; none means the same items.
    price
        What it costs.
    """

    name: str
    run: str
    price: float
    trials: int = 100
    items: int = 0

    def __post_init__(self) -> None:
        _check(self, (), ("trials",))
        if self.items < 0:
            raise ConfigError(f"pilot {self.name!r}: items must not be negative; got {self.items}")

    def compute_flops(self, fitted: FittedModel) -> float:
        """Nothing is trained."""
        return 0.0

    def compute_price(self, fitted: FittedModel, costs: Costs) -> float:
        """What it costs, in the costs' currency."""
        return self.price

    def simulate(self, fitted: FittedModel, stages: Stages, random_seed: int) -> Floats:
        """The measured logit score on every benchmark, shape (draw, benchmark).

        By the end-to-end law. The run's true score on its items is known up to a Beta, given a
        draw of the law and the counts so far; new trials are binomial about it. New items share
        the run's luck and its rows' departures, and bring item noise of their own: what of the
        known items' departure is the rows' and what the items' is split by their variances (as if
        both were Normal). Laws of clusters learn nothing from it here.
        """
        rng = open_stream(random_seed, "pilot", self.name)
        posterior = stack_draws(fitted.group("end_to_end/posterior"))
        data = fitted.group("end_to_end/constant_data")
        known = [str(name) for name in data[LLM].values]
        if self.run not in known:
            raise DataError(
                f"pilot {self.name!r}: there is no run {self.run!r}; there are {', '.join(known)}"
            )
        own = data.sel({LLM: self.run})
        curve = load_curve(fitted.config.law.curve)
        law = evaluate_rows(posterior, own["log_scale"].values[:, None], curve)[..., 0]
        luck = posterior["luck"].sel({LLM: self.run}).values[:, None]
        noise = {n: posterior[n].values[:, None] for n in ("item_dispersion", "residual_sd")}
        n_questions = own["n_questions"].transpose(CLUSTER).values
        rate = np.clip(shift_logit(law, luck), TINY, 1 - TINY)
        spread = compute_spread(rate, n_questions, **noise)
        right, tried = (own[n].transpose(CLUSTER).values for n in (N_CORRECT, N_TRIALS))
        realised = rng.beta(rate / spread + right, (1 - rate) / spread + tried - right)
        count = n_questions * self.trials
        if self.items:
            realised = _new_items(realised, rate, n_questions, self.items, noise, rng)
            count = np.full_like(n_questions, self.items * self.trials)
        return _logit(rng.binomial(count.astype(np.int64), realised) / count)


Pilot = NewRun | Remeasure


def _new_items(
    realised: Floats,
    rate: Floats,
    n_questions: Floats,
    n_new: int,
    noise: Mapping[str, Floats],
    rng: np.random.Generator,
) -> Floats:
    """The run's true score on items of the same kind that it has not seen."""
    pq = rate * (1 - rate)
    of_row = noise["residual_sd"] ** 2 * pq**2
    of_items = noise["item_dispersion"] * pq
    weight = of_row / np.maximum(of_row + of_items / n_questions, 1e-300)
    kept = of_row * (1 - weight) + of_items / n_new
    score = rate + weight * (realised - rate) + np.sqrt(kept) * rng.standard_normal(rate.shape)
    return np.clip(score, 0.0, 1.0)


def _logit(score: Floats) -> Floats:
    inside = np.clip(score, EDGE, 1 - EDGE)
    logit: Floats = np.log(inside / (1 - inside))
    return logit


def _check(pilot: Pilot, sizes: tuple[str, ...], counts: tuple[str, ...]) -> None:
    for name in sizes:
        value = getattr(pilot, name)
        if value is not None and not 0 < value < float("inf"):
            raise ConfigError(f"pilot {pilot.name!r}: {name} must be positive; got {value}")
    for name in counts:
        value = getattr(pilot, name)
        if value < 1 or value != int(value):
            raise ConfigError(f"pilot {pilot.name!r}: {name} must be 1, 2, ...; got {value}")
    if pilot.price is not None and not 0 <= pilot.price < float("inf"):
        raise ConfigError(
            f"pilot {pilot.name!r}: price must be a number, not negative; got {pilot.price}"
        )
