"""The direct power law in its least-squares form; its posterior is the law's with curve f3."""

import numpy as np
import pytest

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.law.curves import load_curve
from cod_bayes.methods.bootstrap import Points, fit_points, log_neg_log
from cod_bayes.methods.direct_power import CURVE, DirectPower
from cod_bayes.methods.end_to_end import make_law_curve
from cod_bayes.methods.protocol import describe_targets
from tests.invented import make_evals

POINT = DirectPower(estimate="least-squares", draws=20)


def make_power_curve(n_scales: int, points: Points):
    return make_law_curve(points, 0.25, curve=CURVE, n_scales=n_scales, link=log_neg_log)


def test_noise_free_scores_give_back_a_and_alpha():
    x = np.linspace(-8.0, 0.0, 8)
    points = Points(x[None], np.exp(-0.4 * np.exp(-0.2 * x)), np.full(8, 1e9), np.ones(8))
    best = fit_points(make_power_curve(1, points), points)
    assert best == pytest.approx([np.log(0.4), 0.2], abs=1e-5)


def test_noise_free_scores_give_back_both_terms(rng):
    x = np.stack([rng.uniform(-5, 0, 16), rng.uniform(-4, 0, 16)])
    score = np.exp(-0.4 * np.exp(-0.3 * x[0]) - 0.2 * np.exp(-0.45 * x[1]))
    points = Points(x, score, np.full(16, 1e9), np.ones(16))
    best = fit_points(make_power_curve(2, points), points)
    assert best == pytest.approx([np.log(0.4), np.log(0.2), 0.3, 0.45], abs=1e-3)


def test_it_forecasts_its_own_law():
    flops = np.geomspace(1e19, 1e23, 6)
    correct = np.rint(1e6 * np.exp(-0.5 * (flops / 1e23) ** -0.15))[:, None]
    evals = make_evals(np.full((6, 1), 10**6), correct, guess_floor=0.25)
    targets = describe_targets(evals.isel(llm=[-1]).assign_coords(flops=("llm", [1e25])))
    fitted = POINT.fit(evals, Config(), random_seed=1)
    draws = POINT.predict(fitted, targets, random_seed=2)
    assert draws.values == pytest.approx(np.exp(-0.5 * 100**-0.15), abs=2e-4)
    assert draws.attrs["draws_are"] == "residual bootstrap"


def test_the_posterior_has_neither_floor_nor_ceiling():
    curve = load_curve(CURVE)
    assert not any([curve.has_floor, curve.has_ceiling, curve.has_frailty])


def test_an_estimate_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match="estimate must be one of posterior, least-squares"):
        DirectPower(estimate="map")


def test_too_few_runs_give_no_forecast_and_say_why():
    evals = make_evals(np.full((2, 1), 100), np.array([[20], [40]]))
    draws = POINT.predict(POINT.fit(evals), describe_targets(evals.isel(llm=[-1])))
    assert np.isnan(draws.values).all()
    assert "B: 2 scored runs are too few" in draws.attrs["notes"]


def test_runs_that_were_not_scored_do_not_count():
    trials = np.full((5, 2), 100)
    correct = np.array([[10, 20, 30, 40, 50], [10, 20, 30, 40, 50]]).T
    trials[1, 0] = correct[1, 0] = 0
    evals = make_evals(trials, correct).assign_coords(benchmark=("item", ["first", "second"]))
    without = evals.isel(llm=[0, 2, 3, 4])
    targets = describe_targets(evals.isel(llm=[-1]))
    draws = [POINT.predict(POINT.fit(data), targets) for data in (evals, without)]
    first, second = (pair.sel(benchmark="first").values for pair in draws)
    assert np.array_equal(first, second)
