import numpy as np
import pytest
import xarray as xr

from cod_bayes import plots
from cod_bayes.errors import DataError
from cod_bayes.plots import style

from .reading import headline, legend_labels, lines, titles


@pytest.fixture
def table() -> xr.Dataset:
    """Four candidates, out of order: the dearest is not feasible, one is beaten."""
    dims = ("benchmark", "candidate")
    median = np.array([[0.5, 0.3, 0.4, 0.45], [0.8, 0.6, 0.7, 0.75]])
    return xr.Dataset(
        {
            "price_training": ("candidate", [80.0, 10.0, 20.0, 40.0]),
            "price_inference": ("candidate", [8.0, 1.0, 2.0, 4.0]),
            "median": (dims, median),
            "lower": (dims, median - 0.05),
            "upper": (dims, median + 0.1),
            "expected_utility": ("candidate", [5.0, 1.0, 4.0, 3.0]),
            "cvar": ("candidate", [-5.0, 0.0, 1.0, -1.0]),
            "feasible": ("candidate", [False, True, True, True]),
            "efficient": ("candidate", [True, True, True, False]),
        },
        coords={"benchmark": ["A", "B"], "candidate": ["huge", "small", "middle", "large"]},
        attrs={"ci_prob": 0.9, "recommended": "middle", "attitude": "cvar"},
    )


def test_every_candidate_stands_at_its_price(table: xr.Dataset):
    figure = plots.frontier(table)
    assert [titles(axes)[0] for axes in figure.axes] == ["A", "B", "utility"]
    points = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 1]
    where = [(line.get_xdata()[0], line.get_ydata()[0]) for line in points]
    assert where == [(11, 0.3), (22, 0.4), (44, 0.45), (88, 0.5)]
    assert [line.get_marker() for line in points] == ["o", "*", "o", "x"]
    assert points[2].get_markerfacecolor() == "white"


def test_intervals_and_the_frontier(table: xr.Dataset):
    (axes, _, utility) = plots.frontier(table).axes
    bars = [line.get_ydata() for line in lines(axes) if len(line.get_xdata()) == 2]
    np.testing.assert_allclose(bars, [(0.25, 0.4), (0.35, 0.5), (0.4, 0.55), (0.45, 0.6)])
    (joined,) = lines(axes, color=style.PALE)
    assert list(joined.get_xdata()) == [11, 22, 88]
    (tail,) = lines(utility, color=style.VERMILION)
    assert list(tail.get_ydata()) == [0, 1, -1, -5]


def test_the_title_says_what_is_recommended(table: xr.Dataset):
    assert headline(plots.frontier(table)) == "Recommended: middle (risk: cvar)"
    none = table.assign_attrs(recommended="")
    assert headline(plots.frontier(none)) == "Recommended: none (risk: cvar)"
    assert "candidate, 90 % equal-tailed credible interval" in legend_labels(plots.frontier(table))


def test_another_table_is_refused(table: xr.Dataset):
    with pytest.raises(DataError, match="the table has no median"):
        plots.frontier(table.drop_vars("median"))
