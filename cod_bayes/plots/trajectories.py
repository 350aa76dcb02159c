"""Cluster trajectories: how each difficulty cluster rises with compute, and where its law leads."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from cod_bayes.errors import DataError
from cod_bayes.law.curves import load_curve
from cod_bayes.law.data import COVARIATE
from cod_bayes.law.evaluate import evaluate_rows
from cod_bayes.plots import style
from cod_bayes.plots.inputs import choose_benchmarks, clusters_of, label_of, read_group, with_role
from cod_bayes.schema import BENCHMARK, CLUSTER, LLM

if TYPE_CHECKING:
    from cod_bayes.fitting import FittedModel

Array = npt.NDArray[np.float64]

_GRID_POINTS = 80
_LOOKS = {"non-extrapolatable": ((0, (5, 2)), "s"), "non-emergent": ((0, (1, 1.5)), "v")}


@dataclass(frozen=True)
class _Law:
    """A cluster's law along the compute grid: median and interval of the expected pass rate."""

    flops: Array
    median: Array
    lower: Array
    upper: Array


@style.house_style()
def clusters(
    fitted: "FittedModel",
    benchmark: str | None = None,
    *,
    horizon: float | None = None,
    ci_prob: float = 0.9,
) -> Figure:
    """Draw the pass rate of every difficulty cluster against compute.

    Clusters of the predictable subset are coloured by difficulty and carry their law; those that
    were set aside are grey: dashed where they are non-extrapolatable, dotted where non-emergent,
    and grey and solid where the class is extrapolatable but too uncertain. A marker's area grows
    with the cluster's items.

    Parameters
    ----------
    fitted
        What :func:`cod_bayes.fit` returned.
    benchmark
        Which benchmark; may be left out where there is one.
    horizon
        Up to where laws are drawn, as a multiple of the largest small model's compute; the
        horizon at which clusters were classed by default.
    ci_prob
        Level of the laws' equal-tailed credible intervals. They are those of the expected pass
        rate: a run's own luck and its residual come on top.

    Returns
    -------
    Figure
        A panel of the subset's clusters and one of those set aside; one where either is empty.

    Raises
    ------
    DataError
        If the benchmark is unknown, or has no clusters.
    """
    tree = fitted.tree
    name = _choose(tree, benchmark)
    table, ladder = clusters_of(tree, name), with_role(read_group(tree, "scores", "fit"), "ladder")
    if not table.sizes[CLUSTER]:
        raise DataError(
            f"benchmark {name!r} has no difficulty clusters, so no trajectories to draw; its "
            f"forecast is the end-to-end law's: cod_bayes.plots.forecast(..., benchmarks={name!r})"
        )
    factor = fitted.config.law.classes.horizon if horizon is None else horizon
    laws = _compute_laws(fitted, name, ladder, factor, ci_prob)
    used = table["in_subset"].values.astype(bool)
    parts = [part for part in (used, ~used) if part.any()]
    chart, panels = style.draw_panels(len(parts), height=2.5)
    norm, legend = Normalize(0, 1), dict[str, Artist]()
    for axes, part in zip(panels, parts, strict=True):
        rows = table.isel({CLUSTER: np.flatnonzero(part)})
        for cluster in rows[CLUSTER].values:
            row = rows.sel({CLUSTER: cluster})
            law = laws.get(str(cluster))
            legend |= _draw_cluster(axes, row, ladder, law, norm)
        n_items = int(rows["n_items"].sum())
        where = "in the predictable subset" if part is used else "set aside"
        axes.set_title(f"{_count(rows.sizes[CLUSTER])} {where}, {n_items} items", loc="left")
        _finish_panel(axes, ladder, factor)
    panels[0].set_ylabel("mean pass rate (%)")
    legend |= _interval_entry(laws, ci_prob)
    style.add_legend(chart, list(legend.values()), list(legend), columns=4)
    _add_colour_bar(chart, panels, norm)
    style.add_title(chart, f"{name}: difficulty clusters and their laws")
    return chart


def _choose(tree: xr.DataTree, benchmark: str | None) -> str:
    """The benchmark asked for, or the only one."""
    names = choose_benchmarks(read_group(tree, "scores", "fitted model"), benchmark)
    if len(names) > 1:
        raise DataError(
            f"the fitted model holds {len(names)} benchmarks; name one: {', '.join(names)}"
        )
    return names[0]


