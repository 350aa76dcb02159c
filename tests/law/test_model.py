from dataclasses import replace

import numpy as np
import pymc as pm
import pytest
import xarray as xr
from invented import make_law, make_rows
from pytensor.compile.mode import Mode
from pytensor.graph.traversal import graph_inputs
from scipy import stats
from scipy.special import expit

from cod_bayes.config import LawConfig
from cod_bayes.law.curves import CURVES, shift_logit
from cod_bayes.law.data import pad_rows
from cod_bayes.law.evaluate import evaluate_rows
from cod_bayes.law.model import bound_at_two_sd, build_law, compute_spread, law_arrays
from cod_bayes.priors import LawPriors, fixed, normal

# Python code, no compiler: for graphs that are evaluated a few times.
PLAIN = Mode("py", "fast_compile")

DIMS = {
    "ceiling_logit_sd": (),
    "floor_logit_sd": (),
    "slope_shape": (),
    "log_hazard_mean": ("scale",),
    "log_hazard_sd": ("scale",),
    "log_hazard": ("scale", "cluster"),
    "log_slope_mean": ("scale",),
    "slope": ("scale", "cluster"),
    "ceiling_logit_mean": (),
    "ceiling_offset": ("cluster",),
    "ceiling": ("cluster",),
    "floor_offset": ("cluster",),
    "floor": ("cluster",),
    "frailty": (),
    "trivial_odds": ("cluster",),
    "luck_sd": (),
    "luck": ("llm",),
    "residual_sd": (),
    "item_dispersion": (),
    "count": ("cluster", "llm"),
}


@pytest.fixture
def rows(rng):
    rate = expit(np.linspace(-2, 1, 8) + rng.normal(0, 0.5, (3, 1)))
    return make_rows(rng.binomial(4000, rate), guess_floor=0.25)


def with_priors(**priors):
    return LawConfig(priors=replace(LawPriors(), **priors))


def a_point(model, rng):
    """Values of all free variables on the scale that the sampler sees."""
    start = model.initial_point()
    return {name: value + 0.3 * rng.normal(size=value.shape) for name, value in start.items()}


def test_every_variable_has_its_name_and_dims(rows):
    model = build_law(rows)
    named = {v.name: v for v in model.basic_RVs + model.deterministics}
    assert set(named) == set(DIMS)
    assert {n: model.named_vars_to_dims.get(n, ()) for n in named} == DIMS
    for name, variable in named.items():
        assert variable.ndim == len(DIMS[name])
    assert list(model.coords["cluster"]) == list(rows["cluster"].values)


def test_counts_are_observed_and_nothing_is_a_potential(rows):
    model = build_law(rows)
    assert [v.name for v in model.observed_RVs] == ["count"]
    assert model.potentials == []


def test_the_curve_of_the_paper_has_no_frailty(rows):
    model = build_law(rows, LawConfig(curve="paper"))
    assert "frailty" not in model.named_vars


@pytest.mark.parametrize("name", CURVES)
def test_a_graph_uses_all_data_that_are_swapped(name, rows):
    model = build_law(rows, LawConfig(curve=name))
    used = {variable.name for variable in graph_inputs([model.logp(), *model.deterministics])}
    assert set(law_arrays(rows, CURVES[name])) <= used


def test_building_changes_no_data(rows):
    before = rows.copy(deep=True)
    build_law(rows)
    xr.testing.assert_identical(rows, before)


