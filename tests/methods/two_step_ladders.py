"""Ladders whose losses and scores follow known laws, for tests of two-step methods."""

import numpy as np
import xarray as xr
from invented import make_evals

TRIALS = 10**7  # so many that rounding to counts is of no account
PARAMS = np.array([2e8, 4e8, 8e8, 1.3e9])
RATIOS = np.array([20.0, 40.0, 100.0, 200.0])

# benchmark -> A/N^alpha and B/D^beta at N = 1e9, D = 1e11, their exponents, E (bits per byte)
LAWS = {"EASY": (0.2, 0.1, 0.35, 0.3, 0.4), "HARD": (0.3, 0.2, 0.25, 0.4, 0.6)}
# benchmark -> a, L0, k, b of acc = a / (1 + exp(-k (L - L0))) + b
CURVES = {"EASY": (-0.7, 0.8, 6.0, 0.97), "HARD": (-0.7, 1.0, 5.0, 0.95)}


def task_loss(name, params, tokens):
    a, b, alpha, beta, irreducible = LAWS[name]
    return a * (params / 1e9) ** -alpha + b * (tokens / 1e11) ** -beta + irreducible


def sigmoid_score(name, loss):
    a, midpoint, steepness, top = CURVES[name]
    return a / (1 + np.exp(-steepness * (loss - midpoint))) + top


def make_ladder(rng=None, *, noise=0.0, shares=(0.25, 0.5, 0.75, 1.0), score=sigmoid_score):
    """Sixteen runs, a checkpoint at each share of a run's tokens, two benchmarks of one item."""
    params, ratios, share = (
        grid.ravel() for grid in np.meshgrid(PARAMS, RATIOS, np.array(shares), indexing="ij")
    )
    tokens = ratios * params * share
    names = list(LAWS)
    loss = np.stack([task_loss(name, params, tokens) for name in names], axis=1)
    if noise:
        loss = loss * np.exp(noise * rng.standard_normal(loss.shape))
    correct = np.stack([score(n, loss[:, i]) for i, n in enumerate(names)], axis=1)
    n = len(params)
    evals = make_evals(np.full((n, 2), TRIALS), np.rint(TRIALS * correct), guess_floor=0.25)
    runs = [f"{p:.2g}-{r:g}" for p, r in zip(params, ratios, strict=True)]
    domain = 2.0 * (6 * params * tokens / 1e21) ** -0.05
    evals = evals.assign(
        gold_nll=(("llm", "item"), loss),
        loss=(("llm", "loss_domain"), np.stack([domain, 1.1 * domain], axis=1)),
    )
    return evals.assign_coords(
        llm=[f"{run}-{s:g}" for run, s in zip(runs, share, strict=True)],
        params_total=("llm", params),
        params_active=("llm", params),
        tokens=("llm", tokens),
        flops=("llm", 6 * params * tokens),
        run=("llm", runs),
        checkpoint=("llm", np.tile(np.arange(len(shares)), 16)),
        item=[f"{name}/score" for name in names],
        item_id=("item", ["score", "score"]),
        benchmark=("item", names),
        n_questions=("item", [TRIALS, TRIALS]),
        loss_domain=["overall", "code"],
    )


def make_targets(params=7e9, tokens=4e12):
    return xr.Dataset(
        {
            "flops": ("target", [6 * params * tokens]),
            "params_active": ("target", [params]),
            "tokens": ("target", [tokens]),
        }
    )
