"""FLP-M: losses on several domains from compute, scores from all of them by a small network."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.methods.protocol import (
    LEAST_SQUARES,
    RESIDUAL_BOOTSTRAP,
    TARGET,
    Method,
    require,
)
from cod_bayes.methods.two_step.domains import (
    Components,
    DomainData,
    build_domains,
    find_components,
)
from cod_bayes.methods.two_step.network import NetworkPriors
from cod_bayes.methods.two_step.network_point import (
    FittedNetwork,
    draw_network,
    fit_point,
    predict_network,
)
from cod_bayes.schema import BENCHMARK


@dataclass(frozen=True)
class FittedFlpM:
    """Both steps fitted.

    missing
        Benchmark -> why it has no forecast.
    """

    data: DomainData
    components: Components
    missing: dict[str, str]
    point: FittedNetwork


@dataclass(frozen=True)
class FlpM(Method[FittedFlpM]):
    """Performance through the losses of several domains (Chen et al., arXiv 2410.08527, FLP-M).

    First ``ln L_d = const_d - sum_s alpha_ds ln C_s`` on the runs' final checkpoints, for every
    domain d that ``loss`` has, ``overall`` apart; then a two-layer network from the losses to the
    scores on ``checkpoints`` of each run.

    *Sources.* ``C_s`` is the total compute and, where the data have coordinates ``share_<source>``
    (dims llm) that differ between runs, each source's share of it. Runs of one mixture tell the
    sources' compute not from the total, so that the total is alone. Targets have no shares: they
    are taken to have those of the largest run, and the forecast's notes say so.

    *Network.* Ladders have ten to thirty runs and up to twenty domains, whose losses fall together.
    So standardised log losses are turned to their first ``components`` principal components; with
    weight decay on all weights alike, that is the network of all losses, less the directions in
    which they hardly vary. One layer of ``hidden`` tanh units is shared by the benchmarks, and its
    output is the logit of the score above chance; scores more than five points below chance are
    left out, as no such network gives them. tanh levels off: a benchmark that has not emerged in
    the ladder stays low.

    Parameters are point estimates, as in the paper: penalised least squares from several starts,
    where ``noise`` is the error of a run's scores against which ``priors`` decay the weights. Draws
    are by residual bootstrap. There is no posterior: tried on a ladder of eight runs, four chains
    settled on different networks (R-hat of weights 1.3 with two units and components, 1.5 with
    three; of the scores' noise 1.06 and 1.03), and the gate failed.
    """

    name: ClassVar[str] = "flp-m"

    estimate: str = LEAST_SQUARES
    components: int = 3
    hidden: int = 3
    checkpoints: int = 5
    noise: float = 0.03
    draws: int = 200
    priors: NetworkPriors = field(default_factory=NetworkPriors)

    def __post_init__(self) -> None:
        decay = {prior.distribution for prior in vars(self.priors).values()}
        checks = (
            ("estimate", self.estimate == LEAST_SQUARES, "least-squares; it has no posterior"),
            ("components", self.components >= 1, "at least 1"),
            ("hidden", self.hidden >= 1, "at least 1"),
            ("checkpoints", self.checkpoints >= 1, "at least 1"),
            ("noise", self.noise > 0, "above 0"),
            ("draws", self.draws >= 1, "at least 1"),
            ("priors", decay == {"normal"}, "normal: they are a weight decay"),
        )
        for name, holds, rule in checks:
            if not holds:
                value = getattr(self, name)
                raise ConfigError(f"{self.name}: {name} must be {rule}; got {value!r}")

    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> FittedFlpM:
        data = build_domains(evals, self.checkpoints, self.name)
        data, missing = drop_unscored(data, self.name)
        components = find_components(data.losses, self.components)
        rng = np.random.default_rng(random_seed)
        point = fit_point(data, components, self.hidden, self.noise, self.priors, self.draws, rng)
        return FittedFlpM(data, components, missing, point)

    def _predict(self, fitted: FittedFlpM, targets: xr.Dataset, random_seed: int) -> xr.DataArray:
        rng = np.random.default_rng(random_seed)
        data, flops = fitted.data, targets["flops"].values
        values = draw_network(fitted.point, data, fitted.components, flops, rng)
        draws = {name: values[:, k] for k, name in enumerate(data.benchmarks)}
        draws |= {name: np.full_like(values[:, 0], np.nan) for name in fitted.missing}
        why = [f"{name}: {reason}" for name, reason in fitted.missing.items()]
        return self.label_draws(draws, RESIDUAL_BOOTSTRAP, notes=[*why, *data.remarks])

    def predict_points(self, fitted: FittedFlpM, targets: xr.Dataset) -> xr.DataArray:
        """The forecast of the fits themselves, without a bootstrap: dims (benchmark, target)."""
        values = predict_network(
            fitted.point, fitted.data, fitted.components, targets["flops"].values
        )
        return xr.DataArray(
            values, dims=(BENCHMARK, TARGET), coords={BENCHMARK: fitted.data.benchmarks}
        )


def drop_unscored(data: DomainData, method: str) -> tuple[DomainData, dict[str, str]]:
    """Set benchmarks aside that fewer than three runs were scored on, saying why.

    Raises
    ------
    DataError
        If none is left.
    """
    scored = [len(set(data.run[trials > 0].tolist())) for trials in data.n_trials]
    missing = {
        name: f"{n} runs with losses and a score; three are needed"
        for name, n in zip(data.benchmarks, scored, strict=True)
        if n < 3
    }
    kept = [k for k, n in enumerate(scored) if n >= 3]
    reasons = "; ".join(f"{name}: {why}" for name, why in missing.items())
    require(bool(kept), method, "a benchmark with losses and scores", reasons)
    return data.select(kept), missing
