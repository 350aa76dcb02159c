"""A run in training: its checkpoints in the band stated before it, and the evidence for drift."""

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import LogFormatterSciNotation, LogLocator

from cod_bayes.errors import DataError
from cod_bayes.plots import style
from cod_bayes.plots.inputs import choose_benchmarks
from cod_bayes.schema import BENCHMARK

_NEEDED = ("score", "lower", "end_lower", "original_lower", "e_value", "share")
# The end's two forecasts stand beside the last checkpoint, in shares of training.
_BEFORE, _ANEW = 1.05, 1.10


@style.house_style()
def watched_run(table: xr.Dataset, benchmarks: Sequence[str] | None = None) -> Figure:
    """Draw each benchmark's band along training with the run's checkpoints, and the e-value.

    The band is what was to be expected before the run. To the right of the end stand the final
    score as forecast without the run, and as forecast from its checkpoints.

    Parameters
    ----------
    table
        From :func:`cod_bayes.watch_run`.
    benchmarks
        Which, and in which order; all by default.

    Raises
    ------
    DataError
        If the table is no such table, or lacks a benchmark.
    """
    missing = [name for name in _NEEDED if name not in table]
    if missing:
        raise DataError(f"the table has no {missing[0]}: give what cod_bayes.watch_run returns")
    names = choose_benchmarks(table, benchmarks)
    chart, panels = style.draw_panels(len(names) + 1, columns=3, height=1.7)
    for name, axes in zip(names, panels, strict=False):
        _draw_benchmark(axes, table.sel({BENCHMARK: name}))
        axes.set_title(name, loc="left", fontweight="bold")
        axes.set_ylabel("score (%)")
        style.style_percent_axis(axes)
    _draw_evidence(panels[-1], table)
    for axes in panels:
        axes.set_xlim(0, 1.15)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        style.style_percent_axis(axes, "x")
        axes.set_xlabel("share of training (%)")
    interval = style.name_interval(float(table.attrs["ci_prob"]), "eti")
    style.add_legend(chart, _legend(table, interval))
    style.add_title(chart, f"Run {table.attrs['run']}", f"({_say(table)})")
    return chart


def _draw_benchmark(axes: Axes, own: xr.Dataset) -> None:
    share, judged = own["share"].values, own["judged"].values.astype(bool)
    known = np.isfinite(own["lower"].values)
    band = own.isel(checkpoint=np.flatnonzero(known))
    for _, part in band.groupby("phase"):
        line = style.FORECAST
        axes.fill_between(part["share"], part["lower"], part["upper"], color=line, alpha=0.18, lw=0)
        axes.plot(part["share"], part["median"], color=line, lw=0.9)
        if part.sizes["checkpoint"] == 1:
            axes.errorbar(part["share"], part["median"], _reach(part, ""), color=line, alpha=0.4)
    for which, look in ((judged, _CHECKPOINT), (~judged, _UNJUDGED)):
        axes.plot(share[which], own["score"].values[which], zorder=3, **look)
    last = own.isel(checkpoint=int(judged.nonzero()[0][-1]) if judged.any() else -1)
    for place, when, look in ((_BEFORE, "original", _ORIGINAL), (_ANEW, "end", _UPDATED)):
        axes.errorbar(
            place, last[f"{when}_median"], _reach(last, f"{when}_"), elinewidth=1.4, **look
        )


def _reach(own: xr.Dataset, prefix: str) -> np.ndarray:
    """How far the interval reaches below and above its median, (2, point)."""
    lower, median, upper = (np.atleast_1d(own[prefix + b]) for b in ("lower", "median", "upper"))
    return np.array([median - lower, upper - median])


def _draw_evidence(axes: Axes, table: xr.Dataset) -> None:
    limit = 1 / float(table.attrs["alpha"])
    judged = table.isel(checkpoint=np.flatnonzero(table["judged"].values))
    share, e_value = judged["share"].values, judged["e_value"].values
    axes.plot(share, e_value, color=style.BLACK, marker="o", ms=2.5)
    axes.axhline(limit, color=style.VERMILION, lw=1.0, ls="--")
    if table.attrs["alarm"]:
        first = np.flatnonzero(e_value >= limit)[0]
        axes.plot(share[first], e_value[first], zorder=3, **_ALARM)
    axes.set_yscale("log")
    axes.set_ylim(min(0.3, *e_value, 1.0), max(3 * limit, *(2 * e_value), 1.0))
    axes.yaxis.set_major_locator(LogLocator(base=10, numticks=5))
    axes.yaxis.set_major_formatter(LogFormatterSciNotation())
    axes.set_title("evidence for drift", loc="left", fontweight="bold")
    axes.set_ylabel("e-value")


def _say(table: xr.Dataset) -> str:
    attrs = table.attrs
    if not table["judged"].values.any():
        return "nothing is judged"
    if not attrs["alarm"]:
        return f"no alarm at level {attrs['alpha']:g}"
    return (
        f"alarm at {attrs['alarm_share']:.0%} of training: drift {attrs['direction']} the band, "
        f"foremost on {attrs['foremost']}"
    )


def _legend(table: xr.Dataset, interval: str) -> style.Legend:
    entries: style.Legend = {
        "checkpoint": Line2D([], [], **_CHECKPOINT),
        f"band before the run, {interval}": Patch(color=style.FORECAST, alpha=0.18, lw=0),
        "final score, forecast without the run": Line2D([], [], **_ORIGINAL),
        "final score, by its checkpoints": Line2D([], [], **_UPDATED),
        f"alarm level, {1 / float(table.attrs['alpha']):g}": Line2D(
            [], [], color=style.VERMILION, lw=1.0, ls="--"
        ),
    }
    if not table["judged"].values.all():
        entries["checkpoint, not judged"] = Line2D([], [], **_UNJUDGED)
    if table.attrs["alarm"]:
        entries["alarm"] = Line2D([], [], **_ALARM)
    return entries


_CHECKPOINT = style.marker("o", style.BLACK, size=2.8)
_UNJUDGED = style.marker("o", style.GREY, face="white", size=2.8)
_ORIGINAL = style.marker("s", style.GREY, size=3.5)
_UPDATED = style.marker("D", style.FORECAST, size=3.5)
_ALARM = style.marker("*", style.VERMILION, size=8)
