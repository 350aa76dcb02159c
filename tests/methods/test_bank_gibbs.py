from dataclasses import replace

import numpy as np
import pytest
import scipy.stats as st

from cod_bayes.methods.bank_curves import GridConfig, build_bank
from cod_bayes.methods.bank_gibbs import (
    LUCK_SDS,
    Chain,
    GibbsConfig,
    Problem,
    draw_index,
    log_mass,
    sample_bank,
    weigh_llms,
)
from cod_bayes.methods.bank_likelihood import group_counts
from cod_bayes.methods.bank_shares import build_bumps
from cod_bayes.priors import fixed, gamma, lognormal, normal

X = np.linspace(-7.0, 0.0, 6)
GRID = GridConfig(n_slopes=4, level_step=2.0, ceilings=(0.97,), ceiling_shares=(1.0,))
LOG_SLOPE = normal(-0.4, 0.8, "")


def make_problem(rng, n_items=80, luck=None, trials=50):
    """Items that follow curves of the bank, all with the same luck on each model."""
    bank = build_bank(GRID, np.zeros(1), X, LOG_SLOPE)
    rising = (np.abs(bank.level) < 3) & (bank.slope > 0.5)
    curve = rng.choice(np.flatnonzero(rising), n_items)
    p = bank.compute_probability(X)[curve]
    odds = p / (1 - p) * np.exp(np.zeros(X.size) if luck is None else luck)
    correct = rng.binomial(trials, odds / (1 + odds))
    return Problem(
        bank=bank,
        shares=build_bumps(bank, (2.0, 0.7), 20.0),
        counts=group_counts(np.full(correct.shape, trials), correct),
        x=X,
        questions=np.ones(n_items),
        luck_sd=gamma(0.3, ""),
        item_noise=lognormal(0.5, 0.6, ""),
    )


def test_residual_luck_is_recovered(rng):
    luck = np.array([0.0, 0.0, 0.6, -0.6, 0.0, 0.0])
    problem = make_problem(rng, n_items=300, luck=luck)
    config = GibbsConfig(draws=60, tune=50, chains=1, max_attempts=1)
    draws, _ = sample_bank(problem, config, lambda draws: True, 1)
    found = draws.residual.mean(axis=(0, 1))
    assert found[2] - found[3] == pytest.approx(1.2, abs=0.35)
    assert 0.1 < draws.luck_sd.mean() < 1.0
    assert draws.noise.mean() < 0.4  # the counts are binomial


def test_every_question_follows_one_curve(rng):
    problem = replace(make_problem(rng), questions=np.full(80, 2.0))
    config = GibbsConfig(draws=3, tune=1, chains=2, max_attempts=1)
    draws, passed = sample_bank(problem, config, lambda draws: False, 1)
    assert not passed
    assert draws.questions.shape == (2, 3, problem.bank.share.size)
    assert (draws.questions.sum(axis=-1) == 160).all()


def test_chains_go_on_until_they_pass(rng):
    seen = []

    def judge(draws):
        seen.append(draws.luck_sd.shape)
        return len(seen) == 2

    config = GibbsConfig(draws=2, tune=1, chains=2, max_attempts=3)
    draws, passed = sample_bank(make_problem(rng, 20), config, judge, 1)
    assert passed
    assert seen == [(2, 2), (2, 4)]
    assert draws.luck_sd.shape == (2, 4)


def test_equal_seeds_give_equal_draws(rng):
    problem = make_problem(rng, 20)
    config = GibbsConfig(draws=3, tune=2, chains=1, max_attempts=1)
    one, two = (sample_bank(problem, config, lambda draws: True, 5)[0] for _ in range(2))
    assert (one.questions == two.questions).all()
    assert (one.residual == two.residual).all()


def test_luck_sd_follows_its_prior_where_luck_is_not_seen(rng):
    """Three runs leave one number of luck; drawn with it from the joint prior, it is the prior."""
    problem = replace(make_problem(rng, 20), luck_sd=gamma(0.3, ""))
    chain = Chain(problem, np.zeros((1, 1, 1), np.float32), rng)
    kept = []
    for _ in range(4000):
        root = np.linalg.cholesky(np.linalg.inv(chain.precision))
        chain.coordinates = chain.luck_sd * root @ rng.standard_normal(chain.coordinates.size)
        chain._draw_luck_sd()
        kept.append(chain.luck_sd)
    assert np.mean(kept) == pytest.approx(0.3, rel=0.12)


def test_runs_at_the_floor_say_little_about_luck(rng):
    correct = np.tile([0, 0, 5, 25, 40, 48], (30, 1))
    problem = replace(make_problem(rng), counts=group_counts(np.full((30, 6), 50), correct))
    weight = weigh_llms(problem)
    assert weight.argmax() == 3
    assert weight[:2] == pytest.approx(0.02 * 0.98)


def test_log_mass_is_the_density_on_a_grid_even_in_the_log():
    mass = np.exp(log_mass(gamma(0.3, ""), LUCK_SDS))
    assert (mass / mass.sum()) @ LUCK_SDS == pytest.approx(0.3, rel=0.01)
    density = st.lognorm(0.6, scale=0.5).logpdf(LUCK_SDS) + np.log(LUCK_SDS)
    assert log_mass(lognormal(0.5, 0.6, ""), LUCK_SDS) == pytest.approx(density)
    assert np.isfinite(log_mass(normal(0.2, 0.1, ""), LUCK_SDS)).all()


def test_a_fixed_prior_has_one_value():
    mass = log_mass(fixed(0.2, ""), LUCK_SDS)
    assert np.isfinite(mass).sum() == 1
    assert LUCK_SDS[np.argmax(mass)] == pytest.approx(0.2, rel=0.05)


def test_draw_index_has_the_given_odds(rng):
    log_p = np.log([0.2, 0.5, 0.3]) - 1000
    drawn = np.bincount([draw_index(log_p, rng) for _ in range(20_000)], minlength=3)
    assert drawn / 20_000 == pytest.approx([0.2, 0.5, 0.3], abs=0.02)
