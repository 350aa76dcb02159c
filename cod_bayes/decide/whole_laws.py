"""The end-to-end law's draws at runs to be: what :mod:`cod_bayes.propagate` makes scores of."""

import numpy as np
import xarray as xr

from cod_bayes.law.curves import Curve
from cod_bayes.law.evaluate import stack_draws
from cod_bayes.propagate import Chain
from cod_bayes.schema import CLUSTER


def chain_benchmarks(
    posterior: xr.Dataset, n_questions: xr.DataArray, log_scale: np.ndarray, curve: Curve
) -> dict[str, Chain]:
    """A chain for each benchmark of a law whose rows are whole benchmarks.

    Parameters
    ----------
    posterior
        Draws, see :func:`cod_bayes.law.evaluate.evaluate_rows`.
    n_questions
        Dim cluster: questions of each benchmark.
    log_scale
        Targets' covariates, nats from the law's reference, shape (scale, target).
    """
    draws = stack_draws(posterior)
    return {
        str(name): Chain(
            law=draws.sel({CLUSTER: [name]}),
            n_questions=np.array([float(n_questions.sel({CLUSTER: name}))]),
            n_items=float(n_questions.sel({CLUSTER: name})),
            log_scale=log_scale,
            curve=curve,
        )
        for name in n_questions[CLUSTER].values
    }
