"""Last value: the target will score what the largest small model does.

The forecast to beat. Its draws let the score wander as the ladder's own steps did: not at all
where the ladder is flat, upwards or downwards by a step where it moves.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.methods.protocol import RESIDUAL_BOOTSTRAP, Method, require
from cod_bayes.schema import BENCHMARK, LLM, N_CORRECT, N_TRIALS
from cod_bayes.scores import tabulate_scores


@dataclass(frozen=True)
class LastValue(Method[xr.Dataset]):
    """The largest small model's score.

    The residual bootstrap resamples, on the logit, the ladder's steps from each run to the next
    larger one, with either sign: the errors that this forecast would have made on the ladder. It
    does not grow with the distance to the target, as the method knows of none.

    draws
        Of the bootstrap.
    """

    name: ClassVar[str] = "last-value"
    draws: int = 2000

    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> xr.Dataset:
        scores = tabulate_scores(evals)
        ladder = scores.isel({LLM: np.flatnonzero(scores["role"].values == "ladder")})
        require(ladder.sizes[LLM] >= 2, self.name, "two ladder runs or more", "add runs")
        return ladder

    def _predict(self, fitted: xr.Dataset, targets: xr.Dataset, random_seed: int) -> xr.DataArray:
        rng = np.random.default_rng(random_seed)
        draws = {}
        for name in fitted[BENCHMARK].values:
            scores = fitted.sel({BENCHMARK: name})
            tried = scores[N_TRIALS].values > 0
            correct, trials = (scores[n].values[tried] for n in (N_CORRECT, N_TRIALS))
            logit = np.log((correct + 0.5) / (trials - correct + 0.5))
            shape = (self.draws, targets.sizes["target"])
            steps = rng.choice(np.diff(logit), shape) * rng.choice([-1.0, 1.0], shape)
            draws[str(name)] = 1 / (1 + np.exp(-(logit[-1] + steps)))
        return self.label_draws(draws, RESIDUAL_BOOTSTRAP)
