"""The law's log densities in NumPy against PyMC's own, at draws from the prior."""

from dataclasses import replace

import numpy as np
import pytest
from pytensor.compile.mode import Mode
from scipy import stats

from cod_bayes.config import Config
from cod_bayes.evaluation.densities import law_log_likelihood, law_log_priors, log_prior
from cod_bayes.evaluation.sbc_problems import EndToEndProblem
from cod_bayes.law.curves import CURVES
from cod_bayes.priors import gamma, lognormal, normal


@pytest.fixture(scope="module")
def drawn():
    """Three truths of the end-to-end design, its model and its data given the last."""
    problem = EndToEndProblem(Config())
    truths = problem.draw_truths(3, 3)
    data = problem.simulate(truths.isel(refit=2))
    return truths.rename(refit="sample"), data, problem.build(data)


def densities_of(model, truths, i):
    """PyMC's log densities of all random variables, without Jacobians."""
    point = model.initial_point()
    for variable in model.free_RVs:
        value, transform = model.rvs_to_values[variable], model.rvs_to_transforms[variable]
        values = truths[variable.name].values[i]
        if transform is not None:
            values = transform.forward(values, *variable.owner.inputs).eval()
        point[value.name] = values
    names = [variable.name for variable in model.basic_RVs]
    logp = model.compile_logp(
        vars=model.basic_RVs, jacobian=False, sum=False, mode=Mode("py", "fast_compile")
    )
    return {n: d.sum() for n, d in zip(names, logp(point), strict=True)}


def test_the_likelihood_and_every_prior_are_the_models(drawn):
    truths, data, model = drawn
    likelihood = law_log_likelihood(truths, data, CURVES["frailty"])
    priors = law_log_priors(truths, data, Config().law)
    expected = densities_of(model, truths, 1)
    assert likelihood[1] == pytest.approx(expected["count"], rel=1e-8)
    offsets = {"ceiling": "ceiling_offset"}
    structure = {"log_hazard", "slope", "luck", "count", "floor_offset"}
    named = {offsets.get(n, n) for n in priors} - {"floor"}
    assert named == set(expected) - structure
    for name in set(priors) - {"floor", "trivial_odds"}:
        assert priors[name][1] == pytest.approx(expected[offsets.get(name, name)], rel=1e-6), name


def test_what_is_trivial_counts_only_where_nothing_can_be_guessed(drawn):
    truths, data, _ = drawn
    free = truths["trivial_odds"].values[:, data["guess_floor"].values == 0]
    expected = stats.lognorm.logpdf(free, 1.0, scale=0.005).sum(axis=1)
    assert law_log_priors(truths, data, Config().law)["trivial_odds"] == pytest.approx(expected)


def test_clusters_have_no_trivial_share(drawn):
    truths, data, _ = drawn
    names = set(law_log_priors(truths, data.assign(mixed=~data["mixed"]), Config().law))
    assert "frailty" in names
    assert "trivial_odds" not in names


def test_floors_of_zero_have_no_prior_to_scale(drawn):
    truths, data, _ = drawn
    guessed = data["guess_floor"].values > 0
    offsets = truths["floor_offset"].values[:, guessed]
    expected = stats.norm.logpdf(offsets).sum(axis=1)
    assert law_log_priors(truths, data, Config().law)["floor"] == pytest.approx(expected)
    none = data.assign(guess_floor=0 * data["guess_floor"])
    assert "floor" not in law_log_priors(truths, none, Config().law)


def test_a_curve_without_ceiling_floor_or_frailty_has_fewer_priors(drawn):
    truths, data, _ = drawn
    law = replace(Config().law, curve="f3")
    own = law_log_priors(truths.drop_vars(["frailty", "ceiling_logit_mean"]), data, law)
    assert {"ceiling", "floor", "frailty", "ceiling_logit_mean"} & set(own) == set()


def test_priors_by_their_textbook_densities():
    values = np.array([0.3, 1.1])
    assert log_prior(normal(1, 2, ""), values) == pytest.approx(stats.norm.logpdf(values, 1, 2))
    by_rate = stats.gamma.logpdf(values, 2.5, scale=0.6 / 2.5)
    assert log_prior(gamma(0.6, ""), values) == pytest.approx(by_rate)
    in_logs = stats.norm.logpdf(np.log(values), np.log(0.06), 0.8) - np.log(values)
    assert log_prior(lognormal(0.06, 0.8, ""), values) == pytest.approx(in_logs)
