import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection

from cod_bayes import plots
from cod_bayes.errors import DataError
from cod_bayes.plots import style

from .reading import headline, legend_labels, lines, titles, words
from .study import FLOPS, TARGET_FLOPS, Study


def bands(axes):
    return [shape for shape in axes.collections if isinstance(shape, PolyCollection)]


def test_each_benchmark_has_its_panel(study: Study):
    figure = plots.forecast(study.grid, study.evals, study.truth)
    assert [titles(axes)[0] for axes in figure.axes] == ["Algebra", "Code", "Choice"]


def test_benchmarks_are_drawn_in_the_order_asked_for(study: Study):
    figure = plots.forecast(study.grid, benchmarks=["Code", "Algebra"])
    assert [titles(axes)[0] for axes in figure.axes] == ["Code", "Algebra"]
    assert len(plots.forecast(study.grid, benchmarks="Code").axes) == 1


def test_title_and_legend_name_the_intervals_level_and_kind(study: Study):
    figure = plots.forecast(study.grid, study.evals, study.truth)
    assert "90 % equal-tailed credible interval" in headline(figure)
    assert "one new run's score" in headline(figure)
    assert {"50 % equal-tailed credible interval", "90 % equal-tailed credible interval"} <= set(
        legend_labels(figure)
    )


def test_highest_density_intervals_are_called_so(study: Study):
    tree = study.grid.copy()
    tree["summary"].attrs["ci_kind"] = "hdi"
    figure = plots.forecast(tree)
    assert "90 % highest-density credible interval" in legend_labels(figure)
    assert "highest-density" in headline(figure)


def test_bands_lie_where_the_summary_puts_them(study: Study):
    axes = plots.forecast(study.grid, benchmarks="Algebra").axes[0]
    interval = study.grid["summary"]["interval"].sel(benchmark="Algebra")
    for band, level in zip(bands(axes), (0.9, 0.5), strict=True):
        heights = band.get_paths()[0].vertices[:, 1]
        expected = interval.sel(ci_prob=level)
        assert heights.max() == pytest.approx(expected.sel(ci_bound="upper").max().item())
        assert heights.min() == pytest.approx(expected.sel(ci_bound="lower").min().item())


def test_the_panel_states_the_headline_targets_forecast(study: Study):
    summary = study.grid["summary"].sel(benchmark="Algebra", target=24)
    numbers = [summary["median"], *summary["interval"].sel(ci_prob=0.9)]
    median, lower, upper = (f"{100 * float(number):.0f}" for number in numbers)
    axes = plots.forecast(study.grid, benchmarks="Algebra").axes[0]
    assert titles(axes)[1] == f"{median} [{lower}, {upper}]"


def test_targets_in_any_order_give_the_same_picture(study: Study, rng: np.random.Generator):
    shuffled = rng.permutation(25)
    tree = study.grid.copy()
    for group in ("summary", "predictions_constant_data"):
        tree[group] = xr.DataTree(tree[group].to_dataset().isel(target=shuffled))
    straight, mixed = (plots.forecast(t, benchmarks="Code").axes[0] for t in (study.grid, tree))
    assert titles(straight) == titles(mixed)
    for one, other in zip(straight.get_lines(), mixed.get_lines(), strict=True):
        np.testing.assert_array_equal(one.get_xydata(), other.get_xydata())


def test_a_single_target_is_a_bar_not_a_band(study: Study):
    figure = plots.forecast(study.single, study.evals, study.truth)
    assert not any(bands(axes) for axes in figure.axes)
    (median,) = lines(figure.axes[0], marker="o", markerfacecolor="white")
    assert median.get_xdata() == pytest.approx([TARGET_FLOPS])
    assert "90 % equal-tailed credible interval" in legend_labels(figure)


def test_truth_is_a_star_at_the_targets_compute(study: Study):
    figure = plots.forecast(study.grid, truth=study.truth)
    for axes, true_score in zip(figure.axes, study.truth["score"].values, strict=True):
        (star,) = lines(axes, marker="*")
        np.testing.assert_allclose(star.get_xydata(), [[TARGET_FLOPS, true_score[0]]])
    assert "truth (not used in the fit)" in legend_labels(figure)


