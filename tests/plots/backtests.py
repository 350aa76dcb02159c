"""Invented tables of backtests, in the package's format, whose calibration is known."""

import numpy as np
import pandas as pd
from scipy import stats

from cod_bayes.evaluation.scores import score_forecast

LEVELS = (np.arange(200) + 0.5) / 200


def invent_results(
    rng: np.random.Generator,
    methods: dict[str, tuple[float, float]],
    *,
    studies: tuple[str, ...] = ("ladder",),
    n_seeds: int = 4,
    n_benchmarks: int = 3,
    decades: tuple[float, ...] = (0.5, 1.0, 1.5),
    seed_share: float = 0.3,
) -> pd.DataFrame:
    """Forecasts normal on the logit, of truths that differ from them by luck.

    methods
        Name -> (sd of its errors at one decade, logit; sd it claims as a multiple of that). A
        multiple of 1 is calibrated.
    seed_share
        Of the errors' variance that all benchmarks of a seed share.
    """
    rows = []
    for study in studies:
        for seed in range(n_seeds if study != "one-seed" else 1):
            for distance in decades:
                for name, (sd, claimed) in methods.items():
                    own_sd = sd * (0.4 + 0.6 * distance)
                    shared = np.sqrt(seed_share) * rng.normal()
                    for b in range(n_benchmarks):
                        centre = 1.5 * np.sin(b)
                        error = own_sd * (shared + np.sqrt(1 - seed_share) * rng.normal())
                        quantiles = 1 / (
                            1 + np.exp(-stats.norm.ppf(LEVELS, centre, own_sd * claimed))
                        )
                        truth = 1 / (1 + np.exp(-(centre + error)))
                        rows.append(
                            {
                                "study": study,
                                "case": f"{distance:g} decades",
                                "seed": seed,
                                "method": name,
                                "benchmark": f"B{b}",
                                "target": "0",
                                "decades": distance,
                                "truth": truth,
                                "passed": True,
                                "reason": "",
                                "quantiles": quantiles,
                                **score_forecast(quantiles, truth),
                            }
                        )
    return pd.DataFrame(rows)


def withhold(results: pd.DataFrame, rows: np.ndarray | pd.Series) -> pd.DataFrame:
    """The same table, in which no forecast was made in some rows."""
    table = results.copy()
    scores = table.select_dtypes(float).columns.difference(["decades", "truth"])
    table.loc[rows, scores] = np.nan
    table.loc[rows, "reason"] = "no items"
    table["quantiles"] = [
        None if hidden else own for own, hidden in zip(table["quantiles"], rows, strict=True)
    ]
    return table
