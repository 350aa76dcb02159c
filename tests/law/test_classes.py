from dataclasses import replace

import numpy as np
import pytest
from invented import make_law, make_rows

from cod_bayes.config import ClassConfig
from cod_bayes.errors import ConfigError
from cod_bayes.law.classes import classify_rows, find_flat
from cod_bayes.law.curves import CURVES
from cod_bayes.schema import CLASSES

CONFIG = ClassConfig()
PAPER = ClassConfig(rule="paper")
REFERENCE = {"compute": 1.4e23}
CURVE = CURVES["frailty"]
RISING, SATURATED, LOW_CEILING, NEVER = 0, 1, 2, 3


def judge(law, config=CONFIG, reference=REFERENCE, curve=CURVE):
    return classify_rows(law, curve, config, reference)


def four_rows(n_draws=8):
    """One row of each fate: rising, saturated long ago, rising to a low ceiling, never emerging."""
    return make_law(
        n_draws,
        4,
        log_hazard=np.tile([0.0, -9.0, 0.0, 8.0], (n_draws, 1)),
        slope=np.tile([0.5, 0.5, 0.8, 0.3], (n_draws, 1)),
        ceiling=np.tile([0.95, 0.95, 0.2, 0.95], (n_draws, 1)),
    )


def test_every_row_gets_the_class_it_was_made_for():
    probability = judge(four_rows())
    assert probability.dims == ("cluster", "class")
    assert tuple(probability["class"].values) == CLASSES
    np.testing.assert_array_equal(probability, [[1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1]])


def test_draws_that_disagree_share_the_probability():
    n_draws = 40
    log_hazard = np.where(np.arange(n_draws) < 10, 0.0, np.where(np.arange(n_draws) < 20, -9, 9))
    probability = judge(make_law(n_draws, log_hazard=log_hazard.astype(float), slope=0.3))
    np.testing.assert_allclose(probability.values, [[0.25, 0.25, 0.5]])
    np.testing.assert_allclose(probability.sum("class"), 1)


def test_a_longer_horizon_makes_a_late_row_emerge():
    late = make_law(4, log_hazard=5.0, slope=0.5)
    near = judge(late, replace(CONFIG, horizon=10.0))
    far = judge(late, replace(CONFIG, horizon=1e7))
    assert near.sel({"class": "non-emergent"}).item() == 1
    assert far.sel({"class": "extrapolatable"}).item() == 1


def test_a_floor_is_no_emergence():
    at_floor = make_law(4, log_hazard=8.0, slope=0.2, floor=0.25)
    assert judge(at_floor).sel({"class": "non-emergent"}).item() == 1


def test_in_two_scales_the_horizon_grows_both():
    # h = e^a (r_N^-b + r_D^-b): both reach the square root of the horizon.
    config = replace(CONFIG, horizon=10_000.0, min_rise=0.3)
    law = make_law(4, n_scales=2, log_hazard=np.log(0.5), slope=0.5, frailty=1.0, ceiling=1.0)
    ends = 1 / (1 + 1.0), 1 / (1 + 100.0**-0.5)
    reference = {"params": 1e9, "tokens": 1e11}
    for limit, is_extrapolatable in (
        (ends[1] - ends[0] - 0.001, 1),
        (ends[1] - ends[0] + 0.001, 0),
    ):
        probability = judge(law, replace(config, min_rise=limit), reference)
        assert probability.sel({"class": "extrapolatable"}).item() == is_extrapolatable


def test_the_papers_rule_in_its_own_unit(rng):
    """log a at the reference, restated per 1e18 FLOP, against a direct calculation."""
    n = 400
    log_hazard, slope = rng.normal(-3, 4, n), rng.gamma(2, 0.2, n)
    ceiling = rng.uniform(0.1, 1, n)
    law = make_law(n, log_hazard=log_hazard, slope=slope, ceiling=ceiling)
    # a C^-b - the same hazard at any compute: a (C/1e18)^-b = exp(log_hazard) (C/C_ref)^-b
    a = np.exp(log_hazard) * (REFERENCE["compute"] / 1e18) ** slope
    c = -np.log(ceiling)
    expected = ((a > 1) & (slope > 0.1) & (c >= 0) & (c < 1)).mean()
    assert 0.1 < expected < 0.9
    probability = judge(law, PAPER)
    assert probability.sel({"class": "extrapolatable"}).item() == pytest.approx(expected)
    assert probability.sel({"class": "non-extrapolatable"}).item() == pytest.approx(1 - expected)
    assert probability.sel({"class": "non-emergent"}).item() == 0


def test_the_papers_rule_judges_a_law_in_compute_alone():
    law = make_law(4, n_scales=2)
    with pytest.raises(ConfigError, match=r"this one is in params and tokens; set law\.scale"):
        judge(law, PAPER, {"params": 1e9, "tokens": 1e11})


def test_flat_rows_are_those_that_stand_above_their_floor_and_do_not_rise():
    rates = np.array(
        [
            [0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7],  # rising
            [0.9, 0.91, 0.9, 0.92, 0.9, 0.91, 0.92, 0.9],  # saturated
            [0.5, 0.3, 0.6, 0.2, 0.7, 0.4, 0.45, 0.35],  # oscillating
            [0.7, 0.6, 0.6, 0.5, 0.5, 0.4, 0.3, 0.3],  # falling
            [0.26, 0.25, 0.24, 0.26, 0.25, 0.25, 0.26, 0.25],  # at its floor: may yet emerge
        ]
    )
    data = make_rows((4000 * rates).astype(int), guess_floor=0.0)
    data["guess_floor"][4] = 0.25
    np.testing.assert_array_equal(find_flat(data, CONFIG), [False, True, True, True, False])


def test_a_row_that_some_runs_did_not_try_is_judged_by_the_others():
    rates = np.array([[0.5] * 8, np.linspace(0.1, 0.8, 8)])
    n_trials = np.full((2, 8), 4000)
    n_trials[:, 3] = 0
    data = make_rows(np.where(n_trials > 0, 4000 * rates, 0).astype(int), n_trials)
    np.testing.assert_array_equal(find_flat(data, CONFIG), [True, False])


def test_a_row_without_trials_at_one_end_is_not_flat():
    n_trials = np.full((1, 8), 4000)
    n_trials[:, :2] = 0
    data = make_rows(np.where(n_trials > 0, 2000, 0), n_trials)
    np.testing.assert_array_equal(find_flat(data, CONFIG), [False])