def test_without_truth_there_is_no_star(study: Study):
    figure = plots.forecast(study.grid)
    assert not any(lines(axes, marker="*") for axes in figure.axes)
    assert not any("truth" in label for label in legend_labels(figure))


def test_only_the_targets_of_a_truth_are_drawn(study: Study):
    small = study.grid["scores"].to_dataset()[["score"]]
    small = small.drop_vars(["params_active", "tokens", "family"])
    both = xr.concat([study.truth, small], "llm")
    axes = plots.forecast(study.grid, truth=both, benchmarks="Code").axes[0]
    assert len(lines(axes, marker="*")[0].get_xdata()) == 1


def test_small_models_and_anchors_have_error_bars_and_differ(study: Study):
    figure = plots.forecast(study.grid, benchmarks="Code")
    points = {bars[0].get_marker(): bars for bars in figure.axes[0].containers}
    assert len(points["o"][0].get_xdata()) == len(FLOPS)
    assert len(points["D"][0].get_xdata()) == 2
    assert all(bars.has_yerr for bars in points.values())
    assert {"small models (± 1 s.e.)", "anchors (± 1 s.e.)"} <= set(legend_labels(figure))


def test_the_ladders_edge_is_marked(study: Study):
    axes = plots.forecast(study.grid, benchmarks="Code").axes[0]
    (edge,) = lines(axes, linestyle=":")
    assert set(edge.get_xdata()) == {FLOPS[-1]}


def test_blind_guessing_is_drawn_where_it_scores(study: Study):
    for evals in (study.evals, None):
        figure = plots.forecast(study.grid, evals)
        levels = [
            [line.get_ydata()[0] for line in axes.get_lines() if list(line.get_xdata()) == [0, 1]]
            for axes in figure.axes
        ]
        assert levels == [[], [], [pytest.approx(0.25)]]
        assert "blind guessing" in legend_labels(figure)


def test_the_end_to_end_law_stands_beside_cod(study: Study):
    figure = plots.forecast(study.grid)
    assert "end-to-end law: median, 90 % interval" in legend_labels(figure)
    outlines = [lines(axes, color=style.VERMILION) for axes in figure.axes]
    assert [len(found) for found in outlines] == [3, 3, 0]  # median and two bounds


def test_the_end_to_end_law_alone_is_said_to_be(study: Study):
    figure = plots.forecast(study.grid)
    assert [words(axes) for axes in figure.axes] == [[], [], ["end-to-end law alone"]]


def test_cod_is_outlined_where_the_end_to_end_law_leads(study: Study):
    tree = study.grid.copy()
    predictions = tree["predictions"].to_dataset()
    for leads, says in (["cod", "end-to-end"], ["end-to-end law leads"]), (["end-to-end"] * 2, []):
        headline = ("benchmark", [*leads, "end-to-end"])
        tree["predictions"] = xr.DataTree(predictions.assign_coords(headline=headline))
        figure = plots.forecast(tree)
        assert words(figure.axes[1]) == says
        assert "COD: median, 90 % interval" in legend_labels(figure)


def test_methods_chooses_what_is_outlined(study: Study):
    figure = plots.forecast(study.grid, methods=())
    assert not any("law" in label for label in legend_labels(figure))


def test_scores_start_at_zero_and_end_by_a_hundred_per_cent(study: Study):
    for axes in plots.forecast(study.grid).axes:
        low, high = axes.get_ylim()
        assert low == 0
        assert high <= 1.02
        assert axes.get_xscale() == "log"


def test_unknown_names_are_refused_with_those_that_are_known(study: Study):
    with pytest.raises(DataError, match=r"'Chess'.*Algebra, Code, Choice"):
        plots.forecast(study.grid, benchmarks="Chess")
    with pytest.raises(DataError, match=r"'oracle'.*cod, end-to-end"):
        plots.forecast(study.grid, methods=["oracle"])
    with pytest.raises(DataError, match="none at all"):
        plots.forecast(study.grid, benchmarks=[])


def test_a_fitted_tree_is_no_forecast(study: Study):
    with pytest.raises(DataError, match=r"no forecast.*'summary'.*cluster_table"):
        plots.forecast(study.fitted.tree)
