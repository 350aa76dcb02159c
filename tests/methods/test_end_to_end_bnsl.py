"""The broken law: its formula, its bounds, its model, and draws of a new run."""

import numpy as np
import pytest
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.law.data import pad_rows
from cod_bayes.methods.bnsl import (
    BnslPriors,
    bnsl_arrays,
    build_bnsl,
    centre_bends,
    compute_bnsl,
    order_breaks,
)
from cod_bayes.methods.bootstrap import Points, fit_points
from cod_bayes.methods.end_to_end_bnsl import (
    EndToEndBnsl,
    FittedBnsl,
    draw_bnsl,
    make_bnsl_curve,
    predict_bnsl,
)
from cod_bayes.methods.protocol import describe_targets
from cod_bayes.priors import LawPriors
from tests.invented import make_evals, make_rows

X = np.linspace(-8.0, 3.0, 12)


def product_form(x: np.ndarray, a, b, c0, c, d, f) -> np.ndarray:
    """Equation 1 of arXiv 2210.14891, as it is printed there."""
    y = b * x**-c0
    for ci, di, fi in zip(c, d, f, strict=True):
        y = y * (1 + (x / di) ** (1 / fi)) ** (-ci * fi)
    return a + y


@pytest.mark.parametrize("n_breaks", [1, 2, 3])
def test_the_formula_is_the_paper_s_product(n_breaks):
    slopes = np.array([0.05, 0.4, 0.1, 0.25])[: n_breaks + 1]
    breaks = np.array([-4.0, -1.0, 1.5])[:n_breaks]
    widths = np.array([0.5, 1.2, 0.3])[:n_breaks]
    start, limit, first = 0.9, 0.05, X[0]
    x = np.exp(X)
    parameters = (slopes[0], np.diff(slopes), np.exp(breaks), widths)
    # b follows from the error of the smallest run
    b = (start - limit) / product_form(x[:1], 0.0, 1.0, *parameters)[0]
    ours = compute_bnsl(X, first, start, limit, slopes, breaks, widths)
    assert 1 - ours == pytest.approx(product_form(x, limit, b, *parameters), abs=1e-12)
    assert ours[0] == pytest.approx(1 - start)


def test_numpy_and_pytensor_agree():
    import pytensor.tensor as pt

    slopes, breaks, widths = [0.02, 0.3], [-2.0], [0.8]
    graph = compute_bnsl(pt.as_tensor(X), X[0], 0.9, 0.05, slopes, breaks, widths, pt)
    expected = compute_bnsl(X, X[0], 0.9, 0.05, slopes, breaks, widths)
    assert graph.eval() == pytest.approx(expected, abs=1e-12)


def test_with_one_width_scores_rise_and_stay_within_bounds(rng):
    far = np.linspace(-8, 60, 200)
    for _ in range(50):
        breaks = order_breaks(rng.normal(0, 2, 3), -8.0, 3.4)
        slopes, width = rng.gamma(1.0, 0.5, 4), rng.lognormal(0, 1)
        score = compute_bnsl(far, -8.0, 0.8, 0.1, slopes, breaks, [width] * 3)
        assert (np.diff(score) >= -1e-12).all()
        assert score[0] == pytest.approx(0.2)
        assert score[-1] <= 0.9 + 1e-12


def test_breaks_stay_in_order_and_spread_evenly(rng):
    breaks = order_breaks([0.0, 0.0, 0.0], -8.0, 4.0)
    assert breaks == pytest.approx([-5.0, -2.0, 1.0])
    wild = np.array([order_breaks(rng.normal(0, 4, 3), -8.0, 4.0) for _ in range(50)])
    assert (np.diff(wild, axis=1) >= 0).all()
    assert wild.min() >= -8.0
    assert wild.max() <= 4.0


def test_bends_leave_the_mean_log_exponent():
    segments = centre_bends([1.0, -0.5])
    assert np.diff(segments) == pytest.approx([1.0, -0.5])
    assert sum(segments) == pytest.approx(0.0)


def test_noise_free_scores_are_fitted_exactly():
    x = np.linspace(-8.0, 0.0, 12)
    truth = np.array([0.9, 0.1, 0.02, 0.35, -3.0, np.log(0.6)])
    score = predict_bnsl(truth, x[None], first=-8.0, n_breaks=1)
    points = Points(x[None], score, np.full(12, 1e9), np.ones(12))
    curve = make_bnsl_curve(points, 0.25, n_breaks=1, horizon=30.0)
    best = fit_points(curve, points)
    assert curve.rates(best, x[None]) == pytest.approx(score, abs=1e-4)


def test_point_forecasts_stay_within_bounds_however_the_fit_ends():
    points = Points(X[None], np.full(12, 0.5), np.full(12, 100.0), np.ones(12))
    curve = make_bnsl_curve(points, 0.0, n_breaks=2, horizon=30.0)
    rng = np.random.default_rng(1)
    wild = rng.uniform(curve.lower, curve.upper, (200, len(curve.lower)))
    score = curve.predict(wild, np.linspace(-8, 20, 30)[None])
    assert score.min() >= 0
    assert score.max() <= 1


def build(rows: xr.Dataset, n_breaks: int = 1):
    return build_bnsl(rows, n_breaks, BnslPriors(), LawPriors(), 30.0)


