"""The fan chart: what a large model will score, beside what the small ones scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cod_bayes.errors import DataError
from cod_bayes.plots import style
from cod_bayes.plots.inputs import choose_benchmarks, read_group, with_role
from cod_bayes.schema import BENCHMARK, ITEM, LLM

Array = npt.NDArray[np.float64]

# A dimension of this name is selected by a dict: ``sel(method=...)`` is how xarray fills gaps.
FORECASTER = "forecaster"
# From here on targets are drawn as a band; fewer of them as a bar each.
_MIN_TARGETS_FOR_BAND = 3


@dataclass(frozen=True)
class _Fan:
    """One method's forecast of one benchmark, targets by rising compute.

    median: (target,); lower and upper: (level, target), from the widest level to the narrowest.
    """

    flops: Array
    median: Array
    lower: Array
    upper: Array

    @property
    def is_known(self) -> bool:
        """Whether the method has a forecast here at all."""
        return bool(np.isfinite(self.median).all())

    @property
    def is_band(self) -> bool:
        """Whether the targets make a curve, or stand alone."""
        return len(self.flops) >= _MIN_TARGETS_FOR_BAND and bool((np.diff(self.flops) > 0).all())


@dataclass(frozen=True)
class _Study:
    """All that the panels share: a forecast's groups, its levels and its targets."""

    summary: xr.Dataset
    scores: xr.Dataset
    order: npt.NDArray[np.intp]
    flops: Array
    levels: Array
    methods: tuple[str, ...]
    rivals: tuple[str, ...]
    headlines: dict[str, str]

    @property
    def ci_kind(self) -> str:
        """Kind of all intervals."""
        return str(self.summary.attrs.get("ci_kind", "eti"))

    @property
    def edge(self) -> float:
        """Compute of the largest ladder run."""
        return float(with_role(self.scores, "ladder")["flops"].values[-1])

    def fan(self, benchmark: str, method: str | None = None) -> _Fan:
        """The headline's forecast, or that of one ``method``."""
        median, interval = "median", "interval"
        if method is not None:
            median, interval = "median_by_forecaster", "interval_by_forecaster"
        held = self.summary[[median, interval]].sel({BENCHMARK: benchmark})
        if method is not None:
            held = held.sel({FORECASTER: method})
        held = held.isel(target=self.order)
        bounds = held[interval].sel(ci_prob=self.levels).transpose("ci_bound", "ci_prob", "target")
        return _Fan(
            self.flops,
            held[median].values,
            bounds.sel(ci_bound="lower").values,
            bounds.sel(ci_bound="upper").values,
        )


@style.house_style()
def forecast(
    forecast: xr.DataTree,
    evals: xr.Dataset | None = None,
    truth: xr.Dataset | None = None,
    *,
    benchmarks: str | Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
) -> Figure:
    """Draw the fan chart of every benchmark: score against training compute.

    Three targets or more, of rising compute, are drawn as bands; fewer as bars. The headline
    target, whose median and widest interval stand above each panel, is the one of most compute.
    A figure for a paper is made on a grid: ``cb.predict(fitted, flops=np.geomspace(...))``.

    Parameters
    ----------
    forecast
        What :func:`cod_bayes.predict` returned. All medians and intervals are read from its group
        ``summary``; nothing is computed here.
    evals
        Evaluation data whose items say what blind guessing scores; by default those of the fit,
        which the forecast remembers. A line is drawn where that is above zero.
    truth
        What the target truly scored, if known: ``score`` with dims (benchmark, llm), and the
        coordinates ``flops`` (FLOP) and, to tell the target from other llms, ``role`` (llm).
    benchmarks
        Which to draw, in this order; all by default.
    methods
        Other methods outlined beside the headline, by name; by default every other one that the
        forecast holds. ``()`` draws the headline alone.

    Returns
    -------
    Figure
        One panel a benchmark. Error bars are one standard error either way.

    Raises
    ------
    DataError
        If ``forecast`` is no forecast, or a benchmark or a method is unknown.
    """
    study = _read(forecast, methods)
    names = choose_benchmarks(study.summary, benchmarks)
    chart, panels = style.draw_panels(len(names))
    legend: style.Legend = {}
    for axes, benchmark in zip(panels, names, strict=True):
        fan = study.fan(benchmark)
        legend |= style.draw_context(axes, study.edge, _guess_floor(study.scores, evals, benchmark))
        legend |= _draw_scores(axes, study.scores.sel({BENCHMARK: benchmark}))
        legend |= _draw_headline(axes, fan, study)
        legend |= _draw_rivals(axes, study, benchmark)
        legend |= _draw_truth(axes, truth, benchmark)
        _finish_panel(axes, benchmark, fan, study)
    style.label_outside(panels, style.COMPUTE_LABEL, "score (%)")
    style.add_legend(chart, legend)
    target = style.format_compute(float(study.flops[-1]))
    level = style.name_interval(study.levels[0], study.ci_kind)
    estimand = study.summary.attrs.get("estimand", "score")
    style.add_title(chart, f"Forecast of {estimand} at {target} FLOP:", f"median [{level}] in %")
    return chart


