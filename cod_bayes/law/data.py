"""From items to rows: the pooled counts that a law is fitted to.

A *row* is a difficulty cluster of one benchmark, or a whole benchmark (the end-to-end law): the
model is the same, so one compiled graph serves both.
"""

import numpy as np
import xarray as xr

from cod_bayes.errors import DataError
from cod_bayes.schema import CLUSTER, ITEM, LLM, N_CORRECT, N_TRIALS

SCALE = "scale"
COMPUTE_SCALE = ("compute",)
PARAMS_TOKENS_SCALE = ("params", "tokens")
COVARIATE = {"compute": "flops", "params": "params_active", "tokens": "tokens"}

# Parameters and tokens count as told apart when the runs scatter at least this much (nats)
# across the line that fits them best: a factor 1.35 either way.
MIN_SCATTER = 0.3
MIN_RUNS_FOR_TWO_SCALES = 9


def select_runs(evals: xr.Dataset, role: str) -> xr.Dataset:
    """The final checkpoint of every run of one role, by rising compute.

    Adjacent checkpoints of a run share its weights, so they are no independent evidence for a law;
    they smooth the difficulty features instead.
    """
    chosen = evals.isel({LLM: np.flatnonzero(evals["role"].values == role)})
    last: dict[str, int] = {}
    for position, (run, checkpoint) in enumerate(
        zip(chosen["run"].values, chosen["checkpoint"].values, strict=True)
    ):
        if run not in last or checkpoint > chosen["checkpoint"].values[last[run]]:
            last[run] = position
    final = chosen.isel({LLM: sorted(last.values())})
    return final.isel({LLM: np.argsort(final["flops"].values, kind="stable")})


def choose_scale(evals: xr.Dataset, wanted: str = "auto") -> tuple[str, ...]:
    """Compute alone, or parameters and tokens where the runs tell them apart.

    Raises
    ------
    DataError
        If parameters and tokens are wanted but the ladder lies on one line.
    """
    if wanted == "compute":
        return COMPUTE_SCALE
    scatter = compute_scatter(evals)
    identified = evals.sizes[LLM] >= MIN_RUNS_FOR_TWO_SCALES and scatter >= MIN_SCATTER
    if wanted == "params-tokens" and not identified:
        raise DataError(
            "the ladder cannot tell parameters from tokens: its "
            f"{evals.sizes[LLM]} runs scatter {scatter:.2f} nats about one line in "
            f"(ln params, ln tokens); at least {MIN_RUNS_FOR_TWO_SCALES} runs and {MIN_SCATTER} "
            'nats are needed. Set law.scale = "compute", or add runs off that line.'
        )
    return PARAMS_TOKENS_SCALE if identified else COMPUTE_SCALE


def compute_scatter(evals: xr.Dataset) -> float:
    """Root-mean-square distance of (ln params, ln tokens) from their best line, in nats."""
    points = np.log([evals["params_active"].values, evals["tokens"].values])
    if not np.isfinite(points).all() or points.shape[1] < 2:
        return 0.0
    smaller = np.linalg.eigvalsh(np.cov(points))[0]
    return float(np.sqrt(max(smaller, 0.0)))


def compute_reference(evals: xr.Dataset, scales: tuple[str, ...]) -> dict[str, float]:
    """The largest ladder run's covariates, at which log-hazards are stated."""
    largest = int(np.argmax(evals["flops"].values))
    return {scale: float(evals[COVARIATE[scale]].values[largest]) for scale in scales}


