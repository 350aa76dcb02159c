"""Point curves: exact fits, weights, and the coverage of the residual bootstrap."""

import numpy as np
import pytest
from scipy.special import expit

from cod_bayes.errors import DataError
from cod_bayes.methods.bootstrap import (
    PointCurve,
    Points,
    bootstrap_points,
    draw_runs,
    fit_points,
    log_neg_log,
)


def predict_line(parameters: np.ndarray, log_scale: np.ndarray) -> np.ndarray:
    """A straight line on the logit."""
    return expit(parameters[..., :1] + parameters[..., 1:] * log_scale[0])


def start_flat(log_scale: np.ndarray, score: np.ndarray) -> np.ndarray:
    """One start."""
    return np.zeros((1, 2))


LINE = PointCurve(predict_line, start_flat, (-20.0, -5.0), (20.0, 5.0))


def make_points(score: np.ndarray, weight: np.ndarray | None = None) -> Points:
    """Runs at evenly spaced log compute, with many trials."""
    n = len(score)
    ones = np.ones(n)
    x = np.linspace(-3.0, 0.0, n)[None]
    return Points(x, score, 1e9 * ones, ones if weight is None else weight)


def test_noise_free_scores_give_back_their_parameters():
    truth = np.array([0.7, 0.4])
    points = make_points(predict_line(truth, np.linspace(-3.0, 0.0, 6)[None]))
    assert fit_points(LINE, points) == pytest.approx(truth, abs=1e-6)


def test_the_best_of_all_starts_wins():
    def wave(parameters: np.ndarray, log_scale: np.ndarray) -> np.ndarray:
        return 0.5 + 0.4 * np.sin(parameters[..., :1] * log_scale[0])

    points = make_points(wave(np.array([2.0]), np.linspace(-3.0, 0.0, 9)[None]))
    bad = np.array([[7.0]])
    curve = PointCurve(wave, lambda x, y: np.array([[7.0], [1.8]]), (0.0,), (9.0,))
    assert fit_points(curve, points) == pytest.approx([2.0], abs=1e-5)
    assert abs(fit_points(curve, points, bad)[0] - 2.0) > 1


def test_a_point_without_weight_changes_nothing():
    score = predict_line(np.array([0.2, 0.6]), np.linspace(-3.0, 0.0, 6)[None])
    score[2] = 0.9
    weight = np.array([1, 1, 0, 1, 1, 1.0])
    assert fit_points(LINE, make_points(score, weight)) == pytest.approx([0.2, 0.6], abs=1e-6)
    assert abs(fit_points(LINE, make_points(score))[1] - 0.6) > 0.05


def test_scores_of_zero_and_one_count_as_half_a_trial_away():
    points = Points(np.zeros((1, 3)), np.array([0.0, 0.5, 1.0]), np.full(3, 10.0), np.ones(3))
    assert points.clip(points.score).tolist() == [0.05, 0.5, 0.95]
    assert np.isfinite(log_neg_log(points.clip(points.score))).all()


def test_residuals_are_those_of_the_angle_inflated_and_centred(rng):
    noise = rng.normal(0, 0.1, 8)
    x = np.linspace(-3.0, 0.0, 8)
    points = make_points(expit(0.2 + 0.5 * x + noise))
    fitted = bootstrap_points(LINE, points, 3, rng)
    curve = expit(fitted.best[0] + fitted.best[1] * x)
    left = np.arcsin(np.sqrt(points.score)) - np.arcsin(np.sqrt(curve))
    expected = (left - left.mean()) * np.sqrt(8 / 6)
    assert fitted.residuals == pytest.approx(expected, abs=1e-9)


def test_without_noise_there_is_no_spread(rng):
    points = make_points(predict_line(np.array([0.2, 0.6]), np.linspace(-3.0, 0.0, 6)[None]))
    fitted = bootstrap_points(LINE, points, 5, rng)
    draws = draw_runs(LINE, fitted, np.array([[2.0]]), rng)
    assert draws == pytest.approx(expit(0.2 + 0.6 * 2.0), abs=1e-5)


def test_no_more_points_than_parameters_is_refused(rng):
    with pytest.raises(DataError, match="2 parameters was given 2 points"):
        bootstrap_points(LINE, make_points(np.array([0.2, 0.3])), 5, rng)


def test_a_new_run_lies_within_its_interval_about_as_often_as_it_should(rng):
    """80 % intervals of a new run on a straight line: 30 data sets, standard error 7 points."""
    inside, x = [], np.linspace(-3.0, 0.0, 12)
    for _ in range(30):
        points = make_points(expit(0.2 + 0.5 * x + rng.normal(0, 0.2, 12)))
        fitted = bootstrap_points(LINE, points, 25, rng)
        draws = draw_runs(LINE, fitted, np.array([[1.0]]), rng)[:, 0]
        truth = expit(0.2 + 0.5 + rng.normal(0, 0.2))
        low, high = np.quantile(draws, [0.1, 0.9])
        inside.append(low <= truth <= high)
    assert 0.6 <= np.mean(inside) <= 0.97


def test_without_draws_the_fit_itself_is_all_there_is(rng):
    points = make_points(expit(0.2 + 0.5 * np.linspace(-3.0, 0.0, 8) + rng.normal(0, 0.1, 8)))
    fitted = bootstrap_points(LINE, points, 0, rng)
    assert fitted.parameters.tolist() == [fitted.best.tolist()]
    draws = draw_runs(LINE, fitted, np.array([[1.0]]), rng)
    assert draws == pytest.approx(expit(fitted.best[0] + fitted.best[1]))
