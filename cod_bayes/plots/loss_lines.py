"""Score against loss along every training run: equal losses need not mean equal scores."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, NullLocator

from cod_bayes.errors import DataError
from cod_bayes.plots import style
from cod_bayes.plots.inputs import choose_benchmarks
from cod_bayes.schema import BENCHMARK, GOLD_NLL, LLM, LOSS, LOSS_DOMAIN
from cod_bayes.scores import tabulate_checkpoints

TASK = "task"
STABLE, ANNEALED = "stable", "annealed"
_LOSS_NAMES = {TASK: "loss of the correct answer (nats)", "overall": "validation loss (nats/token)"}
_SHAPES = {"ladder": "o", "anchor": "D", "target": "*"}
_NAMES = {"ladder": "small models", "anchor": "anchors", "target": "target"}


@style.house_style()
def score_by_loss(
    evals: xr.Dataset,
    benchmark: str | Sequence[str] | None = None,
    *,
    loss: str = "overall",
) -> Figure:
    """Draw score against loss, a line a training run through its checkpoints.

    The counterpart of Figure 1 of arXiv 2502.17262. If loss decided the score, all lines would lie
    on one; where they part by size or by the phase of the schedule, a forecast by way of the loss
    goes wrong.

    Parameters
    ----------
    evals
        Evaluation data, dims (llm, item), with all checkpoints to be drawn: those of several data
        sets may be joined by ``xr.concat(..., dim="llm")``.
    benchmark
        Which to draw, a panel each; all by default.
    loss
        A domain of ``evals["loss"]``, or ``task``: the mean of ``gold_nll`` over the benchmark's
        items.

    Returns
    -------
    Figure
        Loss falls to the right. Lines are coloured by parameters; a dotted line leads from the
        last stable checkpoint of a run to its annealed one, which is hollow.

    Raises
    ------
    DataError
        If the data have no such loss, or a benchmark is unknown.
    """
    table = tabulate_checkpoints(evals)
    losses = _read_losses(table, loss)
    names = choose_benchmarks(table, benchmark)
    chart, panels = style.draw_panels(len(names), height=1.8)
    colors = _SizeColours(evals["params_active"].values)
    seen: style.Legend = {}
    for axes, name in zip(panels, names, strict=True):
        heights = table["score"].sel({BENCHMARK: name}).values
        for llms in _runs(evals):
            own = evals.isel({LLM: llms})
            across = losses.sel({BENCHMARK: name}).values[llms]
            seen |= _draw_run(axes, own, across, heights[llms], colors)
        seen |= _finish_panel(axes, name, float(table["guess_floor"].sel({BENCHMARK: name})))
    style.label_outside(panels, _LOSS_NAMES.get(loss, f"loss on {loss} (nats/token)"), "score (%)")
    style.add_legend(chart, seen, columns=3)
    colors.add_bar(chart, panels)
    style.add_title(chart, "Score against loss", "along every training run")
    return chart


class _SizeColours:
    """Parameters as colour: dark for small models, bright for large ones."""

    def __init__(self, params: np.ndarray) -> None:
        low, high = float(params.min()), float(params.max())
        # viridis ends in a yellow that is faint on white: stop before it
        self._map = ListedColormap(mpl.colormaps[style.ORDERED](np.linspace(0, 0.9, 256)))
        self._norm = LogNorm(low, max(high, 1.01 * low))

    def of(self, params: float) -> str:
        """The colour of a model of this size."""
        return to_hex(self._map(self._norm(params)))

    def add_bar(self, chart: style.Chart, panels: list[Axes]) -> None:
        """Say what the colours mean."""
        bar = chart.colorbar(
            ScalarMappable(self._norm, self._map),
            ax=panels,
            fraction=0.03,
            pad=0.01,
            aspect=25,
            shrink=0.7,
        )
        bar.set_label("parameters", fontsize=7)
        bar.outline.set_visible(False)
        bar.ax.yaxis.set_major_formatter(EngFormatter(sep=""))
        bar.ax.yaxis.set_minor_locator(NullLocator())


def _read_losses(table: xr.Dataset, loss: str) -> xr.DataArray:
    """Losses with dims (benchmark, llm): of each benchmark's own answers, or the same for all."""
    if loss == TASK:
        if "task_loss" not in table:
            raise DataError(
                f"evals has no {GOLD_NLL!r}, so no task loss; name a domain of evals['loss']"
            )
        return table["task_loss"].transpose(BENCHMARK, LLM)
    domains = table[LOSS_DOMAIN].values.tolist() if LOSS in table else []
    if loss not in domains:
        raise DataError(
            f"no loss {loss!r} was measured; there are {', '.join([*map(str, domains), TASK])}"
        )
    own = table[LOSS].sel({LOSS_DOMAIN: loss}).drop_vars(LOSS_DOMAIN)
    return own.expand_dims({BENCHMARK: table[BENCHMARK].values})


def _runs(evals: xr.Dataset) -> list[np.ndarray]:
    """Positions of each run's checkpoints, first to last."""
    run_of_llm, tokens = evals["run"].values, evals["tokens"].values
    order = np.argsort(tokens, kind="stable")
    return [order[run_of_llm[order] == run] for run in dict.fromkeys(run_of_llm.tolist())]


def _draw_run(
    axes: Axes, llms: xr.Dataset, losses: np.ndarray, scores: np.ndarray, colors: _SizeColours
) -> style.Legend:
    """One run's checkpoints: a line through the stable ones, dotted on to the annealed."""
    color = colors.of(float(llms["params_active"].values[-1]))
    role = str(llms["role"].values[-1])
    shape, who = _SHAPES[role], _NAMES[role]
    stable = np.flatnonzero(llms["phase"].values != ANNEALED)
    annealed = np.flatnonzero(llms["phase"].values == ANNEALED)
    legend: style.Legend = {}
    if len(stable):
        dashes = "-" if role == "ladder" else (0, (4, 2))
        axes.plot(losses[stable], scores[stable], color=color, lw=0.8, ls=dashes)
        axes.plot(losses[stable], scores[stable], **style.marker(shape, color, size=2))
        look = style.marker(shape, style.GREY, size=3) | {"ls": dashes, "lw": 0.8}
        legend[f"{who}, {STABLE} rate"] = Line2D([], [], **look)
    if len(annealed):
        path = np.concatenate([stable[-1:], annealed])
        axes.plot(losses[path], scores[path], color=color, lw=0.8, ls=(0, (1, 1)))
        look = style.marker(shape, color, face="white", size=4)
        axes.plot(losses[annealed], scores[annealed], **look, zorder=4)
        look = style.marker(shape, style.GREY, face="white", size=4) | {
            "ls": (0, (1, 1)),
            "lw": 0.8,
        }
        legend[f"{who}, {ANNEALED}"] = Line2D([], [], **look)
    return legend


def _finish_panel(axes: Axes, benchmark: str, floor: float) -> style.Legend:
    """Loss falls to the right; what blind guessing scores is marked."""
    axes.set_title(benchmark, loc="left", fontweight="bold")
    axes.invert_xaxis()
    axes.set_ylim(-0.02, 1.02)
    style.style_percent_axis(axes)
    if not floor > 0:
        return {}
    line = axes.axhline(floor, color=style.GREY, lw=0.8, ls=(0, (6, 2, 1, 2)), zorder=1)
    return {style.GUESSING: line}