def _compute_laws(
    fitted: "FittedModel", benchmark: str, ladder: xr.Dataset, horizon: float, ci_prob: float
) -> dict[str, _Law]:
    """Laws of one benchmark's clusters, from the smallest run to the horizon."""
    if "law" not in fitted.tree:
        return {}
    group = fitted.tree["law"]
    posterior, constants = group["posterior"].to_dataset(), group["constant_data"].to_dataset()
    if benchmark not in posterior[BENCHMARK].values:
        return {}
    rows = np.flatnonzero(posterior["cluster_benchmark"].values == benchmark)
    own = posterior.sel({BENCHMARK: benchmark}).isel({CLUSTER: rows})
    lowest, highest = ladder["flops"].values[[0, -1]]
    flops = np.geomspace(lowest, highest * horizon, _GRID_POINTS)
    curve = load_curve(fitted.config.law.curve)
    tails = [(1 - ci_prob) / 2, 0.5, (1 + ci_prob) / 2]
    rates = evaluate_rows(own, _log_scale_along(flops, ladder, constants), curve)
    lower, median, upper = np.quantile(rates, tails, axis=0)
    return {
        str(cluster): _Law(flops, median[row], lower[row], upper[row])
        for row, cluster in enumerate(own[CLUSTER].values)
    }


def _log_scale_along(flops: Array, ladder: xr.Dataset, constants: xr.Dataset) -> Array:
    """The law's covariates along the ladder's own line, relative to the reference (nats).

    Compute is itself; parameters and tokens grow with compute as they did on the small models.
    """
    log_flops, log_ladder = np.log(flops), np.log(ladder["flops"].values)
    paths = []
    for scale, reference in zip(
        constants["scale"].values, constants["reference"].values, strict=True
    ):
        covariate = np.log(ladder[COVARIATE[str(scale)]].values)
        paths.append(np.polyval(np.polyfit(log_ladder, covariate, 1), log_flops) - np.log(reference))
    return np.array(paths)


def _draw_cluster(
    axes: Axes, row: xr.Dataset, ladder: xr.Dataset, law: _Law | None, norm: Normalize
) -> dict[str, Artist]:
    """One cluster: points, its law where it has one, its label at the end."""
    flops = ladder["flops"].sel({LLM: row[LLM]}).values
    rates = row["mean_rate"].values
    chosen = str(row["chosen_class"].item())
    in_subset = bool(row["in_subset"].item())
    area = 4 + 26 * np.sqrt(float(row["n_items"]) / 400)
    color = mpl.colormaps[style.ORDERED](norm(1 - np.nanmean(rates))) if in_subset else style.GREY
    dashes, shape = _LOOKS.get(chosen, ("-", "o"))
    axes.scatter(flops, rates, s=area, color=color, marker=shape, lw=0, zorder=3)
    if law is not None and in_subset:
        axes.fill_between(law.flops, law.lower, law.upper, color=color, alpha=0.18, lw=0)
        axes.plot(law.flops, law.median, color=color, lw=1.1)
        end = law.flops[-1], law.median[-1]
    else:
        axes.plot(flops, rates, color=color, lw=0.9, ls=dashes)
        end = flops[-1], rates[-1]
    axes.annotate(
        *(str(label_of(str(row[CLUSTER].item()))), end),
        xytext=(4, 0),
        textcoords="offset points",
        va="center",
        fontsize=6,
        color=style.BLACK if in_subset else style.GREY,
    )
    name = "in the subset" if in_subset else f"set aside: {chosen}"
    return {name: Line2D([], [], color=color, lw=1, ls=dashes, marker=shape, ms=4, mew=0)}


def _finish_panel(axes: Axes, ladder: xr.Dataset, horizon: float) -> None:
    edge = float(ladder["flops"].values[-1])
    axes.axvline(edge, color=style.GREY, lw=0.8, ls=":", zorder=1)
    style.style_compute_axis(axes)
    style.style_percent_axis(axes)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlim(float(ladder["flops"].values[0]) / 2, edge * horizon * 2.5)


def _interval_entry(laws: dict[str, _Law], ci_prob: float) -> dict[str, Artist]:
    if not laws:
        return {}
    name = f"law: median, {style.name_interval(ci_prob, 'eti')}"
    return {name: Patch(color=style.GREY, alpha=0.3, lw=0)}


def _add_colour_bar(chart: style.Chart, panels: list[Axes], norm: Normalize) -> None:
    """Say what the subset's colours mean."""
    bar = chart.colorbar(
        ScalarMappable(norm, mpl.colormaps[style.ORDERED]), ax=panels, fraction=0.03, pad=0.01
    )
    bar.set_label("difficulty: mean failure rate (%)", fontsize=7)
    bar.outline.set_visible(False)  # type: ignore[operator]
    style.style_percent_axis(bar.ax)


def _count(number: int) -> str:
    return f"{number} cluster" if number == 1 else f"{number} clusters"


