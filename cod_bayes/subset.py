"""Between law and mapping: which clusters make the predictable subset, and which law leads."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from cod_bayes.config import ClassConfig, Config
from cod_bayes.law.classes import classify_rows
from cod_bayes.law.curves import Curve
from cod_bayes.mapping.curves import NO_MAP
from cod_bayes.schema import BENCHMARK, CLASSES, CLUSTER, ITEM, LLM, N_CORRECT, N_TRIALS

CLUSTER_BENCHMARK = "cluster_benchmark"
EXTRAPOLATABLE, NON_EXTRAPOLATABLE, _ = CLASSES


def tabulate_clusters(
    ladder: xr.Dataset,
    labels: xr.Dataset,
    rows: Mapping[str, xr.Dataset],
    draws: Mapping[str, xr.DataTree],
    curve: Curve,
    config: ClassConfig,
    reference: dict[str, float],
) -> xr.Dataset:
    """Every cluster with its rates, the probability of each class, and whether it is used.

    Returns
    -------
    xr.Dataset
        Dim cluster ("benchmark/label"): ``n_items``, ``in_subset``, ``chosen_class``; dims
        (cluster, llm): ``mean_rate``; (cluster, class): ``probability``.
    """
    tables = []
    for name, data in rows.items():
        flat = data["flat"].values
        probability = xr.DataArray(
            np.zeros((data.sizes[CLUSTER], len(CLASSES))),
            dims=(CLUSTER, "class"),
            coords={CLUSTER: data[CLUSTER].values, "class": list(CLASSES)},
        )
        probability[flat, CLASSES.index(NON_EXTRAPOLATABLE)] = 1.0
        if not flat.all():
            judged = classify_rows(_posterior(draws[f"law/{name}"]), curve, config, reference)
            probability[~flat] = judged.values
        agreed = probability.sel({"class": EXTRAPOLATABLE}, drop=True) >= config.min_probability
        chosen = np.array(CLASSES)[probability.argmax("class").values]
        tables.append(
            xr.Dataset(
                {
                    "n_items": data["n_questions"].astype(int),
                    "mean_rate": data[N_CORRECT] / data[N_TRIALS].where(data[N_TRIALS] > 0),
                    "probability": probability,
                    "chosen_class": (CLUSTER, chosen),
                    "in_subset": agreed,
                },
                coords={CLUSTER_BENCHMARK: (CLUSTER, [name] * data.sizes[CLUSTER])},
            )
        )
    if tables:
        return xr.concat(tables, dim=CLUSTER)
    return _empty_table(ladder)


def _empty_table(ladder: xr.Dataset) -> xr.Dataset:
    none = np.array([], dtype=str)
    return xr.Dataset(
        {
            "n_items": (CLUSTER, np.array([], dtype=int)),
            "mean_rate": ((CLUSTER, LLM), np.empty((0, ladder.sizes[LLM]))),
            "probability": ((CLUSTER, "class"), np.empty((0, len(CLASSES)))),
            "chosen_class": (CLUSTER, none),
            "in_subset": (CLUSTER, np.array([], dtype=bool)),
        },
        coords={
            CLUSTER: none,
            CLUSTER_BENCHMARK: (CLUSTER, none),
            LLM: ladder[LLM].values,
            "class": list(CLASSES),
        },
    )


# Why the end-to-end law leads where nothing is wrong with COD.
AS_ASKED = "it was asked for (forecast.lead)"


def choose_headline(
    evals: xr.Dataset, labels: xr.Dataset, table: xr.Dataset, config: Config
) -> xr.Dataset:
    """Say for every benchmark whether COD leads, the end-to-end law, or the pool, and why.

    COD leads where ``forecast.lead`` asks for it and its subset is large enough; the pool where it
    is asked for and COD has a forecast at all.

    Adds to ``labels``: ``share_in_subset``, ``has_subset`` (a COD forecast exists), ``headline``
    and ``headline_reason``, all over benchmark.
    """
    whole = config.mapping.form == NO_MAP
    columns: dict[str, list[object]] = {
        name: [] for name in ("share_in_subset", "has_subset", "headline", "headline_reason")
    }
    for name in labels[BENCHMARK].values:
        of_benchmark = evals[BENCHMARK].values == name
        rows = table.isel({CLUSTER: np.flatnonzero(table[CLUSTER_BENCHMARK].values == name)})
        used = rows["in_subset"].values | whole
        share = float(rows["n_items"].values[used].sum() / of_benchmark.sum())
        reason = _why_not_cod(rows, int(used.sum()), share, evals, of_benchmark, config)
        lead, why = _choose(config.forecast.lead, bool(used.any()), reason)
        columns["share_in_subset"].append(share)
        columns["has_subset"].append(bool(used.any()))
        columns["headline"].append(lead)
        columns["headline_reason"].append(why)
    return labels.assign({key: (BENCHMARK, value) for key, value in columns.items()})


def _choose(wanted: str, has_subset: bool, fault: str) -> tuple[str, str]:
    """What leads, and why; ``fault`` says what COD alone would stand on, empty if well enough."""
    if wanted == "pool" and has_subset:
        return "pool", "both forecasters have a forecast"
    if wanted == "cod" and not fault:
        return "cod", "the predictable subset is large enough"
    return "end-to-end", fault or AS_ASKED


def _why_not_cod(
    rows: xr.Dataset,
    n_used: int,
    share: float,
    evals: xr.Dataset,
    of_benchmark: np.ndarray,
    config: Config,
) -> str:
    """The reason why the end-to-end law stands in; empty where COD holds."""
    items = evals.isel({ITEM: np.flatnonzero(of_benchmark)})
    trials = items[N_TRIALS].values
    if items.sizes[ITEM] == 1:
        return "there are no items, only the benchmark's score"
    if np.median(trials[trials > 0]) < config.cluster.min_trials:
        return f"fewer than {config.cluster.min_trials} trials an item: clusters would be noise"
    if not rows.sizes[CLUSTER]:
        return f"fewer than {config.mapping.min_clusters} difficulty clusters were found"
    if n_used < config.mapping.min_clusters:
        return f"only {n_used} of {rows.sizes[CLUSTER]} clusters are extrapolatable"
    if share < config.mapping.min_share:
        return f"only {share:.0%} of the items lie in extrapolatable clusters"
    return ""


def join_laws(draws: Mapping[str, xr.DataTree]) -> xr.DataTree:
    """Put the laws of all benchmarks into one tree, chains and draws aligned.

    Rows keep their cluster; what a benchmark's rows share gains the dim ``benchmark``. Benchmarks
    are independent posteriors: draw for draw they share nothing.
    """
    names = [name.removeprefix("law/") for name in draws]
    rows, shared = [], []
    for tree in draws.values():
        posterior = _posterior(tree)
        # The labels name the benchmark; a second coordinate of the rows az.summary would refuse.
        of_rows = [n for n in posterior if CLUSTER in posterior[n].dims]
        rows.append(posterior[of_rows])
        shared.append(posterior.drop_vars([*of_rows, CLUSTER]))
    stats = [tree["sample_stats"].to_dataset() for tree in draws.values()]
    benchmark = {BENCHMARK: names}
    joined = xr.concat(shared, dim=BENCHMARK).assign_coords(benchmark)
    return xr.DataTree.from_dict(
        {
            "posterior": joined.assign(xr.concat(rows, dim=CLUSTER)),
            "sample_stats": xr.concat(stats, dim=BENCHMARK).assign_coords(benchmark),
        }
    )


def _posterior(tree: xr.DataTree) -> xr.Dataset:
    return tree["posterior"].to_dataset()
