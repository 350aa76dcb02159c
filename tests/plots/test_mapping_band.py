import dataclasses

import numpy as np
import pytest
import xarray as xr

from cod_bayes import plots
from cod_bayes.config import Config, MappingConfig
from cod_bayes.errors import DataError
from cod_bayes.fitted import FittedModel
from cod_bayes.plots import style

from .reading import legend_labels, lines, titles, words
from .study import FLOPS, Study


def test_each_benchmark_has_its_panel(study: Study):
    figure = plots.mapping(study.fitted)
    assert [titles(axes)[0] for axes in figure.axes] == ["Algebra", "Code", "Choice"]
    assert all("% of items" in words(axes)[0] for axes in figure.axes)
    assert len(plots.mapping(study.fitted, "Code").axes) == 1


def test_the_legend_names_intervals_points_and_identity(study: Study):
    assert set(legend_labels(plots.mapping(study.fitted))) == {
        "identity",
        "map: median",
        "90 % equal-tailed credible interval",
        "50 % equal-tailed credible interval",
        "small models (± 1 s.e.)",
        "anchors (± 1 s.e.)",
    }


def test_points_are_the_measured_scores(study: Study):
    axes = plots.mapping(study.fitted, "Code").axes[0]
    points = {bars[0].get_marker(): bars for bars in axes.containers}
    own = study.evals.isel(item=study.evals["benchmark"].values == "Code")
    full = (own["n_correct"] / own["n_trials"]).mean("item").values
    np.testing.assert_allclose(points["o"][0].get_ydata(), full[: len(FLOPS)])
    np.testing.assert_allclose(points["D"][0].get_ydata(), full[len(FLOPS) :])
    assert all(bars.has_xerr and bars.has_yerr for bars in points.values())


def test_the_map_rises_and_passes_near_the_points_it_was_fitted_to(study: Study):
    axes = plots.mapping(study.fitted, "Code").axes[0]
    (curve,) = lines(axes, color=style.FORECAST)
    subset, full = curve.get_data()
    assert (np.diff(full) > 0).all()
    seen = next(bars[0] for bars in axes.containers if bars[0].get_marker() == "o")
    x, y = seen.get_data()
    assert np.interp(x, subset, full) == pytest.approx(y, abs=0.04)


def test_the_monotone_form_maps_the_full_score_itself(study: Study):
    config = dataclasses.replace(Config(), mapping=MappingConfig(form="monotone"))
    tree = study.fitted.tree.copy()
    posterior = 0 * tree["mapping/posterior"].to_dataset()
    posterior = posterior.assign(slope=posterior["slope"] + 1, offset=posterior["offset"] + 1)
    tree["mapping/posterior"] = xr.DataTree(posterior)
    axes = plots.mapping(FittedModel(tree, config), "Code").axes[0]
    (curve,) = lines(axes, color=style.FORECAST)
    subset, full = curve.get_data()
    np.testing.assert_allclose(full / (1 - full), np.e * subset / (1 - subset))


def test_what_has_no_map_is_refused(study: Study):
    tree = study.fitted.tree.copy()
    del tree["mapping"]
    with pytest.raises(DataError, match="no map from subset to full set"):
        plots.mapping(FittedModel(tree, Config()))
    with pytest.raises(DataError, match="Chess"):
        plots.mapping(study.fitted, ["Code", "Chess"])
