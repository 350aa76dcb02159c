"""The counterparts of the COD paper's tables: which variants each of them compares.

The paper (arXiv 2502.17262) has one ladder and one target; here every table runs over the seeds of
simulated studies, so that differences have errors. What is compared is the absolute error of the
forecast's median on the full benchmark, in points: the paper's FE.
"""

from dataclasses import dataclass

import pandas as pd

from cod_bayes.errors import ConfigError
from cod_bayes.evaluation.scores import compare, tabulate

# The paper gives points: one draw, the estimate itself, is enough and fast.
_POINT = "draws=0"
# The paper's own study, in two worlds.
PAPER_STUDIES = ("paper-logis", "paper-exp")


@dataclass(frozen=True)
class PaperTable:
    """One table of the paper.

    number, title
        As in the paper.
    rows
        What the paper calls a row -> the method that stands for it here.
    baseline
        The row that differences are to.
    studies
        What it runs on, by name (:mod:`cod_bayes.evaluation.studies`).
    """

    number: str
    title: str
    rows: dict[str, str]
    baseline: str
    studies: tuple[str, ...] = PAPER_STUDIES


def _point(**settings: str) -> str:
    pairs = [f"{key.replace('__', '.')}={value}" for key, value in settings.items()]
    return f"cod-point[{', '.join([*pairs, _POINT])}]"


_FULL = _point()
_END_TO_END = "end-to-end-exp[estimate=least-squares, draws=0, law.scale=compute]"
_OWN, _KEPT = "COD, clusters of its own", "COD, kept clusters"
_TRANSFER = {
    "end-to-end (exp)": _END_TO_END,
    _OWN: _FULL,
    _KEPT: _point(cluster__algorithm="kept"),
}
_ALGORITHMS = {
    "KMeans": "k-means",
    "DBSCAN": "dbscan",
    "MeanShift": "mean-shift",
    "HDBSCAN (not in the paper)": "hdbscan",
    "improved KMeans": "improved-k-means",
}

TABLES = {
    "1": PaperTable(
        "1",
        "forecasting methods",
        {
            "end-to-end (exp)": _END_TO_END,
            "end-to-end (pass rate)": "end-to-end-passrate[estimate=least-squares, draws=0]",
            "end-to-end (BNSL)": "end-to-end-bnsl[estimate=least-squares, draws=0]",
            "COD without mapping": "cod-point-nomap[draws=0]",
            "COD complete": _FULL,
        },
        "COD complete",
    ),
    "2": PaperTable("2", "another family, mixtures of experts", _TRANSFER, _OWN, ("paper-moe",)),
    "3": PaperTable(
        "3",
        "clustering algorithms",
        {
            **{name: _point(cluster__algorithm=key) for name, key in _ALGORITHMS.items()},
            "improved MeanShift": _FULL,
        },
        "improved MeanShift",
    ),
    "4": PaperTable(
        "4",
        "forms of the law",
        {
            "f1, without g": _point(law="f1"),
            "f2, without c": _point(law="f2"),
            "f3, without both": _point(law="f3"),
            "f, the full law": _FULL,
        },
        "f, the full law",
    ),
    "A1": PaperTable(
        "A1",
        "thresholds on a, b and c",
        {
            "none": _point(thresholds="false"),
            "without a > 1": _point(min_a="0.0"),
            "without b > 0.1": _point(min_b="0.0"),
            "without c < 1": _point(max_c="100.0"),
            "all three": _FULL,
        },
        "all three",
    ),
    "A3": PaperTable(
        "A3",
        "anchors, and the form of the map",
        {
            "no map": _point(map="none"),
            "cubic": _point(map="cubic"),
            "quartic": _FULL,
            "quintic": _point(map="quintic"),
            **{f"spline, RMSE {rmse}": _point(map="spline", rmse=rmse)
               for rmse in ("0.0025", "0.005", "0.01", "0.02")},
            "cubic, no anchors": _point(map="cubic", anchors="false"),
            "quartic, no anchors": _point(anchors="false"),
            "spline 0.005, no anchors": _point(map="spline", rmse="0.005", anchors="false"),
        },
        "quartic",
    ),
    "A6": PaperTable("A6", "continued training", _TRANSFER, _OWN, ("paper-continued",)),
}  # fmt: skip


def list_methods(numbers: tuple[str, ...] = tuple(TABLES)) -> list[str]:
    """Every method that the tables need, once.

    Raises
    ------
    ConfigError
        If there is no such table.
    """
    unknown = [number for number in numbers if number not in TABLES]
    if unknown:
        raise ConfigError(f"there is no paper table {unknown[0]}; there are {', '.join(TABLES)}")
    methods = [method for number in numbers for method in TABLES[number].rows.values()]
    return list(dict.fromkeys(methods))


def group_by_studies(numbers: tuple[str, ...] = tuple(TABLES)) -> dict[tuple[str, ...], list[str]]:
    """Studies -> every method that the tables on them need, once."""
    groups: dict[tuple[str, ...], tuple[str, ...]] = {}
    for number in numbers:
        studies = TABLES[number].studies
        groups[studies] = (*groups.get(studies, ()), number)
    return {studies: list_methods(on_them) for studies, on_them in groups.items()}


def tabulate_paper(results: pd.DataFrame, number: str) -> pd.DataFrame:
    """One table's counterpart from a backtest's results.

    Returns
    -------
    pd.DataFrame
        A row of the paper's table a row: FE by benchmark (mean over seeds, points), ``mean`` and
        ``max`` over benchmarks (as the paper's, of a seed's eight; then the mean over seeds),
        ``mean_se``, ``n`` of ``n_asked`` forecasts, and the paired ``difference`` in mean FE to
        the baseline with its 95 % interval. Means are over the forecasts that were made.
    """
    table = TABLES[number]
    found = results[results["method"].isin(table.rows.values())]
    means = tabulate(found).set_index("method")
    pairs = compare(found, table.rows[table.baseline]).set_index("method")
    rows = []
    for name, method in table.rows.items():
        of_method = found[found["method"] == method]
        error = 100 * of_method["absolute_error"]
        row: dict[str, object] = {"row": name}
        row |= error.groupby(of_method["benchmark"], sort=False).mean().to_dict()
        row |= {"mean": means.loc[method, "mae"], "mean_se": means.loc[method, "mae_se"]}
        row |= {"max": error.groupby(of_method["seed"]).max().mean()}
        row |= {column: means.loc[method, column] for column in ("n", "n_asked")}
        ends = ("", "_low", "_high")
        row |= {
            f"difference{end}": pairs.loc[method, f"mae_difference{end}"]
            if method in pairs.index
            else 0.0
            for end in ends
        }
        rows.append(row)
    return pd.DataFrame(rows).set_index("row")