def test_the_likelihood_is_the_law_s(interpreted, rng):
    """At given parameters the counts' mean is the broken law, moved by luck."""
    rows = make_rows(rng.binomial(4000, 0.3, (2, 6)))
    model = build(rows)
    arrays = bnsl_arrays(rows, 30.0)
    given = {
        "luck": [0.0, 0.1, -0.2, 0.0, 0.3, 0.0],
        "start_logit": [-2.0, -1.0],
        "limit_logit": [-3.0, -2.5],
        "log_slope": [-2.0, -1.5],
        "bend_mean": [1.0],
        "bend_offset": [[0.5, -0.5]],
        "break_logit": [[0.3, -0.2]],
        "width": 1.2,
        "residual_sd": 0.1,
        "item_dispersion": 0.06,
    }
    values = {model[name]: np.asarray(value) for name, value in given.items()}
    alpha, beta = (
        part.eval(values) for part in model["count"].owner.op.dist_params(model["count"].owner)[1:]
    )
    for row in range(2):
        bend = 1.0 + 0.7 * given["bend_offset"][0][row]
        slopes = np.exp(given["log_slope"][row] + np.array([-bend / 2, bend / 2]))
        start = 1 / (1 + np.exp(given["start_logit"][row]))
        limit = start / (1 + np.exp(-given["limit_logit"][row]))
        first, last = arrays["first"], arrays["last"]
        breaks = [first + (last - first) / (1 + np.exp(-given["break_logit"][0][row]))]
        law = compute_bnsl(arrays["log_compute"], first, start, limit, slopes, breaks, [1.2])
        odds = law / (1 - law) * np.exp(given["luck"])
        assert (alpha / (alpha + beta))[row] == pytest.approx(odds / (1 + odds), abs=1e-8)


def test_padded_rows_change_nothing_for_the_others(interpreted, rng):
    rows = make_rows(rng.binomial(4000, 0.3, (2, 6)))
    bare, padded = build(rows), build(pad_rows(rows, 5))
    names = ("width", "luck_sd", "residual_sd", "item_dispersion", "luck", "bend_mean")
    point = bare.initial_point()
    other = padded.initial_point()
    other |= {name: value for name, value in point.items() if name.split("_log__")[0] in names}
    terms = [m.compile_logp(vars=[m["count"]], sum=False) for m in (bare, padded)]
    first, second = (np.asarray(f(p)[0]) for f, p in zip(terms, (point, other), strict=True))
    assert second[:2] == pytest.approx(first)
    assert np.abs(second[2:]).max() == pytest.approx(0.0)


def make_posterior(n_draws: int, n_rows: int) -> dict[str, tuple]:
    def row(value: float) -> np.ndarray:
        return np.full((2, n_draws // 2, n_rows), value)

    by_row = ("chain", "draw", "cluster")
    slopes = np.stack([row(0.02), row(0.3)], axis=2)
    return {
        "start": (by_row, row(0.9)),
        "limit": (by_row, row(0.05)),
        "slope": (("chain", "draw", "segment", "cluster"), slopes),
        "break_at": (("chain", "draw", "break", "cluster"), row(-3.0)[:, :, None]),
        "width": (("chain", "draw"), np.full((2, n_draws // 2), 0.7)),
        "luck_sd": (("chain", "draw"), np.full((2, n_draws // 2), 0.2)),
        "residual_sd": (("chain", "draw"), np.full((2, n_draws // 2), 1e-6)),
        "item_dispersion": (("chain", "draw"), np.full((2, n_draws // 2), 1e-9)),
    }


def test_a_new_run_has_luck_about_the_broken_law():
    rows = make_rows(np.full((2, 6), 100))
    names = {"cluster": rows["cluster"].values}
    posterior = xr.Dataset(make_posterior(4000, 2), coords=names)
    fitted = FittedBnsl(posterior, rows, {"compute": 1e23}, True)
    evals = make_evals(np.full((1, 1), 10), np.full((1, 1), 5))
    at = describe_targets(evals.assign_coords(flops=("llm", [1e24])))
    draws = draw_bnsl(fitted, at, 1)
    law = compute_bnsl(np.log(10), -8.0, 0.9, 0.05, [0.02, 0.3], [-3.0], [0.7])
    score = draws["B/0"][:, 0]
    logit = np.log(score / (1 - score))
    assert list(draws) == ["B/0", "B/1"]
    assert logit.mean() == pytest.approx(np.log(law / (1 - law)), abs=0.015)
    assert logit.std() == pytest.approx(0.2, rel=0.05)


@pytest.mark.parametrize("breaks", [0, 4])
def test_breaks_are_one_to_three(breaks):
    with pytest.raises(ConfigError, match=f"breaks must be 1 to 3; got {breaks}"):
        EndToEndBnsl(breaks=breaks)


@pytest.mark.slow
def test_it_samples_cleanly_and_recovers_a_rise(rng):
    """Two benchmarks, one break: the gate passes, and the law's own score lies inside."""
    flops = np.geomspace(1e19, 1e23, 8)
    x = np.log(flops / flops[-1])
    law = [compute_bnsl(x, x[0], s, 0.05, [0.01, 0.25], [-4.0], [1.0]) for s in (0.9, 0.7)]
    evals = make_evals(
        np.full((8, 2), 10_000), rng.binomial(10_000, np.array(law).T), n_questions=1000
    ).assign_coords(benchmark=("item", ["hard", "easy"]))
    settings = ["sampler.draws=500", "sampler.tune=500", "sampler.chains=2", "sampler.min_ess=200"]
    method = EndToEndBnsl()
    fitted = method.fit(evals, Config.from_mapping({}, settings), random_seed=1)
    at = describe_targets(evals.isel(llm=[-1]).assign_coords(flops=("llm", [5e23])))
    draws = method.predict(fitted, at).isel(target=0)
    assert draws.attrs["passed"] == 1
    for name, start in (("hard", 0.9), ("easy", 0.7)):
        truth = compute_bnsl(np.log(5), x[0], start, 0.05, [0.01, 0.25], [-4.0], [1.0])
        low, high = draws.sel(benchmark=name).quantile([0.01, 0.99]).values
        assert low < truth < high
        assert high - low < 0.4
