"""Configuration: frozen, typed, from TOML; unknown keys rejected, every default written out."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from cod_bayes import configio
from cod_bayes.errors import ConfigError
from cod_bayes.priors import LawPriors, MappingPriors


@dataclass(frozen=True)
class DataConfig:
    """Which benchmarks and models enter a fit.

    benchmarks
        Names to fit; empty means all.
    ladder
        Glob patterns over the names of ladder models; a model must match one.
    """

    benchmarks: tuple[str, ...] = ()
    ladder: tuple[str, ...] = ("*",)


CLUSTER_ALGORITHMS = (
    "improved-mean-shift",
    "mean-shift",
    "improved-k-means",
    "k-means",
    "dbscan",
    "hdbscan",
    "kept",
)


@dataclass(frozen=True)
class ClusterConfig:
    """Stage a: difficulty clusters.

    algorithm
        ``improved-mean-shift``; those it is compared with: ``mean-shift``, ``improved-k-means``,
        ``k-means``, ``dbscan``, ``hdbscan``; ``kept``: labels that stand in the data, see
        :func:`cod_bayes.cluster.keep_labels`; or ``module:attribute`` naming a scikit-learn
        clusterer class.
    quantile
        Of the pairwise distances that set both MeanShifts' bandwidth (Q = 0.1 in arXiv
        2502.17262).
    n_clusters
        Of ``k-means`` alone: ten levels of difficulty, for the paper does not say its k.
    min_cluster_size, min_cluster_share
        A cluster has at least the larger of K items and this share of all items. The paper has
        K = 10 whatever the number of items; 0.01 bounds the number of clusters by a hundred.
    checkpoints
        ``pool`` smooths a model's pass rates over its checkpoints, as the paper does; ``final``
        uses the final ones alone; ``earlier`` clusters on the earlier checkpoints only, so that
        the law is fitted to data that the clustering has not seen.
    min_trials
        Below this median number of trials an item, pass rates are noise and clusters with them:
        the end-to-end law then stands alone.
    """

    algorithm: str = "improved-mean-shift"
    quantile: float = 0.1
    n_clusters: int = 10
    min_cluster_size: int = 10
    min_cluster_share: float = 0.01
    checkpoints: str = "pool"
    min_trials: int = 8

    def __post_init__(self) -> None:
        known = self.algorithm in CLUSTER_ALGORITHMS or ":" in self.algorithm
        choices = f"one of {', '.join(CLUSTER_ALGORITHMS)}, or module:attribute"
        _check(self, "algorithm", known, choices)
        _check(self, "quantile", 0 < self.quantile <= 1, "within (0, 1]")
        _check(self, "n_clusters", self.n_clusters >= 1, "at least 1")
        _check(self, "min_cluster_size", self.min_cluster_size >= 1, "at least 1")
        _check(self, "min_cluster_share", 0 <= self.min_cluster_share < 1, "within [0, 1)")
        _check_choice(self, "checkpoints", ("pool", "final", "earlier"))


@dataclass(frozen=True)
class ClassConfig:
    """When a cluster counts as extrapolatable (the paper's Figure 2).

    rule
        ``posterior`` judges every draw by its rise and ceiling; ``paper`` by the thresholds
        a > 1, b > 0.1, 0 <= c < 1 of arXiv 2502.17262, with a in units of 1e18 FLOP.
    horizon
        The extrapolation judged, as a multiple of the largest ladder run's compute.
    min_rise
        A cluster that gains less from the largest ladder run to the horizon is not extrapolatable.
    min_ceiling
        Nor is one whose ceiling is lower than this (exp(-1) = 0.37 is the paper's c < 1).
    emerged
        A cluster still within this of its guess floor at the horizon is non-emergent.
    min_seen_rise
        A cluster above its floor (by ``emerged``) that rose less than this over the ladder is
        saturated or oscillating: non-extrapolatable without a fit, which would have several modes.
    min_probability
        Of the draws that must agree before a cluster counts as extrapolatable.
    """

    rule: str = "posterior"
    horizon: float = 30.0
    min_rise: float = 0.02
    min_ceiling: float = 0.37
    emerged: float = 0.1
    min_seen_rise: float = 0.05
    min_probability: float = 0.5

    def __post_init__(self) -> None:
        _check_choice(self, "rule", ("posterior", "paper"))
        _check(self, "horizon", self.horizon > 1, "above 1")
        for name in ("min_rise", "min_ceiling", "emerged", "min_seen_rise", "min_probability"):
            _check(self, name, 0 <= getattr(self, name) <= 1, "within [0, 1]")


@dataclass(frozen=True)
class LawConfig:
    """Stage b: the performance-compute law.

    curve
        ``frailty``, ``paper``, the paper's ablations ``f1`` (no floor), ``f2`` (no ceiling) and
        ``f3`` (neither), or ``module:attribute`` naming a :class:`cod_bayes.law.Curve`.
    scale
        ``compute``, ``params-tokens``, or ``auto``: params-tokens where the ladder identifies it.
    """

    curve: str = "frailty"
    scale: str = "auto"
    classes: ClassConfig = field(default_factory=ClassConfig)
    priors: LawPriors = field(default_factory=LawPriors)

    def __post_init__(self) -> None:
        _check_choice(self, "scale", ("auto", "compute", "params-tokens"))


@dataclass(frozen=True)
class MappingConfig:
    """Stage c: from the predictable subset's score to the full set's.

    form
        ``rest`` (logit of the rest linear in the logit of the subset), ``monotone`` (a map of the
        full score through (0, 0) and (1, 1)), ``none`` (all clusters, no map), or
        ``module:attribute`` naming a :class:`cod_bayes.mapping.MapForm`.
    min_clusters, min_share
        With fewer extrapolatable clusters, or a smaller share of the items in them, COD does not
        lead even where ``forecast.lead`` is ``cod``.
    """

    form: str = "rest"
    min_clusters: int = 3
    min_share: float = 0.5
    priors: MappingPriors = field(default_factory=MappingPriors)

    def __post_init__(self) -> None:
        known = self.form in ("rest", "monotone", "none") or ":" in self.form
        _check(self, "form", known, "rest, monotone, none or module:attribute")
        _check(self, "min_clusters", self.min_clusters >= 1, "at least 1")
        _check(self, "min_share", 0 <= self.min_share <= 1, "within [0, 1]")


@dataclass(frozen=True)
class SamplerConfig:
    """How posteriors are sampled, and when they may be believed.

    A fit that fails the gate (``max_rhat`` to ``min_ebfmi``) is sampled again with twice the
    draws and the tuning and half the rejection, up to ``max_attempts`` times in all. The gate
    itself is never eased.
    """

    draws: int = 1500
    tune: int = 1000
    chains: int = 4
    cores: int = 2
    target_accept: float = 0.95
    max_attempts: int = 3
    max_rhat: float = 1.01
    min_ess: float = 400.0
    max_divergent_share: float = 0.001
    min_ebfmi: float = 0.3

    def __post_init__(self) -> None:
        for name in ("draws", "tune", "chains", "cores", "max_attempts"):
            _check(self, name, getattr(self, name) >= 1, "at least 1")
        _check(self, "target_accept", 0 < self.target_accept < 1, "within (0, 1)")

    def lengthened(self) -> "SamplerConfig":
        """The next attempt after a failed gate."""
        return replace(
            self,
            draws=2 * self.draws,
            tune=2 * self.tune,
            target_accept=1 - (1 - self.target_accept) / 2,
        )


@dataclass(frozen=True)
class ForecastConfig:
    """Which forecaster leads, and how its forecast is summarised.

    lead
        ``end-to-end``, the law of a benchmark's whole score; ``cod``, clusters and map, where the
        predictable subset is large enough; or ``pool``, a mixture of both where both have a
        forecast. See the backtests of ``docs/evidence.md``. The others stand beside it.
    end_to_end_weight
        The probability with which a draw of the pool is the end-to-end law's.
    ci_prob, ci_kind
        Credible levels of the intervals, and their kind (``eti`` or ``hdi``).
    """

    lead: str = "pool"
    end_to_end_weight: float = 0.7
    ci_prob: tuple[float, ...] = (0.5, 0.9)
    ci_kind: str = "eti"

    def __post_init__(self) -> None:
        _check_choice(self, "lead", ("end-to-end", "cod", "pool"))
        _check(self, "end_to_end_weight", 0 <= self.end_to_end_weight <= 1, "within [0, 1]")
        _check_choice(self, "ci_kind", ("eti", "hdi"))
        _check(self, "ci_prob", all(0 < p < 1 for p in self.ci_prob), "within (0, 1)")


@dataclass(frozen=True)
class Config:
    """Everything that a fit and a forecast depend on besides the data and the seed."""

    data: DataConfig = field(default_factory=DataConfig)
    cluster: ClusterConfig = field(default_factory=ClusterConfig)
    law: LawConfig = field(default_factory=LawConfig)
    mapping: MappingConfig = field(default_factory=MappingConfig)
    sampler: SamplerConfig = field(default_factory=SamplerConfig)
    forecast: ForecastConfig = field(default_factory=ForecastConfig)

    @classmethod
    def from_toml(cls, path: str | Path, overrides: Iterable[str] = ()) -> Self:
        """Read a TOML file; what it does not name keeps its default.

        Parameters
        ----------
        path
            The file, such as ``configs/default.toml``.
        overrides
            Settings that win over the file's, such as ``"sampler.draws=500"`` or
            ``"law.priors.frailty.mean=0.3"``.

        Raises
        ------
        ConfigError
            For a file that cannot be read, unknown keys, wrong types and values out of range.
        """
        return cls.from_mapping(configio.read_toml(path), overrides, source=str(path))

    @classmethod
    def from_mapping(
        cls,
        values: Mapping[str, object],
        overrides: Iterable[str] = (),
        *,
        source: str = "configuration",
    ) -> Self:
        """Lay nested mappings, then overrides, over the defaults; see :meth:`from_toml`.

        ``source`` is what messages say the values come from.
        """
        config = configio.revise(cls(), values, source)
        return configio.revise(config, configio.parse_overrides(overrides), "overrides")

    def to_mapping(self) -> dict[str, Any]:
        """Return every setting as nested dictionaries of what TOML can hold."""
        return configio.to_mapping(self)

    def to_toml(self) -> str:
        """Write every setting as TOML, defaults included."""
        return configio.to_toml(self)

    def write(self, path: str | Path) -> Path:
        """Write :meth:`to_toml` to a file, replacing it."""
        return configio.write_toml(self, path)

    def digest(self) -> str:
        """SHA-256 of the settings, in hexadecimal: equal for equal settings, comments apart."""
        canonical = json.dumps(self.to_mapping(), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()


def _check(section: object, name: str, holds: bool, rule: str) -> None:
    if not holds:
        value = getattr(section, name)
        raise ConfigError(f"{type(section).__name__}.{name} must be {rule}; got {value!r}")


def _check_choice(section: object, name: str, choices: tuple[str, ...]) -> None:
    value = getattr(section, name)
    if value not in choices:
        raise ConfigError(
            f"{type(section).__name__}.{name} must be one of {', '.join(choices)}; got {value!r}"
        )
