"""The end-to-end law by least squares, its anchors, and the published numbers."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.law.least_squares import fit_point_law
from cod_bayes.law.model import IS_ANCHOR, build_law
from cod_bayes.methods.bootstrap import Points, fit_points
from cod_bayes.methods.direct_power import DirectPower
from cod_bayes.methods.end_to_end import EndToEnd, build_score_rows, make_law_curve
from cod_bayes.methods.end_to_end_bnsl import EndToEndBnsl
from cod_bayes.methods.point_scores import FittedPoints, log_scale_of_targets
from cod_bayes.methods.protocol import describe_targets
from cod_bayes.priors import fixed
from cod_bayes.schema import LLM
from tests.invented import make_evals, make_rows

X = np.linspace(-8.0, 0.0, 9)
COMPUTE = Config.from_mapping({}, ["law.scale='compute'"])


def make_points(score: np.ndarray) -> Points:
    return Points(X[None], score, np.full(len(score), 1e9), np.ones(len(score)))


def test_noise_free_scores_give_back_the_law():
    points = make_points(0.25 + 0.75 * np.exp(-0.5 * np.exp(-0.4 * X) - 0.1))
    curve = make_law_curve(points, 0.25, curve="paper", n_scales=1)
    assert fit_points(curve, points) == pytest.approx([np.log(0.5), 0.4, 0.1], abs=1e-4)


@pytest.mark.parametrize("law", ["paper", "f1", "f2", "f3"])
def test_it_is_the_fit_of_the_law_by_projection(rng, law):
    """Two searches for one minimum; the law's own is in compute alone, and without weights."""
    score = 0.25 + 0.7 * np.exp(-0.5 * np.exp(-0.4 * X) - 0.1) + rng.normal(0, 0.01, 9)
    points = make_points(score)
    curve = make_law_curve(points, 0.25, curve=law, n_scales=1)
    ours = curve.rates(fit_points(curve, points), np.array([[3.0]]))[0]
    other = fit_point_law(1e21 * np.exp(X), score, 0.25, "f" if law == "paper" else law)
    assert ours == pytest.approx(float(other(1e21 * np.exp(3.0))), abs=1e-4)


def test_c_is_never_negative():
    points = make_points(np.minimum(np.exp(-0.5 * np.exp(-0.4 * X) + 0.2), 1.0))
    assert fit_points(make_law_curve(points, 0.0, curve="paper", n_scales=1), points)[2] >= 0


def make_anchored() -> xr.Dataset:
    """Six ladder runs on the law, then an anchor far above it at ten times the compute."""
    flops = np.geomspace(1e19, 1e23, 7)
    score = np.exp(-0.5 * (flops / flops[5]) ** -0.3)
    score[6] = 0.97
    roles = ["ladder"] * 6 + ["anchor"]
    return make_evals(np.full((7, 1), 10**6), np.rint(1e6 * score)[:, None], roles=roles)


def forecast(evals: xr.Dataset, **settings) -> float:
    method = EndToEnd(estimate="least-squares", draws=5, **settings)
    fitted = method.fit(evals, COMPUTE)
    targets = describe_targets(evals.isel(llm=[-1]).assign_coords(flops=("llm", [1e24])))
    at = log_scale_of_targets(targets, fitted.reference)
    return float(fitted.curves["B"].rates(fitted.replicates["B"].best, at)[0])


def test_an_anchor_pulls_by_its_weight():
    evals = make_anchored()
    without, light, exact = (
        forecast(evals, **settings)
        for settings in ({}, {"anchors": True}, {"anchors": True, "anchor_weight": 1.0})
    )
    assert without < light < exact
    assert without == pytest.approx(np.exp(-0.5 * (1e24 / 10 ** (19 + 20 / 6)) ** -0.3), abs=1e-3)


def test_anchors_that_do_not_exist_are_missed():
    evals = make_evals(np.full((6, 1), 100), np.arange(10, 70, 10)[:, None])
    with pytest.raises(DataError, match="anchors"):
        EndToEnd(anchors=True).fit(evals)


def test_rows_mark_anchors_behind_the_ladder():
    rows, reference = build_score_rows(make_anchored(), ("compute",), anchors=True)
    assert rows[IS_ANCHOR].values.tolist() == [False] * 6 + [True]
    assert reference["compute"] == pytest.approx(10 ** (19 + 20 / 6))
    assert float(rows["log_scale"][0, -1]) > 0
    assert IS_ANCHOR not in build_score_rows(make_anchored(), ("compute",), anchors=False)[0]


def test_anchors_have_wider_luck_and_residuals(interpreted):
    """The likelihood of an anchor is a beta-binomial of the ladder's plus the anchor's variance."""
    rows = make_rows(np.array([[1000, 2000, 3000]])).assign(
        {IS_ANCHOR: (LLM, [False, False, True])}
    )
    model = build_law(rows, anchor_sd=fixed(0.3, "known"))
    names = ("luck", "luck_sd", "residual_sd", "item_dispersion", "anchor_sd")
    assert {v.name for v in model.free_RVs + model.deterministics} >= set(names)
    given = {model["luck"]: [0.2, 0.2, 0.2], model["residual_sd"]: 0.4} | fixed_rest(model)
    alpha, beta = (
        part.eval(given) for part in model["count"].owner.op.dist_params(model["count"].owner)[1:]
    )
    rate = alpha / (alpha + beta)
    spread = 1 / (alpha + beta)
    variance = (spread - 0.06 / 40.0) / (rate * (1 - rate))
    assert variance[0] == pytest.approx([0.4**2, 0.4**2, 0.4**2 + 0.3**2])
    sd = model["luck"].owner.op.dist_params(model["luck"].owner)[1]
    assert sd.eval({model["luck_sd"]: 0.4}) == pytest.approx([0.4, 0.4, 0.5])


