import numpy as np
import pandas as pd
import pytest

from cod_bayes import plots
from cod_bayes.errors import DataError
from cod_bayes.evaluation import calibration
from cod_bayes.plots import style, uniformity

from .backtests import invent_results, withhold
from .reading import headline, legend_labels, lines, titles, words


@pytest.fixture
def results(rng: np.random.Generator) -> pd.DataFrame:
    """Forecasts that are right have PITs as even as can be: no luck takes them out."""
    methods = {"right": (0.3, 1.0), "narrow": (0.3, 0.3)}
    table = invent_results(rng, methods, n_seeds=25, n_benchmarks=4)
    right = table["method"] == "right"
    table.loc[right, "pit"] = (rng.permutation(right.sum()) + 0.5) / right.sum()
    return table


@pytest.fixture
def ranks(rng: np.random.Generator) -> pd.DataFrame:
    quantities = ["luck_sd", "slope[compute, row-0]", "slope[compute, row-1]"]
    rows = [
        {"refit": refit, "quantity": name, "rank": int(rng.integers(0, 100)), "passed": refit > 3}
        for refit in range(120)
        for name in quantities
    ]
    return pd.DataFrame(rows)


def test_narrow_forecasts_leave_the_envelope_and_right_ones_do_not(results: pd.DataFrame):
    right, narrow = plots.pit(results, ["right", "narrow"]).axes
    assert lines(right, color=style.FORECAST)
    assert not lines(right, color=style.VERMILION)
    (curve,) = lines(narrow, color=style.VERMILION)
    at, difference = curve.get_data()
    assert np.interp(0.2, at, difference) > 0 > np.interp(0.8, at, difference)


def test_the_curve_is_the_ecdf_less_the_uniform(results: pd.DataFrame):
    (axes,) = plots.pit(results, ["narrow"]).axes
    at, difference = lines(axes, color=style.VERMILION)[0].get_data()
    values = results.loc[results["method"] == "narrow", "pit"].to_numpy()
    assert difference == pytest.approx([(values <= u).mean() - u for u in at])


def test_all_methods_are_drawn_on_one_scale_with_how_to_read_them(results: pd.DataFrame):
    figure = plots.pit(results)
    assert {titles(axes)[0] for axes in figure.axes} == {"right", "narrow"}
    assert len({axes.get_ylim() for axes in figure.axes}) == 1
    assert legend_labels(figure) == ["simultaneous 95 % envelope", "stays inside", "leaves it"]
    assert "too narrow" in figure.legends[0].get_title().get_text()
    assert legend_labels(plots.pit(results, false_alarm=0.01))[0].startswith("simultaneous 99 %")


def test_methods_with_no_forecast_or_few_are_marked(results: pd.DataFrame):
    hidden = (results["method"] == "narrow") | (results["seed"] == 0)
    figure = plots.pit(withhold(results, hidden), ["right", "narrow"])
    assert [words(axes) for axes in figure.axes] == [["n = 288/300"], ["n = 0/300"]]
    assert not figure.axes[1].get_lines()


def test_a_method_that_forecast_nothing_is_blank(results: pd.DataFrame):
    table = withhold(results, results["method"] != "")
    assert words(plots.pit(table, ["right"]).axes[0]) == ["n = 0/300"]


def test_ranks_have_a_panel_a_variable_and_a_line_an_element(ranks: pd.DataFrame):
    figure = plots.sbc(ranks, name="law")
    luck, slope = figure.axes
    assert (titles(luck)[0], titles(slope)[0]) == ("luck sd", "slope")
    assert titles(slope)[1].endswith("/2 leave")
    curves = [line for line in slope.get_lines() if len(line.get_xdata()) > 2]
    assert len(curves) == 2
    assert headline(figure) == (
        "Simulation-based calibration of law: 120 refits, 4 of them with a failed gate"
    )


def test_ranks_that_pile_up_leave_the_envelope(ranks: pd.DataFrame):
    low = ranks.assign(rank=ranks["rank"].where(ranks["quantity"] == "luck_sd", ranks["rank"] // 2))
    luck, slope = plots.sbc(low).axes
    assert not lines(luck, color=style.VERMILION)
    assert len(lines(slope, color=style.VERMILION)) == 2
    assert titles(slope)[1] == "2/2 leave"


def test_no_ranks_are_refused(ranks: pd.DataFrame):
    with pytest.raises(DataError, match="no refit"):
        plots.sbc(ranks.iloc[:0])


def test_the_false_alarm_rate_is_the_packages_own():
    assert uniformity.FALSE_ALARM == calibration.FALSE_ALARM
