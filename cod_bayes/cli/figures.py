"""Figures of a fitted model, by kind, with the names of their files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING

from cod_bayes.errors import DataError
from cod_bayes.schema import BENCHMARK, LLM

if TYPE_CHECKING:
    import numpy as np
    import xarray as xr
    from matplotlib.figure import Figure

    from cod_bayes.fitted import FittedModel

# Targets of a fan chart: enough for a smooth band.
_N_POINTS = 25


class Kind(StrEnum):
    """Kinds of figures; the last three are counterparts of the paper's Figures A1, 3 and 1."""

    FORECAST = "forecast"
    CLUSTERS = "clusters"
    MAPPING = "mapping"
    DIFFICULTY = "difficulty"
    INTERPOLATION = "interpolation"
    ALGORITHMS = "algorithms"
    LOSS = "loss"


# Kinds that draw a figure a benchmark, and kinds that show items or losses, which a model has not.
BY_BENCHMARK = (Kind.CLUSTERS, Kind.DIFFICULTY, Kind.INTERPOLATION, Kind.ALGORITHMS)
FROM_EVALS = (Kind.DIFFICULTY, Kind.ALGORITHMS, Kind.LOSS)


def draw_forecast(
    fitted: "FittedModel",
    target: Mapping[str, float],
    *,
    evals: "xr.Dataset | None" = None,
    truth: "xr.Dataset | None" = None,
    benchmarks: Sequence[str] | None = None,
    force: bool = False,
    random_seed: int = 0,
) -> "Figure":
    """Draw the fan chart from the smallest small model up to the target."""
    from cod_bayes import plots
    from cod_bayes.prediction import predict

    path = _path_to(fitted, target)
    forecast = predict(
        fitted,
        flops=path.get("flops"),
        params=path.get("params"),
        tokens=path.get("tokens"),
        explain=False,
        force=force,
        random_seed=random_seed,
    )
    return plots.forecast(forecast, evals, truth, benchmarks=benchmarks)


def draw_others(
    kind: Kind,
    fitted: "FittedModel",
    evals: "xr.Dataset | None" = None,
    benchmarks: Sequence[str] | None = None,
) -> Iterator[tuple[str, "Figure"]]:
    """Draw a kind that needs no target; yield names of files, without suffix, and figures."""
    from cod_bayes import plots

    if kind is Kind.MAPPING:
        yield kind.value, plots.mapping(fitted, benchmarks)
        return
    if kind is Kind.LOSS and evals is not None:
        yield kind.value, plots.score_by_loss(evals, benchmarks)
        return
    for name in benchmarks or _names(fitted, kind):
        if kind is Kind.CLUSTERS:
            yield _file_name(kind, name), plots.clusters(fitted, name)
        elif kind is Kind.INTERPOLATION:
            yield _file_name(kind, name), plots.mapping_by_interpolation(fitted, name)
        elif evals is not None and kind is Kind.ALGORITHMS:
            yield _file_name(kind, name), plots.difficulty_by_algorithm(evals, name)
        elif evals is not None:
            yield _file_name(kind, name), plots.difficulty(evals, fitted, benchmark=name)


def drawable(kind: Kind, fitted: "FittedModel") -> bool:
    """Whether the model has what a kind of figure shows: some have no clusters, or no map."""
    if kind is Kind.MAPPING:
        return "mapping" in fitted.tree.children
    if kind is Kind.CLUSTERS:
        return bool(fitted.tree["cluster_table"].sizes.get("cluster", 0))
    return True


def default_target(fitted: "FittedModel") -> dict[str, float]:
    """The horizon up to which clusters were judged, on the way that the ladder takes."""
    largest = _ladder(fitted).isel({LLM: -1})
    horizon = fitted.config.law.classes.horizon
    target = {"flops": float(largest["flops"]) * horizon}
    if _stands_in_params_and_tokens(fitted):
        target["params"] = float(largest["params_active"]) * horizon**0.5
        target["tokens"] = float(largest["tokens"]) * horizon**0.5
    return target


def _path_to(fitted: "FittedModel", target: Mapping[str, float]) -> dict[str, "np.ndarray"]:
    """Targets from the smallest ladder model to ``target``, evenly spaced in the logarithm."""
    import numpy as np

    smallest = _ladder(fitted).isel({LLM: 0})
    held = {"flops": "flops", "params": "params_active", "tokens": "tokens"}
    return {
        name: np.geomspace(float(smallest[held[name]]), value, _N_POINTS)
        for name, value in target.items()
    }


def _ladder(fitted: "FittedModel") -> "xr.Dataset":
    """The ladder's scores, by rising compute."""
    scores = fitted.tree["scores"].to_dataset()
    ladder = scores.isel({LLM: (scores["role"] == "ladder").values.nonzero()[0]})
    if not ladder.sizes[LLM]:
        raise DataError("the model holds no ladder; fit it again")
    return ladder.sortby("flops")


def _stands_in_params_and_tokens(fitted: "FittedModel") -> bool:
    constants = fitted.tree["end_to_end/constant_data"].to_dataset()
    return "compute" not in constants["scale"].values


def _names(fitted: "FittedModel", kind: Kind) -> list[str]:
    """All benchmarks, or for figures of the map those that have one."""
    clusters = fitted.tree["clusters"].to_dataset()
    names = clusters[BENCHMARK].values
    if kind is Kind.INTERPOLATION:
        names = names[clusters["has_subset"].values]
    return [str(name) for name in names]


def _file_name(kind: Kind, benchmark: str) -> str:
    return f"{kind.value}-{re.sub(r'[^A-Za-z0-9._-]+', '_', benchmark)}"