def fixed_rest(model) -> dict:
    """Values of all other free variables."""
    values = {
        "log_hazard": [[0.1]],
        "slope": [[0.3]],
        "ceiling_offset": [0.0],
        "floor_offset": [0.0],
        "ceiling_logit_mean": 3.0,
        "trivial_odds": [0.005],
        "frailty": 0.5,
        "item_dispersion": 0.06,
    }
    return {model[name]: np.asarray(value) for name, value in values.items()}


@pytest.fixture(scope="module")
def olmo(real_data: Path) -> tuple[xr.Dataset, xr.Dataset, dict[str, float]]:
    """The OLMo ladder's task scores, the 7B run's covariates, and its scores."""
    table = pd.read_csv(real_data / "olmo_ladder_final.csv")
    ladder, target = (table[table["role"] == role] for role in ("fit", "target"))
    scores = ladder.pivot(index="run", columns="task", values="acc_ma5")
    runs = ladder.groupby("run").first().loc[scores.index]
    tasks = ladder.groupby("task").first().loc[scores.columns]
    trials = np.full(scores.shape, 10**7)
    evals = make_evals(trials, np.rint(1e7 * scores.values)).assign_coords(
        flops=("llm", runs["compute_flops"].values),
        params_active=("llm", runs["params"].values.astype(float)),
        params_total=("llm", runs["params"].values.astype(float)),
        tokens=("llm", runs["tokens"].values.astype(float)),
        benchmark=("item", list(tasks.index)),
        item=[f"{name}/score" for name in tasks.index],
        guess_floor=("item", tasks["chance"].values),
    )
    of_target = target.set_index("task").loc[tasks.index]
    at = evals.isel(llm=[0]).assign_coords(
        flops=("llm", of_target["compute_flops"].values[:1]),
        params_active=("llm", of_target["params"].values[:1].astype(float)),
        tokens=("llm", of_target["tokens"].values[:1].astype(float)),
    )
    return evals, describe_targets(at), of_target["acc_ma5"].to_dict()


def point_errors(
    fitted: FittedPoints, targets: xr.Dataset, truth: dict[str, float]
) -> dict[str, float]:
    """Absolute errors of the fitted curves themselves, in points."""
    at = log_scale_of_targets(targets, fitted.reference)
    forecasts = {n: c.rates(fitted.replicates[n].best, at)[0] for n, c in fitted.curves.items()}
    return {name: 100 * abs(forecasts[name] - truth[name]) for name in forecasts}


def test_published_errors_of_the_plain_law_on_the_olmo_ladder(olmo: tuple) -> None:
    """a_exp of the data's notes: 5.27 points in the mean, task by task."""
    evals, targets, truth = olmo
    method = EndToEnd(estimate="least-squares", draws=1)
    errors = point_errors(method.fit(evals, COMPUTE), targets, truth)
    published = {
        "mmlu_avg_test": 0.04,
        "hellaswag_val": 4.15,
        "arc_challenge_test": 18.42,
        "arc_easy_test": 0.61,
        "piqa_val": 2.12,
        "csqa_val": 5.53,
        "socialiqa_val": 1.45,
        "openbookqa_test": 9.89,
    }
    assert errors == pytest.approx(published, abs=0.1)
    assert np.mean(list(errors.values())) == pytest.approx(5.27, abs=0.03)


def test_published_errors_of_the_power_law_on_the_olmo_ladder(olmo: tuple) -> None:
    """b_pow_nll: 4.01 points with squared errors of -log p; the paper's log-log line is near."""
    evals, targets, truth = olmo
    method = DirectPower(estimate="least-squares", draws=1)
    errors = point_errors(method.fit(evals, COMPUTE), targets, truth)
    assert np.mean(list(errors.values())) == pytest.approx(4.01, abs=0.6)
    assert errors["arc_challenge_test"] == pytest.approx(12.42, abs=1.5)


@pytest.mark.slow
def test_published_errors_of_one_break_on_the_olmo_ladder(olmo: tuple) -> None:
    """d_bnsl1 without OBQA, where its extrapolation is anything: 5.76 points in the mean."""
    evals, targets, truth = olmo
    keep = np.flatnonzero(evals["benchmark"].values != "openbookqa_test")
    method = EndToEndBnsl(estimate="least-squares", draws=1)
    errors = point_errors(method.fit(evals.isel(item=keep), COMPUTE), targets, truth)
    assert np.mean(list(errors.values())) == pytest.approx(5.76, abs=0.3)


def test_an_unknown_estimate_is_refused() -> None:
    with pytest.raises(ConfigError, match="estimate must be one of"):
        EndToEnd(estimate="mle")
