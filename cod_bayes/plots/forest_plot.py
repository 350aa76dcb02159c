"""The forest plot: every method's mean score in every study, with what is known of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cod_bayes.errors import DataError
from cod_bayes.evaluation.scores import POINTS
from cod_bayes.plots import style
from cod_bayes.plots.results_table import (
    average_clustered,
    check_results,
    choose_methods,
    name_bootstrap,
    wrap_method,
)

# A score: its name with its unit, and the mean that is best.
SCORES = {
    "crps": ("CRPS (points)", 0.0),
    "absolute_error": ("absolute error (points)", 0.0),
    "interval_score_90": ("90 % interval score (points)", 0.0),
    "width_90": ("width of 90 % intervals (points)", 0.0),
    "covered_50": ("coverage of 50 % intervals (%)", 0.5),
    "covered_80": ("coverage of 80 % intervals (%)", 0.8),
    "covered_90": ("coverage of 90 % intervals (%)", 0.9),
}
_ROW_HEIGHT, _LINE_HEIGHT = 0.165, 0.085  # inches a method, and each line that its name breaks into
_NAME_LETTERS = 24
_COLUMNS = 3
# A mean more than so many times the median method's is written at the edge, not drawn to scale.
_TOO_FAR = 3.5


@dataclass(frozen=True)
class _Entry:
    """One method in one study: mean and bounds (points), forecasts made and asked for."""

    mean: float
    low: float
    high: float
    made: int
    asked: int
    all_passed: bool = True
    resampled: str = ""
    decimals: int = 1

    @property
    def is_complete(self) -> bool:
        return self.made == self.asked

    @property
    def text(self) -> str:
        """The value, in figures, with what limits it."""
        mark = "" if self.all_passed else "†"
        share = "" if self.is_complete else f"  {self.made}/{self.asked}"
        value = f"{self.mean:.{self.decimals}f}"
        return f"{value}{mark}{share}" if self.made else "no forecast"


@style.house_style()
def forest(
    results: pd.DataFrame, score: str = "crps", *, methods: Sequence[str] | None = None
) -> Figure:
    """Draw every method's mean score with its 95 % interval, a panel a study.

    Methods stand in the same order in all panels: by their mean rank over studies, best on top.

    Parameters
    ----------
    results
        Table of backtests, with the columns ``study``, ``seed``, ``benchmark``, ``method``,
        ``passed`` and the score's (0 to 1; NaN where there is no forecast).
    score
        ``crps``, ``absolute_error``, ``interval_score_90``, ``width_90``; or ``covered_50``,
        ``covered_80`` or ``covered_90``, where the best is the nominal level, marked by a line.
    methods
        Which, in this order; all by default.

    Returns
    -------
    Figure
        Intervals are those of a cluster bootstrap over seeds, or over benchmarks in a study of one
        seed. A hollow marker and ``n/N`` tell that a method made n of the N forecasts asked for:
        its mean is over other cases than its rivals'. A dagger: some posterior failed the gate. An
        arrow stands for a mean that lies beyond the panel.

    Raises
    ------
    DataError
        If the score or a method is unknown, or a column is missing.
    """
    if score not in SCORES:
        raise DataError(f"score {score!r} was asked for; there are {', '.join(SCORES)}")
    label, ideal = SCORES[score]
    table = check_results(results, score, "passed")
    names = choose_methods(table, methods, score, ideal=ideal, most=None)
    table = table[table["method"].isin(names)]
    studies = list(dict.fromkeys(table["study"].astype(str)))
    chart, panels = _lay_out(len(studies), names)
    entries = []
    for axes, study in zip(panels, studies, strict=True):
        rows = table[table["study"].astype(str) == study]
        own = {
            name: _summarise(rows[rows["method"] == name], score, is_share=ideal > 0)
            for name in names
        }
        entries += list(own.values())
        axes.set_title(study, loc="left", fontweight="bold")
        _draw_study(axes, own, ideal)
    for axes in panels:
        place = axes.get_subplotspec()
        if place is not None and not place.is_first_col():
            axes.tick_params(labelleft=False)
    style.label_outside(panels, label, "")
    _explain(chart, entries)
    style.add_title(chart, f"Mean {label.partition(' (')[0]} of every method")
    return chart


def _lay_out(n_studies: int, names: list[str]) -> tuple[style.Chart, list[Axes]]:
    """Panels as tall as they have methods; names stand at the left of each row."""
    n_lines = max(len(wrap_method(name, _NAME_LETTERS)) for name in names)
    height = 0.45 + (_ROW_HEIGHT + _LINE_HEIGHT * (n_lines - 1)) * len(names)
    if n_studies == 1:
        return style.draw_panels(1, height=height, width=0.75 * style.PAGE, least=0.0)
    return style.draw_panels(n_studies, columns=_COLUMNS, height=height, width=style.PAGE)


def _summarise(rows: pd.DataFrame, score: str, *, is_share: bool) -> _Entry:
    """Mean of one method's scores in one study."""
    made = rows[rows[score].notna()]
    if made.empty:
        return _Entry(np.nan, np.nan, np.nan, 0, len(rows))
    values = made[[score]].to_numpy(float)
    means, resampled = average_clustered(made, values, are_shares=is_share)
    mean, low, high = (POINTS * float(v[0]) for v in (means.mean, means.low, means.high))
    passed = bool(made["passed"].astype(bool).all())
    return _Entry(mean, low, high, len(made), len(rows), passed, resampled, 0 if is_share else 1)


