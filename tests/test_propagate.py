"""Hand-made chains of draws, where the score's mean and variance follow from arithmetic."""

from dataclasses import replace

import numpy as np
import pytest
from invented import make_law, make_map
from scipy.special import expit, logit

from cod_bayes.law.curves import CURVES
from cod_bayes.propagate import SOURCES, Chain, draw_score, expect_score, split_variance

N_DRAWS = 4000
HERE = np.zeros((1, 1))
LAW, MAPPING, LUCK, RESIDUAL, MEASURING = range(len(SOURCES))
# Hazard next to nothing: the score is the ceiling, so that its variance is known.
SOLVED = {"log_hazard": -60.0, "frailty": 1.0}


def chain_of(law, n_questions=(100.0,), log_scale=HERE, **about):
    """A chain from these draws; the questions of its rows are all of the benchmark's."""
    n_questions = np.asarray(n_questions)
    about = {"n_items": float(n_questions.sum()), **about}
    return Chain(
        law=law, n_questions=n_questions, log_scale=log_scale, curve=CURVES["frailty"], **about
    )


def shares_of(chain, rng):
    shares = split_variance(chain, rng)
    assert shares.shape == (chain.log_scale.shape[1], len(SOURCES))
    np.testing.assert_allclose(shares.sum(axis=1), 1)
    assert (shares >= 0).all()
    return shares[0]


def through_map(law, share=0.5, **values):
    return chain_of(law, mapping=make_map(N_DRAWS, share, **values), form="rest")


def test_if_only_luck_varies_it_explains_all(rng):
    shares = shares_of(chain_of(make_law(N_DRAWS, luck_sd=0.3)), rng)
    assert shares[LUCK] > 0.97


def test_if_only_the_law_is_uncertain_it_explains_all(rng):
    law = make_law(N_DRAWS, **SOLVED, ceiling=rng.uniform(0.4, 0.6, N_DRAWS))
    shares = shares_of(chain_of(law), rng)
    assert shares[LAW] > 0.97


def test_if_only_the_map_is_uncertain_it_explains_all(rng):
    chain = through_map(make_law(N_DRAWS), offset=rng.normal(0, 0.5, N_DRAWS))
    shares = shares_of(chain, rng)
    assert shares[MAPPING] > 0.97


def test_the_maps_scatter_is_a_residual(rng):
    shares = shares_of(through_map(make_law(N_DRAWS), scatter_sd=0.4), rng)
    assert shares[RESIDUAL] > 0.97


def test_if_only_the_measurement_varies_it_explains_all(rng):
    shares = shares_of(chain_of(make_law(N_DRAWS), trials=2), rng)
    assert shares[MEASURING] > 0.97


def test_what_nothing_is_uncertain_about_needs_no_explanation(rng):
    shares = split_variance(chain_of(make_law(N_DRAWS, luck_sd=1e-12)), rng)
    assert np.isfinite(shares).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_shares_are_those_of_the_variances_that_went_in(rng):
    p, n_items, trials = 0.6, 200.0, 3
    pq = p * (1 - p)
    sd_of = {"law": 0.03, "luck_sd": 0.12, "residual_sd": 0.1, "item_dispersion": 0.5}
    law = make_law(
        N_DRAWS,
        **SOLVED,
        ceiling=rng.normal(p, sd_of["law"], N_DRAWS),
        luck_sd=sd_of["luck_sd"],
        residual_sd=sd_of["residual_sd"],
        item_dispersion=sd_of["item_dispersion"],
    )
    variance = np.array(
        [
            sd_of["law"] ** 2,
            0.0,
            (pq * sd_of["luck_sd"]) ** 2,
            pq * (sd_of["item_dispersion"] / n_items + sd_of["residual_sd"] ** 2 * pq),
            pq / (n_items * trials),
        ]
    )
    shares = shares_of(chain_of(law, [n_items], trials=trials), rng)
    np.testing.assert_allclose(shares, variance / variance.sum(), atol=0.03)


def test_the_maps_share_of_the_variance(rng):
    share, offset_sd, luck_sd = 0.4, 0.3, 0.2
    law = make_law(N_DRAWS, **SOLVED, ceiling=0.5, luck_sd=luck_sd)
    chain = through_map(law, share, offset=rng.normal(0, offset_sd, N_DRAWS))
    # At one half and slope one, a logit moves subset and rest alike by a quarter.
    of_map = ((1 - share) * 0.25 * offset_sd) ** 2
    of_luck = (0.25 * luck_sd) ** 2
    shares = shares_of(chain, rng)
    assert shares[MAPPING] == pytest.approx(of_map / (of_map + of_luck), abs=0.03)
    assert shares[LUCK] == pytest.approx(of_luck / (of_map + of_luck), abs=0.03)


