import numpy as np
import pytest
import xarray as xr

from cod_bayes import plots
from cod_bayes.errors import DataError

from .reading import headline, legend_labels, titles


@pytest.fixture
def table() -> xr.Dataset:
    """Three pilots, out of order; the third is not affordable."""
    return xr.Dataset(
        {
            "price": ("pilot", [10.0, 5.0, 500.0]),
            "evsi": ("pilot", [40.0, 1.0, np.nan]),
            "evsi_se": ("pilot", [2.0, 0.5, np.nan]),
            "net_value": ("pilot", [30.0, -4.0, np.nan]),
            "narrowing": (("benchmark", "pilot"), [[0.2, 0.05, 0.6], [0.1, 0.0, 0.5]]),
            "mean_narrowing": ("pilot", [0.15, 0.025, 0.55]),
            "narrowing_per_price": ("pilot", [0.015, 0.005, 0.0011]),
            "narrowing_limit": ("benchmark", [0.7, 0.8]),
        },
        coords={"benchmark": ["A", "B"], "pilot": ["size", "trials", "twin"]},
        attrs={"recommended": "size", "reason": "it is worth it", "value_of_law": 90.0},
    )


def test_pilots_stand_by_net_value_with_the_best_on_top(table: xr.Dataset):
    figure = plots.pilots(table)
    worth, narrowing = figure.axes
    assert [label.get_text() for label in worth.get_yticklabels()] == ["twin", "trials", "size *"]
    assert titles(worth)[0] == "worth to the decision"
    prices = [line for line in worth.get_lines() if line.get_marker() == "|"]
    assert prices[0].get_xdata().tolist() == [500.0, 5.0, 10.0]
    means = [line for line in narrowing.get_lines() if line.get_marker() == "D"]
    np.testing.assert_allclose(means[0].get_xdata(), [0.55, 0.025, 0.15])
    assert "Buy first: size" in headline(figure)
    assert "price" in legend_labels(figure)


def test_without_a_decision_there_is_narrowing_alone(table: xr.Dataset):
    bare = table.drop_vars(["evsi", "evsi_se", "net_value"])
    figure = plots.pilots(bare)
    assert len(figure.axes) == 1
    assert figure.axes[0].get_yticklabels()[-1].get_text() == "size *"


def test_other_tables_are_refused(table: xr.Dataset):
    with pytest.raises(DataError, match="the table has no narrowing"):
        plots.pilots(table.drop_vars("narrowing"))
