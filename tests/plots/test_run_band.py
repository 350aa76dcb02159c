import numpy as np
import pytest
import xarray as xr

from cod_bayes import plots
from cod_bayes.errors import DataError
from cod_bayes.plots import style

from .reading import headline, legend_labels, lines, titles


@pytest.fixture
def table() -> xr.Dataset:
    """Four checkpoints on two benchmarks; the last is not judged, the third raises the alarm."""
    cells, shape = ("checkpoint", "benchmark"), (4, 2)
    score = np.linspace(0.3, 0.6, 8).reshape(shape)
    band = {"lower": score - 0.05, "median": score, "upper": score + 0.1}
    unknown = np.array([False, False, False, True])[:, None]
    bounds = {name: np.where(unknown, np.nan, values) for name, values in band.items()}
    return xr.Dataset(
        {
            "score": (cells, score),
            **{name: (cells, values) for name, values in bounds.items()},
            **{f"end_{name}": (cells, values + 0.2) for name, values in bounds.items()},
            **{f"original_{n}": ("benchmark", values[-1]) for n, values in band.items()},
            "e_value": ("checkpoint", [1.0, 4.0, 30.0, 30.0]),
            "share": ("checkpoint", [0.25, 0.5, 0.75, 1.0]),
            "judged": ("checkpoint", [True, True, True, False]),
            "phase": ("checkpoint", ["stable"] * 3 + ["annealed"]),
        },
        coords={"benchmark": ["A", "B"], "checkpoint": list("wxyz")},
        attrs={"run": "big", "alpha": 0.05, "ci_prob": 0.9, "alarm": "y", "alarm_share": 0.75,
               "direction": "below", "foremost": "B"},
    )  # fmt: skip


def test_checkpoints_stand_where_they_were_measured(table: xr.Dataset):
    figure = plots.watched_run(table)
    assert [titles(axes)[0] for axes in figure.axes] == ["A", "B", "evidence for drift"]
    judged, other = lines(figure.axes[0], marker="o")
    np.testing.assert_allclose(judged.get_xdata(), [0.25, 0.5, 0.75])
    np.testing.assert_allclose(judged.get_ydata(), table["score"].values[:3, 0])
    assert other.get_markerfacecolor() == "white"
    np.testing.assert_allclose(other.get_ydata(), table["score"].values[3:, 0])


def test_the_end_is_that_of_the_last_judged_checkpoint(table: xr.Dataset):
    axes = plots.watched_run(table).axes[0]
    (updated,) = lines(axes, marker="D")
    assert updated.get_ydata().item() == pytest.approx(table["end_median"].values[2, 0])
    (original,) = lines(axes, marker="s")
    assert original.get_ydata().item() == pytest.approx(table["original_median"].values[0])


def test_evidence_crosses_its_line_at_the_alarm(table: xr.Dataset):
    figure = plots.watched_run(table)
    evidence = figure.axes[-1]
    (star,) = lines(evidence, marker="*")
    assert (star.get_xdata().item(), star.get_ydata().item()) == (0.75, 30.0)
    (limit,) = lines(evidence, color=style.VERMILION, linestyle="--")
    assert list(limit.get_ydata()) == [20, 20]
    assert (
        headline(figure)
        == "Run big (alarm at 75% of training: drift below the band, foremost on B)"
    )
    assert "band before the run, 90 % equal-tailed credible interval" in legend_labels(figure)


def test_the_title_says_where_nothing_drifts_or_is_judged(table: xr.Dataset):
    healthy = table.assign_attrs(alarm="")
    assert headline(plots.watched_run(healthy)) == "Run big (no alarm at level 0.05)"
    blank = healthy.assign(judged=("checkpoint", [False] * 4))
    assert headline(plots.watched_run(blank)) == "Run big (nothing is judged)"


def test_chosen_benchmarks_and_foreign_tables(table: xr.Dataset):
    assert titles(plots.watched_run(table, ["B"]).axes[0])[0] == "B"
    with pytest.raises(DataError, match="the table has no lower: give what"):
        plots.watched_run(table.drop_vars("lower"))
