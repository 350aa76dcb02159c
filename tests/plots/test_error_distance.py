import numpy as np
import pandas as pd
import pytest

from cod_bayes import plots
from cod_bayes.errors import DataError
from cod_bayes.plots import style

from .backtests import invent_results, withhold
from .reading import headline, legend_labels, lines, titles, words

METHODS = {"sharp": (0.1, 1.0), "wide": (0.3, 1.0), "poor": (0.8, 0.5)}
DISTANCES = (0.5, 1.0, 1.5)


@pytest.fixture
def results(rng: np.random.Generator) -> pd.DataFrame:
    return invent_results(rng, METHODS, n_seeds=10, decades=DISTANCES)


def test_the_median_error_stands_at_each_distance(results: pd.DataFrame):
    (axes,) = plots.error_by_distance(results, ["wide"]).axes
    (line,) = [line for line in lines(axes, color=style.FORECAST) if line.get_marker() == "None"]
    own = results[results["method"] == "wide"].groupby("decades")["absolute_error"].median()
    assert line.get_xdata() == pytest.approx(DISTANCES)
    assert line.get_ydata() == pytest.approx(own.to_numpy())


def test_bands_hold_their_share_of_the_errors(results: pd.DataFrame):
    (axes,) = plots.error_by_distance(results, ["poor"]).axes
    own = results[(results["method"] == "poor") & (results["decades"] == 1.0)]["absolute_error"]
    for band, share in zip(axes.collections, (0.8, 0.5), strict=True):
        places = band.get_paths()[0].vertices
        at = np.unique(places[np.isclose(places[:, 0], 1.0), 1])
        low, high = at.min(), at.max()
        assert ((own >= low) & (own <= high)).mean() == pytest.approx(share, abs=0.05)


def test_each_highlighted_method_has_a_panel_before_all_others_in_grey(results: pd.DataFrame):
    figure = plots.error_by_distance(results, ["wide", "poor"])
    assert [titles(axes)[0] for axes in figure.axes] == ["wide", "poor"]
    assert all(len(lines(axes, color=style.PALE)) == 2 for axes in figure.axes)
    assert "the other methods: median" in legend_labels(figure)


def test_at_most_eight_of_fifteen_methods_are_highlighted(rng: np.random.Generator):
    many = {f"m{i:02d}": (0.1 + 0.1 * i, 1.0) for i in range(15)}
    figure = plots.error_by_distance(invent_results(rng, many, n_seeds=3))
    assert [titles(axes)[0] for axes in figure.axes][:2] == ["m00", "m01"]
    assert len(figure.axes) == 8
    assert len(lines(figure.axes[0], color=style.PALE)) == 14


def test_all_panels_have_one_scale(results: pd.DataFrame):
    figure = plots.error_by_distance(results)
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert len({axes.get_xlim() for axes in figure.axes}) == 1


def test_missing_forecasts_are_counted(results: pd.DataFrame):
    hidden = (results["method"] == "wide") & (results["benchmark"] == "B0")
    figure = plots.error_by_distance(withhold(results, hidden), ["wide", "poor"])
    assert words(figure.axes[0]) == ["n = 60/90"]
    assert words(figure.axes[1]) == []


def test_a_method_without_forecasts_has_an_empty_panel(results: pd.DataFrame):
    table = withhold(results, results["method"] == "poor")
    figure = plots.error_by_distance(table, ["poor", "wide"])
    assert words(figure.axes[0]) == ["n = 0/90"]
    assert not lines(figure.axes[0], color=style.FORECAST, marker="o")[0].get_xdata().size


def test_many_distances_are_gathered_in_bins(rng: np.random.Generator):
    distances = tuple(np.linspace(0.1, 2.0, 40))
    table = invent_results(rng, {"sharp": (0.1, 1.0)}, n_seeds=2, decades=distances)
    (axes,) = plots.error_by_distance(table).axes
    (points,) = lines(axes, marker="o")
    assert 6 <= len(points.get_xdata()) <= 8
    assert (np.diff(points.get_xdata()) > 0).all()


def test_a_single_distance_is_drawn_as_a_bar(results: pd.DataFrame):
    (axes,) = plots.error_by_distance(results[results["decades"] == 1.0], ["wide"]).axes
    assert len(lines(axes, marker="o")[0].get_xdata()) == 1
    assert len(axes.collections) == 2


def test_the_title_says_what_is_pooled(rng: np.random.Generator, results: pd.DataFrame):
    assert headline(plots.error_by_distance(results)).endswith("ladder")
    both = invent_results(rng, METHODS, studies=("a", "b"))
    assert headline(plots.error_by_distance(both)).endswith("2 studies pooled")


def test_unknown_methods_and_missing_columns_are_refused(results: pd.DataFrame):
    with pytest.raises(DataError, match="'best'"):
        plots.error_by_distance(results, ["best"])
    with pytest.raises(DataError, match="'decades'"):
        plots.error_by_distance(results.drop(columns="decades"))
