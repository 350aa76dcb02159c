"""COD: difficulty clusters, a hierarchical law for each, a map to the full set (ours)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.fitted import FittedModel
from cod_bayes.fitting import fit
from cod_bayes.methods.protocol import POSTERIOR, Method
from cod_bayes.prediction import predict
from cod_bayes.schema import BENCHMARK


@dataclass(frozen=True)
class Cod(Method[FittedModel]):
    """Clustering-On-Difficulty (arXiv 2502.17262) as a hierarchical Bayesian model.

    What :func:`cod_bayes.fit` and :func:`cod_bayes.predict` do.

    lead
        ``clusters``: COD's own forecast, none where no subset is predictable; ``headline``: what
        ``predict`` leads with, the end-to-end law where the predictable subset is too small.
    """

    name: ClassVar[str] = "cod"
    lead: str = "clusters"

    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> FittedModel:
        return fit(evals, config, random_seed=random_seed)

    def _predict(self, fitted: FittedModel, targets: xr.Dataset, random_seed: int) -> xr.DataArray:
        forecast = predict(
            fitted,
            flops=targets["flops"].values,
            params=targets["params_active"].values,
            tokens=targets["tokens"].values,
            explain=False,
            force=True,
            random_seed=random_seed,
        )
        predictions = forecast["predictions"].to_dataset()
        if self.lead == "headline":
            score = predictions["score"]
        else:
            score = predictions["score_by_forecaster"].sel(forecaster="cod")
        by_chain = score.transpose("chain", "draw", BENCHMARK, "target").values
        values = by_chain.reshape(-1, *by_chain.shape[2:])
        draws = {str(n): values[:, i] for i, n in enumerate(score[BENCHMARK].values)}
        return self.label_draws(
            draws, POSTERIOR, passed=fitted.passed, notes=explain_missing(fitted, draws, forecast)
        )


def explain_missing(
    fitted: FittedModel, draws: dict[str, np.ndarray], forecast: xr.DataTree
) -> Sequence[str]:
    """Why benchmarks have no forecast, and what the forecast itself remarks."""
    clusters = fitted.group("clusters")
    reasons = clusters["headline_reason"]
    missing = [name for name, values in draws.items() if np.isnan(values).all()]
    notes = [f"{name}: {reasons.sel({BENCHMARK: name}).item()}" for name in missing]
    remarks: list[str] = json.loads(str(forecast.attrs["notes"]))
    return [*notes, *(remark for remark in remarks if "law leads" not in remark)]
