"""Priors as data: few, named, each with its reason, all changeable from a config.

The defaults start from a prototype's posterior-prior checks; the reasons stand with them.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cod_bayes.errors import ConfigError

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

# distribution -> the parameters it needs, in the order they are written
PARAMETERS = {
    "normal": ("mean", "sd"),
    "lognormal": ("median", "log_sd"),
    "gamma": ("shape", "mean"),
    "fixed": ("value",),
}
POSITIVE = {"sd", "log_sd", "shape", "median"}


@dataclass(frozen=True)
class Prior:
    """One univariate prior: a distribution, its parameters, and why.

    ``normal(mean, sd)``, ``lognormal(median, log_sd)``, ``gamma(shape, mean)`` or ``fixed(value)``;
    a gamma of shape 2.5 keeps a spread off zero, where hierarchical models diverge.
    """

    distribution: str
    parameters: Mapping[str, float]
    reason: str = ""

    def __post_init__(self) -> None:
        if self.distribution not in PARAMETERS:
            raise ConfigError(
                f"prior distribution {self.distribution!r} is unknown; "
                f"choose one of {', '.join(PARAMETERS)}"
            )
        needed = PARAMETERS[self.distribution]
        if set(self.parameters) != set(needed):
            raise ConfigError(
                f"a {self.distribution} prior takes exactly {', '.join(needed)}; "
                f"got {', '.join(sorted(self.parameters)) or 'nothing'}"
            )
        for name, value in self.parameters.items():
            positive = name in POSITIVE or self.distribution == "gamma"
            if positive and not value > 0:
                raise ConfigError(f"a {self.distribution} prior needs {name} > 0; got {value}")

    def build(self, name: str, **kwargs: Any) -> "TensorVariable[Any, Any]":
        """Make the random variable ``name`` in the PyMC model being built."""
        import pymc as pm
        import pytensor.tensor as pt

        if self.distribution == "fixed":
            dims = kwargs.get("dims", ())
            lengths = pm.modelcontext(None).dim_lengths
            shape = [lengths[dim] for dim in ([dims] if isinstance(dims, str) else dims)]
            return pm.Deterministic(name, pt.full(shape, self.parameters["value"]), dims=dims)
        first, second = (self.parameters[key] for key in PARAMETERS[self.distribution])
        if self.distribution == "normal":
            return pm.Normal(name, mu=first, sigma=second, **kwargs)
        if self.distribution == "lognormal":
            return pm.LogNormal(name, mu=math.log(first), sigma=second, **kwargs)
        return pm.Gamma(name, alpha=first, beta=first / second, **kwargs)


def normal(mean: float, sd: float, reason: str) -> Prior:
    """A normal prior with its reason."""
    return Prior("normal", {"mean": mean, "sd": sd}, reason)


def gamma(mean: float, reason: str, shape: float = 2.5) -> Prior:
    """A gamma prior for a spread, given by its mean, with its reason."""
    return Prior("gamma", {"shape": shape, "mean": mean}, reason)


def lognormal(median: float, log_sd: float, reason: str) -> Prior:
    """A log-normal prior given by its median, with its reason."""
    return Prior("lognormal", {"median": median, "log_sd": log_sd}, reason)


def fixed(value: float, reason: str) -> Prior:
    """No prior but a stated number, with its reason."""
    return Prior("fixed", {"value": value}, reason)


def _prior(value: Prior) -> Any:
    return field(default_factory=lambda: value)


@dataclass(frozen=True)
class LawPriors:
    """Priors of the hierarchical law; log-hazards are at the largest ladder run's scale."""

    log_hazard_mean: Prior = _prior(
        normal(0.0, 2.0, "h = 1 is about a third solved; 2 covers 0.1 % to 99.9 % solved")
    )
    log_hazard_sd: Prior = _prior(gamma(2.0, "clusters span easy to hard by construction"))
    log_slope_mean: Prior = _prior(
        normal(-0.5, 0.5, "compute exponents of answer losses lie about 0.2 to 1.6")
    )
    slope_shape: Prior = _prior(
        fixed(3.0, "slopes scatter by 58 %, with a light tail to none: a cluster need not scale")
    )
    ceiling_logit_mean: Prior = _prior(
        normal(3.0, 0.4, "most items are solvable in the end: ceilings about 0.90 to 0.98")
    )
    ceiling_logit_sd: Prior = _prior(
        fixed(
            0.6, "eight models say next to nothing about how ceilings scatter: stated, not learnt"
        )
    )
    floor_logit_sd: Prior = _prior(
        fixed(0.5, "lucky guesses depart from chance, boundedly: 0.25 becomes 0.11 to 0.47")
    )
    trivial_odds: Prior = _prior(
        lognormal(0.005, 1.0, "free-form benchmarks too have items that any model solves: 0 to 4 %")
    )
    frailty: Prior = _prior(
        gamma(0.6, "items within a row differ: 0 is the paper's law, 1 logistic in ln C")
    )
    luck_sd: Prior = _prior(gamma(0.3, "a checkpoint's luck on the logit, shared by its items"))
    residual_sd: Prior = _prior(gamma(0.15, "a cluster's own departure from its law, logit"))
    item_dispersion: Prior = _prior(
        lognormal(0.06, 0.8, "item-by-model noise: about sixteen trials' worth of information")
    )


@dataclass(frozen=True)
class MappingPriors:
    """Priors of the hierarchical map from the subset's score to the rest's (logit scale)."""

    offset_mean: Prior = _prior(normal(0.0, 1.5, "the rest may be easier or harder"))
    offset_sd: Prior = _prior(gamma(1.0, "benchmarks differ in what the subset leaves out"))
    log_slope_mean: Prior = _prior(normal(0.0, 0.5, "the rest rises with the subset, odds alike"))
    log_slope_sd: Prior = _prior(gamma(0.3, "slopes of benchmarks are alike"))
    scatter_sd: Prior = _prior(gamma(0.15, "a model's own departure from the map, logit"))
    anchor_sd: Prior = _prior(gamma(0.3, "other families depart further than the ladder"))
