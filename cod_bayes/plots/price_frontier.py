"""The frontier: what each candidate for the next run costs, scores and is worth."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from cod_bayes.errors import DataError
from cod_bayes.plots import style

CANDIDATE, BENCHMARK = "candidate", "benchmark"
_NEEDED = ("price_training", "price_inference", "median", "lower", "upper", "expected_utility")
TAIL = "CVaR: mean utility of the worst share"
CHOSEN, BEATEN, OUT = "recommended", "dearer than a better one", "not feasible"


@style.house_style()
def frontier(table: xr.Dataset) -> Figure:
    """Draw score and utility of every candidate against its price.

    A panel for each benchmark of value, with the score's median and interval, and one for utility,
    with its mean and its conditional value at risk. A line joins the efficient candidates, those
    that none beats in both price and expected worth.

    Parameters
    ----------
    table
        From :func:`cod_bayes.allocate`.

    Raises
    ------
    DataError
        If the table is no such table.
    """
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise DataError(f"the table has no {missing[0]}: give what cod_bayes.allocate returns")
    price = (table["price_training"] + table["price_inference"]).values
    order = np.argsort(price, kind="stable")
    table, price = table.isel({CANDIDATE: order}), price[order]
    names = [str(name) for name in table[BENCHMARK].values]
    chart, panels = style.draw_panels(len(names) + 1, columns=3, height=2.1)
    for name, axes in zip(names, panels, strict=False):
        own = table.sel({BENCHMARK: name})
        _draw_scores(axes, price, own)
        axes.set_title(name, loc="left", fontweight="bold")
        axes.set_ylabel("score (%)")
    _draw_utility(panels[-1], price, table)
    for axes in panels:
        axes.set_xlabel("price of training and serving")
        axes.set_xscale("log")
    level = style.name_interval(float(table.attrs["ci_prob"]), "eti")
    style.add_legend(chart, _legend(level), columns=3)
    choice = str(table.attrs["recommended"]) or "none"
    style.add_title(chart, f"Recommended: {choice}", f"(risk: {table.attrs['attitude']})")
    return chart


def _draw_scores(axes: Axes, price: np.ndarray, own: xr.Dataset) -> None:
    median, lower, upper = (own[n].values for n in ("median", "lower", "upper"))
    joined = own["efficient"].values.astype(bool)
    axes.plot(price[joined], median[joined], color=style.PALE, lw=1.2, zorder=1)
    for x, low, mid, high, look, name in zip(
        price, lower, median, upper, _looks(own), own[CANDIDATE].values, strict=True
    ):
        axes.plot([x, x], [low, high], color=look["color"], lw=1.4, zorder=2)
        axes.plot(x, mid, zorder=3, **look)
        axes.annotate(str(name), (x, high), (0, 2), textcoords="offset points", ha="center",
                      fontsize=6, color=style.GREY)  # fmt: skip
    style.style_percent_axis(axes)


def _draw_utility(axes: Axes, price: np.ndarray, table: xr.Dataset) -> None:
    axes.plot(price, table["expected_utility"].values, color=style.PALE, lw=1.2, zorder=1)
    axes.plot(price, table["cvar"].values, color=style.VERMILION, lw=0.9, ls="--",
              marker="v", ms=3.5, zorder=2)  # fmt: skip
    for x, mean, look in zip(price, table["expected_utility"].values, _looks(table), strict=True):
        axes.plot(x, mean, zorder=3, **look)
    axes.set_title("utility", loc="left", fontweight="bold")
    axes.set_ylabel("worth less price")


def _looks(table: xr.Dataset) -> list[dict[str, Any]]:
    """How each candidate is marked: what stands above wins over what stands below."""
    looks = []
    for name, feasible, efficient in zip(
        table[CANDIDATE].values, table["feasible"].values, table["efficient"].values, strict=True
    ):
        if str(name) == table.attrs["recommended"]:
            look = style.marker("*", style.FORECAST, size=9)
        elif not feasible:
            look = style.marker("x", style.GREY)
        elif not efficient:
            look = style.marker("o", style.GREY, face="white")
        else:
            look = style.marker("o", style.BLACK)
        looks.append(look)
    return looks


def _legend(level: str) -> style.Legend:
    mark = {
        "candidate, " + level: style.marker("o", style.BLACK),
        CHOSEN: style.marker("*", style.FORECAST, size=9),
        BEATEN: style.marker("o", style.GREY, face="white"),
        OUT: style.marker("x", style.GREY),
        TAIL: {"color": style.VERMILION, "ls": "--", "marker": "v", "ms": 3.5, "lw": 0.9},
    }
    return {name: Line2D([], [], **look) for name, look in mark.items()}
