"""End-to-end law: one performance-compute law on each benchmark's whole score."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.law.curves import load_curve
from cod_bayes.law.data import (
    COVARIATE,
    add_scales,
    build_rows,
    choose_scale,
    compute_reference,
    select_runs,
)
from cod_bayes.law.evaluate import log_scale_of
from cod_bayes.law.sampling import sample_law
from cod_bayes.methods.protocol import POSTERIOR, Method
from cod_bayes.propagate import Chain, draw_score
from cod_bayes.schema import CLUSTER
from cod_bayes.scores import positions_of_benchmarks


@dataclass(frozen=True)
class FittedRows:
    """Draws of a law whose rows are benchmarks, and what they are stated in."""

    posterior: xr.Dataset
    rows: xr.Dataset
    reference: dict[str, float]
    curve: str
    passed: bool


@dataclass(frozen=True)
class EndToEnd(Method[FittedRows]):
    """The law of a whole benchmark, partially pooled over benchmarks.

    ``p(C) = g + (1 - g) exp(-a C^-b - c)`` (arXiv 2502.17262, section 3, "end-to-end (exp)"), by
    default with a frailty for the items' heterogeneity, and in parameters and tokens where the
    ladder tells them apart; ``end-to-end-exp[law.curve=paper, law.scale=compute]`` is the paper's.
    """

    name: ClassVar[str] = "end-to-end-exp"

    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> FittedRows:
        return fit_rows(evals, config, random_seed)

    def _predict(self, fitted: FittedRows, targets: xr.Dataset, random_seed: int) -> xr.DataArray:
        draws = draw_rows(fitted, targets, random_seed)
        return self.label_draws(draws, POSTERIOR, passed=fitted.passed)


def with_curve(config: Config, curve: str) -> Config:
    """The configuration with another curve."""
    return replace(config, law=replace(config.law, curve=curve))


def fit_rows(evals: xr.Dataset, config: Config, random_seed: int) -> FittedRows:
    """Sample the law of all benchmarks' scores on the ladder."""
    ladder = select_runs(evals, "ladder")
    scales = choose_scale(ladder, config.law.scale)
    reference = compute_reference(ladder, scales)
    rows = build_rows(ladder, positions_of_benchmarks(evals))
    rows = add_scales(rows, ladder, scales, reference)
    tree, gate = sample_law(rows, config, random_seed=random_seed)
    posterior = tree["posterior"].to_dataset()
    return FittedRows(posterior, rows, reference, config.law.curve, bool(gate["passed"]))


def draw_rows(
    fitted: FittedRows, targets: xr.Dataset, random_seed: int
) -> dict[str, np.ndarray[Any, Any]]:
    """One new run's score for every draw: benchmark -> (draw, target)."""
    rng = np.random.default_rng(random_seed)
    values = {scale: targets[covariate].values for scale, covariate in COVARIATE.items()}
    scales = tuple(fitted.reference)
    log_scale = log_scale_of(values, fitted.reference, scales)
    draws = {}
    for name in fitted.rows[CLUSTER].values:
        n_items = float(fitted.rows["n_questions"].sel({CLUSTER: name}))
        chain = Chain(
            law=fitted.posterior.sel({CLUSTER: [name]}),
            n_questions=np.array([n_items]),
            n_items=n_items,
            log_scale=log_scale,
            curve=load_curve(fitted.curve),
        )
        draws[str(name)] = draw_score(chain, rng)
    return draws
