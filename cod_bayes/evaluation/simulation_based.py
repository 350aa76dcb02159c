"""Simulation-based calibration: are the posteriors those of their models?

Parameters and data are drawn from the prior, the model is refitted to the data, and the true value
is ranked among the posterior's draws. If model and sampler are right, every rank is uniform,
whatever the prior (Talts et al., arXiv 1804.06788). Ranks of the parameters alone cannot see a
posterior that ignores its data, so the log likelihood is ranked as well (Modrák et al.,
arXiv 2211.02383).
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from joblib import Parallel, delayed

from cod_bayes.atomic import write_whole
from cod_bayes.config import Config, SamplerConfig
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.evaluation.calibration import Band, compute_band, compute_ecdf
from cod_bayes.evaluation.densities import SAMPLE
from cod_bayes.evaluation.sbc_problems import REFIT, Problem, load_problem

LOG_LIKELIHOOD = "log_likelihood"

# A rank is one of N_RANKED + 1 = 100 places: thinned draws, as good as independent.
N_RANKED = 99

# Short, and with a gate of its own: what it asks for is that the ranked draws be independent. Most
# refits pass at once; the others are sampled twice and four times as long.
SBC_SAMPLER = SamplerConfig(
    draws=1000,
    tune=700,
    chains=2,
    cores=1,
    target_accept=0.9,
    max_attempts=3,
    max_rhat=1.05,
    min_ess=float(N_RANKED),
    max_divergent_share=0.005,
    min_ebfmi=0.2,
)
# Refits between two writes of the table: what an interruption may cost.
WRITE_EVERY = 10

ABOUT = ("passed", "rhat", "ess_bulk", "ess_tail", "divergent_share", "attempts", "seconds")


def run_sbc(
    name: str,
    n_refits: int,
    config: Config | None = None,
    folder: str | Path = ".",
    *,
    n_jobs: int = 1,
    sampler: SamplerConfig = SBC_SAMPLER,
    random_seed: int = 0,
) -> pd.DataFrame:
    """Calibrate one of our models; continue where a run in ``folder`` stopped.

    Parameters
    ----------
    name
        ``law``, ``end-to-end`` or ``mapping``; their designs are stated in
        :mod:`cod_bayes.evaluation.sbc_problems`.
    n_refits
        In all, those found in ``folder`` included.
    config
        The law's curve and priors, the map's form and priors; its sampler is not used.
    folder
        Where ``<name>.parquet`` grows.
    n_jobs
        Processes; each compiles its own graph.

    Returns
    -------
    DataFrame
        As :func:`run_problem`.

    Raises
    ------
    ConfigError
        If there is no such model.
    DataError
        If the table in ``folder`` is of another design, seed or sampler.
    """
    problem = load_problem(name, config or Config())
    path = Path(folder) / f"{name}.parquet"
    return run_problem(
        problem, n_refits, path, n_jobs=n_jobs, sampler=sampler, random_seed=random_seed
    )


def run_problem(
    problem: Problem,
    n_refits: int,
    path: Path,
    *,
    n_jobs: int = 1,
    sampler: SamplerConfig = SBC_SAMPLER,
    random_seed: int = 0,
) -> pd.DataFrame:
    """Refit until ``path`` holds ``n_refits``.

    Returns
    -------
    DataFrame
        A row a refit and quantity: ``refit``, ``quantity`` (``slope[compute, row-3]``,
        ``log_likelihood``), ``rank`` (0 to 99, draws below the truth), and of the refit the gate's
        ``passed``, ``rhat``, ``ess_bulk``, ``ess_tail``, ``divergent_share``, ``attempts``,
        ``seconds``. Refits whose gate failed are kept and marked.
    """
    if sampler.chains * sampler.draws < N_RANKED:
        raise ConfigError(
            f"the sampler gives {sampler.chains * sampler.draws} draws a refit; "
            f"{N_RANKED} are ranked. Raise sampler.draws."
        )
    design = f"{problem.describe()}; seed {random_seed}; {sampler}"
    table = _read_table(path, design)
    wanted = [i for i in range(n_refits) if i not in set(table[REFIT])]
    if not wanted:
        return table[table[REFIT] < n_refits].reset_index(drop=True)
    truths = problem.draw_truths(n_refits, random_seed)
    calls = (
        delayed(_refit)(problem, truths.isel({REFIT: i}), sampler, i, random_seed) for i in wanted
    )
    parallel = Parallel(n_jobs=n_jobs, return_as="generator_unordered")
    for batch in _batches(parallel(calls)):
        table = pd.concat([table, *batch]) if len(table) else pd.concat(batch)
        table = table.sort_values(REFIT, kind="stable", ignore_index=True)
        table.attrs["design"] = design
        path.parent.mkdir(parents=True, exist_ok=True)
        with write_whole(path) as partial:
            table.to_parquet(partial, index=False)
    return table


def rank_truth(truth: xr.Dataset, draws: xr.Dataset) -> dict[str, int]:
    """Number of draws below the truth, for every scalar that varies over draws.

    Parameters
    ----------
    truth
        True values.
    draws
        The same variables with the further dim ``sample``.

    Returns
    -------
    dict
        Label, such as ``luck_sd`` or ``slope[compute, row-3]`` -> rank; a constant (a fixed prior,
        a floor of zero) has none.
    """
    ranks = {}
    for name in draws.data_vars:
        if name not in truth:
            continue
        dims = [dim for dim in draws[name].dims if dim != SAMPLE]
        values = draws[name].transpose(SAMPLE, *dims).values
        true = truth[name].transpose(*dims).values
        labels = [[str(label) for label in draws[dim].values] for dim in dims]
        for spot, label in zip(np.ndindex(true.shape), product(*labels), strict=True):
            own = values[(slice(None), *spot)]
            if (own != own[0]).any():
                text = f"{name}[{', '.join(label)}]" if label else str(name)
                ranks[text] = int((own < true[spot]).sum())
    return ranks


def thin(posterior: xr.Dataset) -> xr.Dataset:
    """``N_RANKED`` draws at even distances, chains one after the other, dim ``sample``."""
    stacked = posterior.stack({SAMPLE: ("chain", "draw")}, create_index=False)
    spots = np.linspace(0, stacked.sizes[SAMPLE] - 1, N_RANKED).round().astype(int)
    return stacked.isel({SAMPLE: spots}).transpose(SAMPLE, ...)


def judge(table: pd.DataFrame, false_alarm: float = 0.05) -> pd.DataFrame:
    """Whether each quantity's ranks are uniform, with all refits and with those that passed.

    Parameters
    ----------
    table
        From :func:`run_sbc`.
    false_alarm
        Probability that a right posterior's ranks leave the envelope somewhere, for one quantity.
        Of many quantities about this share leaves it by chance.

    Returns
    -------
    DataFrame
        A row a quantity and selection (``refits``: "all" or "passed"): ``n``, ``mean_rank``
        (0 to 1; 0.5 expected), ``largest`` (difference of the ECDF), ``inside`` the envelope.
    """
    rows = []
    for refits, chosen in select_refits(table).items():
        for quantity, own in chosen.groupby("quantity", sort=False):
            band = rank_band(own["rank"].to_numpy(), false_alarm)
            rows.append(
                {
                    "quantity": quantity,
                    "refits": refits,
                    "n": len(own),
                    "mean_rank": float((own["rank"].mean() + 0.5) / (N_RANKED + 1)),
                    "largest": float(band.difference[np.argmax(np.abs(band.difference))]),
                    "inside": band.inside,
                }
            )
    return pd.DataFrame(rows)


def select_refits(table: pd.DataFrame) -> Mapping[str, pd.DataFrame]:
    """All refits, and those whose gate passed where some did not."""
    passed = table[table["passed"]]
    return {"all": table} if len(passed) == len(table) else {"all": table, "passed": passed}


def rank_band(ranks: np.ndarray, false_alarm: float = 0.05) -> Band:
    """ECDF of ranks minus the uniform's, and its envelope; exact for discrete ranks."""
    places = N_RANKED + 1
    levels = np.arange(1, places) / places
    return compute_band(
        compute_ecdf((ranks + 0.5) / places, levels), len(ranks), levels, false_alarm
    )


