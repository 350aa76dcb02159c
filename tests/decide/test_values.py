"""What scores are worth."""

import numpy as np
import pytest

from cod_bayes.decide import PointValue, ThresholdValue, value_scores
from cod_bayes.errors import ConfigError, DataError


def test_points_are_hundredths():
    assert PointValue("A", 3.0).appraise(np.array([0.5, 0.51])) == pytest.approx([150, 153])


def test_a_threshold_pays_when_it_is_reached_and_costs_below():
    value = ThresholdValue("A", 0.7, payoff=10, penalty=4)
    assert value.appraise(np.array([0.69, 0.7, 0.9])).tolist() == [-4, 10, 10]


def test_worth_adds_up_over_benchmarks(rng):
    scores = {"A": rng.uniform(size=(50, 3)), "B": rng.uniform(size=(50, 3)), "C": None}
    values = [PointValue("A", 1.0), ThresholdValue("B", 0.5, 7), PointValue("B", -2.0)]
    expected = 100 * scores["A"] + 7 * (scores["B"] >= 0.5) - 200 * scores["B"]
    np.testing.assert_allclose(value_scores(scores, values), expected)


def test_a_value_needs_a_forecast_and_a_decision_a_value():
    with pytest.raises(DataError, match="'Z' has a value but no forecast; there are A, B"):
        value_scores({"A": [[0.1]], "B": [[0.2]]}, [PointValue("Z", 1.0)])
    with pytest.raises(DataError, match="nothing is worth anything"):
        value_scores({"A": [[0.1]]}, [])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: ThresholdValue("A", 70, 1.0), "a share within (0, 1), as 0.7 for 70 %; got 70"),
        (lambda: ThresholdValue("A", 0.7, 1.0, -3), "a positive number; got -3"),
        (lambda: PointValue("A", float("nan")), "PointValue.per_point must be a finite number"),
    ],
)
def test_what_is_no_value_is_refused(make, says):
    with pytest.raises(ConfigError) as fault:
        make()
    assert says in str(fault.value)
