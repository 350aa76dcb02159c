"""Pilots' simulated data: what they depend on, and the split of known from new items."""

import numpy as np
import pytest

from cod_bayes.decide import Costs, NewRun, Remeasure
from cod_bayes.decide.pilots import _new_items
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.runs import expect_scores
from cod_bayes.stages import load_stages
from cod_bayes.targets import describe_runs

FLOPS = 1e23


@pytest.fixture(scope="module")
def stages(small_fit):
    return load_stages(small_fit)


@pytest.fixture(scope="module")
def ladder_run(small_fit):
    """The largest ladder run's label, and its counts."""
    data = small_fit.group("end_to_end/constant_data")
    return data.isel(llm=-1)


def expit(logit):
    return 1 / (1 + np.exp(-logit))


def test_a_new_run_is_what_the_law_says_and_its_own_luck(small_fit, stages):
    data = NewRun("one", flops=FLOPS).simulate(small_fit, stages, 3)
    log_scale = describe_runs(small_fit, flops=FLOPS)[0]["log_scale"].values
    expected = np.concatenate(list(expect_scores(stages, log_scale).values()), axis=1)
    assert data.shape == expected.shape
    for row, mean in zip(expit(data).T, expected.T, strict=True):
        assert np.corrcoef(row, mean)[0, 1] > 0.3
        assert row.mean() == pytest.approx(mean.mean(), abs=0.02)


def test_seeds_average_their_luck_out(small_fit, stages):
    def own_noise(seeds):
        first, second = (
            NewRun(name, flops=FLOPS, seeds=seeds).simulate(small_fit, stages, 3)
            for name in ("a", "b")
        )
        return (first - second).var(axis=0)

    # two sets of runs from the same law differ by luck alone
    np.testing.assert_allclose(own_noise(9), own_noise(1) / 9, rtol=0.35)


def test_runs_cost_their_compute_unless_priced(small_fit):
    costs = Costs(gpu_hour=3.0)
    three = NewRun("three", params=1e9, tokens=1e11, seeds=3)
    assert three.compute_flops(small_fit) == pytest.approx(18e20)
    assert three.compute_price(small_fit, costs) == pytest.approx(
        float(costs.price_training(18e20))
    )
    assert NewRun("free", flops=FLOPS, price=0.0).compute_price(small_fit, costs) == 0.0
    again = Remeasure("again", "12B", price=7.0)
    assert (again.compute_flops(small_fit), again.compute_price(small_fit, costs)) == (0.0, 7.0)


def test_more_trials_repeat_what_is_known(small_fit, stages, ladder_run):
    run = str(ladder_run["llm"].item())
    data = expit(Remeasure("again", run, 1.0, trials=10_000).simulate(small_fit, stages, 3))
    observed = (ladder_run["n_correct"] / ladder_run["n_trials"]).values
    sampling = np.sqrt(observed * (1 - observed) / ladder_run["n_trials"].values)
    assert np.abs(data.mean(axis=0) - observed).max() < 4 * sampling.max()
    np.testing.assert_allclose(data.std(axis=0), sampling, rtol=0.3)


def test_new_items_are_less_certain_than_new_trials(small_fit, stages, ladder_run):
    run = str(ladder_run["llm"].item())
    trials = Remeasure("trials", run, 1.0).simulate(small_fit, stages, 3)
    items = Remeasure("items", run, 1.0, items=150).simulate(small_fit, stages, 3)
    assert (items.std(axis=0) > 1.5 * trials.std(axis=0)).all()


def test_new_items_share_the_rows_departure_alone(rng):
    n, rate, noise = 400_000, 0.4, {"item_dispersion": 0.3, "residual_sd": 0.2}
    n_questions, n_new = 60.0, 30
    of_row = rng.normal(0, noise["residual_sd"] * rate * (1 - rate), n)
    item_sd = np.sqrt(noise["item_dispersion"] * rate * (1 - rate))
    known = rate + of_row + item_sd / np.sqrt(n_questions) * rng.standard_normal(n)
    new = rate + of_row + item_sd / np.sqrt(n_new) * rng.standard_normal(n)
    drawn = _new_items(known, np.full(n, rate), n_questions, n_new, noise, rng)
    np.testing.assert_allclose(np.cov(known, drawn), np.cov(known, new), atol=1.5e-5)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: NewRun("a", flops=-1.0), "pilot 'a': flops must be positive; got -1.0"),
        (lambda: NewRun("a", flops=1e20, seeds=0), "seeds must be 1, 2, ...; got 0"),
        (lambda: NewRun("a", flops=1e20, trials=1.5), "trials must be 1, 2, ...; got 1.5"),
        (lambda: NewRun("a", flops=1e20, price=-3.0), "price must be a number, not negative"),
        (lambda: Remeasure("a", "12B", 1.0, items=-1), "items must not be negative; got -1"),
    ],
)
def test_faulty_pilots_are_refused(make, says):
    with pytest.raises(ConfigError) as fault:
        make()
    assert says in str(fault.value)


def test_an_unknown_run_is_named_with_those_there_are(small_fit, stages):
    with pytest.raises(DataError, match="there is no run '13B'; there are 122M"):
        Remeasure("again", "13B", 1.0).simulate(small_fit, stages, 3)
