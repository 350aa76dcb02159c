"""The fitted law along a run: its logit score at a share of the run's own training.

Where the law stands in compute, a share ``t`` of training means a ``t``-th of the run's compute;
where it stands in parameters and tokens, the same parameters and a ``t``-th of the tokens. What
that share is really worth is not the law's to say: see :mod:`cod_bayes.monitor.structure`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from cod_bayes.errors import DataError
from cod_bayes.fitted import FittedModel
from cod_bayes.monitor.checkpoints import Checkpoints, Floats
from cod_bayes.prediction import predict
from cod_bayes.schema import BENCHMARK

# Points of a path, evenly spread in log share; a run's scores bend little between two of them.
N_GRID = 25
# How far a path goes down, as a power of the smallest share: tokens may be worth more than compute.
REACH = 1.6


@dataclass(frozen=True)
class LawPath:
    """Expected logit scores along one run.

    log_share
        Natural log of the share of training, ascending to 0, (grid,).
    draws
        Logit of the expected score, (draw, benchmark, grid).
    luck
        How a finished run's logit scatters about the law, (benchmark, benchmark).
    """

    log_share: Floats
    draws: Floats
    luck: Floats

    @cached_property
    def mean(self) -> Floats:
        """Posterior mean of the logit, (benchmark, grid)."""
        mean: Floats = self.draws.mean(axis=0)
        return mean

    @cached_property
    def rate(self) -> Floats:
        """Rise of the mean logit per nat, (benchmark, grid)."""
        rate: Floats = np.gradient(self.mean, self.log_share, axis=1)
        return rate


def trace_law(
    fitted: FittedModel, runs: Sequence[Checkpoints], *, force: bool = False, random_seed: int = 0
) -> list[LawPath]:
    """Follow the law along each run, for the runs' own benchmarks, in their order.

    Benchmarks must be among those that were fitted. Paths of one call share the draws of the law.
    """
    grids = [np.linspace(REACH * np.log(run.share.min()) - 0.1, 0.0, N_GRID) for run in runs]
    shares = np.exp(grids)
    flops = np.array([run.flops for run in runs])
    params = np.array([run.params for run in runs])
    tokens = np.array([run.tokens[-1] / run.share[-1] for run in runs])
    forecast = predict(
        fitted,
        flops=(flops[:, None] * shares).ravel(),
        params=np.repeat(params, N_GRID),
        tokens=(tokens[:, None] * shares).ravel(),
        explain=False,
        force=force,
        random_seed=random_seed,
    )
    predictions = forecast["predictions"].to_dataset().sel({BENCHMARK: list(runs[0].benchmarks)})
    stacked = predictions.stack(sample=("chain", "draw"), create_index=False)
    stacked = stacked.transpose("sample", BENCHMARK, "target", ...)
    expected, score = (_logit(stacked[name].values) for name in ("expected_score", "score"))
    paths = []
    for position, grid in enumerate(grids):
        own = slice(position * N_GRID, (position + 1) * N_GRID)
        luck = np.atleast_2d(np.cov((score - expected)[..., own][..., -1], rowvar=False))
        paths.append(LawPath(grid, expected[..., own], luck))
    return paths


def check_benchmarks(fitted: FittedModel, run: Checkpoints) -> None:
    """Refuse benchmarks that were not fitted.

    Raises
    ------
    DataError
        It names the first.
    """
    known = [str(name) for name in fitted.group("clusters")[BENCHMARK].values]
    unknown = [name for name in run.benchmarks if name not in known]
    if unknown:
        raise DataError(
            f"run {run.run!r} has benchmark {unknown[0]!r}, but none of that name was fitted; "
            f"there are {', '.join(known)}. Drop it: evals.sel(item=evals.benchmark != "
            f"{unknown[0]!r})"
        )


def _logit(p: Floats) -> Floats:
    inside = np.clip(p, 1e-9, 1 - 1e-9)
    logit: Floats = np.log(inside / (1 - inside))
    return logit
