import numpy as np
import pytest
import xarray as xr

from cod_bayes import plots
from cod_bayes.errors import DataError
from cod_bayes.plots import style

from .reading import headline, legend_labels, lines, titles, words


@pytest.fixture
def table() -> xr.Dataset:
    """Three ensembles, the dearest first, and the middle one beaten; two targets."""
    median = np.array([[[0.5, 0.6]], [[0.4, 0.5]], [[0.3, 0.4]]])
    half = np.array([0.02, 0.05])  # of 50 and 90 %
    dims = ("ensemble", "benchmark", "target")
    interval = np.stack([median[..., None] - half, median[..., None] + half], axis=-1)
    width = np.tile([[0.04, 0.1]], (3, 2, 1)) * np.array([1.0, 3.0, 2.0])[:, None, None]
    return xr.Dataset(
        {
            "flops": ("ensemble", [8e21, 2e21, 1e21]),
            "median": (dims, median),
            "interval": ((*dims, "ci_prob", "ci_bound"), interval),
            "mean_width": (("ensemble", "target", "ci_prob"), width),
            "efficient": (("ensemble", "target"), [[True, True], [False, False], [True, True]]),
            "truth": (("benchmark", "target"), [[0.35, np.nan]]),
        },
        coords={
            "ensemble": ["all", "middle", "small"],
            "benchmark": ["SUMS"],
            "target": [0, 1],
            "ci_prob": [0.5, 0.9],
            "ci_bound": ["lower", "upper"],
            "target_flops": ("target", [1e22, 3e22]),
        },
        attrs={"method": "end-to-end-exp"},
    )


def test_a_panel_for_each_benchmark_and_target_and_a_frontier_for_each_target(table):
    figure = plots.ensembles(table)
    names = [titles(axes) for axes in figure.axes]
    assert [left for left, _ in names] == [
        "SUMS",
        "SUMS",
        "width by cost",
        "width by cost",
    ]
    assert [right for _, right in names] == [
        r"$1\times 10^{22}$ FLOP",
        r"$3\times 10^{22}$ FLOP",
    ] * 2
    assert headline(figure) == "Ensembles of small models by rising cost (method: end-to-end-exp)"


def test_a_single_target_stands_in_the_title(table):
    figure = plots.ensembles(table.isel(target=[1]))
    assert {titles(axes)[1] for axes in figure.axes} == {""}
    assert headline(figure).endswith(r"end-to-end-exp, target: $3\times 10^{22}$ FLOP)")


def test_rows_are_by_cost_and_have_their_intervals(table):
    axes = plots.ensembles(table).axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "small  1",
        "middle  2",
        "all  3",
    ]
    wide = [line.get_xdata() for line in lines(axes, color=style.FORECAST, linewidth=0.9)]
    np.testing.assert_allclose(wide, [(0.25, 0.35), (0.35, 0.45), (0.45, 0.55)])
    narrow = [line.get_xdata() for line in lines(axes, color=style.FORECAST, linewidth=2.6)]
    np.testing.assert_allclose(narrow, [(0.28, 0.32), (0.38, 0.42), (0.48, 0.52)])
    points = lines(axes, marker="o")
    where = [(line.get_xdata()[0], line.get_ydata()[0]) for line in points]
    assert where == [(0.3, 2), (0.4, 1), (0.5, 0)]
    faces = [line.get_markerfacecolor() for line in points]
    assert faces == [style.BLACK, "white", style.BLACK]


def test_the_truth_is_drawn_only_where_it_is_known(table):
    first, second, *_ = plots.ensembles(table).axes
    (line,) = lines(first, color=style.TRUTH)
    assert list(line.get_xdata()) == [0.35, 0.35]
    assert not lines(second, color=style.TRUTH)
    assert "truth" in legend_labels(plots.ensembles(table))
    assert "truth" not in legend_labels(plots.ensembles(table.drop_vars("truth")))


def test_the_frontier_joins_what_nothing_beats(table):
    axes = plots.ensembles(table).axes[2]
    (joined,) = lines(axes, color=style.PALE)
    assert list(joined.get_xdata()) == [1e21, 8e21]
    np.testing.assert_allclose(joined.get_ydata(), [0.2, 0.1])
    assert words(axes) == ["1", "2", "3"]
    at = [text.get_position() for text in axes.texts]
    np.testing.assert_allclose(at, [(1e21, 0.2), (2e21, 0.3), (8e21, 0.1)])
    bottom, top = axes.get_ylim()
    assert bottom == 0
    assert top > 0.3


def test_another_table_is_refused(table):
    with pytest.raises(DataError, match="the table has no mean_width"):
        plots.ensembles(table.drop_vars("mean_width"))


def test_what_is_small_beside_the_large_stands_on_a_logarithmic_axis(table):
    scores, _, width, _ = plots.ensembles(table).axes
    assert (scores.get_xscale(), width.get_yscale()) == ("linear", "linear")
    factor = xr.DataArray([1.0, 1.0, 0.01], dims="ensemble")
    wide = table.assign(
        interval=table["interval"] * factor, mean_width=table["mean_width"] * factor
    )
    scores, _, width, _ = plots.ensembles(wide).axes
    assert (scores.get_xscale(), width.get_yscale()) == ("log", "log")
    assert width.get_ylim()[0] > 0
