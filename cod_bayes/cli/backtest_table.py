"""A backtest's scores as a table and as JSON."""

from typing import TYPE_CHECKING, Any

from cod_bayes.cli.session import Session
from cod_bayes.cli.tables import make_table

if TYPE_CHECKING:
    import pandas as pd


def show_results(session: Session, results: "pd.DataFrame") -> None:
    """Print a table a study: a row a method, by rising CRPS."""
    from cod_bayes.evaluation.scores import tabulate

    for study, rows in results.groupby("study", sort=False):
        scores = tabulate(rows).sort_values("crps")
        headers = ["forecasts", "MAE", "max", "bias", "CRPS", "in 50 %", "in 80 %", "in 90 %",
                   "width 90 %", "gate", "seconds"]  # fmt: skip
        table = make_table(session, ["method"], headers)
        for _, row in scores.reset_index().iterrows():
            table.add_row(*_cells(row))
        n_seeds = rows["seed"].nunique()
        session.show_table(
            f"{study}: {rows['case'].nunique()} case(s), {n_seeds} seed(s); points of score, "
            "± Monte-Carlo standard error, equal-tailed intervals",
            table,
        )


def show_paper_tables(session: Session, results: "pd.DataFrame") -> None:
    """Print the counterpart of each of the COD paper's tables, for each simulated world."""
    from cod_bayes.evaluation.paper_tables import TABLES, tabulate_paper

    for study, rows in results.groupby("study", sort=False):
        benchmarks = list(dict.fromkeys(rows["benchmark"]))
        for number, about in TABLES.items():
            headers = [*benchmarks, "mean", "max", "made", f"less {about.baseline}"]
            table = make_table(session, [f"Table {number}"], headers)
            for name, row in tabulate_paper(rows, number).iterrows():
                errors = [f"{row[benchmark]:.1f}" for benchmark in benchmarks]
                difference = (
                    f"{row['difference']:+.1f} "
                    f"[{row['difference_low']:+.1f}, {row['difference_high']:+.1f}]"
                )
                table.add_row(
                    str(name),
                    *errors,
                    f"{row['mean']:.2f} ± {row['mean_se']:.2f}",
                    f"{row['max']:.1f}",
                    f"{row['n']:.0f} of {row['n_asked']:.0f}",
                    "" if name == about.baseline else difference,
                )
            title = (
                f"{study}, {rows['seed'].nunique()} seeds: {about.title}; absolute error in points "
                "(mean ± standard error over seeds; last: paired difference with its 95 % interval)"
            )
            session.show_table(title, table)


def results_record(results: "pd.DataFrame") -> dict[str, Any]:
    """What ``--json`` prints: every score of every method and study, in points and per cent."""
    from cod_bayes.evaluation.scores import tabulate

    record: dict[str, Any] = {}
    for study, rows in results.groupby("study", sort=False):
        scores = tabulate(rows).reset_index()
        entries = scores.astype(object).where(scores.notna(), None).to_dict("records")
        record[str(study)] = entries
    return {"studies": record, "faults": list(results.attrs.get("faults", []))}


def _cells(row: "pd.Series[Any]") -> list[str]:
    made, asked = int(row["n"]), int(row["n_asked"])
    forecasts = f"{made}" if made == asked else f"{made} of {asked}"
    if not made:
        return [row["method"], forecasts]
    coverage = [_coverage(row, level) for level in (50, 80, 90)]
    return [
        row["method"],
        forecasts,
        _with_error(row, "mae"),
        f"{row['max_ae']:.1f}",
        _with_error(row, "bias"),
        _with_error(row, "crps"),
        *coverage,
        f"{row['width_90']:.1f}",
        f"{100 * row['share_passed']:.0f} %",
        f"{row['seconds']:.1f}",
    ]


def _with_error(row: "pd.Series[Any]", name: str) -> str:
    return f"{row[name]:.2f} ± {row[f'{name}_se']:.2f}"


def _coverage(row: "pd.Series[Any]", level: int) -> str:
    name = f"coverage_{level}"
    return f"{row[name]:.0f} [{row[f'{name}_low']:.0f}, {row[f'{name}_high']:.0f}]"