def _read(tree: xr.DataTree, methods: Sequence[str] | None) -> _Study:
    """Take from a forecast what is drawn, targets by rising compute."""
    summary = read_group(tree, "summary", "forecast")
    targets = read_group(tree, "predictions_constant_data", "forecast")
    known = tuple(str(name) for name in summary[FORECASTER].values)
    rivals = known if methods is None else tuple(methods)
    unknown = [name for name in rivals if name not in known]
    if unknown:
        raise DataError(
            f"method {unknown[0]!r} was asked for; the forecast holds {', '.join(known)}"
        )
    headlines = read_group(tree, "predictions", "forecast")["headline"]
    headlines = headlines.sel({BENCHMARK: summary[BENCHMARK]})
    order = np.argsort(targets["flops"].values, kind="stable")
    return _Study(
        summary,
        read_group(tree, "scores", "forecast"),
        order,
        targets["flops"].values[order],
        np.sort(summary["ci_prob"].values)[::-1],
        known,
        rivals,
        dict(zip(summary[BENCHMARK].values.tolist(), headlines.values.tolist(), strict=True)),
    )


def _draw_headline(axes: Axes, fan: _Fan, study: _Study) -> style.Legend:
    """Bands from light to dark, the median, and the targets that stand out."""
    names = [style.name_interval(level, study.ci_kind) for level in study.levels]
    alphas = np.linspace(0.18, 0.38, len(names)) if len(names) > 1 else [0.25]
    legend: style.Legend = {"forecast: median": Line2D([], [], color=style.FORECAST)}
    for lower, upper, name, alpha in zip(fan.lower, fan.upper, names, alphas, strict=True):
        if fan.is_band:
            axes.fill_between(fan.flops, lower, upper, color=style.FORECAST, alpha=alpha, lw=0)
            legend[name] = Patch(color=style.FORECAST, alpha=alpha, lw=0)
    if fan.is_band:
        axes.plot(fan.flops, fan.median, color=style.FORECAST)
    marked = slice(-1, None) if fan.is_band else slice(None)
    widths = np.linspace(1.0, 3.0, len(names)) if len(names) > 1 else [2.0]
    for lower, upper, name, width in zip(fan.lower, fan.upper, names, widths, strict=True):
        axes.vlines(
            fan.flops[marked],
            lower[marked],
            upper[marked],
            color=style.FORECAST,
            lw=width,
            zorder=4,
        )
        if not fan.is_band:
            legend[name] = Line2D([], [], color=style.FORECAST, lw=width)
    median = axes.plot(
        fan.flops[marked],
        fan.median[marked],
        **style.marker("o", style.FORECAST, face="white", size=4),
        zorder=5,
    )
    if not fan.is_band:
        legend["forecast: median"] = median[0]
    return legend


