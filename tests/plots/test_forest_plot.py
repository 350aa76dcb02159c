import numpy as np
import pandas as pd
import pytest

from cod_bayes import plots
from cod_bayes.errors import DataError
from cod_bayes.evaluation.scores import tabulate
from cod_bayes.plots import style

from .backtests import invent_results, withhold
from .reading import headline, lines, titles, words

METHODS = {"poor": (0.6, 1.0), "good": (0.1, 1.0), "fair": (0.3, 1.0)}


@pytest.fixture
def results(rng: np.random.Generator) -> pd.DataFrame:
    return invent_results(rng, METHODS, studies=("ladder", "one-seed"), n_seeds=8)


def rows_of(axes) -> list[str]:
    return [label.get_text() for label in axes.get_yticklabels()]


def note(figure) -> str:
    return figure.get_supxlabel().replace("\n", " ")


def test_each_study_has_a_panel_with_the_best_method_on_top(results: pd.DataFrame):
    figure = plots.forest(results)
    assert [titles(axes)[0] for axes in figure.axes] == ["ladder", "one-seed"]
    assert rows_of(figure.axes[0]) == ["good", "fair", "poor"]
    assert figure.axes[0].yaxis_inverted()
    assert headline(figure) == "Mean CRPS of every method"


def test_means_and_intervals_are_those_of_the_table(results: pd.DataFrame):
    axes = plots.forest(results).axes[0]
    own = results[results["study"] == "ladder"].assign(seconds=1.0)
    table = tabulate(own).set_index("method").loc[rows_of(axes)]
    bars = np.array([bar.get_segments()[0][:, 0] for bar in axes.collections])
    means = [line.get_xdata()[0] for line in lines(axes, marker="o")]
    assert means == pytest.approx(table["crps"].to_list())
    assert bars == pytest.approx(table[["crps_low", "crps_high"]].to_numpy())
    assert words(axes) == [f"{value:.1f}" for value in table["crps"]]


def test_a_method_with_fewer_forecasts_is_hollow_and_counted(results: pd.DataFrame):
    hidden = (results["method"] == "good") & (results["benchmark"] == "B1")
    figure = plots.forest(withhold(results, hidden), methods=["good", "fair"])
    axes = figure.axes[0]
    assert words(axes)[0].endswith("48/72")
    assert [line.get_markerfacecolor() for line in lines(axes, marker="o")] == [
        "white",
        style.FORECAST,
    ]
    assert "n of N" in note(figure)
    assert "n of N" not in note(plots.forest(results))


def test_a_study_that_a_method_declines_is_said(results: pd.DataFrame):
    hidden = (results["method"] == "good") & (results["study"] == "one-seed")
    first, second = plots.forest(withhold(results, hidden)).axes
    assert "no forecast" not in words(first)
    assert words(second)[rows_of(first).index("good")] == "no forecast"


def test_failed_gates_are_marked(results: pd.DataFrame):
    failed = (results["method"] == "fair") & (results["seed"] == 3)
    figure = plots.forest(results.assign(passed=~failed))
    assert [text.endswith("†") for text in words(figure.axes[0])] == [False, True, False]
    assert "gate" in note(figure)
    assert "gate" not in note(plots.forest(results))


def test_a_mean_far_beyond_all_others_is_an_arrow_with_its_value(results: pd.DataFrame):
    worse = results.assign(crps=results["crps"].where(results["method"] != "poor", 0.9))
    axes = plots.forest(worse).axes[0]
    assert axes.get_xlim()[1] < 50
    (arrow,) = lines(axes, marker=">")
    assert arrow.get_xdata()[0] == axes.get_xlim()[1]
    assert words(axes)[-1] == "90.0"


def test_coverage_is_ranked_and_drawn_against_its_nominal_level(rng: np.random.Generator):
    methods = {"wide": (0.3, 4.0), "right": (0.3, 1.0), "narrow": (0.3, 0.2)}
    figure = plots.forest(invent_results(rng, methods, n_seeds=15), "covered_80")
    (axes,) = figure.axes
    assert rows_of(axes) == ["right", "wide", "narrow"]
    (nominal,) = lines(axes, linestyle=":")
    assert list(nominal.get_xdata()) == [80, 80]
    assert all(text.isdigit() for text in words(axes))
    assert axes.get_xlabel() == "coverage of 80 % intervals (%)"


def test_the_note_says_what_was_resampled(results: pd.DataFrame):
    assert "benchmarks in a study of one seed" in note(plots.forest(results))
    assert note(plots.forest(results[results["study"] == "ladder"])).endswith("over seeds.")


def test_unknown_scores_and_methods_are_refused(results: pd.DataFrame):
    with pytest.raises(DataError, match=r"'rmse'.*crps"):
        plots.forest(results, "rmse")
    with pytest.raises(DataError, match="'best'"):
        plots.forest(results, methods=["best"])
    with pytest.raises(DataError, match="'passed'"):
        plots.forest(results.drop(columns="passed"))


def test_long_names_stand_in_lines_and_rows_grow_with_them(results: pd.DataFrame):
    name = "end-to-end-exp[estimate=least-squares, law.scale=compute]"
    plain = plots.forest(results)
    figure = plots.forest(results.assign(method=results["method"].replace("fair", name)))
    assert rows_of(figure.axes[0])[1].splitlines() == [
        "end-to-end-exp",
        "[estimate=least-squares,",
        "law.scale=compute]",
    ]
    assert figure.get_figheight() > plain.get_figheight()
