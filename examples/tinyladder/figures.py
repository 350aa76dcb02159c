"""Draw the study: score against compute, and the frozen forecast of the target.

``docs/figures/tinyladder.png`` shows every benchmark's score on all runs;
``docs/figures/tinyladder_forecast.png`` the intervals of ``first_forecast.json`` beside the ladder.
The target's results are drawn only with ``--target``.

Run ``uv run python examples/tinyladder/figures.py [--target]``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from describe import tabulate_scores
from forecast import OUTPUT
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from score import PROBABILITIES, read_frozen, read_truth

import cod_bayes as cb
from cod_bayes import datasets
from cod_bayes.plots import style

FIGURES = Path(__file__).parents[2] / "docs" / "figures"
VIEWS = ("tinyladder", "tinyladder-annealed", "tinyladder-seeds", "tinyladder-numeric")
COLUMNS = 3
PANEL_HEIGHT = 1.7
VARIANT = "stable with anchors"
# Of the two forecasts that stand side by side, as factors of the target's compute.
BESIDE = {"cod": 0.58, "end-to-end": 1.72}
NAMES = {"cod": "COD", "end-to-end": "end-to-end law"}
COLORS = {"cod": style.FORECAST, "end-to-end": style.RIVALS[1]}
# On top of the final checkpoint, which in compute they all but coincide with.
_DOT = style.marker("o", style.VERMILION, size=1.5) | {"markeredgewidth": 0}
WIDTHS = dict(zip(PROBABILITIES, (3.2, 1.1), strict=True))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both figures; the second only where a forecast is frozen."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--target", action="store_true", help="open and draw the target's results")
    parser.add_argument("--forecast", type=Path, default=OUTPUT)
    parser.add_argument("--variant", default=VARIANT, help="of the frozen forecast")
    parser.add_argument("--folder", type=Path, default=FIGURES)
    options = parser.parse_args(arguments)
    table = gather([tabulate_scores(cb.load_dataset(name)) for name in VIEWS])
    truth = tabulate_scores(datasets.load_target("tinyladder")) if options.target else None
    print(cb.plots.save(draw_scores(table, truth), options.folder / "tinyladder.png"))
    if not options.forecast.is_file():
        print(f"no frozen forecast at {options.forecast}: it is not drawn", file=sys.stderr)
        return
    frozen = read_frozen(options.forecast)
    truth = read_truth(frozen) if options.target else None
    figure = draw_forecast(table, frozen, options.variant, truth)
    print(cb.plots.save(figure, options.folder / "tinyladder_forecast.png"))


def gather(tables: list[pd.DataFrame]) -> pd.DataFrame:
    """One table of all views; an llm that several of them hold is kept once."""
    keys = ["run", "phase", "checkpoint", "benchmark"]
    return pd.concat(tables, ignore_index=True).drop_duplicates(keys, ignore_index=True)


def split_series(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What is drawn apart, by rising compute: every llm belongs to one series.

    The ladder proper has role ladder, the common mixture and the lowest seed of its size.
    """
    table = table.sort_values("flops", kind="stable")
    on_ladder = table["role"] == "ladder"
    numeric = on_ladder & (table["mixture"] == "numeric")
    common = on_ladder & ~numeric
    first = common & (table["seed"] == table.loc[common, "seed"].min())
    stable, final = table["phase"] == "stable", table["is_final"]
    return {
        "ladder": table[first & stable & final],
        "adjacent": table[first & stable & ~final],
        "annealed": table[first & ~stable],
        "seeds": table[common & ~first & stable & final],
        "anchors": table[(table["role"] == "anchor") & stable & final],
        "numeric": table[numeric & stable & final],
    }


@style.house_style()
def draw_scores(table: pd.DataFrame, truth: pd.DataFrame | None = None) -> Figure:
    """Score against compute, a panel a benchmark.

    table
        Of :func:`gather`.
    truth
        The target's scores, of :func:`describe.tabulate_scores`; left out if None.
    """
    names = list(dict.fromkeys(table["benchmark"]))
    chart, panels = style.draw_panels(len(names), columns=COLUMNS, height=PANEL_HEIGHT)
    legend: style.Legend = {}
    for axes, name in zip(panels, names, strict=True):
        own = table[table["benchmark"] == name]
        series = split_series(own)
        legend |= _draw_floor(axes, float(own["floor"].iloc[0]))
        legend |= _draw_others(axes, series)
        legend |= _draw_ladder(axes, series)
        if truth is not None:
            legend |= _draw_truth(axes, truth[truth["benchmark"] == name])
        _finish(axes, name)
    style.label_outside(panels, style.COMPUTE_LABEL, "score (%)")
    style.add_legend(chart, legend, columns=4)
    style.add_title(chart, "tinyladder: score against training compute,", "100 samples an item")
    return chart


