"""Ensembles of small models: what each would forecast, how surely, and at what cost."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from cod_bayes.errors import DataError
from cod_bayes.plots import style

ENSEMBLE, BENCHMARK, TARGET = "ensemble", "benchmark", "target"
_NEEDED = ("flops", "target_flops", "median", "interval", "mean_width", "efficient")
INNER, OUTER = 0.5, 0.9
TRUTH = "truth"
# Costs stand this factor within the panel's ends, so that some decade is marked between them.
MARGIN = 10**0.5
# Scores or widths that differ by more than this factor stand on a logarithmic axis.
WIDE = 20
CHEAPEST, BEATEN = "no ensemble as cheap is as narrow", "another is cheaper and as narrow"
CAUTION = "Narrow is not right: a short ladder can be sure of a wrong forecast."


@style.house_style()
def ensembles(table: xr.Dataset) -> Figure:
    """Draw every ensemble's forecast beside the others, and its width against its cost.

    A panel for each benchmark and target has a row an ensemble, by rising cost, with the median
    and two intervals of one new run's score, and the truth where it is known. A last panel for
    each target has the mean width of the 90 % interval over benchmarks against compute; a line
    joins the ensembles that no other beats in both.

    Parameters
    ----------
    table
        From :func:`cod_bayes.compare`.

    Raises
    ------
    DataError
        If the table is no such table.
    """
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise DataError(f"the table has no {missing[0]}: give what cod_bayes.compare returns")
    table = table.isel({ENSEMBLE: np.argsort(table["flops"].values, kind="stable")})
    targets = range(table.sizes[TARGET])
    cells = [(name, target) for name in table[BENCHMARK].values for target in targets]
    n_panels = len(cells) + len(targets)
    height = max(1.75, 0.5 + 0.17 * table.sizes[ENSEMBLE])
    chart, panels = style.draw_panels(n_panels, columns=2 if n_panels < 5 else 3, height=height)
    for axes, (name, target) in zip(panels, cells, strict=False):
        _draw_forecasts(axes, table.isel({TARGET: target}).sel({BENCHMARK: name}))
        axes.set_title(str(name), loc="left", fontweight="bold")
        if len(targets) > 1:
            axes.set_title(_name_target(table, target), loc="right", color=style.GREY)
    for axes, target in zip(panels[len(cells) :], targets, strict=True):
        _draw_frontier(axes, table.isel({TARGET: target}))
        axes.set_title("width by cost", loc="left", fontweight="bold")
        if len(targets) > 1:
            axes.set_title(_name_target(table, target), loc="right", color=style.GREY)
    style.add_legend(chart, _legend(has_truth=TRUTH in table), columns=3, note=CAUTION)
    about = f"by rising cost (method: {table.attrs['method']}"
    about += f", target: {_name_target(table, 0)})" if len(targets) == 1 else ")"
    style.add_title(chart, "Ensembles of small models", about)
    return chart


def _draw_forecasts(axes: Axes, own: xr.Dataset) -> None:
    """A row an ensemble, the cheapest above."""
    place = np.arange(own.sizes[ENSEMBLE])[::-1]
    for level, width in ((OUTER, 0.9), (INNER, 2.6)):
        ends = own["interval"].sel(ci_prob=level).transpose(ENSEMBLE, "ci_bound").values
        for y, (low, high) in zip(place, ends, strict=True):
            axes.plot([low, high], [y, y], color=style.FORECAST, lw=width, solid_capstyle="butt")
    for y, median, efficient in zip(
        place, own["median"].values, own["efficient"].values, strict=True
    ):
        axes.plot(median, y, zorder=3, **_look(bool(efficient)))
    if TRUTH in own and np.isfinite(own[TRUTH]):
        axes.axvline(float(own[TRUTH]), color=style.TRUTH, lw=1.2, zorder=1)
    axes.set_ylim(-0.6, len(place) - 0.4)
    axes.set_yticks(place, _row_labels(axes, own))
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("score (%)")
    outer = own["interval"].sel(ci_prob=OUTER).values
    _scale(axes, "x", float(np.nanmin(outer)), float(np.nanmax(outer)))


def _row_labels(axes: Axes, own: xr.Dataset) -> list[str]:
    """Numbers, and names where nothing stands to the left."""
    spec = axes.get_subplotspec()
    named = spec is None or spec.is_first_col()
    names = own[ENSEMBLE].values
    return [f"{name}  {i}" if named else f"{i}" for i, name in enumerate(names, 1)]


def _draw_frontier(axes: Axes, own: xr.Dataset) -> None:
    """Numbers are those of the rows."""
    cost, width = own["flops"].values, own["mean_width"].sel(ci_prob=OUTER).values
    efficient = own["efficient"].values.astype(bool)
    axes.plot(cost[efficient], width[efficient], color=style.PALE, lw=1.4, zorder=1)
    for number, (x, y, best) in enumerate(zip(cost, width, efficient, strict=True), 1):
        axes.plot(x, y, zorder=2, **_look(bool(best), size=9))
        axes.text(x, y, str(number), ha="center", va="center", fontsize=6, zorder=3,
                  color="white" if best else style.BLACK)  # fmt: skip
    style.style_compute_axis(axes)
    axes.set_xlim(cost.min() / MARGIN, cost.max() * MARGIN)
    axes.set_xlabel(f"all training runs, {style.COMPUTE_LABEL}")
    axes.set_ylabel("mean width of 90 % (points)")
    if not _scale(axes, "y", float(np.nanmin(width)), float(np.nanmax(width))):
        axes.set_ylim(0, 1.15 * np.nanmax(width))


def _scale(axes: Axes, which: str, low: float, high: float) -> bool:
    """Percentages, on a logarithmic axis (True) where the small would vanish beside the large."""
    logarithmic = 0 < low < high / WIDE
    if not logarithmic:
        style.style_percent_axis(axes, which)
        return False
    axes.set(**{f"{which}scale": "log"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:.3g}"))
    axis.set_minor_locator(NullLocator())
    return True


def _name_target(table: xr.Dataset, target: int) -> str:
    return f"{style.format_compute(float(table['target_flops'][target]))} FLOP"


def _look(efficient: bool, size: float = 4) -> dict[str, Any]:
    """Filled where no other ensemble is as cheap and as narrow."""
    return style.marker("o", style.BLACK, face=None if efficient else "white", size=size)


def _legend(*, has_truth: bool) -> style.Legend:
    looks: dict[str, dict[str, Any]] = {
        f"median; {CHEAPEST}": _look(efficient=True),
        f"median; {BEATEN}": _look(efficient=False),
        style.name_interval(INNER, "eti"): {"color": style.FORECAST, "lw": 2.6},
        style.name_interval(OUTER, "eti"): {"color": style.FORECAST, "lw": 0.9},
    }
    if has_truth:
        looks[TRUTH] = {"color": style.TRUTH, "lw": 1.2}
    return {name: Line2D([], [], **look) for name, look in looks.items()}
