"""End-to-end forecast of pass rates (PassUntil), of the benchmark or item by item."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.law.data import COMPUTE_SCALE, compute_reference, select_runs
from cod_bayes.methods.bootstrap import TINY, Array, shift_rate, to_angle
from cod_bayes.methods.direct_power import fit_power
from cod_bayes.methods.end_to_end import FittedRows, predict_either
from cod_bayes.methods.point_scores import FittedPoints, check_estimate, log_scale_of_targets
from cod_bayes.methods.protocol import (
    POSTERIOR,
    RESIDUAL_BOOTSTRAP,
    TARGET,
    Method,
    has_items,
    require,
)
from cod_bayes.schema import ITEM, N_CORRECT, N_TRIALS
from cod_bayes.scores import positions_of_benchmarks

LEVELS = ("benchmark", "items")
N_PARAMETERS = 2
# Replicates x items whose curves are evaluated at a time: 16 MB a block.
BLOCK = 2_000_000


@dataclass(frozen=True)
class ItemCurves:
    """Every item's straight line in ``log(-log p)``, and its replicates.

    log_compute
        Of the runs, nats from the largest, shape (run,).
    response
        ``log(-log p)``, shape (run, item); 0 where an item was not solved.
    solved
        Whether it was, shape (run, item): what a line is fitted to.
    constant
        Rate of items without a line, shape (item,); 0 for the others.
    weights
        Of the items in the benchmark, sum 1.
    run_weights
        The bootstrap's weights of the runs, shape (draw, run).
    residuals
        Of the ladder's scores, as angles.
    """

    log_compute: Array
    response: Array
    solved: Array
    constant: Array
    weights: Array
    run_weights: Array
    residuals: Array

    @property
    def has_line(self) -> Array:
        """Items solved on two runs or more, shape (item,)."""
        enough: Array = self.solved.sum(axis=0) >= N_PARAMETERS
        return enough

    def score(self, run_weights: Array, log_compute: Array) -> Array:
        """Mean of the items' curves, shape (draw, target); ``run_weights`` is (draw, run)."""
        lined = self.has_line
        solved, response = self.solved[:, lined].astype(float), self.response[:, lined]
        level, slope = fit_lines(run_weights, self.log_compute, response, solved)
        total = np.full((len(run_weights), len(log_compute)), self.constant @ self.weights)
        for target, x in enumerate(log_compute):
            # beyond 50 the rate is 0 or 1 to the last digit
            rates = np.exp(-np.exp(np.clip(level + slope * x, -50.0, 50.0)))
            total[:, target] += rates @ self.weights[lined]
        return total


@dataclass(frozen=True)
class FittedItems:
    """Curves of every benchmark's items; for benchmarks without, why."""

    curves: dict[str, ItemCurves]
    missing: dict[str, str]
    reference: dict[str, float]
    draws: int


@dataclass(frozen=True)
class EndToEndPassRate(Method[FittedRows | FittedPoints | FittedItems]):
    """``PU = exp(-c C^-alpha)`` on pass rates (PassUntil, arXiv 2310.03262, section 4).

    PassUntil samples every item until r successes, and takes ``r/K`` of the K trials spent. Logs
    hold a fixed number of trials, so K is theirs and r what they show; the estimate is the same,
    but no success in K trials bounds a rate from above and gives none. The paper's scale is the
    number of parameters; here it is compute, as in the comparison of arXiv 2502.17262, whatever
    ``law.scale`` says. At the level of a benchmark this is ``direct-power`` in compute.

    level
        ``benchmark``: the law of the benchmark's mean pass rate. ``items``: of every item, then
        their mean; least squares only (the Bayesian method over items is ``item-level``).
    estimate
        ``posterior``: the hierarchical law with curve ``f3``. ``least-squares``: straight lines
        in ``log(-log p)``.
    draws
        Of the bootstrap.

    Notes
    -----
    Items: a line is fitted to the runs that solve the item at all, where the paper's sampling
    would end. An item solved on fewer than two runs has no line; it counts with its mean rate over
    the ladder, which is 0 if it was never solved. Rates of 1 count as half a failure. The draws
    are a Bayesian bootstrap over runs (Rubin 1981): a replicate weighs runs, with all their
    items, by a flat Dirichlet variable, so that what a checkpoint's items have in common stays
    together, and all lines are fitted again with these weights. A new run departs from its score
    as the ladder's runs do from theirs (a resampled residual).
    """

    name: ClassVar[str] = "end-to-end-passrate"
    level: str = "benchmark"
    estimate: str = POSTERIOR
    draws: int = 100

    def __post_init__(self) -> None:
        check_estimate(self.name, self.estimate, self.draws)
        if self.level not in LEVELS:
            raise ConfigError(
                f"{self.name}.level must be one of {', '.join(LEVELS)}; got {self.level!r}"
            )
        if self.level == "items" and self.estimate == POSTERIOR:
            raise ConfigError(
                f'{self.name} has no posterior item by item; write {self.name}[level="items", '
                'estimate="least-squares"], or use item-level, the Bayesian method over items'
            )

    def _fit(
        self, evals: xr.Dataset, config: Config, random_seed: int
    ) -> FittedRows | FittedPoints | FittedItems:
        if self.level == "items":
            remedy = f'read item-level logs, or set level="{LEVELS[0]}"'
            require(has_items(evals), f"{self.name}[level=items]", "items", remedy)
            return fit_items(evals, config.cluster.min_trials, self.draws, random_seed)
        return fit_power(evals, config, COMPUTE_SCALE, self.estimate, self.draws, random_seed)

    def _predict(
        self,
        fitted: FittedRows | FittedPoints | FittedItems,
        targets: xr.Dataset,
        random_seed: int,
    ) -> xr.DataArray:
        if not isinstance(fitted, FittedItems):
            return predict_either(self, fitted, targets, random_seed)
        draws = draw_items(fitted, targets, random_seed)
        notes = [f"{name}: {why}" for name, why in fitted.missing.items() if why]
        return self.label_draws(draws, RESIDUAL_BOOTSTRAP, notes=notes)


