"""Recalibrated widths on forecasts whose fault is known."""

import json

import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logit

from cod_bayes.errors import DataError, ModelFileError
from cod_bayes.evaluation.recalibration import (
    Recalibration,
    conformal_radius,
    learn_conformal,
    learn_scale,
)
from cod_bayes.evaluation.scores import compute_interval
from cod_bayes.methods.summary import LEVELS


def make_cells(rng, n, width):
    """Forecasts of logit sd 0.3 times ``width``; truths of sd 0.3 about their medians."""
    centre = rng.normal(0, 1, n)
    sd = rng.uniform(0.15, 0.45, n)
    quantiles = expit(centre[:, None] + width * sd[:, None] * stats.norm.ppf(LEVELS))
    return quantiles, expit(centre + sd * rng.normal(size=n))


def coverage(quantiles, truths, level=0.9):
    low, high = compute_interval(quantiles, level)
    return np.mean((truths >= low) & (truths <= high))


@pytest.mark.parametrize("learn", [learn_scale, learn_conformal])
def test_half_widths_are_doubled_and_cover_on_fresh_data(rng, learn):
    learnt = learn(*make_cells(rng, 600, 0.5), ["a"])
    assert learnt.factor == pytest.approx(2.0, rel=0.15)
    fresh, truths = make_cells(rng, 3000, 0.5)
    assert coverage(fresh, truths) < 0.65
    for level in (0.5, 0.8, 0.9):
        assert coverage(learnt.apply(fresh), truths, level) == pytest.approx(level, abs=0.05)


@pytest.mark.parametrize("learn", [learn_scale, learn_conformal])
def test_right_widths_stay(rng, learn):
    learnt = learn(*make_cells(rng, 1000, 1.0), ["a"])
    assert learnt.factor == pytest.approx(1.0, rel=0.12)


@pytest.mark.parametrize("learn", [learn_scale, learn_conformal])
def test_the_median_stays_and_quantiles_rise_within_the_unit_interval(rng, learn):
    quantiles, truths = make_cells(rng, 60, 0.5)
    new = learn(quantiles, truths, ["a"]).apply(quantiles)
    assert np.median(new, axis=1) == pytest.approx(np.median(quantiles, axis=1), rel=1e-4)
    assert (np.diff(new, axis=1) >= 0).all()
    assert ((new > 0) & (new < 1)).all()


def test_scaling_is_about_the_median_on_the_logit():
    quantiles = expit(0.4 + 0.2 * stats.norm.ppf(LEVELS))
    scaled = Recalibration("scale", 1.7, 30, ("a",)).apply(quantiles)
    assert logit(scaled) == pytest.approx(0.4 + 1.7 * 0.2 * stats.norm.ppf(LEVELS), abs=1e-9)
    same = Recalibration("scale", 1.0, 30, ("a",)).apply(quantiles)
    assert same == pytest.approx(quantiles)


def test_the_conformal_radius_is_the_next_ranked_residual():
    radii = np.arange(1.0, 20.0)  # 19 residuals: ranks are multiples of a twentieth
    probability = np.array([0.0, 0.05, 0.5, 0.95])
    assert conformal_radius(radii, probability) == pytest.approx([0, 1, 10, 19])
    beyond = conformal_radius(radii, np.array([0.99]))[0]
    assert beyond == pytest.approx(19 * stats.norm.ppf(0.995) / stats.norm.ppf(0.975))


def test_forecasts_without_spread_or_missing_do_not_break(rng):
    quantiles, truths = make_cells(rng, 30, 1.0)
    quantiles[0], quantiles[1], truths[2] = 0.0, np.nan, 0.0
    for learn in (learn_scale, learn_conformal):
        learnt = learn(quantiles, truths, ["a"])
        assert learnt.n_cells == 29
        new = learnt.apply(quantiles)
        assert np.isnan(new[1]).all()
        assert np.isfinite(np.delete(new, 1, axis=0)).all()


def test_too_few_cells_are_refused(rng):
    quantiles, truths = make_cells(rng, 25, 1.0)
    quantiles[:6] = np.nan
    with pytest.raises(DataError, match="19 of 25"):
        learn_scale(quantiles, truths, ["a"])
    with pytest.raises(DataError, match="200 quantiles"):
        learn_scale(quantiles[:, :50], truths, ["a"])


@pytest.mark.parametrize("learn", [learn_scale, learn_conformal])
def test_json_out_and_in(rng, tmp_path, learn):
    learnt = learn(*make_cells(rng, 30, 0.7), ["b", "a", "b"])
    assert learnt.studies == ("a", "b")
    path = learnt.write(tmp_path / "r.json")
    assert Recalibration.read(path) == learnt
    assert learnt.digest in learnt.label
    assert learnt.kind in learnt.label
    fields = json.loads(path.read_text())
    path.write_text(json.dumps(fields | {"factor": 1.0}))
    with pytest.raises(ModelFileError, match="changed"):
        Recalibration.read(path)
    path.write_text("{}")
    with pytest.raises(ModelFileError, match="no recalibration"):
        Recalibration.read(path)
