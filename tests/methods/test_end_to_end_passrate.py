"""PassUntil's law: of benchmarks, and item by item."""

import numpy as np
import pytest

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.methods.direct_power import DirectPower
from cod_bayes.methods.end_to_end_passrate import EndToEndPassRate, explain_items, fit_lines
from cod_bayes.methods.protocol import describe_targets
from tests.invented import make_evals

ITEMS = EndToEndPassRate(level="items", estimate="least-squares", draws=40)
FLOPS = np.geomspace(1e19, 1e23, 7)
X = np.log(FLOPS / FLOPS[-1])
TRIALS = 10**6


def make_items(rates: np.ndarray, n_trials: int = TRIALS):
    """Counts without noise, shape (llm, item), and a target at 100 times the largest compute."""
    correct = np.rint(n_trials * rates)
    evals = make_evals(np.full(correct.shape, n_trials), correct)
    targets = describe_targets(evals.isel(llm=[-1]).assign_coords(flops=("llm", [1e25])))
    return evals, targets


def test_lines_are_those_of_weighted_least_squares(rng):
    response, weights = rng.normal(size=(7, 3)), rng.dirichlet(np.ones(7), 2)
    solved = np.ones((7, 3))
    solved[:3, 1] = 0
    level, slope = fit_lines(weights, X, response, solved)
    for draw in range(2):
        for item in range(3):
            used = solved[:, item] > 0
            root = np.sqrt(weights[draw, used])
            expected = np.polyfit(X[used], response[used, item], 1, w=root)
            assert [slope[draw, item], level[draw, item]] == pytest.approx(expected)


def test_items_on_their_curves_are_forecast_without_spread():
    a, alpha = np.array([0.2, 1.0, 3.0]), np.array([0.1, 0.2, 0.15])
    evals, targets = make_items(np.exp(-a * np.exp(-alpha * X[:, None])))
    draws = ITEMS.predict(ITEMS.fit(evals), targets)
    truth = np.exp(-a * np.exp(-alpha * np.log(100))).mean()
    assert np.median(draws) == pytest.approx(truth, abs=2e-3)
    assert np.std(draws) < 2e-3
    assert draws.attrs["draws_are"] == "residual bootstrap"


def test_items_never_solved_count_as_zero_and_lines_leave_out_runs_without_success():
    rates = np.exp(-1.0 * np.exp(-0.2 * X[:, None])) * np.ones((1, 2))
    rates[:, 1] = 0
    evals, targets = make_items(rates)
    expected = np.exp(-np.exp(-0.2 * np.log(100))) / 2
    assert np.median(ITEMS.predict(ITEMS.fit(evals), targets)) == pytest.approx(expected, abs=2e-3)
    rates[:2, 0] = 0  # no success in so many trials: no point, and the line stays as it is
    evals, targets = make_items(rates)
    curves = ITEMS.fit(evals).curves["B"]
    score = curves.score(np.full((1, 7), 1 / 7), np.array([np.log(100)]))
    assert score[0, 0] == pytest.approx(expected, abs=1e-3)


def test_an_item_solved_on_one_run_counts_with_its_rate_over_the_ladder():
    rates = np.tile(np.exp(-1.0 * np.exp(-0.2 * X[:, None])), (1, 2))
    rates[:, 1] = [0, 0, 0, 0, 0, 0, 0.7]
    curves = ITEMS.fit(make_items(rates)[0]).curves["B"]
    assert curves.constant == pytest.approx([0, 0.1])


def test_a_falling_item_keeps_its_slope():
    evals, targets = make_items(np.exp(-1.0 * np.exp(0.1 * X[:, None])) * np.ones((1, 2)))
    expected = np.exp(-np.exp(0.1 * np.log(100)))
    assert np.median(ITEMS.predict(ITEMS.fit(evals), targets)) == pytest.approx(expected, abs=1e-3)


def test_what_a_checkpoint_does_to_all_its_items_widens_the_forecast(rng):
    """Luck shared by a run's items does not average out over items."""
    rates = np.exp(-np.exp(-0.2 * X[:, None])) * np.ones((1, 300))
    noise = rng.normal(0, 0.3, (7, 1)), rng.normal(0, 0.3, (7, 300))
    spreads = []
    for shift in noise:
        odds = rates / (1 - rates) * np.exp(shift)
        evals, targets = make_items(odds / (1 + odds))
        spreads.append(float(np.std(ITEMS.predict(ITEMS.fit(evals), targets))))
    assert spreads[0] > 3 * spreads[1]


def test_one_trial_an_item_gives_no_pass_rate():
    evals, targets = make_items(np.exp(-np.exp(-0.2 * X[:, None])) * np.ones((1, 9)), 1)
    assert "1 trials an item" in explain_items(evals, 8)
    draws = ITEMS.predict(ITEMS.fit(evals), targets)
    assert np.isnan(draws.values).all()
    assert "B: 1 trials an item give no pass rates; 8 are asked for" in draws.attrs["notes"]


def test_scores_have_no_items():
    with pytest.raises(DataError, match="needs items"):
        ITEMS.fit(make_items(np.exp(-np.exp(-0.2 * X[:, None])))[0].isel(item=[0]))


def test_a_benchmark_s_pass_rate_follows_the_power_law_in_compute():
    evals, targets = make_items(np.exp(-0.5 * np.exp(-0.15 * X[:, None])))
    ours = EndToEndPassRate(estimate="least-squares", draws=5)
    other = DirectPower(estimate="least-squares", draws=5)
    config = Config.from_mapping({}, ["law.scale='compute'"])
    draws = [m.predict(m.fit(evals, config), targets).values for m in (ours, other)]
    assert np.array_equal(*draws)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"level": "tasks"}, "level must be one of benchmark, items"),
        ({"level": "items"}, 'write end-to-end-passrate\\[level="items", estimate="least-squares"'),
        ({"draws": -1}, "draws must be at least 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        EndToEndPassRate(**settings)
