import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection

from cod_bayes import plots
from cod_bayes.config import Config
from cod_bayes.errors import DataError
from cod_bayes.fitted import FittedModel
from cod_bayes.plots import style

from .reading import headline, legend_labels, lines, titles, words
from .study import FLOPS, Study


def law_bands(axes):
    return [shape for shape in axes.collections if isinstance(shape, PolyCollection)]


def test_used_and_excluded_clusters_are_both_drawn(study: Study):
    figure = plots.clusters(study.fitted, "Algebra")
    used, excluded, _colour_bar = figure.axes
    assert titles(used)[0].startswith("4 clusters in the subset")
    assert titles(excluded)[0].startswith("2 clusters set aside")
    assert words(used) == ["1", "2", "4", "5"]
    assert words(excluded) == ["0", "3"]


def test_excluded_clusters_are_grey_and_dashed_or_dotted_by_class(study: Study):
    figure = plots.clusters(study.fitted, "Algebra")
    assert {"set aside: non-emergent", "set aside: non-extrapolatable"} <= set(
        legend_labels(figure)
    )
    curves = [line for line in figure.axes[1].get_lines() if len(line.get_xdata()) == len(FLOPS)]
    assert all(line.get_color() == style.GREY for line in curves)
    assert len({line.get_linestyle() + str(line._dash_pattern) for line in curves}) == 2


def test_each_used_cluster_has_its_laws_band_out_to_the_horizon(study: Study):
    for horizon in (10.0, 100.0):
        axes = plots.clusters(study.fitted, "Algebra", horizon=horizon).axes[0]
        bands = [band for band in law_bands(axes) if len(band.get_paths()[0].vertices) > 20]
        assert len(bands) == 4
        ends = [band.get_paths()[0].vertices[:, 0].max() for band in bands]
        assert ends == pytest.approx([FLOPS[-1] * horizon] * 4)


def test_laws_pass_through_the_rates_they_were_made_from(study: Study):
    axes = plots.clusters(study.fitted, "Algebra").axes[0]
    table = study.fitted.tree["cluster_table"].to_dataset()
    curves = [line for line in axes.get_lines() if len(line.get_xdata()) > len(FLOPS)]
    for line, cluster in zip(
        curves, ("Algebra/1", "Algebra/2", "Algebra/4", "Algebra/5"), strict=True
    ):
        seen = table["mean_rate"].sel(cluster=cluster).values
        assert np.interp(FLOPS, *line.get_data()) == pytest.approx(seen, abs=0.06)


def test_the_legend_names_the_interval(study: Study):
    figure = plots.clusters(study.fitted, "Code", ci_prob=0.8)
    assert "law: median, 80 % equal-tailed credible interval" in legend_labels(figure)
    assert headline(figure).startswith("Code: difficulty clusters")


def test_blind_guessing_is_drawn_where_it_scores(study: Study):
    assert "blind guessing" in legend_labels(plots.clusters(study.fitted, "Choice"))
    assert "blind guessing" not in legend_labels(plots.clusters(study.fitted, "Code"))


def test_markers_grow_with_the_number_of_items(study: Study):
    tree = study.fitted.tree.copy()
    table = tree["cluster_table"].to_dataset()
    table["n_items"] = ("cluster", np.arange(table.sizes["cluster"]) * 10 + 20)
    tree["cluster_table"] = xr.DataTree(table)
    axes = plots.clusters(FittedModel(tree, Config()), "Algebra").axes[0]
    areas = [
        shape.get_sizes()[0] for shape in axes.collections if len(shape.get_offsets()) == len(FLOPS)
    ]
    assert areas == sorted(areas)
    assert areas[0] < areas[-1]


def test_a_law_in_parameters_and_tokens_is_drawn_along_the_ladders_line(study: Study):
    tree = study.fitted.tree.copy()
    scale = ("scale", ["params", "tokens"])
    posterior = tree["law/posterior"].to_dataset()
    # two equal halves of the hazard, each with all of the slope, for a ladder of equal growth
    halves = xr.concat([posterior[["log_hazard", "slope"]]] * 2, dim="scale").assign_coords(
        scale=scale
    )
    halves["log_hazard"] = halves["log_hazard"] - np.log(2)
    halves["slope"] = halves["slope"] * 2
    both = posterior.drop_vars(["log_hazard", "slope", "scale"]).merge(halves)
    largest = study.evals.isel(llm=len(FLOPS) - 1)
    reference = [float(largest["params_active"]), float(largest["tokens"])]
    tree["law/posterior"] = xr.DataTree(both)
    tree["law/constant_data"] = xr.DataTree(
        xr.Dataset({"reference": ("scale", reference)}, coords={"scale": scale})
    )
    figures = [plots.clusters(f, "Code") for f in (study.fitted, FittedModel(tree, Config()))]
    drawn = [[line.get_ydata() for line in figure.axes[0].get_lines()] for figure in figures]
    for in_compute, in_both in zip(*drawn, strict=True):
        np.testing.assert_allclose(in_compute, in_both, rtol=1e-9)


def test_a_benchmark_with_several_must_be_named(study: Study):
    with pytest.raises(DataError, match="name one: Algebra, Code, Choice"):
        plots.clusters(study.fitted)
    with pytest.raises(DataError, match="Chess"):
        plots.clusters(study.fitted, "Chess")


def test_clusters_that_nothing_could_be_fitted_to_are_all_set_aside(study: Study):
    tree = study.fitted.tree.copy()
    table = tree["cluster_table"].to_dataset()
    tree["cluster_table"] = xr.DataTree(table.assign(in_subset=table["in_subset"] & False))
    del tree["law"]
    figure = plots.clusters(FittedModel(tree, Config()), "Code")
    assert len(figure.axes) == 1
    assert titles(figure.axes[0])[0].startswith("7 clusters set aside")
    assert not lines(figure.axes[0], color=style.BLACK)


def test_a_benchmark_without_clusters_is_refused_with_what_to_draw_instead(study: Study):
    tree = study.fitted.tree.copy()
    table = tree["cluster_table"].to_dataset()
    others = np.flatnonzero(table["cluster_benchmark"].values != "Code")
    tree["cluster_table"] = xr.DataTree(table.isel(cluster=others))
    with pytest.raises(DataError, match=r"no difficulty clusters.*plots\.forecast"):
        plots.clusters(FittedModel(tree, Config()), "Code")


@pytest.mark.parametrize("rate", [0.5, 1.0])
def test_labels_that_would_overlap_are_moved_apart_in_their_order(study: Study, rate: float):
    tree = study.fitted.tree.copy()
    table = tree["cluster_table"].to_dataset()
    alike = table.assign(
        in_subset=table["in_subset"] & False, mean_rate=0 * table["mean_rate"] + rate
    )
    tree["cluster_table"] = xr.DataTree(alike)
    (axes,) = plots.clusters(FittedModel(tree, Config()), "Code").axes
    heights = [text.xy[1] for text in axes.texts]
    assert words(axes) == [*"0123456"]
    assert min(np.diff(heights)) > 0.03
    assert max(heights) <= 1 + 1e-9
    assert rate == 1 or np.mean(heights) == pytest.approx(rate)
