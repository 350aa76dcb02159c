"""Last value: the target will score what the largest small model does.

The forecast to beat. Its draws let the score wander as far as it does from one run of the ladder to
the next: hardly where the ladder is flat, widely where it moves.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.methods.protocol import PARAMETRIC_BOOTSTRAP, Method, require
from cod_bayes.schema import BENCHMARK, LLM, N_CORRECT, N_TRIALS
from cod_bayes.scores import tabulate_scores


@dataclass(frozen=True)
class LastValue(Method[xr.Dataset]):
    """The largest small model's score.

    Draws are normal on the logit about that score; their sd is the root mean square of the ladder's
    steps from each run to the next larger one: the errors that this forecast would have made on the
    ladder. They do not widen with the distance to the target, as the method knows of none.

    draws
        How many.
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
            step = np.sqrt(np.mean(np.diff(logit) ** 2))
            drawn = logit[-1] + step * rng.standard_normal(shape)
            draws[str(name)] = 1 / (1 + np.exp(-drawn))
        return self.label_draws(draws, PARAMETRIC_BOOTSTRAP)
