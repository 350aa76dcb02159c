"""Are PITs and ranks uniform? Their distribution less the uniform's, inside its envelope."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cod_bayes.errors import DataError
from cod_bayes.plots import style
from cod_bayes.plots.results_table import (
    check_results,
    choose_methods,
    draw_method_panels,
    note_missing,
)

# calibration needs scipy.stats, which is half of what importing all figures would take
if TYPE_CHECKING:
    from cod_bayes.evaluation.calibration import Band

FALSE_ALARM = 0.05
_INSIDE, _OUTSIDE = "stays inside", "leaves it"
# A curve that rises, then falls back through zero: what each shape says of a forecast.
_READING = (
    "How to read it: above zero, truths fall lower than forecast, so forecasts are too high; below "
    "zero, too low. Above at the left and below at the right: intervals too narrow; the other way "
    "round: too wide."
)


@style.house_style()
def pit(
    results: pd.DataFrame,
    methods: Sequence[str] | None = None,
    *,
    false_alarm: float = FALSE_ALARM,
) -> Figure:
    """Draw the distribution of every method's PITs less the uniform's, a panel a method.

    The probability integral transform (PIT) is the forecast probability of a score no higher than
    the truth; over many forecasts it is uniform if their probabilities are right.

    Parameters
    ----------
    results
        Table of backtests, with the columns ``study``, ``seed``, ``benchmark``, ``method``,
        ``pit`` and ``crps``.
    methods
        Which, in this order; by default all, by mean rank of their CRPS.
    false_alarm
        Probability with which the PITs of right forecasts leave the envelope anywhere.

    Returns
    -------
    Figure
        The envelope holds at all levels at once and allows for what forecasts of one seed share:
        see :func:`cod_bayes.evaluation.calibration.check_pit`.

    Raises
    ------
    DataError
        If a column is missing, a method is unknown, or one has forecasts of a single seed and
        benchmark.
    """
    from cod_bayes.evaluation.calibration import check_pit

    table = check_results(results, "pit", "crps")
    chosen = choose_methods(table, methods, most=None)
    chart, panels = draw_method_panels(chosen, height=1.3)
    for method, axes in panels.items():
        rows = table[table["method"] == method]
        if rows["pit"].notna().any():
            _draw_band(axes, [check_pit(rows, false_alarm)])
        note_missing(axes, rows, "pit", low=True)
    _share_scale(list(panels.values()))
    style.label_outside(list(panels.values()), "PIT", "ECDF - uniform")
    style.add_legend(chart, _legend("envelope", false_alarm), note=_READING)
    style.add_title(chart, "PIT of truths in their forecasts:", "distribution less the uniform's")
    return chart


@style.house_style()
def sbc(table: pd.DataFrame, *, false_alarm: float = FALSE_ALARM, name: str = "") -> Figure:
    """Draw simulation-based calibration: ranks of true values among posterior draws.

    Parameters
    ----------
    table
        From :func:`cod_bayes.evaluation.simulation_based.run_sbc`: columns ``quantity``, ``rank``,
        ``refit``, ``passed``. All refits are drawn, whatever their gate said.
    false_alarm
        Probability with which the ranks of one quantity leave the envelope anywhere if its
        posterior is right; about this share of many quantities does so by chance.
    name
        The model's, for the title.

    Returns
    -------
    Figure
        A panel a variable, with a line for each of its elements (a slope of every row is a line).

    Raises
    ------
    DataError
        If the table is empty.
    """
    from cod_bayes.evaluation.simulation_based import rank_band, select_refits

    if table.empty:
        raise DataError("the table of ranks has no rows: no refit was made")
    everything = select_refits(table)["all"]
    variable = everything["quantity"].str.partition("[")[0]
    names = list(dict.fromkeys(variable))
    chart, panels = style.draw_panels(len(names), height=1.3)
    for axes, own in zip(panels, names, strict=True):
        groups = everything[variable == own].groupby("quantity", sort=False)["rank"]
        bands = [rank_band(ranks.to_numpy(), false_alarm) for _, ranks in groups]
        axes.set_title(own.replace("_", " "), loc="left", fontweight="bold")
        n_left = sum(not band.inside for band in bands)
        if len(bands) > 1:
            axes.set_title(
                f"{n_left}/{len(bands)} leave", loc="right", fontsize=6.5, color=style.GREY
            )
        _draw_band(axes, bands)
    _share_scale(panels)
    style.label_outside(panels, "rank of the true value", "ECDF - uniform")
    style.add_legend(chart, _legend("envelope of each line", false_alarm), columns=3)
    refits = everything.drop_duplicates("refit")
    failed = int((~refits["passed"].astype(bool)).sum())
    gate = f", {failed} of them with a failed gate" if failed else ""
    head = f"Simulation-based calibration{f' of {name}' if name else ''}:"
    style.add_title(chart, head, f"{len(refits)} refits{gate}")
    return chart


def _draw_band(axes: Axes, bands: "list[Band]") -> None:
    """The envelope, and the curves in it: thin where there are many."""
    first = bands[0]
    axes.fill_between(first.level, first.lower, first.upper, color=style.PALE, alpha=0.8, lw=0)
    axes.axhline(0, color=style.GREY, lw=0.6)
    for band in sorted(bands, key=lambda band: not band.inside):
        color, dashes = _look(inside=band.inside)
        width = 1.1 if len(bands) == 1 else 0.7
        axes.plot(band.level, band.difference, color=color, ls=dashes, lw=width)
    axes.set_xlim(0, 1)
    axes.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])


def _look(*, inside: bool) -> tuple[str, str | tuple[int, tuple[float, float]]]:
    return (style.FORECAST, "-") if inside else (style.VERMILION, (0, (4, 1)))


def _share_scale(panels: list[Axes]) -> None:
    """One scale for all panels, alike above and below zero."""
    drawn = [axes.dataLim.intervaly for axes in panels if axes.has_data()]
    reach = float(np.abs(drawn).max()) if drawn else 1.0
    for axes in panels:
        axes.set_ylim(-1.05 * reach, 1.05 * reach)


def _legend(envelope: str, false_alarm: float) -> style.Legend:
    level = f"{100 * (1 - false_alarm):g} %"
    lines = {}
    for label, inside in ((_INSIDE, True), (_OUTSIDE, False)):
        color, dashes = _look(inside=inside)
        lines[label] = Line2D([], [], color=color, ls=dashes)
    return {f"simultaneous {level} {envelope}": Patch(color=style.PALE, alpha=0.8, lw=0), **lines}
