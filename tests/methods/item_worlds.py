"""Benchmarks of logistic items, and forecasts of them."""

import numpy as np
import xarray as xr
from invented import make_evals

from cod_bayes.methods import Method, describe_targets


def simulate(
    rng: np.random.Generator, n_items: int = 60, n_trials: int = 20, floor: float = 0.0
) -> tuple[xr.Dataset, float]:
    """Six runs, a factor 10^4 of compute in all; and the truth at 30 times the largest."""
    ease = rng.normal(1.0, 2.0, n_items)

    def rate(x: np.ndarray) -> np.ndarray:
        return floor + 0.93 * (1 - floor) / (1 + np.exp(-0.8 * (x[:, None] + ease)))

    p = rate(np.linspace(-np.log(1e4), 0, 6))
    evals = make_evals(np.full(p.shape, n_trials), rng.binomial(n_trials, p), guess_floor=floor)
    return evals, float(rate(np.log([30.0])).mean())


def target(evals: xr.Dataset) -> xr.Dataset:
    """One target of 30 times the largest run's compute."""
    largest = evals.isel(llm=[-1])
    return describe_targets(largest.assign_coords(flops=30.0 * largest["flops"]))


def draw_forecast(evals: xr.Dataset, method: Method) -> xr.DataArray:
    """Fit and predict :func:`target`."""
    return method.predict(method.fit(evals, random_seed=1), target(evals), random_seed=2)
