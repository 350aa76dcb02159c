import numpy as np
import pandas as pd
import pytest

from cod_bayes.errors import DataError
from cod_bayes.plots import style
from cod_bayes.plots.results_table import (
    average_clustered,
    check_results,
    choose_methods,
    draw_method_panels,
    name_bootstrap,
    rank_methods,
    wrap_method,
)


@pytest.fixture
def table() -> pd.DataFrame:
    rows = [
        ("easy", "good", 0.01),
        ("easy", "bad", 0.02),
        ("easy", "absent", np.nan),
        ("hard", "good", 0.5),
        ("hard", "bad", 0.6),
        ("hard", "absent", np.nan),
        ("hard", "hard-only", 0.55),
    ]
    frame = pd.DataFrame(rows, columns=["study", "method", "crps"])
    return frame.assign(seed=0, benchmark="B")


def test_methods_rank_within_studies_and_those_without_forecasts_stand_last(table: pd.DataFrame):
    # by mean CRPS over all rows "hard-only" would be last of the three for its hard study alone
    assert rank_methods(table, "crps") == ["good", "hard-only", "bad", "absent"]


def test_shares_rank_by_their_distance_from_the_nominal_level(table: pd.DataFrame):
    covered = table[table["study"] == "hard"].assign(covered_90=[0.7, 0.95, np.nan, 1.0])
    assert rank_methods(covered, "covered_90", 0.9) == ["bad", "hard-only", "good", "absent"]


def test_the_best_are_highlighted_unless_others_are_asked_for(table: pd.DataFrame):
    assert choose_methods(table, None, most=2) == ["good", "hard-only"]
    assert choose_methods(table, ["bad", "good", "bad"]) == ["bad", "good"]
    with pytest.raises(DataError, match=r"'best'.*absent, bad, good, hard-only"):
        choose_methods(table, ["best"])
    with pytest.raises(DataError, match="no method at all"):
        choose_methods(table, [])


def test_a_table_must_have_rows_and_columns(table: pd.DataFrame):
    assert check_results(table, "crps") is table
    with pytest.raises(DataError, match=r"lacks the column 'pit'.*crps"):
        check_results(table, "pit")
    with pytest.raises(DataError, match="no rows"):
        check_results(table.iloc[:0])


def test_rows_of_one_seed_are_resampled_together():
    rows = pd.DataFrame({"study": "s", "seed": np.repeat([0, 1, 2, 3], 50), "benchmark": "B"})
    values = rows[["seed"]].to_numpy(float)
    means, resampled = average_clustered(rows, values)
    assert resampled == "seed"
    # 4 clusters of equal values, not 200 observations: sd 1.12 of 4, so ± 1.1 rather than ± 0.16
    assert means.high[0] - means.low[0] > 1.5


def test_a_share_without_a_miss_is_not_certain():
    rows = pd.DataFrame({"study": "s", "seed": [0, 1, 2], "benchmark": "B"})
    means, _ = average_clustered(rows, np.ones((3, 1)), are_shares=True)
    assert means.low[0] == pytest.approx(0.025 ** (1 / 3))
    assert means.high[0] == 1


def test_what_is_resampled_is_said():
    assert name_bootstrap(["seed", ""]) == "95 % intervals are from a bootstrap over seeds."
    assert "since there is one seed" in name_bootstrap(["benchmark"])
    assert "in a study of one seed" in name_bootstrap(["seed", "benchmark"])
    assert "in a study of one seed" in name_bootstrap(["seed, benchmark"])


@pytest.mark.parametrize(
    ("method", "lines"),
    [
        ("cod", ["cod"]),
        ("cod[a=1]", ["cod[a=1]"]),
        ("end-to-end-exp[law.scale=compute]", ["end-to-end-exp", "[law.scale=compute]"]),
        ("cod-point[map=cubic, anchors=false]", ["cod-point", "[map=cubic,", "anchors=false]"]),
    ],
)
def test_a_long_methods_settings_stand_below_its_name(method: str, lines: list[str]):
    assert wrap_method(method, 18) == lines


def test_no_panel_is_headed_wider_than_it_is():
    with style.house_style():
        long = "end-to-end-bnsl[estimate=least-squares, breaks=3]"
        chart, panels = draw_method_panels(["end-to-end-passrate", long, "a", "b"])
        chart.draw_without_rendering()
    for axes in panels.values():
        title = axes.get_title("left")
        assert title
        box = next(t for t in axes.get_children() if getattr(t, "get_text", str)() == title)
        assert box.get_window_extent().x1 <= axes.get_window_extent().x1 + 6