def fit_lines(weights: Array, x: Array, response: Array, solved: Array) -> tuple[Array, Array]:
    """Weighted straight lines of all items at once: level at 0 and slope, each (draw, item).

    Parameters
    ----------
    weights
        Of the runs, shape (draw, run), positive.
    x
        Shape (run,).
    response, solved
        Shape (run, item): a line goes through the runs where ``solved`` is 1.
    """
    total = weights @ solved
    mean_x = (weights * x) @ solved / total
    mean_y = weights @ (response * solved) / total
    sxx = (weights * x**2) @ solved / total - mean_x**2
    sxy = (weights * x) @ (response * solved) / total - mean_x * mean_y
    # runs of equal compute, or one that has all the weight, leave no slope to learn
    slope = np.where(sxx > 1e-9, sxy / np.maximum(sxx, 1e-9), 0.0)
    return mean_y - slope * mean_x, slope


def fit_items(evals: xr.Dataset, min_trials: int, draws: int, random_seed: int) -> FittedItems:
    """Every item's line, of the ladder's final checkpoints.

    Parameters
    ----------
    min_trials
        Median trials an item below which its rates are noise: the benchmark gets no forecast.
    """
    ladder = select_runs(evals, "ladder")
    reference = compute_reference(ladder, COMPUTE_SCALE)
    log_compute = np.log(ladder["flops"].values / reference["compute"])
    rng = np.random.default_rng(random_seed)
    curves, missing = {}, {}
    for name, positions in positions_of_benchmarks(evals).items():
        items = ladder.isel({ITEM: positions})
        missing[name] = explain_items(items, min_trials)
        if not missing[name]:
            curves[name] = make_item_curves(items, log_compute, draws, rng)
    return FittedItems(curves, missing, reference, draws)


def explain_items(items: xr.Dataset, min_trials: int) -> str:
    """Why a benchmark's items cannot be forecast; empty where they can."""
    trials = items[N_TRIALS].values
    n_runs = int((trials > 0).any(axis=1).sum())
    median = float(np.median(trials[trials > 0])) if n_runs else 0.0
    if n_runs <= N_PARAMETERS:
        return f"{n_runs} scored runs are too few for lines of {N_PARAMETERS} parameters"
    if median < min_trials:
        return f"{median:g} trials an item give no pass rates; {min_trials} are asked for"
    return ""


def make_item_curves(
    items: xr.Dataset, log_compute: Array, draws: int, rng: np.random.Generator
) -> ItemCurves:
    """One benchmark's items: responses, run weights of the bootstrap, residuals of its scores."""
    trials, correct = (items[n].values.astype(float) for n in (N_TRIALS, N_CORRECT))
    kept = (trials > 0).any(axis=1)
    trials, correct, log_compute = trials[kept], correct[kept], log_compute[kept]
    rate = correct / np.maximum(trials, 1.0)
    solved = correct > 0
    capped = np.clip(rate, TINY, 1 - 0.5 / np.maximum(trials, 1.0))
    response = np.where(solved, np.log(-np.log(capped)), 0.0)
    lined = solved.sum(axis=0) >= N_PARAMETERS
    mean_rate = correct.sum(axis=0) / np.maximum(trials.sum(axis=0), 1.0)
    weights = items["n_questions"].values.astype(float)
    curves = ItemCurves(
        log_compute=log_compute,
        response=response,
        solved=solved,
        constant=np.where(lined, 0.0, mean_rate),
        weights=weights / weights.sum(),
        run_weights=rng.dirichlet(np.ones(len(log_compute)), draws),
        residuals=np.zeros(1),
    )
    if draws == 0:  # the estimate itself: all runs count the same, nothing departs from it
        return replace(curves, run_weights=np.full((1, len(log_compute)), 1 / len(log_compute)))
    return with_residuals(curves, rate, trials > 0)


def with_residuals(curves: ItemCurves, rate: Array, tried: Array) -> ItemCurves:
    """Add how far the ladder's scores lie from the mean of their items' curves, as angles."""
    n = len(curves.log_compute)
    share = tried * curves.weights
    observed = (share * rate).sum(axis=1) / share.sum(axis=1)
    fitted = curves.score(np.full((1, n), 1 / n), curves.log_compute)[0]
    residuals = to_angle(observed) - to_angle(fitted)
    residuals = (residuals - residuals.mean()) * np.sqrt(n / (n - N_PARAMETERS))
    return replace(curves, residuals=residuals)


def draw_items(
    fitted: FittedItems, targets: xr.Dataset, random_seed: int
) -> dict[str, np.ndarray[Any, Any]]:
    """One new run's score for every replicate: benchmark -> (draw, target)."""
    rng = np.random.default_rng(random_seed)
    x = log_scale_of_targets(targets, fitted.reference)[0]
    draws: dict[str, Array] = {}
    for name in fitted.missing:
        if name not in fitted.curves:
            draws[name] = np.full((max(fitted.draws, 1), targets.sizes[TARGET]), np.nan)
            continue
        curves = fitted.curves[name]
        n_blocks = -(-len(curves.run_weights) * len(curves.weights) // BLOCK)
        blocks = np.array_split(curves.run_weights, n_blocks)
        rates = np.concatenate([curves.score(block, x) for block in blocks])
        residual = rng.choice(curves.residuals, len(rates))[:, None]
        draws[name] = shift_rate(rates, residual)
    return draws
