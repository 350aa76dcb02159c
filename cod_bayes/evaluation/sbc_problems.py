"""What simulation-based calibration refits: our PyMC models, each with a stated design."""

import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import xarray as xr
from scipy import stats
from scipy.special import expit

from cod_bayes import configio
from cod_bayes.config import Config, SamplerConfig
from cod_bayes.errors import ConfigError
from cod_bayes.evaluation.densities import SAMPLE, Array, law_log_likelihood
from cod_bayes.inference import compile_once, sample_until_passed
from cod_bayes.law.curves import load_curve
from cod_bayes.law.data import SCALE
from cod_bayes.law.model import build_law
from cod_bayes.law.sampling import sample_law
from cod_bayes.mapping.model import build_mapping, mapping_arrays
from cod_bayes.schema import BENCHMARK, CLUSTER, LLM, N_CORRECT, N_TRIALS

if TYPE_CHECKING:
    import pymc as pm

REFIT = "refit"
# Nats of compute between the smallest and the largest run: a factor 3000, as in the paper's ladder.
SPAN = 8.0


class Problem(ABC):
    """A prior to draw truths and data from, and a posterior to rank the truths in."""

    name: ClassVar[str]

    @abstractmethod
    def draw_truths(self, n: int, random_seed: int) -> xr.Dataset:
        """Parameters and data drawn jointly from the prior, dims (refit, ...).

        With equal seeds the first of many are the same as of few: an interrupted run resumes.
        """

    @abstractmethod
    def refit(
        self, truth: xr.Dataset, sampler: SamplerConfig, random_seed: int
    ) -> tuple[xr.Dataset, dict[str, Any]]:
        """Sample the posterior given the data in ``truth``: draws (chain, draw, ...), the gate."""

    @abstractmethod
    def log_likelihood(self, truth: xr.Dataset, draws: xr.Dataset) -> Array:
        """Of the data in ``truth`` at every one of ``draws`` (sample, ...)."""

    @abstractmethod
    def describe(self) -> str:
        """The design and the priors in one line; equal ones have equal descriptions."""