def test_the_counts_density_is_a_beta_binomial(rows, rng):
    """Against SciPy, with the law computed from the same parameters by the NumPy code."""
    law = make_law(
        2,
        3,
        log_hazard=np.tile([0.3, -0.5, 1.1], (2, 1)),
        slope=np.tile([0.4, 0.7, 0.2], (2, 1)),
        ceiling=np.tile([0.9, 0.8, 0.95], (2, 1)),
        floor=np.tile([0.2, 0.25, 0.3], (2, 1)),
        frailty=0.7,
    )
    luck, dispersion, residual = rng.normal(0, 0.3, 8), 0.08, 0.2
    model = build_law(rows)
    one = law.isel(chain=0, draw=0)
    values = {
        "log_hazard": one["log_hazard"].values,
        "slope": one["slope"].values,
        "ceiling": one["ceiling"].values,
        "floor": one["floor"].values,
        "frailty": 0.7,
        "luck": luck,
        "item_dispersion": dispersion,
        "residual_sd": residual,
    }
    replaced = {model[name]: np.asarray(value, float) for name, value in values.items()}
    alpha, beta = (
        part.eval(replaced, mode=PLAIN)
        for part in model["count"].owner.op.dist_params(model["count"].owner)[1:]
    )
    rate = shift_logit(
        evaluate_rows(
            one.expand_dims(["chain", "draw"]), rows["log_scale"].values, CURVES["frailty"]
        )[0],
        luck,
    )
    spread = dispersion / 40 + residual**2 * rate * (1 - rate)
    np.testing.assert_allclose(alpha, rate / spread, rtol=1e-9)
    np.testing.assert_allclose(beta, (1 - rate) / spread, rtol=1e-9)
    ours = pm.logp(pm.BetaBinomial.dist(n=4000, alpha=alpha, beta=beta), rows["n_correct"].values)
    theirs = stats.betabinom.logpmf(
        rows["n_correct"].values, 4000, rate / spread, (1 - rate) / spread
    )
    np.testing.assert_allclose(ours.eval(mode=PLAIN), theirs, rtol=1e-6)


def test_padding_changes_neither_density_nor_gradient_of_the_rows_in_use(interpreted, rows, rng):
    bare, padded = build_law(rows), build_law(pad_rows(rows, 5))
    point = a_point(bare, rng)
    standing_apart = rng.normal(size=(5, 2))
    longer = dict(point)
    apart = dict(zip(("log_hazard", "slope_log__"), standing_apart[:2], strict=True))
    for name, extra in apart.items():
        longer[name] = np.concatenate([point[name], extra[None]], axis=1)
    offsets = ("ceiling_offset", "floor_offset", "trivial_odds_log__")
    apart = dict(zip(offsets, standing_apart[2:], strict=True))
    for name, extra in apart.items():
        longer[name] = np.concatenate([point[name], extra])

    # What the padded rows add is their own prior: the slope's is stated for its logarithm.
    slope = np.exp(standing_apart[1])
    own = (
        stats.norm.logpdf(standing_apart[[0, 2, 3]]).sum()
        + stats.norm.logpdf(standing_apart[4], np.log(0.005), 1.0).sum()
        + (stats.gamma.logpdf(slope, 3, scale=1 / 3) + standing_apart[1]).sum()
    )
    without = bare.compile_logp(mode=PLAIN)(point)
    assert padded.compile_logp(mode=PLAIN)(longer) == pytest.approx(without + own, rel=1e-9)

    gradient = by_name(bare, bare.compile_dlogp(mode=PLAIN)(point), point)
    beside = by_name(padded, padded.compile_dlogp(mode=PLAIN)(longer), longer)
    for name, slope in gradient.items():
        kept = beside[name][..., : slope.shape[-1]] if slope.ndim else beside[name]
        np.testing.assert_allclose(kept, slope, rtol=1e-7, atol=1e-9, err_msg=name)


def by_name(model, flat, point):
    """A flat gradient, cut into the variables it belongs to."""
    names = [v.name for v in model.value_vars if v.name in point]
    sizes = np.cumsum([point[n].size for n in names])[:-1]
    parts = np.split(flat, sizes)
    return {n: part.reshape(point[n].shape) for n, part in zip(names, parts, strict=True)}