def test_without_a_measurement_none_of_the_variance_is_its(rng):
    law = make_law(N_DRAWS, luck_sd=0.3, residual_sd=0.2)
    shares = shares_of(chain_of(law), rng)
    assert shares[MEASURING] == 0


def test_every_target_has_its_own_shares(rng):
    # Slopes are uncertain: at the reference they do not matter, far beyond it they do.
    law = make_law(N_DRAWS, slope=rng.uniform(0.1, 0.9, N_DRAWS), luck_sd=0.1)
    shares = split_variance(chain_of(law, log_scale=np.array([[0.0, 3.0]])), rng)
    assert shares[0, LUCK] > 0.95
    assert shares[1, LAW] > 0.7


@pytest.mark.parametrize("luck_sd", [0.1, 0.6])
@pytest.mark.parametrize("form", ["none", "rest", "monotone"])
def test_the_expected_score_is_the_mean_over_new_runs(form, luck_sd, rng):
    """Draws with equal parameters are new runs of one truth."""
    n = 40_000
    law = make_law(
        n,
        2,
        log_hazard=np.tile([0.5, -1.0], (n, 1)),
        slope=np.full((n, 2), 0.4),
        luck_sd=luck_sd,
        residual_sd=0.05,
        item_dispersion=0.06,
    )
    chain = chain_of(law, [300.0, 100.0], np.array([[0.0, 2.0]]))
    if form != "none":
        mapping = make_map(n, 0.6, offset=0.8, slope=0.7, centre=-0.2, scatter_sd=0.3)
        chain = replace(chain, mapping=mapping, form=form, n_items=700.0)
    runs, expected = draw_score(chain, rng), expect_score(chain)
    assert runs.shape == expected.shape == (n, 2)
    assert np.ptp(expected, axis=0) == pytest.approx(0, abs=1e-12)
    error = runs.std(axis=0) / np.sqrt(n)
    # Rows' own departures bend a little in the map; that is left out of the expected score.
    np.testing.assert_array_less(np.abs(runs.mean(axis=0) - expected[0]), 5 * error + 5e-4)


def test_rows_weigh_by_their_questions():
    law = make_law(2, 2, log_hazard=-60.0, ceiling=np.array([[0.2, 0.8]] * 2))
    score = expect_score(chain_of(law, [300.0, 100.0]))
    np.testing.assert_allclose(score, 0.35, atol=1e-6)


def test_the_full_score_joins_subset_and_rest():
    law = make_law(2, **SOLVED, ceiling=0.6)
    mapping = make_map(2, 0.7, centre=-1.0, offset=0.5, slope=0.8)
    rest = expit(-1.0 + 0.5 + 0.8 * (logit(0.6) + 1.0))
    score = expect_score(chain_of(law, mapping=mapping, form="rest"))
    np.testing.assert_allclose(score, 0.7 * 0.6 + 0.3 * rest, rtol=1e-6)


def test_a_subset_of_all_items_is_the_full_score():
    law = make_law(2, **SOLVED, ceiling=0.6)
    chain = chain_of(law, mapping=make_map(2, 1.0, offset=3.0), form="rest")
    np.testing.assert_allclose(expect_score(chain), 0.6, rtol=1e-6)


def test_measuring_adds_the_binomials_variance(rng):
    p, n_items = 0.3, 100.0
    law = make_law(20_000, **SOLVED, ceiling=p)
    for trials in (1, 4):
        scores = draw_score(chain_of(law, [n_items], trials=trials), rng)
        assert scores.var() == pytest.approx(p * (1 - p) / (n_items * trials), rel=0.06)
        counts = scores * n_items * trials
        np.testing.assert_allclose(counts, np.rint(counts), atol=1e-9)


def test_scores_at_the_ends_stay_scores(rng):
    law = make_law(
        N_DRAWS, 2, log_hazard=np.tile([60.0, -60.0], (N_DRAWS, 1)), ceiling=1.0, luck_sd=0.5,
        residual_sd=0.3, item_dispersion=0.1,
    )  # fmt: skip
    mapping = make_map(N_DRAWS, 0.5, offset=2.0, scatter_sd=0.3)
    for about in ({}, {"mapping": mapping, "form": "rest"}, {"trials": 1}):
        for n_questions in ([100.0, 1e-9], [1e-9, 100.0]):
            chain = chain_of(law, n_questions, n_items=100.0, **about)
            scores = draw_score(chain, rng)
            assert ((scores >= 0) & (scores <= 1)).all()
            assert np.isfinite(split_variance(chain, rng)).all()