def _refit(
    problem: Problem, truth: xr.Dataset, sampler: SamplerConfig, refit: int, random_seed: int
) -> pd.DataFrame:
    """The ranks of one refit; its seed hangs on nothing but the run's and its own number."""
    seed = int(np.random.SeedSequence([random_seed, refit]).generate_state(1)[0])
    posterior, gate = problem.refit(truth, sampler, seed)
    draws = thin(posterior)
    alone = truth.expand_dims(SAMPLE)
    true = float(problem.log_likelihood(truth, alone)[0])
    density = xr.DataArray(problem.log_likelihood(truth, draws), dims=SAMPLE)
    ranks = rank_truth(
        truth.assign({LOG_LIKELIHOOD: true}), draws.assign({LOG_LIKELIHOOD: density})
    )
    gate = gate | {"seconds": gate["sampling_seconds"]}
    about: dict[str, Any] = {name: gate[name] for name in ABOUT}
    rows = {"quantity": list(ranks), "rank": list(ranks.values())}
    return pd.DataFrame({REFIT: refit, **rows, **about})


def _batches(tables: Iterable[pd.DataFrame]) -> Iterator[list[pd.DataFrame]]:
    batch = []
    for table in tables:
        batch.append(table)
        if len(batch) == WRITE_EVERY:
            yield batch
            batch = []
    if batch:
        yield batch


def _read_table(path: Path, design: str) -> pd.DataFrame:
    if not path.exists():
        return pd.DataFrame({REFIT: []}, dtype=int)
    table = pd.read_parquet(path)
    if table.attrs.get("design") != design:
        raise DataError(
            f"{path} holds refits of another design: {table.attrs.get('design')!r}, "
            f"not {design!r}. Choose another folder, or move the file away."
        )
    return table
