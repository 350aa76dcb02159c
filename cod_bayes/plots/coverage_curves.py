"""Coverage of central intervals against what they promise."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cod_bayes.evaluation.scores import INTERVALS
from cod_bayes.plots import style
from cod_bayes.plots.results_table import (
    OTHERS,
    check_results,
    choose_methods,
    draw_method_panels,
    name_bootstrap,
)


@style.house_style()
def coverage_curve(results: pd.DataFrame, highlight: Sequence[str] | None = None) -> Figure:
    """Draw the share of truths inside central intervals against the intervals' level.

    A panel a highlighted method; behind it all other methods stand in grey. Below the diagonal a
    method is too sure of itself, above it too careful.

    Parameters
    ----------
    results
        Table of backtests, with the columns ``study``, ``seed``, ``benchmark``, ``method``,
        ``pit`` and ``crps``.
    highlight
        Methods to draw in a panel each; by default the eight of best mean rank by CRPS.

    Returns
    -------
    Figure
        Bands are pointwise 95 % intervals of the coverage by a cluster bootstrap over seeds
        (benchmarks of one seed share checkpoint luck), or over benchmarks in studies of one seed:
        see :func:`cod_bayes.evaluation.calibration.coverage_curve`.

    Raises
    ------
    DataError
        If a column is missing, or a method is unknown.
    """
    # scipy.stats, which calibration needs, is half of what importing all figures would take
    from cod_bayes.evaluation import calibration

    table = check_results(results, "pit", "crps")
    chosen = choose_methods(table, highlight)
    curves = dict(iter(calibration.coverage_curve(table).groupby("method")))
    # square panels want no more width than this
    width = max(style.COLUMN, style.PAGE / 4 * min(len(chosen), 4))
    chart, panels = draw_method_panels(
        chosen, height=2.1 if width < style.PAGE else 1.7, width=width
    )
    for method, axes in panels.items():
        axes.plot([0, 1], [0, 1], color=style.BLACK, lw=0.8, ls=":", zorder=2)
        for other, curve in curves.items():
            if other != method:
                axes.plot(curve["nominal"], curve["coverage"], color=style.PALE, lw=0.7, zorder=1)
        if method in curves:
            _draw_coverage(axes, curves[method], int((table["method"] == method).sum()))
        _finish_panel(axes)
    style.label_outside(list(panels.values()), "nominal coverage (%)", "truths covered (%)")
    resampled = [str(curves[name]["resampled"].iloc[0]) for name in chosen if name in curves]
    legend: style.Legend = {
        "coverage": Line2D([], [], color=style.FORECAST),
        "95 % interval": Patch(color=style.FORECAST, alpha=0.25, lw=0),
        "calibrated": Line2D([], [], color=style.BLACK, lw=0.8, ls=":"),
    }
    if len(curves) > 1:
        legend[OTHERS] = Line2D([], [], color=style.PALE, lw=0.9)
    style.add_legend(chart, legend, columns=4, note=name_bootstrap(resampled))
    style.add_title(chart, "Coverage of central intervals", "against what they promise")
    return chart


def _draw_coverage(axes: Axes, curve: pd.DataFrame, n_asked: int) -> None:
    """One method's curve with its band, and its coverage at the usual levels in figures."""
    level, share = curve["nominal"].to_numpy(), curve["coverage"].to_numpy()
    low, high = curve["coverage_low"].to_numpy(), curve["coverage_high"].to_numpy()
    axes.fill_between(level, low, high, color=style.FORECAST, alpha=0.25, lw=0)
    axes.plot(level, share, color=style.FORECAST, zorder=3)
    usual = [abs(level - percent / 100).argmin() for percent in INTERVALS]
    axes.plot(level[usual], share[usual], **style.marker("o", style.FORECAST, size=3), zorder=3)
    pairs = zip(INTERVALS, share[usual], strict=True)
    lines = [f"{percent} %: {100 * hit:.0f}" for percent, hit in pairs]
    n_made = int(curve["n"].iloc[0])
    if n_made < n_asked:
        lines.append(f"n = {n_made}/{n_asked}")
    # on the side of the diagonal that the curve leaves free
    below = share.mean() < level.mean()
    axes.text(
        *((0.05, 0.97) if below else (0.97, 0.04)),
        "\n".join(lines),
        ha="left" if below else "right",
        va="top" if below else "bottom",
        transform=axes.transAxes,
        fontsize=6.5,
        color=style.FORECAST,
        linespacing=1.15,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.75},
    )


def _finish_panel(axes: Axes) -> None:
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.01)
    axes.set_aspect("equal")
    for which in ("x", "y"):
        style.style_percent_axis(axes, which)
