import types

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pytensor.compile.mode import Mode
from scipy.special import expit, logit

from cod_bayes.errors import ConfigError
from cod_bayes.law.curves import (
    CURVES,
    LAPSE,
    Curve,
    compute_log_hazard,
    compute_score,
    load_curve,
    shift_logit,
)

LOG_HAZARD = np.linspace(-8.0, 8.0, 201)
# Python code, no compiler: for graphs that are evaluated a few times.
PLAIN = Mode("py", "fast_compile")

MINE = Curve("mine", lambda log_hazard, frailty, math: 1 / (1 + math.exp(log_hazard)))
NOT_A_CURVE = 3


def survival(name, log_hazard, frailty):
    return CURVES[name].survival(log_hazard, frailty, np)


def test_frailty_tends_to_the_papers_law():
    errors = [
        np.abs(survival("frailty", LOG_HAZARD, xi) - survival("paper", LOG_HAZARD, 0)).max()
        for xi in (1e-1, 1e-2, 1e-3, 1e-6)
    ]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 1e-6


def test_frailty_one_is_logistic_in_log_compute():
    np.testing.assert_allclose(survival("frailty", LOG_HAZARD, 1.0), expit(-LOG_HAZARD), rtol=1e-12)


@pytest.mark.parametrize("xi", [0.3, 1.0, 2.5])
def test_frailty_is_the_mean_of_the_papers_law_over_gamma_hazards(xi, rng):
    factors = rng.gamma(1 / xi, xi, size=200_000)  # mean 1, variance xi
    for log_hazard in (-2.0, 0.0, 1.5):
        mean = np.exp(-factors * np.exp(log_hazard))
        error = mean.std() / np.sqrt(mean.size)
        assert abs(mean.mean() - survival("frailty", log_hazard, xi)) < 5 * error


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(CURVES)),
    log_hazard=st.floats(-6, 6),
    slope=st.floats(0, 3),
    ceiling=st.floats(0.05, 1),
    floor=st.floats(0, 0.6),
    frailty=st.floats(0.01, 5),
)
def test_a_score_rises_with_compute_between_floor_and_one(
    name, log_hazard, slope, ceiling, floor, frailty
):
    x = np.linspace(-12.0, 8.0, 60)
    hazard = compute_log_hazard(np.array([[log_hazard]]), np.array([[slope]]), x[None, :], np)
    p = compute_score(hazard, ceiling, floor, frailty, CURVES[name])
    assert (np.diff(p) >= -1e-15).all()
    assert ((p > 0) & (p < 1)).all()
    top = floor + (1 - floor) * ceiling
    assert (p >= floor - 2 * LAPSE).all()
    assert (p <= top + 2 * LAPSE).all()


@pytest.mark.parametrize("name", sorted(CURVES))
@pytest.mark.parametrize("n_scales", [1, 2])
def test_pytensor_and_numpy_agree(name, n_scales, rng):
    shape = (n_scales, 300)
    inputs = [
        rng.normal(0, 2, shape),
        rng.gamma(3, 0.3, shape),
        rng.normal(-2, 3, shape),
        rng.uniform(0.05, 1, 300),
        rng.uniform(0, 0.6, 300),
        rng.gamma(2.5, 0.3, 300),
        rng.normal(0, 0.5, 300),
    ]

    def law(a, b, x, ceiling, floor, frailty, luck, math):
        hazard = compute_log_hazard(a, b, x, math)
        return shift_logit(
            compute_score(hazard, ceiling, floor, frailty, CURVES[name], math), luck, math
        )

    # A matrix of one row is told from one of two by its static shape, as in the model.
    symbols = [pt.tensor(shape=np.shape(value), dtype="float64") for value in inputs]
    compiled = pytensor.function(symbols, law(*symbols, pt), mode=PLAIN, on_unused_input="ignore")
    np.testing.assert_allclose(compiled(*inputs), law(*inputs, np), rtol=1e-10)


def test_shift_logit_moves_by_logits(rng):
    p, shift = rng.uniform(1e-6, 1 - 1e-6, 500), rng.normal(0, 2, 500)
    np.testing.assert_allclose(shift_logit(p, shift), expit(logit(p) + shift), rtol=1e-9)
    np.testing.assert_allclose(shift_logit(p, 0.0), p, rtol=1e-15)


def test_two_scales_add_their_hazards():
    log_a, slope = np.array([[1.0], [-0.5]]), np.array([[0.3], [0.6]])
    x = np.array([[0.0, 1.0, -2.0], [0.0, 3.0, 1.0]])
    hazard = np.exp(1.0) * np.exp(-0.3 * x[0]) + np.exp(-0.5) * np.exp(-0.6 * x[1])
    np.testing.assert_allclose(compute_log_hazard(log_a, slope, x), np.log(hazard))


def test_one_scale_is_a_straight_line():
    x = np.array([[0.0, 1.0, -2.0]])
    line = compute_log_hazard(np.array([[1.0]]), np.array([[0.3]]), x)
    np.testing.assert_allclose(line, 1.0 - 0.3 * x[0])


def test_a_curve_of_ones_own_is_found_by_its_module(monkeypatch):
    module = types.ModuleType("my_curves")
    module.mine, module.other = MINE, NOT_A_CURVE
    monkeypatch.setitem(__import__("sys").modules, "my_curves", module)
    assert load_curve("my_curves:mine") is MINE
    with pytest.raises(ConfigError, match="is a int, not a Curve"):
        load_curve("my_curves:other")


def test_an_unknown_curve_is_refused_with_those_that_are_known():
    for name in ("weibull", "no_such_module:curve", "math:no_such_curve", ""):
        with pytest.raises(
            ConfigError, match=r"neither one of paper, frailty, f1.* nor an importable"
        ):
            load_curve(name)
