import numpy as np
import pytest
import xarray as xr

from cod_bayes import plots
from cod_bayes.config import Config
from cod_bayes.errors import DataError
from cod_bayes.fitted import FittedModel
from cod_bayes.mapping.point import fit_point_map
from cod_bayes.plots import style

from .reading import headline, legend_labels, lines, titles
from .study import ANCHOR_FLOPS, FLOPS, Study


def curves(axes) -> list[np.ndarray]:
    """The paper's maps, from subset 0 to 1."""
    return [line.get_ydata() for line in axes.get_lines() if len(line.get_xdata()) == 201]


def points(axes) -> np.ndarray:
    drawn = lines(axes, linestyle="None")
    return np.hstack([line.get_xydata().T for line in drawn])


def test_polynomials_stand_beside_splines(study: Study):
    figure = plots.mapping_by_interpolation(study.fitted, "Algebra")
    polynomials, splines = figure.axes[:2]
    assert (titles(polynomials)[0], titles(splines)[0]) == (
        "polynomials",
        "cubic smoothing splines",
    )
    named = [text.get_text() for axes in (polynomials, splines) for text in axes.legend_.texts]
    assert named == [
        *("degree 3", "degree 4", "degree 5"),
        *("RMSE ≤ 0.0025", "RMSE ≤ 0.005", "RMSE ≤ 0.01", "RMSE ≤ 0.02"),
    ]
    assert (len(curves(polynomials)), len(curves(splines))) == (3, 4)
    assert headline(figure).startswith("Algebra")


def test_curves_are_the_maps_through_the_points_that_are_drawn(study: Study):
    axes = plots.mapping_by_interpolation(study.fitted, "Code", rmse=[0.01]).axes
    subset, full = points(axes[0])
    assert len(subset) == len(FLOPS) + len(ANCHOR_FLOPS)
    grid = np.linspace(0, 1, 201)
    assert curves(axes[0])[1] == pytest.approx(fit_point_map(subset, full, "quartic")(grid))
    assert curves(axes[1])[0] == pytest.approx(fit_point_map(subset, full, "spline", 0.01)(grid))


def test_below_stands_the_same_less_the_diagonal(study: Study):
    upper, _, lower, _ = plots.mapping_by_interpolation(study.fitted, "Algebra").axes
    grid = np.linspace(0, 1, 201)
    for above, below in zip(curves(upper), curves(lower), strict=True):
        assert below == pytest.approx(above - grid)
    (subset, full), (same, gap) = points(upper), points(lower)
    assert same == pytest.approx(subset)
    assert gap == pytest.approx(full - subset)


def test_our_map_and_its_band_are_in_every_panel(study: Study):
    figure = plots.mapping_by_interpolation(study.fitted, "Algebra", ci_prob=0.8)
    assert all(len(axes.collections) == 1 for axes in figure.axes)
    assert all(len(lines(axes, color=style.FORECAST)) == 1 for axes in figure.axes)
    assert "80 % equal-tailed credible interval" in legend_labels(figure)


def test_what_was_not_measured_holds_no_curve(study: Study):
    tree = study.fitted.tree.copy()
    data = tree["mapping/constant_data"].to_dataset().copy(deep=True)
    for name in ("subset_trials", "subset_correct"):
        data[name].loc[{"benchmark": "Algebra", "llm": data["llm"].values[0]}] = 0
    tree["mapping/constant_data"] = xr.DataTree(data)
    axes = plots.mapping_by_interpolation(FittedModel(tree, Config()), "Algebra").axes[0]
    assert all(np.isfinite(curve).all() for curve in curves(axes))


def test_what_cannot_be_drawn_is_refused(study: Study):
    with pytest.raises(DataError, match="name one: Algebra, Code, Choice"):
        plots.mapping_by_interpolation(study.fitted)
    with pytest.raises(DataError, match="1 to 4 thresholds"):
        plots.mapping_by_interpolation(study.fitted, "Code", rmse=())
    tree = study.fitted.tree.copy()
    del tree["mapping"]
    with pytest.raises(DataError, match="no map"):
        plots.mapping_by_interpolation(FittedModel(tree, Config()), "Code")