def pool_items(evals: xr.Dataset) -> xr.Dataset:
    """Pool all items of ``evals`` into one row: every item weighs the same, whatever its trials.

    The rate is the mean of the items' rates; the trials are those of a binomial with the variance
    of that mean, ``n^2 / sum_i 1/T_i``, which is the plain sum where all items have equal trials.

    Returns
    -------
    xr.Dataset
        ``n_trials`` and ``n_correct`` with dim (llm,), scalars ``n_questions`` and ``guess_floor``.
    """
    trials = evals[N_TRIALS].values.astype(float)
    tried = trials > 0
    questions = np.broadcast_to(evals["n_questions"].values.astype(float), trials.shape)
    weight = np.where(tried, questions, 0.0)
    total = weight.sum(axis=1)
    share = weight / np.maximum(total, 1.0)[:, None]
    rate = evals[N_CORRECT].values / np.maximum(trials, 1.0)
    mean_rate = (share * rate).sum(axis=1)
    variance_per_pq = (share**2 / np.maximum(trials, 1.0)).sum(axis=1)
    effective = np.where(total > 0, 1.0 / np.maximum(variance_per_pq, 1e-300), 0.0)
    n_trials = np.rint(effective).astype(np.int64)
    weights = questions[0] if len(questions) else evals["n_questions"].values.astype(float)
    return xr.Dataset(
        {
            N_TRIALS: (LLM, n_trials),
            N_CORRECT: (LLM, np.rint(mean_rate * n_trials).astype(np.int64)),
            "n_questions": float(evals["n_questions"].sum()),
            # zero without items: a subset may hold the whole benchmark and leave no rest
            "guess_floor": float(evals["guess_floor"].values @ weights / max(weights.sum(), 1.0)),
        },
        coords={LLM: evals[LLM].values},
    )


def build_rows(evals: xr.Dataset, groups: dict[str, np.ndarray]) -> xr.Dataset:
    """Stack pooled groups of items into the rows that :func:`build_law` is fitted to.

    Parameters
    ----------
    evals
        Final ladder runs, dims (llm, item).
    groups
        Row label -> positions of its items. Rows count as ``mixed``, of items easy and hard, until
        the caller says that they are clusters of like difficulty.
    """
    rows = [pool_items(evals.isel({ITEM: positions})) for positions in groups.values()]
    data = xr.concat(rows, dim=CLUSTER) if rows else xr.Dataset()
    every = (CLUSTER, np.ones(len(groups), dtype=bool))
    return data.assign_coords({CLUSTER: list(groups)}).assign(used=every, mixed=every)


def add_scales(
    data: xr.Dataset, evals: xr.Dataset, scales: tuple[str, ...], reference: dict[str, float]
) -> xr.Dataset:
    """Add ``log_scale`` (scale, llm): each run's covariates relative to the reference, in nats."""
    logs = [np.log(evals[COVARIATE[scale]].values / reference[scale]) for scale in scales]
    return data.assign(log_scale=((SCALE, LLM), np.array(logs))).assign_coords(
        {SCALE: list(scales)}
    )


def pad_rows(data: xr.Dataset, n_rows: int) -> xr.Dataset:
    """Add rows without trials, so that fits of different sizes share one compiled graph.

    A row without trials changes no log density, and its own parameters follow a standard prior.
    """
    missing = n_rows - data.sizes[CLUSTER]
    labels = [*data[CLUSTER].values, *(f"padding-{i}" for i in range(missing))]
    counts = {N_TRIALS: 0, N_CORRECT: 0, "n_questions": 1.0}
    fill = {**counts, "guess_floor": 0.0, "used": False, "mixed": False}
    padded = data.drop_vars(CLUSTER).pad({CLUSTER: (0, missing)}, constant_values=fill)
    types = {name: data[name].dtype for name in fill}
    return padded.astype({**{n: padded[n].dtype for n in padded}, **types}).assign_coords(
        {CLUSTER: labels}
    )


def pad_llms(data: xr.Dataset, n_llms: int) -> xr.Dataset:
    """Add models that tried nothing, so that ladders of different length share a compiled graph.

    They change no log density, and their own luck follows a standard prior.
    """
    missing = n_llms - data.sizes[LLM]
    labels = [*data[LLM].values, *(f"padding-{i}" for i in range(missing))]
    padded = data.drop_vars(LLM).pad({LLM: (0, missing)}, constant_values=0)
    types = {name: data[name].dtype for name in data}
    return padded.astype(types).assign_coords({LLM: labels})