@dataclass(frozen=True)
class ModelProblem(Problem):
    """A PyMC model whose counts are ``pm.Data``.

    config
        The law's curve and priors, the map's form and priors.
    """

    config: Config
    # observed variable -> the column of the data that it stands for
    counts: ClassVar[dict[str, str]]

    @cached_property
    @abstractmethod
    def design(self) -> xr.Dataset:
        """The data set's shape; its counts of successes are replaced."""

    @abstractmethod
    def build(self, data: xr.Dataset) -> "pm.Model":
        """The model, without padding."""

    def simulate(self, truth: xr.Dataset) -> xr.Dataset:
        """The design with the counts in ``truth``."""
        columns = {c: (self.design[c].dims, truth[v].values) for v, c in self.counts.items()}
        return self.design.assign(columns)

    def draw_truths(self, n: int, random_seed: int) -> xr.Dataset:
        """See :meth:`Problem.draw_truths`."""
        import pymc as pm
        from pytensor.compile.mode import Mode

        model = self.build(self.design)
        variables = [*model.free_RVs, *model.deterministics, *model.observed_RVs]
        # Few draws of a small graph: not worth compiling.
        plain = Mode("py", "fast_compile")
        # of a single draw pm.draw drops the axis
        drawn = pm.draw(variables, draws=max(n, 2), random_seed=random_seed, mode=plain)
        columns = {
            variable.name: ((REFIT, *model.named_vars_to_dims.get(variable.name, ())), values[:n])
            for variable, values in zip(variables, drawn, strict=True)
        }
        return xr.Dataset(columns, coords={d: self.design[d] for d in self.design.dims})

    def describe(self) -> str:
        """See :meth:`Problem.describe`."""
        shape = ", ".join(f"{size} {dim}s" for dim, size in self.design.sizes.items())
        return f"{self.name}: {shape}; configuration {self.digest()}"

    def digest(self) -> str:
        """Of the settings that the model depends on."""
        sections = [configio.to_mapping(part) for part in (self.config.law, self.config.mapping)]
        canonical = json.dumps(sections, sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class LawProblem(ModelProblem):
    """The law of one benchmark's clusters: 8 clusters of 50 items, 8 runs, 100 trials an item."""

    name: ClassVar[str] = "law"
    counts: ClassVar[dict[str, str]] = {"count": N_CORRECT}
    n_rows: ClassVar[int] = 8
    n_llms: ClassVar[int] = 8
    n_items: ClassVar[int] = 50
    n_trials: ClassVar[int] = 100
    floors: ClassVar[tuple[float, ...]] = (0.0,)
    mixed: ClassVar[bool] = False

    @cached_property
    def design(self) -> xr.Dataset:
        """See :attr:`ModelProblem.design`."""
        shape = (self.n_rows, self.n_llms)
        trials = np.full(shape, self.n_items * self.n_trials)
        log_scale = np.linspace(-SPAN, 0.0, self.n_llms)[None, :]
        return xr.Dataset(
            {
                N_TRIALS: ((CLUSTER, LLM), trials),
                N_CORRECT: ((CLUSTER, LLM), np.zeros_like(trials)),
                "n_questions": (CLUSTER, np.full(self.n_rows, float(self.n_items))),
                "guess_floor": (CLUSTER, np.resize(self.floors, self.n_rows)),
                "used": (CLUSTER, np.ones(self.n_rows, dtype=bool)),
                "mixed": (CLUSTER, np.full(self.n_rows, self.mixed)),
                "log_scale": ((SCALE, LLM), log_scale),
            },
            coords={
                CLUSTER: [f"row-{i}" for i in range(self.n_rows)],
                LLM: [f"run-{i}" for i in range(self.n_llms)],
                SCALE: ["compute"],
            },
        )

    def build(self, data: xr.Dataset) -> "pm.Model":
        """See :meth:`ModelProblem.build`."""
        return build_law(data, self.config.law)

    def refit(
        self, truth: xr.Dataset, sampler: SamplerConfig, random_seed: int
    ) -> tuple[xr.Dataset, dict[str, Any]]:
        """Refit as :func:`cod_bayes.fit` does, padding included."""
        config = replace(self.config, sampler=sampler)
        tree, gate = sample_law(self.simulate(truth), config, random_seed=random_seed)
        return tree["posterior"].to_dataset(), gate

    def log_likelihood(self, truth: xr.Dataset, draws: xr.Dataset) -> Array:
        """See :meth:`Problem.log_likelihood`."""
        curve = load_curve(self.config.law.curve)
        return law_log_likelihood(draws, self.simulate(truth), curve)


@dataclass(frozen=True)
class EndToEndProblem(LawProblem):
    """The law of whole benchmarks: 4 of 1000 items, 2 with a floor, 6 runs, one trial an item.

    Neither number fills the compiled graph, so its padding is put to the test as well.
    """

    name: ClassVar[str] = "end-to-end"
    n_rows: ClassVar[int] = 4
    n_llms: ClassVar[int] = 6
    n_items: ClassVar[int] = 1000
    n_trials: ClassVar[int] = 1
    floors: ClassVar[tuple[float, ...]] = (0.0, 0.25)
    mixed: ClassVar[bool] = True


@dataclass(frozen=True)
class MappingProblem(ModelProblem):
    """The map of 4 benchmarks: 8 runs and 2 anchors, 20,000 trials each on subset and rest.

    The line's centre is held at a logit of zero. In use it is the mean of the small models'
    smoothed logits, that is of the data: a choice of coordinates that this does not test.
    """

    name: ClassVar[str] = "mapping"
    counts: ClassVar[dict[str, str]] = {c: c for c in ("subset_correct", "response_correct")}
    n_benchmarks: ClassVar[int] = 4
    n_llms: ClassVar[int] = 10
    n_anchors: ClassVar[int] = 2
    n_trials: ClassVar[int] = 20_000

    @cached_property
    def design(self) -> xr.Dataset:
        """See :attr:`ModelProblem.design`."""
        cell = (BENCHMARK, LLM)
        trials = np.full((self.n_benchmarks, self.n_llms), self.n_trials)
        columns = {f"{name}_trials": (cell, trials) for name in ("subset", "response")}
        columns |= {name: (cell, np.zeros_like(trials)) for name in self.counts}
        return xr.Dataset(
            columns
            | {
                "centre": (BENCHMARK, np.zeros(self.n_benchmarks)),
                "is_anchor": (LLM, np.arange(self.n_llms) >= self.n_llms - self.n_anchors),
            },
            coords={
                BENCHMARK: [f"benchmark-{i}" for i in range(self.n_benchmarks)],
                LLM: [f"run-{i}" for i in range(self.n_llms)],
            },
        )

    def build(self, data: xr.Dataset) -> "pm.Model":
        """See :meth:`ModelProblem.build`."""
        return build_mapping(data, self.config.mapping)

    def refit(
        self, truth: xr.Dataset, sampler: SamplerConfig, random_seed: int
    ) -> tuple[xr.Dataset, dict[str, Any]]:
        """See :meth:`Problem.refit`."""
        key = ("sbc", self.describe())
        tree, gate = sample_until_passed(
            compile_once(key, lambda: self.build(self.design)),
            sampler,
            random_seed=random_seed,
            data=mapping_arrays(self.simulate(truth)),
            labels={dim: self.design[dim].values for dim in (BENCHMARK, LLM)},
        )
        return tree["posterior"].to_dataset(), gate

    def log_likelihood(self, truth: xr.Dataset, draws: xr.Dataset) -> Array:
        """See :meth:`Problem.log_likelihood`; of subset and response together."""
        total = np.zeros(draws.sizes[SAMPLE])
        for name in ("subset", "response"):
            rate = expit(draws[f"{name}_logit"].transpose(SAMPLE, BENCHMARK, LLM).values)
            counts = truth[f"{name}_correct"].values
            total += stats.binom.logpmf(counts, self.n_trials, rate).sum(axis=(1, 2))
        return total


PROBLEMS: dict[str, type[ModelProblem]] = {
    problem.name: problem for problem in (LawProblem, EndToEndProblem, MappingProblem)
}


def load_problem(name: str, config: Config) -> ModelProblem:
    """Find one of our models by name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name not in PROBLEMS:
        raise ConfigError(
            f"there is no model {name!r} to calibrate; there are {', '.join(PROBLEMS)}"
        )
    return PROBLEMS[name](config)
