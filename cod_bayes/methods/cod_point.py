"""COD as its paper has it: least squares, thresholds, a map; and the variant without all these."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from cod_bayes.cluster import cluster_items
from cod_bayes.config import ClusterConfig, Config
from cod_bayes.errors import ConfigError
from cod_bayes.law.classes import PAPER_MAX_C, PAPER_MIN_A, PAPER_MIN_B
from cod_bayes.law.data import build_rows, select_runs
from cod_bayes.law.least_squares import (
    MIN_RUNS,
    PointLaw,
    find_law,
    is_extrapolatable,
)
from cod_bayes.mapping.curves import NO_MAP
from cod_bayes.mapping.point import check_form, fit_point_map
from cod_bayes.methods.point_pipeline import (
    BenchmarkScores,
    Estimate,
    Floats,
    Ints,
    Settings,
    bootstrap_pipeline,
    fit_pipeline,
)
from cod_bayes.methods.protocol import (
    LEAST_SQUARES,
    RESIDUAL_BOOTSTRAP,
    Method,
    has_items,
    require,
)
from cod_bayes.schema import BENCHMARK, CLUSTER, LLM, N_CORRECT, N_TRIALS
from cod_bayes.scores import positions_of_benchmarks, tabulate_scores


@dataclass(frozen=True)
class FittedBenchmark:
    """One benchmark's scores, the point estimate, its replicates, and the subset's items.

    ``positions`` are those of the items along ``item``.
    """

    scores: BenchmarkScores
    point: Estimate
    replicates: tuple[Estimate, ...]
    positions: Ints


@dataclass(frozen=True)
class FittedPoint:
    """What a fit leaves: labels (:func:`cod_bayes.cluster.cluster_items`) and benchmarks.

    ``benchmarks`` has None where no forecast is possible; ``notes`` say why.
    """

    labels: xr.Dataset
    benchmarks: dict[str, FittedBenchmark | None]
    notes: tuple[str, ...]

    @property
    def subset_of(self) -> dict[str, Ints]:
        """Benchmark -> positions along ``item`` of the point estimate's predictable subset.

        With the target's truth on them, the paper's extrapolation error (EE) is that of
        :meth:`CodPoint.predict_subset`.
        """
        none = np.array([], dtype=np.int64)
        return {n: none if one is None else one.positions for n, one in self.benchmarks.items()}


@dataclass(frozen=True)
class CodPoint(Method[FittedPoint]):
    """Clustering-On-Difficulty to the letter (arXiv 2502.17262, sections 3 to 5).

    Clusters of items by difficulty (``config.cluster``; the law sees final checkpoints alone); the
    law of each by least squares; of those that meet the thresholds the size-weighted mean score;
    from there to the full set by a map. With fewer trials an item than the paper's hundred,
    clusters are made all the same, and below ``config.cluster.min_trials`` a note says so.

    The paper gives no uncertainty. The draws are a residual bootstrap in which a run's
    residuals on all clusters stay together; every replicate refits laws, thresholds and map, and
    the target has the luck of a run of the ladder. It sees neither the choice of clusters nor
    whether the law holds, so it is narrower than the truth.

    map
        ``quartic`` (version 1), ``cubic``, ``quintic``, ``spline`` (version 4), or ``none``: the
        subset's score stands for the full set's.
    rmse
        Of the spline: 0.005 in the paper, which compares 0.0025, 0.01 and 0.02.
    anchors
        Whether anchors' pairs of scores enter the map.
    law
        ``f``, or without floor (``f1``), without ``c`` (``f2``), without both (``f3``).
    thresholds
        False: every cluster counts as extrapolatable.
    min_a, min_b, max_c
        The thresholds, ``a`` with compute in 1e18 FLOP; 0, 0 and 100 lift them one by one.
    draws
        Of the bootstrap; 0: the point estimate as the only draw.
    """

    name: ClassVar[str] = "cod-point"
    map: str = "quartic"
    rmse: float = 0.005
    anchors: bool = True
    law: str = "f"
    thresholds: bool = True
    min_a: float = PAPER_MIN_A
    min_b: float = PAPER_MIN_B
    max_c: float = PAPER_MAX_C
    draws: int = 100

    # Whether items outside all clusters make a row of their own, so that every item counts.
    every_item: ClassVar[bool] = False

    def __post_init__(self) -> None:
        find_law(self.law)
        check_form(self.map)
        if self.rmse <= 0 or self.draws < 0:
            raise ConfigError(
                f"{self.name} needs rmse above 0 and draws of at least 0; got rmse = {self.rmse}, "
                f"draws = {self.draws}"
            )

    def predict_subset(
        self, fitted: FittedPoint, flops: Floats, *, random_seed: int = 0
    ) -> dict[str, Floats]:
        """Draws of the predictable subset's score: benchmark -> (draw, target).

        With one seed, those behind the draws of :meth:`predict`; NaN where there is none.
        """
        return {n: subset for n, (subset, _) in self._draw(fitted, flops, random_seed).items()}

    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> FittedPoint:
        require(
            has_items(evals), self.name, "items", "this study has single scores: use end-to-end-exp"
        )
        ladder = select_runs(evals, "ladder")
        require(
            ladder.sizes[LLM] >= MIN_RUNS,
            self.name,
            f"{MIN_RUNS} ladder runs or more for a law of three parameters",
            f"this study has {ladder.sizes[LLM]}",
        )
        clustering = self._choose_clusters(config.cluster)
        labels = cluster_items(evals, clustering)
        runs = select_runs(evals, "anchor").isel({LLM: slice(None if self.anchors else 0)})
        runs = xr.concat([ladder, runs], dim=LLM)
        full = tabulate_scores(evals)["score"].sel({LLM: runs[LLM].values})
        benchmarks: dict[str, FittedBenchmark | None] = {}
        notes: list[str] = []
        for i, (name, positions) in enumerate(positions_of_benchmarks(evals).items()):
            groups = self._group(labels["label"].values[positions], positions)
            scores, groups = collect_scores(runs, full.sel({BENCHMARK: name}).values, groups)
            rng = np.random.default_rng([random_seed, i])
            benchmarks[name] = self._fit_benchmark(scores, groups, rng)
            trials = ladder[N_TRIALS].values[:, positions]
            notes += _remark(name, benchmarks[name], len(groups), trials, clustering.min_trials)
        return FittedPoint(labels, benchmarks, tuple(notes))

    def _fit_benchmark(
        self, scores: BenchmarkScores, groups: list[Ints], rng: np.random.Generator
    ) -> FittedBenchmark | None:
        settings = self._settings()
        point = fit_pipeline(scores, settings) if groups else None
        if point is None:
            return None
        replicates = [bootstrap_pipeline(scores, point, settings, rng) for _ in range(self.draws)]
        used = [groups[k] for k in np.flatnonzero(point.weights)]
        return FittedBenchmark(scores, point, tuple(replicates), np.sort(np.concatenate(used)))

    def _predict(self, fitted: FittedPoint, targets: xr.Dataset, random_seed: int) -> xr.DataArray:
        draws = self._draw(fitted, targets["flops"].values, random_seed)
        return self.label_draws(
            {name: full for name, (_, full) in draws.items()},
            RESIDUAL_BOOTSTRAP if self.draws else LEAST_SQUARES,
            notes=fitted.notes,
        )

    def _draw(
        self, fitted: FittedPoint, flops: Floats, random_seed: int
    ) -> dict[str, tuple[Floats, Floats]]:
        """Benchmark -> draws of subset's and full score, each (draw, target)."""
        nothing = np.full((max(self.draws, 1), len(flops)), np.nan)
        draws = {}
        for i, (name, one) in enumerate(fitted.benchmarks.items()):
            rng = np.random.default_rng([random_seed, i])
            draws[name] = (nothing, nothing) if one is None else draw_scores(one, flops, rng)
        return draws

    def _choose_clusters(self, config: ClusterConfig) -> ClusterConfig:
        return config

    def _group(self, labels: Ints, positions: Ints) -> list[Ints]:
        """Positions of each cluster's items, from the hardest on, then of those in none."""
        if len(positions) == 1:  # a score without items
            return []
        names = np.unique(labels[labels >= 0])
        groups = [positions[labels == label] for label in names]
        if self.every_item and (labels < 0).any():
            groups.append(positions[labels < 0])
        return groups

    def _settings(self) -> Settings:
        select: Callable[[PointLaw], Any] = partial(
            is_extrapolatable, min_a=self.min_a, min_b=self.min_b, max_c=self.max_c
        )
        if not self.thresholds:
            select = _select_all
        maps = self.map != NO_MAP
        fit_map = partial(fit_point_map, form=self.map, rmse=self.rmse) if maps else None
        return Settings(self.law, select, fit_map)


