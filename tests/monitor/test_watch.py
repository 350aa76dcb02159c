"""What is said of a run: with trajectories, without, and where nothing can be said."""

import json

import numpy as np
import pytest
import xarray as xr

from cod_bayes import watch_run
from cod_bayes.errors import DataError
from cod_bayes.monitor import Trajectories
from cod_bayes.monitor.checkpoints import read_checkpoints
from cod_bayes.monitor.gaussian import Gaussian
from cod_bayes.monitor.law_path import trace_law
from cod_bayes.monitor.structure import follow, stack_values

from .hand_made import TRUTH, make_evals, make_fitted

SHARE = np.arange(1, 13) / 12
TOKENS = 20 * 3e9
NOTHING = Gaussian(np.zeros(5), np.zeros((5, 5)))


def learnt(**changed):
    about = {
        "benchmarks": ("A", "B"),
        "structure": TRUTH,
        "draws": (TRUTH,) * 4,
        "departures": NOTHING,
        "final_phase": "stable",
        "has_gain": False,
        "inflation_common": 1.0,
        "inflation_own": 1.0,
        "runs": ("x", "y", "z"),
    }
    return Trajectories(**about | changed)


def make_run(fitted, shift=0.0, phase=None):
    """A run on the middle of its band, but for a shift in logits, (checkpoint, benchmark)."""
    blank = {"big": np.full((len(SHARE), 2), 0.5)}
    about = {"share": SHARE, "params": {"big": 3e9}, "role": "target", "phase": phase}
    run = read_checkpoints(make_evals(blank, **about), TOKENS)
    (path,) = trace_law(fitted, [run])
    stack = stack_values(run, str(run.phase[-1]))
    logit = follow(path, path.mean, stack, TRUTH.progress).reshape(-1, 2) + shift
    return make_evals({"big": 1 / (1 + np.exp(-logit))}, **about)


@pytest.fixture(scope="module")
def fitted():
    return make_fitted()


def test_a_run_on_its_band_raises_no_alarm_and_narrows_the_end(fitted):
    table = watch_run(fitted, make_run(fitted), learnt(), tokens=TOKENS)
    assert table.attrs["alarm"] == ""
    assert table["judged"].values.all()
    assert table["e_value"].max() < 2
    np.testing.assert_allclose(table["quantile"], 0.5, atol=0.02)
    assert (table["lower"] < table["score"]).all()
    assert (table["score"] < table["upper"]).all()
    width = (table["end_upper"] - table["end_lower"]).values
    assert (np.diff(width, axis=0) < 1e-9).all()
    before = (table["original_upper"] - table["original_lower"]).values
    assert (width[-1] < 0.2 * before).all()


def test_a_slow_fall_is_an_alarm_below_since_it_began(fitted):
    fall = -0.12 * np.maximum(np.arange(12) - 4, 0)[:, None]
    table = watch_run(fitted, make_run(fitted, fall), learnt(), tokens=TOKENS)
    assert 5 / 12 < table.attrs["alarm_share"] < 1
    assert table.attrs["direction"] == "below"
    assert 4 / 12 <= table.attrs["drift_from"] <= table.attrs["alarm_share"]
    above = watch_run(fitted, make_run(fitted, -fall), learnt(), tokens=TOKENS)
    assert above.attrs["direction"] == "above"


def test_one_excursion_is_shown_and_is_no_alarm(fitted):
    shift = np.zeros((12, 2))
    shift[6] = -1.5
    table = watch_run(fitted, make_run(fitted, shift), learnt(), tokens=TOKENS)
    assert (table["surprise"].values[6] < -5).all()
    assert table["e_value"].max() < 2
    assert table.attrs["alarm"] == ""


def test_inflation_makes_the_alarm_deafer(fitted):
    run = make_run(fitted, -0.12 * np.maximum(np.arange(12) - 4, 0)[:, None])
    plain = watch_run(fitted, run, learnt(), tokens=TOKENS)
    deaf = learnt(inflation_common=3.0, inflation_own=3.0)
    inflated = watch_run(fitted, run, deaf, tokens=TOKENS)
    assert inflated["e_value"].values[-1] < plain["e_value"].values[-1]
    np.testing.assert_allclose(
        plain["stream_surprise"].values, 3 * inflated["stream_surprise"].values
    )


def test_another_phase_is_judged_only_where_its_gain_was_learnt(fitted):
    phase = np.array(["stable"] * 10 + ["annealed"] * 2)
    run = make_run(fitted, phase=phase)
    table = watch_run(fitted, run, learnt(), tokens=TOKENS)
    assert table["judged"].values.tolist() == [True] * 10 + [False] * 2
    assert np.isnan(table["quantile"].values[10:]).all()
    assert "2 checkpoints are shown and not judged" in json.loads(table.attrs["notes"])[-1]
    assert np.diff(table["e_value"].values[9:]) == pytest.approx([0, 0], abs=0.2)
    both = learnt(final_phase="annealed", has_gain=True)
    assert watch_run(fitted, run, both, tokens=TOKENS)["judged"].values.all()


def test_a_law_in_compute_without_trajectories_forecasts_the_end_alone(fitted):
    table = watch_run(fitted, make_run(fitted), tokens=TOKENS)
    assert not table["judged"].values.any()
    assert np.isnan(table["lower"]).all()
    assert np.isnan(table["end_median"]).all()
    assert np.isfinite(table["original_median"]).all()
    assert "no band and no alarm" in json.loads(table.attrs["notes"])[-1]


def test_a_law_in_tokens_gives_a_band_without_trajectories_and_no_alarm():
    fitted = make_fitted(n_scales=2)
    table = watch_run(fitted, make_run(fitted), tokens=TOKENS)
    assert np.isfinite(table["lower"]).all()
    assert (np.diff(table["median"].values, axis=0) > 0).all()
    assert not table["judged"].values.any()
    assert "no alarm: the band is that of the law" in json.loads(table.attrs["notes"])[-1]


def test_a_benchmark_that_the_run_lacks_is_forecast_all_the_same(fitted):
    run = make_run(fitted).isel(item=[0])
    table = watch_run(fitted, run, learnt(), tokens=TOKENS)
    assert list(table["benchmark"].values) == ["A", "B"]
    assert np.isnan(table["score"].sel(benchmark="B")).all()
    assert np.isfinite(table["end_median"].sel(benchmark="B")).all()


def test_what_cannot_be_watched_is_refused(fitted):
    run = make_run(fitted)
    strange: xr.Dataset = run.assign_coords(benchmark=("item", ["A", "Z"]))
    for trajectories in (None, learnt()):
        with pytest.raises(DataError, match="has benchmark 'Z', but none of that name"):
            watch_run(fitted, strange, trajectories, tokens=TOKENS)
    with pytest.raises(DataError, match=r"alpha is a fraction within \(0, 1\); got 5"):
        watch_run(fitted, run, tokens=TOKENS, alpha=5)
