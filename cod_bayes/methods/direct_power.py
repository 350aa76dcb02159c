"""Direct power law: the negative log of the accuracy falls as a power of scale."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import xarray as xr

from cod_bayes.config import Config
from cod_bayes.law.data import choose_scale, select_runs
from cod_bayes.methods.bootstrap import log_neg_log
from cod_bayes.methods.end_to_end import (
    FittedRows,
    fit_rows,
    make_law_curve,
    predict_either,
    with_curve,
)
from cod_bayes.methods.point_scores import FittedPoints, check_estimate, fit_scores
from cod_bayes.methods.protocol import POSTERIOR, Method

# The law without floor and ceiling: exp(-h).
CURVE = "f3"


@dataclass(frozen=True)
class DirectPower(Method[FittedRows | FittedPoints]):
    """``-log acc = A C^-alpha``, or ``A N^-alpha + B D^-beta`` (arXiv 2512.08894).

    In parameters and tokens where ``law.scale`` says so and the ladder tells them apart. There is
    no floor and no ceiling: the accuracy goes to 1, whatever chance gives.

    estimate
        ``posterior``: the hierarchical law with curve ``f3``, partially pooled over benchmarks.
        ``least-squares``: benchmark by benchmark in ``log(-log acc)``, in compute a straight line.
    draws
        Of the bootstrap.
    """

    name: ClassVar[str] = "direct-power"
    estimate: str = POSTERIOR
    draws: int = 100

    def __post_init__(self) -> None:
        check_estimate(self.name, self.estimate, self.draws)

    def _fit(
        self, evals: xr.Dataset, config: Config, random_seed: int
    ) -> FittedRows | FittedPoints:
        scales = choose_scale(select_runs(evals, "ladder"), config.law.scale)
        return fit_power(evals, config, scales, self.estimate, self.draws, random_seed)

    def _predict(
        self, fitted: FittedRows | FittedPoints, targets: xr.Dataset, random_seed: int
    ) -> xr.DataArray:
        return predict_either(self, fitted, targets, random_seed)


def fit_power(
    evals: xr.Dataset,
    config: Config,
    scales: tuple[str, ...],
    estimate: str,
    draws: int,
    random_seed: int,
) -> FittedRows | FittedPoints:
    """Fit ``exp(-sum_s a_s scale_s^-b_s)`` to every benchmark, in either form."""
    if estimate == POSTERIOR:
        return fit_rows(evals, with_curve(config, CURVE), random_seed, scales=scales)
    curve = partial(make_law_curve, curve=CURVE, n_scales=len(scales), link=log_neg_log)
    return fit_scores(evals, scales, curve, draws=draws, random_seed=random_seed)
