"""Compile a model once, sample it for as many data sets as there are."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import xarray as xr

from cod_bayes.config import SamplerConfig

if TYPE_CHECKING:
    import pymc as pm

Progress = Callable[[float], None]
Adaptation = Literal["diag", "low_rank"]


@dataclass(frozen=True)
class Compiled:
    """A compiled model whose data can be swapped, how it adapts, and the seconds it took."""

    program: Any
    adaptation: Adaptation
    seconds: float


def compile_model(model: "pm.Model", adaptation: Adaptation = "diag") -> Compiled:
    """Compile ``model`` for nutpie (Numba back end); graphs compiled before come from a cache.

    Parameters
    ----------
    model
        All of its free variables must be continuous.
    adaptation
        The mass matrix: ``diag``, or ``low_rank`` for few strong correlations, which takes a third
        of the leapfrog steps where parameters trade off, and is slow with hundreds of them.
    """
    import nutpie

    start = time.perf_counter()
    program = nutpie.compile_pymc_model(model)
    return Compiled(program, adaptation, time.perf_counter() - start)


def sample(
    compiled: Compiled,
    config: SamplerConfig,
    *,
    random_seed: int,
    data: Mapping[str, np.ndarray] | None = None,
    progress: Progress | None = None,
) -> xr.DataTree:
    """Sample a posterior with the No-U-Turn sampler.

    Parameters
    ----------
    compiled
        From :func:`compile_model`.
    config
        Draws, chains, cores, target acceptance.
    random_seed
        Equal seeds give equal draws on one machine with one compile cache.
    data
        Values for the model's ``pm.Data``, replacing those it was built with; shapes must agree.
    progress
        Called now and then, from another thread, with the share done.

    Returns
    -------
    xr.DataTree
        Groups ``posterior`` and ``sample_stats``; attribute ``sampling_seconds``.
    """
    import nutpie

    program = compiled.program.with_data(**data) if data else compiled.program
    start = time.perf_counter()
    running = nutpie.sample(
        program,
        draws=config.draws,
        tune=config.tune,
        chains=config.chains,
        cores=min(config.cores, config.chains),
        seed=random_seed,
        target_accept=config.target_accept,
        adaptation=compiled.adaptation,
        save_warmup=False,
        progress_bar=False,
        progress_callback=_report(progress) if progress else None,
        blocking=False,
    )
    try:
        tree = running.wait()
    except BaseException:
        # nutpie's own blocking call takes Ctrl-C for "enough draws" and returns what there is
        running.cancel()
        raise
    groups = {name: tree[name].to_dataset() for name in ("posterior", "sample_stats")}
    groups["sample_stats"] = groups["sample_stats"][["diverging", "energy", "n_steps", "depth"]]
    sampled: xr.DataTree = xr.DataTree.from_dict(groups)
    sampled.attrs["sampling_seconds"] = time.perf_counter() - start
    return sampled


def _report(progress: Progress) -> Callable[[Any], None]:
    def callback(chains: Any) -> None:
        done = sum(chain.finished_draws for chain in chains)
        progress(done / max(sum(chain.total_draws for chain in chains), 1))

    return callback