def _draw_rivals(axes: Axes, study: _Study, benchmark: str) -> style.Legend:
    """Other methods' medians and widest intervals, as thin dashed outlines."""
    legend: style.Legend = {}
    for position, method in enumerate(study.rivals):
        if method == study.headlines.get(benchmark):
            continue
        fan = study.fan(benchmark, method)
        if not fan.is_known:
            continue
        color = style.RIVALS[study.methods.index(method) % len(style.RIVALS)]
        name = f"{_name_method(method)}: median, {100 * study.levels[0]:g} % interval"
        if fan.is_band:
            axes.plot(fan.flops, fan.median, color=color, lw=0.9, ls=(0, (5, 2)))
            for bound in (fan.lower[0], fan.upper[0]):
                axes.plot(fan.flops, bound, color=color, lw=0.7, ls=(0, (2, 2)))
            legend[name] = Line2D([], [], color=color, lw=0.9, ls=(0, (5, 2)))
            continue
        beside = fan.flops * 1.35 ** (position + 1)
        axes.vlines(beside, fan.lower[0], fan.upper[0], color=color, lw=0.9, ls=(0, (2, 1)))
        legend[name] = axes.plot(beside, fan.median, **style.marker("_", color, size=5))[0]
    return legend


def _draw_scores(axes: Axes, scores: xr.Dataset) -> style.Legend:
    """Scores of the small models and, marked otherwise, of the anchors."""
    legend: style.Legend = {}
    looks = {
        "ladder": ("small models (± 1 s.e.)", style.marker("o", style.LADDER, size=3.2)),
        "anchor": ("anchors (± 1 s.e.)", style.marker("D", style.ANCHOR, face="white", size=3.6)),
    }
    for role, (name, look) in looks.items():
        known = with_role(scores, role).dropna(LLM, subset=["score"])
        if known.sizes[LLM]:
            legend[name] = axes.errorbar(
                known["flops"].values,
                known["score"].values,
                known["score_se"].fillna(0).values,
                elinewidth=0.8,
                zorder=3,
                **look,
            )
    return legend


def _draw_truth(axes: Axes, truth: xr.Dataset | None, benchmark: str) -> style.Legend:
    """What the targets truly scored."""
    if truth is None or benchmark not in truth[BENCHMARK].values:
        return {}
    known = truth.sel({BENCHMARK: benchmark})
    if "role" in known.coords:
        known = with_role(known, "target")
    stars = axes.plot(
        known["flops"].values,
        known["score"].values,
        **style.marker("*", style.BLACK, face=style.TRUTH, size=8),
        zorder=6,
    )
    return {"truth (not used in the fit)": stars[0]}


def _finish_panel(axes: Axes, benchmark: str, fan: _Fan, study: _Study) -> None:
    """Name the panel, and state its forecast in figures."""
    style.style_compute_axis(axes)
    style.style_percent_axis(axes)
    axes.set_xlim(right=max(axes.get_xlim()[1], float(fan.flops[-1]) * 2.5))
    axes.set_ylim(bottom=0, top=min(axes.get_ylim()[1], 1.02))
    median, lower, upper = (
        style.format_percent(float(value[-1])) for value in (fan.median, fan.lower[0], fan.upper[0])
    )
    axes.set_title(benchmark, loc="left", fontweight="bold")
    axes.set_title(f"{median} [{lower}, {upper}]", loc="right", color=style.FORECAST)
    headline = study.headlines.get(benchmark, study.methods[0])
    if headline != study.methods[0]:
        others = [study.fan(benchmark, name) for name in study.methods if name != headline]
        alone = not any(other.is_known for other in others)
        takes_turns = len(set(study.headlines.values())) > 1  # else the legend says it once
        if alone or takes_turns:
            _remark(axes, f"{_name_method(headline)} {'alone' if alone else 'leads'}")


def _remark(axes: Axes, text: str) -> None:
    """A few words in the panel's upper left corner."""
    look = {"fontsize": 7, "fontstyle": "italic", "color": style.GREY}
    axes.text(0.04, 0.95, text, look, transform=axes.transAxes, va="top")


def _guess_floor(scores: xr.Dataset, evals: xr.Dataset | None, benchmark: str) -> float:
    """Score of blind guessing: items' guess floors, weighted by the questions they stand for."""
    if evals is None:
        return float(scores["guess_floor"].sel({BENCHMARK: benchmark}))
    own = evals.isel({ITEM: np.flatnonzero(evals[BENCHMARK].values == benchmark)})
    if not own.sizes[ITEM]:
        return 0.0
    return float(np.average(own["guess_floor"].values, weights=own["n_questions"].values))


def _name_method(method: str) -> str:
    names = {"cod": "COD", "end-to-end": "end-to-end law", "pool": "pool of both"}
    return names.get(method, method)