@style.house_style()
def draw_forecast(
    table: pd.DataFrame,
    frozen: dict[str, Any],
    variant: str = VARIANT,
    truth: pd.DataFrame | None = None,
) -> Figure:
    """The frozen intervals of COD and the end-to-end law at the target's compute, side by side.

    ``truth`` holds the target's scores, of :func:`score.read_truth`; left out if None.
    """
    if variant not in frozen["variants"]:
        sys.exit(f"no variant {variant!r}; the forecast holds {', '.join(frozen['variants'])}")
    held, levels = frozen["variants"][variant], np.array(frozen["levels"])
    names = list(held["benchmarks"])
    chart, panels = style.draw_panels(len(names), columns=COLUMNS, height=PANEL_HEIGHT)
    legend: style.Legend = {}
    for axes, name in zip(panels, names, strict=True):
        own, row = table[table["benchmark"] == name], held["benchmarks"][name]
        legend |= _draw_floor(axes, float(own["floor"].iloc[0]))
        legend |= _draw_fitted(axes, own, held)
        for method, factor in BESIDE.items():
            quantiles = row["quantiles"][method]
            if quantiles is not None:
                at = factor * held["flops"]
                legend |= _draw_interval(axes, at, np.array(quantiles), levels, method)
        if truth is not None:
            of_phase = truth[truth["phase"] == held["phase"]]
            legend |= _draw_truth(axes, of_phase[of_phase["benchmark"] == name])
        _finish(axes, name)
        axes.set_title(f"{NAMES[row['leads']]} leads", loc="right", color=COLORS[row["leads"]])
    style.label_outside(panels, style.COMPUTE_LABEL, "score (%)")
    style.add_legend(chart, legend, columns=4)
    at = style.format_compute(held["flops"])
    failed = "" if held["passed"] else "\nThe sampler's gate failed: not to be trusted"
    subject = f"tinyladder: frozen forecast at {at} FLOP, {variant}"
    style.add_title(chart, subject, f"(bars side by side: 50 % and 90 % ETI){failed}")
    return chart


def _draw_ladder(axes: Axes, series: dict[str, pd.DataFrame]) -> style.Legend:
    """The ladder proper: final stable checkpoints, their neighbours, their annealed ends."""
    ladder, adjacent, annealed = (series[name] for name in ("ladder", "adjacent", "annealed"))
    near = axes.plot(adjacent["flops"], adjacent["score"], **_DOT, zorder=5)
    look = style.marker("o", style.LADDER, size=3.2) | {"ls": "-", "lw": 0.9}
    line = axes.plot(ladder["flops"], ladder["score"], **look, zorder=4)
    look = style.marker("o", style.LADDER, face="none", size=4.6)
    hollow = axes.plot(annealed["flops"], annealed["score"], **look, zorder=4)
    return {
        "ladder, final stable": line[0],
        "adjacent checkpoints": near[0],
        "annealed": hollow[0],
    }


def _draw_others(axes: Axes, series: dict[str, pd.DataFrame]) -> style.Legend:
    """Runs beside the ladder: other seeds, another family, another mixture."""
    looks = {
        "seeds": ("other seeds", style.marker("o", style.SKY, size=3)),
        "anchors": ("family beta (anchors)", style.marker("^", style.ANCHOR, size=4.4)),
        "numeric": (
            "numeric mixture",
            style.marker("s", style.GREEN, size=2.4) | {"ls": (0, (4, 2)), "lw": 0.9},
        ),
    }
    legend: style.Legend = {}
    for key, (name, look) in looks.items():
        if len(series[key]):
            own = series[key]
            legend[name] = axes.plot(own["flops"], own["score"], **look, zorder=3)[0]
    return legend


def _draw_fitted(axes: Axes, own: pd.DataFrame, held: dict[str, Any]) -> style.Legend:
    """What the variant was fitted to: finals of its phase, anchors where it has them."""
    series = split_series(own)
    if held["phase"] == "annealed":
        ladder = series["annealed"]
        anchors = own[(own["role"] == "anchor") & (own["phase"] == "annealed")]
    else:
        ladder, anchors = series["ladder"], series["anchors"]
    look = style.marker("o", style.LADDER, size=3.2) | {"ls": "-", "lw": 0.9}
    legend = {"ladder": axes.plot(ladder["flops"], ladder["score"], **look, zorder=4)[0]}
    if held["anchors"] and len(anchors):
        look = style.marker("^", style.ANCHOR, size=4.4)
        points = axes.plot(anchors["flops"], anchors["score"], **look, zorder=3)
        legend["family beta (anchors)"] = points[0]
    return legend


def _draw_interval(
    axes: Axes, flops: float, quantiles: np.ndarray, levels: np.ndarray, method: str
) -> style.Legend:
    """Bars from the narrow to the wide interval, and the median."""
    color = COLORS[method]
    for p, width in WIDTHS.items():
        low, high = np.interp([(1 - p) / 2, (1 + p) / 2], levels, quantiles)
        axes.vlines(flops, low, high, color=color, lw=width, zorder=4)
    look = style.marker("o", color, face="white", size=2.8) | {"ls": "-", "lw": 1.8}
    # a line of one point is not seen, but the legend then shows the bar with its median
    points = axes.plot([flops], [np.interp(0.5, levels, quantiles)], **look, zorder=5)
    return {f"forecast: {NAMES[method]}": points[0]}


def _draw_truth(axes: Axes, own: pd.DataFrame) -> style.Legend:
    """The target's final checkpoint as a star, adjacent ones as dots, the annealed one hollow."""
    stable, final = own["phase"] == "stable", own["is_final"]
    near = own[stable & ~final]
    axes.plot(near["flops"], near["score"], **_DOT, zorder=7)
    legend: style.Legend = {}
    for phase, face in (("stable", style.TRUTH), ("annealed", "white")):
        end = own[(own["phase"] == phase) & final]
        if len(end):
            look = style.marker("*", style.BLACK, face=face, size=8)
            star = axes.plot(end["flops"], end["score"], **look, zorder=6)
            legend[f"target, {phase}"] = star[0]
    return legend


def _draw_floor(axes: Axes, floor: float) -> style.Legend:
    if floor <= 0:
        return {}
    return {style.GUESSING: axes.axhline(floor, color=style.GREY, lw=0.9, ls=":", zorder=1)}


def _finish(axes: Axes, name: str) -> None:
    style.style_compute_axis(axes)
    style.style_percent_axis(axes)
    # room below zero, so that points at zero are seen in full
    top = min(max(1.03 * axes.get_ylim()[1], 0.05), 1.06)
    axes.set_ylim(-0.03 * top, top)
    axes.set_title(name, loc="left", fontweight="bold")


if __name__ == "__main__":
    main()