def test_prior_scores_lie_within_range_and_are_not_piled_at_the_ends(rows):
    with build_law(rows):
        prior = pm.sample_prior_predictive(
            draws=200, random_seed=1, compile_kwargs={"mode": "FAST_COMPILE"}
        )
    rate = prior.prior_predictive["count"].values / 4000
    assert ((rate >= 0) & (rate <= 1)).all()
    # The floor is 0.25: a quarter of the scale lies below it.
    assert (rate < 0.02).mean() < 0.1
    assert (rate > 0.98).mean() < 0.2
    assert ((rate > 0.4) & (rate < 0.9)).mean() > 0.15
    ceiling, floor = (prior.prior[n].values for n in ("ceiling", "floor"))
    assert ((ceiling > 0.5) & (ceiling < 1)).all()
    # Chance is 0.25, and exp(-1) to exp(1) times its odds bound it.
    assert ((floor > 0.109) & (floor < 0.476)).all()


def test_without_chance_the_floor_is_what_is_trivial_in_mixed_rows(rng):
    rows = make_rows(rng.binomial(4000, 0.3, (2, 8)))
    with build_law(rows.assign(mixed=("cluster", [False, False]))) as model:
        assert (pm.draw(model["floor"], draws=5, mode=PLAIN, random_seed=1) == 0).all()
    with build_law(rows) as model:
        floor, odds = pm.draw(
            [model["floor"], model["trivial_odds"]], draws=200, mode=PLAIN, random_seed=1
        )
    np.testing.assert_allclose(floor / (1 - floor), odds)
    assert np.quantile(floor, [0.025, 0.5, 0.975]) == pytest.approx([0.0007, 0.005, 0.034], rel=0.4)


def test_a_bounded_offset_stays_within_two_sd():
    x = np.array([-50.0, -1.0, 0.0, 0.01, 50.0])
    bent = bound_at_two_sd(x, 0.5, np)
    np.testing.assert_allclose(bent[[0, 2, 4]], [-1, 0, 1])
    assert bent[3] == pytest.approx(0.005, rel=1e-4)
    assert (np.diff(bent) > 0).all()


@pytest.mark.parametrize("n_trials", [1, 100])
def test_more_trials_take_only_the_binomial_part_of_the_spread(n_trials):
    """Var(rate) = q (1 - q) (1/T + phi) / n + residual^2 (q (1 - q))^2, nearly."""
    n_items, q, phi, residual = 500, 0.3, 0.06, 0.15
    spread = compute_spread(q, n_items, phi, residual)
    n = n_items * n_trials
    variance = stats.betabinom.var(n, q / spread, (1 - q) / spread) / n**2
    pq = q * (1 - q)
    expected = pq * (1 / n_trials + phi) / n_items + residual**2 * pq**2
    assert variance == pytest.approx(expected, rel=0.01)


def test_the_priors_of_the_config_are_those_of_the_model(interpreted, rows, rng):
    default = build_law(rows)
    point = a_point(default, rng)
    moved = build_law(rows, with_priors(ceiling_logit_mean=normal(1.0, 2.0, "a guess")))
    at = point["ceiling_logit_mean"]
    change = stats.norm.logpdf(at, 1.0, 2.0) - stats.norm.logpdf(at, 3.0, 0.4)
    before, after = (m.compile_logp(mode=PLAIN)(point) for m in (default, moved))
    assert after - before == pytest.approx(change, rel=1e-6)


def test_a_fixed_prior_takes_its_variables_dims(interpreted, rows):
    model = build_law(
        rows,
        with_priors(log_hazard_sd=fixed(1.5, "known"), log_slope_mean=fixed(-0.5, "known")),
    )
    assert "log_hazard_sd" not in {v.name for v in model.free_RVs}
    assert model["log_hazard"].eval(mode=PLAIN).shape == (1, 3)
    assert np.isfinite(model.compile_logp(mode=PLAIN)(model.initial_point()))


def test_what_a_forecast_reads_exists_even_if_it_is_fixed(rows):
    known = {n: fixed(0.1, "known") for n in ("luck_sd", "residual_sd", "item_dispersion")}
    model = build_law(rows, with_priors(frailty=fixed(1.0, "logistic"), **known))
    assert {*known, "frailty"} <= set(model.named_vars)
