"""Average and stack: pools of other methods' forecasts."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, override

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.methods.pooling import Floats, average_quantiles, pool_linearly, stack_weights
from cod_bayes.methods.protocol import POSTERIOR, Method
from cod_bayes.methods.registry import Variant, parse_variant
from cod_bayes.methods.summary import summarise_draws
from cod_bayes.schema import BENCHMARK


@dataclass(frozen=True)
class FittedPool:
    """The members' fits, each with its variant, and their weights."""

    members: tuple[tuple[Variant, Any], ...]
    weights: Floats


@dataclass(frozen=True)
class Pool(Method[FittedPool]):
    """Several methods in one forecast; what they disagree about widens it.

    members
        Methods as text: ``average[members=["end-to-end-exp", "item-bank"]]``.
    """

    members: tuple[str, ...] = ("end-to-end-exp", "item-bank")

    def __post_init__(self) -> None:
        if not self.members:
            raise ConfigError(f"{self.name} needs members, such as members=['cod', 'last-value']")

    @abstractmethod
    def weigh(self, members: Floats, truth: Floats) -> Floats:
        """Weights from forecasts whose truth is known.

        Parameters
        ----------
        members
            Quantiles, shape (member, case, level).
        truth
            Shape (case,); may be empty.
        """

    @abstractmethod
    def combine(self, members: Floats, weights: Floats) -> Floats:
        """One forecast from the members' quantiles: shape (member, level) -> (level,)."""

    def parse_members(self) -> tuple[Variant, ...]:
        """The members with their settings."""
        return tuple(parse_variant(text) for text in self.members)

    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> FittedPool:
        variants = self.parse_members()
        fits = [v.method.fit(evals, v.configure(config), random_seed=random_seed) for v in variants]
        none = np.empty((len(variants), 0, 1))
        pairs = tuple(zip(variants, fits, strict=True))
        return FittedPool(pairs, self.weigh(none, np.empty(0)))

    def _predict(self, fitted: FittedPool, targets: xr.Dataset, random_seed: int) -> xr.DataArray:
        forecasts = [v.method.predict(f, targets, random_seed=random_seed)
                     for v, f in fitted.members]  # fmt: skip
        draws = {}
        for name in forecasts[0][BENCHMARK].values:
            of_members = [forecast.sel({BENCHMARK: name}).values.T for forecast in forecasts]
            quantiles = np.array([[summarise_draws(row) for row in rows] for rows in of_members])
            pooled = [self.combine(quantiles[:, t], fitted.weights)
                      for t in range(quantiles.shape[1])]  # fmt: skip
            draws[str(name)] = np.array(pooled).T
        passed = all(forecast.attrs["passed"] for forecast in forecasts)
        return self.label_draws(draws, POSTERIOR, passed=passed)


@dataclass(frozen=True)
class Average(Pool):
    """The equal-weight average of the members' quantiles on the logit scale.

    Unlike a mixture it does not widen merely because its members differ; where their errors are
    independent it is sharper than each of them (Vincentization; Ratcliff 1979).
    """

    name: ClassVar[str] = "average"

    @override
    def weigh(self, members: Floats, truth: Floats) -> Floats:
        return np.full(len(members), 1 / len(members))

    @override
    def combine(self, members: Floats, weights: Floats) -> Floats:
        return average_quantiles(members)


@dataclass(frozen=True)
class Stacked(Pool):
    """The linear pool of its members whose weights have the least CRPS on other forecasts.

    A backtest learns the weights from its other cases, never from the case that is forecast; a fit
    of its own, with nothing to learn from, has equal weights: the plain mixture.

    weights
        Fixed weights, one a member, instead of learnt ones.
    """

    name: ClassVar[str] = "stacked"
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.weights and (
            len(self.weights) != len(self.members) or min(self.weights) < 0 or not sum(self.weights)
        ):
            raise ConfigError(
                f"stacked.weights are {len(self.members)} numbers, not negative, one a member; "
                f"got {self.weights}"
            )

    @override
    def weigh(self, members: Floats, truth: Floats) -> Floats:
        if self.weights:
            return np.array(self.weights) / sum(self.weights)
        return stack_weights(members, truth)

    @override
    def combine(self, members: Floats, weights: Floats) -> Floats:
        return pool_linearly(members, weights)
