"""The envelope's false-alarm rate by simulation; coverage by hand."""

import numpy as np
import pandas as pd
import pytest

from cod_bayes.errors import DataError
from cod_bayes.evaluation.calibration import (
    check_pit,
    compute_band,
    compute_ecdf,
    coverage_curve,
)

LEVELS = np.arange(1, 100) / 100


def make_pits(pits, seeds, method="m"):
    return pd.DataFrame(
        {
            "study": "s",
            "method": method,
            "seed": seeds,
            "benchmark": [f"B{i}" for i in range(len(pits))],
            "pit": pits,
        }
    )


@pytest.mark.parametrize(("n", "false_alarm"), [(40, 0.05), (200, 0.05), (200, 0.2)])
def test_uniform_ranks_leave_the_envelope_as_often_as_stated(rng, n, false_alarm):
    """Discrete ranks of 100 places; 1500 samples, so a standard error of 0.6 points at 5 %."""
    ranks = rng.integers(0, 100, (1500, n))
    ecdfs = np.array([compute_ecdf((own + 0.5) / 100, LEVELS) for own in ranks])
    outside = np.mean([not compute_band(e, n, LEVELS, false_alarm).inside for e in ecdfs])
    assert outside <= false_alarm + 3 * np.sqrt(false_alarm / 1500)
    assert outside >= 0.5 * false_alarm  # discreteness makes it cautious, not blind


def test_the_envelope_is_that_of_arviz(rng):
    """Its levels are multiples of 1/n; both simulate, and theirs are 1000 samples."""
    from arviz_stats.ecdf_utils import ecdf_pit

    n = 100
    values = rng.uniform(size=n)
    levels, ecdf, lower, upper = (a[1:-1] for a in ecdf_pit(values, 0.95, 1000, rng=rng))
    band = compute_band(compute_ecdf(values, levels), n, levels, 0.05)
    assert band.difference == pytest.approx(ecdf - levels)
    assert band.lower == pytest.approx(lower - levels, abs=0.021)
    assert band.upper == pytest.approx(upper - levels, abs=0.021)


def test_a_shifted_and_a_narrow_forecaster_are_seen(rng):
    for pits in (rng.beta(1.6, 1.0, 400), rng.beta(0.6, 0.6, 400)):
        assert not check_pit(make_pits(pits, np.arange(400))).inside
    assert check_pit(make_pits(rng.uniform(size=400), np.arange(400))).inside


def test_shared_luck_widens_the_band(rng):
    """40 seeds whose 10 benchmarks agree are about 40 values: uniform, and to be left alone."""
    outside = []
    for _ in range(30):
        results = make_pits(np.repeat(rng.uniform(size=40), 10), np.repeat(np.arange(40), 10))
        band = check_pit(results)
        outside.append(not band.inside)
        assert 15 < band.n < 100
    assert np.mean(outside) <= 0.25  # 5 % expected; above that once in 10,000


def test_independent_values_keep_their_number(rng):
    pits = rng.uniform(size=400)
    assert check_pit(make_pits(pits, np.repeat(np.arange(40), 10))).n > 250


def test_without_pits_there_is_nothing_to_check():
    with pytest.raises(DataError, match="no PIT"):
        check_pit(make_pits([np.nan], [0]))
    with pytest.raises(DataError, match="score several"):
        check_pit(make_pits([0.5], [0]))


def test_coverage_is_counted_from_pits():
    results = make_pits([0.5, 0.3, 0.9, 0.98, np.nan], [0, 1, 2, 3, 4])
    curve = coverage_curve(results, np.array([0.5, 0.9])).set_index("nominal")
    assert curve["coverage"].to_dict() == {0.5: 0.5, 0.9: 0.75}
    assert (curve["n"] == 4).all()
    assert (curve["coverage_low"] < curve["coverage"]).all()
    assert (curve["resampled"] == "seed").all()
