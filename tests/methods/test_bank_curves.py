from dataclasses import replace

import numpy as np
import pytest

from cod_bayes.errors import ConfigError
from cod_bayes.methods.bank_curves import MAX_FLOORS, GridConfig, build_bank
from cod_bayes.priors import normal

X = np.linspace(-8, 0, 5)
LOG_SLOPE = normal(-0.4, 0.8, "")


def bank_with(floors, **settings):
    return build_bank(replace(GridConfig(), **settings), np.asarray(floors, float), X, LOG_SLOPE)


def test_level_and_slope_are_log_odds_where_a_curve_is_half_way_up():
    bank = bank_with([0.0], ceilings=(1.0,), ceiling_shares=(1.0,), frailties=(0.15, 0.5, 1.0))
    half = -bank.level / bank.slope
    step = 1e-4
    for j in range(0, half.size, 7):
        low, at, high = bank.compute_probability(half[j] + np.array([-step, 0, step]))[j]
        assert at == pytest.approx(0.5, abs=1e-6)
        assert (high - low) / (2 * step) / 0.25 == pytest.approx(bank.slope[j], rel=1e-4)


def test_curves_rise_between_floor_and_ceiling():
    bank = bank_with([0.25])
    p = bank.compute_probability(np.linspace(-9, 6, 40))
    top = bank.floor + (1 - bank.floor) * bank.ceiling
    assert (np.diff(p, axis=1) >= 0).all()
    assert (p >= bank.floor[:, None] - 1e-8).all()
    assert (p <= top[:, None] + 1e-8).all()


def test_bank_reaches_from_solved_everywhere_to_never_emerging():
    bank = bank_with([0.0])
    first, last = bank.compute_probability(np.array([X.min(), np.log(100.0)])).T
    for slope in np.unique(bank.slope):
        of_slope = bank.slope == slope
        assert (first / bank.ceiling)[of_slope].max() > 0.95
        assert last[of_slope].min() < 0.05


def test_shares_sum_to_one_and_favour_likely_slopes():
    bank = bank_with([0.0])
    assert bank.share.sum() == pytest.approx(1)
    by_slope = [bank.share[bank.slope == s].sum() for s in np.unique(bank.slope)]
    likeliest = np.unique(bank.slope)[np.argmax(by_slope)]
    assert abs(np.log(likeliest) + 0.4) < 0.4


def test_no_chance_means_no_floor():
    assert (bank_with([0.0, 0.0]).floor == 0).all()


def test_every_chance_of_a_benchmark_has_its_curves():
    bank = bank_with([0.0, 0.5, 0.5, 0.25], floor_shifts=(0.0,))
    assert np.unique(bank.floor) == pytest.approx([0.0, 0.25, 0.5])
    assert bank.share[bank.floor == 0.5].sum() == pytest.approx(0.5)
    many = np.linspace(0.1, 0.5, MAX_FLOORS + 1)
    assert np.unique(bank_with(many, floor_shifts=(0.0,)).floor) == pytest.approx([many.mean()])


def test_ceilings_without_shares_are_refused():
    with pytest.raises(ConfigError, match="ceiling_shares"):
        GridConfig(ceilings=(0.9,))
