"""What clusterings are worth: the measures beside the final error in the COD paper's Table 3.

IAD and outlier rate say how a clustering looks, the extrapolation error (EE) how well the laws of
its predictable clusters carry to the target, before any map to the full set.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import joblib
import numpy as np
import pandas as pd

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.evaluation.results import name_part, read_part, write_part
from cod_bayes.evaluation.splits import Case
from cod_bayes.evaluation.studies import Study
from cod_bayes.methods import Variant, parse_variant
from cod_bayes.methods.cod_point import CodPoint
from cod_bayes.schema import BENCHMARK, ITEM

# Measures have parts of their own, in a folder beside those of forecasts.
CLUSTERS = "clusters"
MEASURES = ("iad", "outlier_rate", "n_clusters")


def measure_clustering(
    case: Case, variant: Variant, config: Config, *, random_seed: int = 0
) -> pd.DataFrame:
    """Measure one variant's clusters on one case (arXiv 2502.17262, Table 3).

    Parameters
    ----------
    case
        With a single target whose true score is known by item.
    variant
        Of ``cod-point``.

    Returns
    -------
    pd.DataFrame
        A row a benchmark: ``iad``, ``outlier_rate`` and ``n_clusters`` as
        :func:`cod_bayes.cluster.cluster_items` has them; ``share``, the predictable subset's of the
        items; ``ee``, the absolute error on the subset in points, NaN where there is no subset.

    Raises
    ------
    ConfigError
        If the variant is of another method.
    DataError
        If the truth is not known by item.
    """
    method = variant.method
    if not isinstance(method, CodPoint):
        raise ConfigError(
            f"clusterings are measured by cod-point's predictable subset; got {variant.label!r}"
        )
    if case.item_truth is None or case.targets.sizes["target"] != 1:
        raise DataError(
            f"case {case.name} does not know a single target's score by item; take a simulated "
            "study, such as paper-logis"
        )
    fitted = method.fit(case.evals, variant.configure(config), random_seed=random_seed)
    flops = case.targets["flops"].values
    forecasts = method.predict_subset(fitted, flops, random_seed=random_seed)
    labels = fitted.labels
    truth = case.item_truth.sel({ITEM: labels[ITEM].values}).values
    questions = case.evals["n_questions"].sel({ITEM: labels[ITEM].values}).values
    rows = []
    for name, subset in fitted.subset_of.items():
        n_items = int((labels["item_benchmark"].values == name).sum())
        row = {"case": case.name, "seed": case.seed, "method": variant.label, BENCHMARK: name}
        row |= {measure: labels[measure].sel({BENCHMARK: name}).item() for measure in MEASURES}
        row |= {"share": len(subset) / n_items, "ee": np.nan}
        if len(subset):
            true = np.average(truth[subset], weights=questions[subset])
            row["ee"] = 100 * abs(float(np.median(forecasts[name])) - true)
        rows.append(row)
    return pd.DataFrame(rows)


def measure_clusterings(
    studies: Sequence[Study],
    methods: Sequence[str],
    config: Config | None = None,
    *,
    folder: Path,
    n_jobs: int = 1,
    random_seed: int = 0,
    report: Callable[[str], None] | None = None,
) -> pd.DataFrame:
    """Measure every variant's clusters on every case; what stands in ``folder`` is not run again.

    Parameters and faults are those of :func:`cod_bayes.evaluation.backtest.backtest` and of
    :func:`measure_clustering`, whose rows are returned with the column ``study``.
    """
    config = config or Config()
    variants = [parse_variant(text) for text in methods]
    cells = [(s, c, v) for v in variants for s in studies for c in s.cases]
    parts = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(_measure_cell)(study, case, variant, config, folder, random_seed)
        for study, case, variant in cells
    )
    rows = []
    for (study, case, variant), part in zip(cells, parts, strict=True):
        rows.append(part)
        if report is not None:
            report(f"{study.name} · {case} · clusters of {variant.label}: done")
    return pd.concat(rows, ignore_index=True)


def tabulate_clusterings(measures: pd.DataFrame) -> pd.DataFrame:
    """A study's measures by method: means over benchmarks and seeds.

    Returns
    -------
    pd.DataFrame
        Rows are methods, as they come: ``iad``, ``outlier_rate``, ``n_clusters``, ``share``,
        ``ee``; ``ee_se``, over seeds; ``ee_max``, a seed's largest over benchmarks, then the mean
        over seeds; ``n`` of ``n_asked`` benchmarks that have a subset.
    """
    by_method = measures.groupby("method", sort=False)
    by_seed = measures.groupby(["method", "seed"], sort=False)["ee"]
    table = by_method[[*MEASURES, "share", "ee"]].mean()
    seed_means = by_seed.mean().groupby("method", sort=False)
    table["ee_se"] = seed_means.sem()
    table["ee_max"] = by_seed.max().groupby("method", sort=False).mean()
    table["n"] = by_method["ee"].count()
    table["n_asked"] = by_method.size()
    return table


def _measure_cell(
    study: Study, case: str, variant: Variant, config: Config, folder: Path, random_seed: int
) -> pd.DataFrame:
    part = name_part(study.name, case, study.data, variant, config, random_seed)
    done = read_part(folder / CLUSTERS, part)
    if done is not None:
        return done
    rows = measure_clustering(study.load(case), variant, config, random_seed=random_seed)
    rows.insert(0, "study", study.name)
    write_part(rows, folder / CLUSTERS, part)
    return rows