@dataclass(frozen=True)
class CodPointWithoutMap(CodPoint):
    """The paper's "COD without mapping" (Table 1): no filter, no map, all clusters.

    Clusters are those of k-means on difficulty, whatever ``config.cluster.algorithm`` says. Every
    item counts: items that no ladder run solves, and whatever else is in no cluster, make one
    more row with a law of its own, which for items that are never solved stays at the guess floor.
    """

    name: ClassVar[str] = "cod-point-nomap"
    map: str = NO_MAP
    thresholds: bool = False

    every_item: ClassVar[bool] = True

    def _choose_clusters(self, config: ClusterConfig) -> ClusterConfig:
        return replace(config, algorithm="k-means")


def collect_scores(
    runs: xr.Dataset, full: Floats, groups: list[Ints]
) -> tuple[BenchmarkScores, list[Ints]]:
    """One benchmark's scores, and the groups of items that enough ladder runs tried for a law.

    Parameters
    ----------
    runs
        Final ladder runs, then anchors, dims (llm, item).
    full
        Shape (llm,), the benchmark's scores; NaN where a run tried nothing.
    groups
        Positions of the items of each cluster.
    """
    if not groups:
        none = np.empty(0)
        return BenchmarkScores(none, np.empty((0, 0)), none, none, none), []
    seen = np.flatnonzero(np.isfinite(full))
    runs, full = runs.isel({LLM: seen}), full[seen]
    of_ladder = runs["role"].values == "ladder"
    rows = build_rows(runs, {str(k): positions for k, positions in enumerate(groups)})
    trials = rows[N_TRIALS].transpose(CLUSTER, LLM).values.astype(float)
    correct = rows[N_CORRECT].transpose(CLUSTER, LLM).values.astype(float)
    enough = np.flatnonzero((trials[:, of_ladder] > 0).sum(axis=1) >= MIN_RUNS)
    rates = np.where(trials > 0, correct / np.maximum(trials, 1), np.nan)
    scores = BenchmarkScores(
        flops=runs["flops"].values[of_ladder].astype(float),
        rates=rates[enough],
        full=full,
        sizes=rows["n_questions"].values[enough].astype(float),
        floors=rows["guess_floor"].values[enough].astype(float),
    )
    return scores, [groups[k] for k in enough]