def _draw_study(axes: Axes, entries: dict[str, _Entry], ideal: float) -> None:
    """One row a method: interval, mean, and its value at the right."""
    left, right = _limits(list(entries.values()), ideal)
    for row, entry in enumerate(entries.values()):
        color = style.FORECAST if entry.is_complete else style.GREY
        if entry.mean <= right:
            face = color if entry.is_complete else "white"
            axes.hlines(row, entry.low, min(entry.high, right), color=color, lw=1.3)
            axes.plot(entry.mean, row, **style.marker("o", color, face=face, size=4), zorder=3)
        elif entry.made:
            axes.plot(right, row, **style.marker(">", color, size=4), clip_on=False, zorder=3)
        axes.annotate(
            *(entry.text, (1.0, row)),
            xycoords=axes.get_yaxis_transform(),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
            color=style.BLACK if entry.is_complete else style.GREY,
        )
    if ideal:
        axes.axvline(POINTS * ideal, color=style.BLACK, lw=0.8, ls=":", zorder=1)
    axes.set_xlim(left, right)
    axes.set_ylim(len(entries) - 0.4, -0.6)
    names = [wrap_method(name, _NAME_LETTERS) for name in entries]
    axes.set_yticks(range(len(entries)), ["\n".join(lines) for lines in names])
    for label, lines in zip(axes.get_yticklabels(), names, strict=True):
        label.set(linespacing=1.05, fontsize=7 if len(lines) == 1 else 6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _limits(entries: list[_Entry], ideal: float) -> tuple[float, float]:
    """From zero to the last interval's end; shares, around their nominal level."""
    means, lows, highs = (
        np.array([getattr(entry, name) for entry in entries if entry.made])
        for name in ("mean", "low", "high")
    )
    if not len(means):
        return 0.0, 1.0
    if ideal:
        low = min(np.nanmin([*means, *lows]), POINTS * ideal)
        return max(0.0, low - 4), 102.0
    near = means <= _TOO_FAR * np.median(means)
    return 0.0, 1.04 * float(np.nanmax([*means[near], *highs[near]]))


def _explain(chart: style.Chart, entries: list[_Entry]) -> None:
    """Say below the panels what intervals and marks are."""
    parts = [name_bootstrap(entry.resampled for entry in entries)]
    if any(entry.made and not entry.is_complete for entry in entries):
        parts.append("Hollow, n/N: n of N forecasts were made, the mean is over those.")
    if any(not entry.all_passed for entry in entries):
        parts.append("†: the gate failed on some posterior.")
    style.add_note(chart, " ".join(parts))
