import numpy as np
import pytest
import scipy.stats as st
from scipy.sparse import csr_matrix

from cod_bayes.methods.bank_likelihood import (
    draw_curves,
    draw_weights,
    find_support,
    group_counts,
    log_beta_binomial,
    mix,
    score_items,
    table_of_curves,
    tabulate,
)


def logit(p):
    return np.log(p / (1 - p))


def test_log_beta_binomial_is_scipys():
    rate, noise, correct = 0.3, 0.8, np.arange(21)
    spread = noise**2 * rate * (1 - rate)
    expected = st.betabinom(20, rate / spread, (1 - rate) / spread).logpmf(correct)
    assert log_beta_binomial(20, correct, rate, noise) == pytest.approx(expected, rel=1e-9)


def test_noise_is_a_standard_deviation_on_the_logit(rng):
    """The beta's variance is that of a logit moved by a little noise: (p (1 - p) s)^2."""
    rate, noise = 0.2, 0.1
    spread = noise**2 * rate * (1 - rate)
    moved = 1 / (1 + np.exp(-(logit(rate) + noise * rng.standard_normal(200_000))))
    beta = st.beta(rate / spread, (1 - rate) / spread)
    assert beta.std() == pytest.approx(moved.std(), rel=0.02)


def test_one_trial_is_bernoulli_whatever_the_noise():
    rate = np.array([0.1, 0.7])
    for noise in (0.1, 2.0):
        assert log_beta_binomial(1, 1, rate, noise) == pytest.approx(np.log(rate))


def test_untried_items_say_nothing():
    assert log_beta_binomial(0, 0, np.array([0.1, 0.7]), 0.5) == pytest.approx([0.0, 0.0])


def test_likelihood_of_items_under_curves_is_a_sum_of_beta_binomials(rng):
    trials = np.array([[10, 10, 3], [10, 0, 3]])
    correct = np.array([[1, 5, 3], [2, 0, 0]])
    counts, noise, luck = group_counts(trials, correct), 0.6, np.array([0.2, 0.0, -0.3])
    curves = rng.uniform(0.1, 0.9, (7, 3))
    table = tabulate(counts.pairs, np.array([noise]))[0]
    tables = table_of_curves(table, logit(curves) + luck)
    moved = 1 / (1 + np.exp(-(logit(curves) + luck)))
    spread = noise**2 * moved * (1 - moved)
    for item in range(2):
        law = st.betabinom(trials[item], moved / spread, (1 - moved) / spread)
        expected = law.logpmf(correct[item]).sum(axis=1)
        cells = counts.cells_of_items[item]
        found = tables[np.arange(3), cells].sum(axis=0)
        assert found == pytest.approx(expected, abs=2e-3)
    chosen = logit(curves)[[4, 2]]
    scored = score_items(table, counts.cells_of_items, chosen, luck)
    each = [
        tables[np.arange(3), c][:, j].sum()
        for c, j in zip(counts.cells_of_items, (4, 2), strict=True)
    ]
    assert scored == pytest.approx(sum(each), rel=1e-4)


def test_equal_items_are_grouped_and_found_again():
    correct = np.array([[1, 2], [0, 0], [1, 2], [0, 3]])
    counts = group_counts(np.full((4, 2), 5), correct)
    assert len(counts.cells) == 3
    assert (counts.pairs[counts.cells_of_items][..., 1] == correct).all()
    order, starts = counts.items_by_pattern
    for pattern in range(3):
        assert (counts.pattern[order[starts[pattern] : starts[pattern + 1]]] == pattern).all()


@pytest.fixture
def two_curves(rng):
    """800 items of 30 trials on three models; three in ten follow the first of two curves."""
    curves = np.array([[0.1, 0.2, 0.3], [0.2, 0.5, 0.9]])
    of_item = (rng.random(800) > 0.3).astype(int)
    correct = rng.binomial(30, curves[of_item])
    counts = group_counts(np.full(correct.shape, 30), correct)
    table = tabulate(counts.pairs, np.array([0.05]))[0]
    return find_support(table_of_curves(table, logit(curves)), counts), counts, of_item


def test_items_go_back_to_the_curves_that_made_them(two_curves, rng):
    support, counts, of_item = two_curves
    drawn = draw_curves(support, counts, np.array([0.3, 0.7]), rng)
    assert (drawn == of_item).mean() > 0.99


def test_weights_of_two_curves_are_recovered(two_curves, rng):
    support, counts, of_item = two_curves
    share = (of_item == 0).mean()
    weight, kept = np.array([0.5, 0.5]), []
    for _ in range(300):
        parts = csr_matrix(np.eye(2))
        weight = draw_weights(support, counts, parts, np.ones(2), weight, 2, rng)
        kept.append(weight[0])
    beta = st.beta(1 + 800 * share, 1 + 800 * (1 - share))  # as if the curves were known
    assert np.mean(kept) == pytest.approx(beta.mean(), abs=0.006)
    assert np.std(kept) == pytest.approx(beta.std(), rel=0.3)


def test_mix_sums_over_the_curves(two_curves):
    support, counts, _ = two_curves
    weight = np.array([0.3, 0.7])
    rows = np.zeros((len(counts.cells), 2))
    for p in range(len(counts.cells)):
        places = slice(support.starts[p], support.starts[p + 1])
        rows[p, support.curve[places]] = support.likelihood[places]
    expected = np.log(rows[counts.pattern] @ weight).sum()
    assert mix(support, counts, weight) == pytest.approx(expected, rel=1e-5)
