"""How every figure looks: colours, axes, legends; no colour carries a meaning alone.

Colours are those of Okabe and Ito (2008), which readers of every kind of colour vision tell apart;
what has an order (difficulty, pass rates) is coloured by *cividis*, made for the same readers.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, PercentFormatter

BLACK, ORANGE, SKY, GREEN = "#000000", "#E69F00", "#56B4E9", "#009E73"
YELLOW, BLUE, VERMILION, PURPLE = "#F0E442", "#0072B2", "#D55E00", "#CC79A7"
GREY, PALE = "#6E6E6E", "#D9D9D9"
ORDERED = "cividis"

LADDER, ANCHOR, FORECAST, RIVALS, TRUTH = BLACK, PURPLE, BLUE, (VERMILION, GREEN, SKY), ORANGE

# A page's text width and a column's, in inches: figures are read at the size they are drawn in.
PAGE, COLUMN = 7.2, 4.0
RESOLUTION = 200
CI_KINDS = {"eti": "equal-tailed", "hdi": "highest-density"}

_SETTINGS: dict[str, object] = {
    "figure.dpi": 100,
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlepad": 4,
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#EBEBEB",
    "grid.linewidth": 0.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": BLACK,
    "ytick.labelcolor": BLACK,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "legend.handlelength": 1.8,
    "legend.columnspacing": 1.4,
    "lines.linewidth": 1.2,
    "hatch.linewidth": 0.4,
    "pdf.fonttype": 42,
    "svg.fonttype": "none",
    "svg.hashsalt": "cod-bayes",
}


class Chart(Figure):
    """A figure without a window: notebooks show it once, whatever pyplot's back end is."""

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        with house_style():
            self.savefig(buffer, format="png", dpi=RESOLUTION)
        return buffer.getvalue()


@contextmanager
def house_style() -> Iterator[None]:
    """Apply the package's settings inside a ``with`` block; the user's own return after it."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_SETTINGS)  # type: ignore[arg-type]
        yield


def draw_panels(
    count: int, *, columns: int = 4, height: float = 1.75, width: float | None = None
) -> tuple[Chart, list[Axes]]:
    """Lay out ``count`` small multiples on a page's width, or one on a column's.

    height
        Of one panel, inches. Room for titles and legends is added.
    """
    columns = _balance(count, columns)
    rows = -(-count // columns)
    if width is None:
        width = PAGE if columns > 1 else COLUMN
    if count == 1:
        height = max(height, 2.3)
    chart = Chart(figsize=(width, rows * height + 1.1), layout="constrained")
    grid = chart.subplots(rows, columns, squeeze=False)
    for spare in grid.flat[count:]:
        spare.remove()
    return chart, list(grid.flat[:count])


def _balance(count: int, most: int) -> int:
    """Columns that leave the fewest empty places: 8 panels are 2 rows of 4, 5 are 2 rows of 3."""
    rows = -(-count // most)
    return -(-count // rows)


def style_compute_axis(axes: Axes, label: str | None = "training compute (FLOP)") -> None:
    """Logarithmic compute along the bottom, with decades marked."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(base=10, numticks=6))
    axes.xaxis.set_minor_locator(NullLocator())
    if label:
        axes.set_xlabel(label)


def style_percent_axis(axes: Axes, which: str = "y", label: str | None = None) -> None:
    """Probabilities written as percentages."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(PercentFormatter(xmax=1, symbol=""))
    axis.get_major_locator().set_params(nbins=5)
    if label:
        axis.set_label_text(label)


def add_legend(
    chart: Chart, handles: Sequence[Artist], labels: Sequence[str], columns: int = 3
) -> None:
    """Put one legend below all panels, with a column less where they stand on a single column."""
    if chart.get_figwidth() <= COLUMN:
        columns = min(columns, 2)
    chart.legend(
        list(handles),
        list(labels),
        loc="outside lower left" if columns == 1 else "outside lower center",
        ncols=columns,
    )


def add_title(chart: Chart, title: str) -> None:
    """Head the whole figure with what is shown."""
    chart.suptitle(title, fontsize=9, x=0.01, ha="left")


def name_interval(ci_prob: float, ci_kind: str) -> str:
    """Name a credible interval in full: its level and its kind."""
    return f"{100 * ci_prob:g} % {CI_KINDS.get(ci_kind, ci_kind)} credible interval"


def format_compute(flops: float) -> str:
    """Write a compute as a power of ten: ``3.8×10²⁴ FLOP`` (as mathtext)."""
    digits, power = f"{flops:.1e}".split("e")
    return rf"${digits.removesuffix('.0')}\times 10^{{{int(power)}}}$ FLOP"


def format_percent(share: float) -> str:
    """Write a share in per cent, with a decimal only where it is small."""
    return f"{100 * share:.1f}" if abs(share) < 0.0995 else f"{100 * share:.0f}"


def marker(shape: str, color: str, *, face: str | None = None, size: float = 4) -> dict[str, Any]:
    """How points look that no line joins."""
    return {
        "ls": "none",
        "marker": shape,
        "color": color,
        "markerfacecolor": face or color,
        "markeredgecolor": color,
        "markeredgewidth": 0.8,
        "markersize": size,
    }
