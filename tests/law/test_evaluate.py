import numpy as np
from invented import make_law

from cod_bayes.law.curves import CURVES
from cod_bayes.law.evaluate import evaluate_rows, log_scale_of, per_row, stack_draws


def random_law(rng, n_draws=6, n_rows=3):
    shape = (n_draws, n_rows)
    return make_law(
        n_draws,
        n_rows,
        log_hazard=rng.normal(size=shape),
        slope=rng.uniform(0.2, 1, shape),
        ceiling=rng.uniform(0.5, 1, shape),
        floor=rng.uniform(0, 0.3, shape),
        frailty=rng.uniform(0.2, 2, n_draws),
    )


def test_every_draw_row_and_target_has_its_own_score(rng):
    law = random_law(rng)
    x = np.array([-1.0, 0.0, 2.5, 4.0])
    score = evaluate_rows(law, x[None], CURVES["frailty"])
    assert score.shape == (6, 3, 4)
    for sample, (chain, draw) in enumerate((c, d) for c in range(2) for d in range(3)):
        one = law.isel(chain=chain, draw=draw)
        for row in range(3):
            values = {n: float(one[n].values.ravel()[row]) for n in ("ceiling", "floor")}
            a, b = (float(one[n].values[0, row]) for n in ("log_hazard", "slope"))
            xi = float(one["frailty"])
            solved = (1 + xi * np.exp(a - b * x)) ** (-1 / xi)
            p = values["floor"] + (1 - values["floor"]) * values["ceiling"] * solved
            np.testing.assert_allclose(score[sample, row], p, rtol=1e-6)


def test_frailty_may_differ_from_row_to_row(rng):
    law = random_law(rng)
    spread = law["frailty"].expand_dims(cluster=law["cluster"].values, axis=-1)
    same = evaluate_rows(law.assign(frailty=spread), np.zeros((1, 1)), CURVES["frailty"])
    np.testing.assert_allclose(same, evaluate_rows(law, np.zeros((1, 1)), CURVES["frailty"]))
    assert per_row(stack_draws(law.assign(frailty=spread)), "frailty").shape == (6, 3, 1)


def test_a_curve_without_frailty_needs_none(rng):
    law = random_law(rng).drop_vars("frailty")
    score = evaluate_rows(law, np.zeros((1, 1)), CURVES["paper"])
    assert score.shape == (6, 3, 1)


def test_stacking_keeps_chains_one_after_the_other(rng):
    law = random_law(rng)
    stacked = stack_draws(law)
    np.testing.assert_array_equal(stacked["frailty"], law["frailty"].values.ravel())
    assert stack_draws(stacked) is stacked


def test_targets_are_stated_relative_to_the_reference():
    x = log_scale_of(
        {"params": np.array([1e9, 1e10]), "tokens": np.array([1e11, 1e11])},
        {"params": 1e9, "tokens": 1e10},
        ("params", "tokens"),
    )
    np.testing.assert_allclose(x, [[0, np.log(10)], [np.log(10), np.log(10)]])
