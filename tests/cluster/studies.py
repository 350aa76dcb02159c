"""Small simulated studies for the tests of this folder."""

import numpy as np
import xarray as xr


def random_pass_rates(
    rng: np.random.Generator, n_items: int, n_llms: int = 8, n_trials: int = 100
) -> np.ndarray:
    """Pass rates (n_items, n_llms) of logistic item curves, a tenth repeated, none all zero."""
    skill = np.sort(rng.uniform(-3, 3, n_llms)) + rng.normal(0, 0.1, n_llms)
    difficulty = rng.normal(0.5, 2.0, (2 * n_items, 1))
    slope = rng.lognormal(0, 0.4, (2 * n_items, 1))
    ceiling = rng.beta(12, 1, (2 * n_items, 1))
    p = ceiling / (1 + np.exp(-slope * (skill - difficulty)))
    rates = rng.binomial(n_trials, p) / n_trials
    rates = rates[rates.any(axis=1)][:n_items]
    copies, originals = rng.integers(0, len(rates), (2, n_items // 10))
    rates[copies] = rates[originals]
    return rates


def make_evals(rates: np.ndarray, n_trials: int = 100, benchmark: str = "sums") -> xr.Dataset:
    """Evaluation data of one benchmark whose pass rates are ``rates``, shape (item, llm)."""
    n_items, n_llms = rates.shape
    llms = [f"m{i}" for i in range(n_llms)]
    n_correct = np.rint(rates.T * n_trials).astype(np.uint32)
    return xr.Dataset(
        {
            "n_trials": (("llm", "item"), np.full((n_llms, n_items), n_trials, np.uint32)),
            "n_correct": (("llm", "item"), n_correct),
        },
        coords={
            "llm": llms,
            "flops": ("llm", 1e18 * 4.0 ** np.arange(n_llms)),
            "run": ("llm", llms),
            "checkpoint": ("llm", np.zeros(n_llms, dtype=int)),
            "role": ("llm", ["ladder"] * n_llms),
            "item": [f"{benchmark}/{i}" for i in range(n_items)],
            "benchmark": ("item", [benchmark] * n_items),
        },
    )


def join_benchmarks(*parts: xr.Dataset) -> xr.Dataset:
    """One study of several benchmarks on the same llms."""
    return xr.concat(parts, dim="item", data_vars="minimal", coords="minimal", compat="override")