def draw_scores(
    one: FittedBenchmark, flops: Floats, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Draws of subset's and full score, each (draw, target): one new run for every replicate.

    In one draw all targets have the same luck, so that their differences are paired.
    """
    luck = rng.integers(one.scores.n_runs, size=len(one.replicates))
    pairs = list(zip(one.replicates, luck, strict=True)) or [(one.point, None)]
    subset = np.stack([estimate.score_subset(flops, run) for estimate, run in pairs])
    full = np.stack([e.score_full(s, run) for (e, run), s in zip(pairs, subset, strict=True)])
    return subset, full


def _select_all(laws: PointLaw) -> Any:
    return np.ones(len(laws.b), dtype=bool)


def _remark(
    name: str, one: FittedBenchmark | None, n_groups: int, trials: Ints, min_trials: int
) -> list[str]:
    """Why a benchmark has no forecast, or what bounds the worth of the one it has."""
    if trials.shape[1] == 1:
        return [f"{name}: there are no items, only the benchmark's score"]
    if n_groups == 0:
        return [f"{name}: no difficulty cluster that {MIN_RUNS} runs or more tried"]
    if one is None:
        return [f"{name}: none of {n_groups} clusters is extrapolatable"]
    if np.median(trials[trials > 0]) < min_trials:
        return [f"{name}: fewer than {min_trials} trials an item, so that clusters are noise"]
    return []
