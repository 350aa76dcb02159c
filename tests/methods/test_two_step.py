"""Both steps of two-step forecasts: tables, fits, bootstrap, and the PyMC model."""

import numpy as np
import pytest
from pytensor.compile.mode import Mode
from scipy import stats

from cod_bayes.errors import DataError
from cod_bayes.methods.two_step.data import Selection, build_two_step, smooth, thin
from cod_bayes.methods.two_step.line import draw_line
from cod_bayes.methods.two_step.method import observe
from cod_bayes.methods.two_step.model import (
    Shape,
    build_two_step_model,
    compute_curve,
    compute_log_loss,
)
from cod_bayes.methods.two_step.point import draw_point, fit_benchmark
from cod_bayes.methods.two_step.priors import LINE_PRIORS, TwoStepPriors
from cod_bayes.methods.two_step.sampling import two_step_arrays
from cod_bayes.methods.two_step.steps import (
    FLOOR_LAW,
    SIGMOID,
    compute_floor_law,
    compute_power_law,
    compute_sigmoid,
    fit_floor_law,
    fit_line,
    fit_power_law,
    fit_sigmoid,
)

from .two_step_ladders import CURVES, LAWS, make_ladder, task_loss

# Python code, no compiler: for graphs that are evaluated a few times.
PLAIN = Mode("py", "fast_compile")

ALL = -1.0
LADDER = Selection("task", "params-tokens", 0.0, 1, ALL)


def test_smoothing_is_a_trailing_mean_and_leaves_the_last_value() -> None:
    values = np.array([[1.0, 2.0, 6.0, 3.0, 10.0]])
    assert smooth(values, 3) == pytest.approx(np.array([[1.0, 1.5, 3.0, 11 / 3, 10.0]]))
    assert smooth(values, 1) == pytest.approx(values)


def test_finals_are_the_last_checkpoints_by_rising_compute() -> None:
    data = build_two_step(make_ladder(), LADDER, "ladder")
    assert data.benchmarks == ["EASY", "HARD"]
    assert data.finals.sizes["llm"] == 16
    assert [str(name).endswith("-1") for name in data.finals["llm"].values] == [True] * 16
    assert data.finals["relative_loss"].values[:, -1] == pytest.approx([1.0, 1.0])
    assert data.finals["log_scale"].values[:, -1] == pytest.approx([0.0, 0.0])
    largest = [task_loss(name, 1.3e9, 200 * 1.3e9) for name in LAWS]
    assert data.loss_reference == pytest.approx(largest)


def test_the_second_step_skips_the_start_of_runs_but_never_their_end() -> None:
    evals = make_ladder()
    some = build_two_step(evals, Selection("task", "compute", 0.3, 1, ALL), "ladder")
    assert some.points.sizes["point"] == 16 * 2  # ceil(0.3 * 4) = 2 of four left out
    finals = evals.isel(llm=np.flatnonzero(evals["checkpoint"].values == 3))
    one = build_two_step(finals, Selection("task", "compute", 0.3, 1, ALL), "ladder")
    assert one.points.sizes["point"] == 16


def test_only_what_has_emerged_is_chosen() -> None:
    data = build_two_step(make_ladder(), Selection("task", "compute", 0.0, 1, 0.2), "flp")
    chosen, score = data.points["chosen"].values, data.points["smooth_score"].values
    assert 0 < chosen.sum() < chosen.size
    assert score[chosen].min() > 0.45 >= score[~chosen].max()


def test_a_domain_s_loss_serves_every_benchmark() -> None:
    evals = make_ladder()
    data = build_two_step(evals, Selection("code", "compute", 0.0, 1, ALL), "ladder")
    assert data.finals["relative_loss"].values[0] == pytest.approx(
        data.finals["relative_loss"].values[1]
    )
    assert data.loss_reference == pytest.approx(evals["loss"].sel(loss_domain="code").min().item())


def test_losses_that_are_not_there_are_refused_by_name() -> None:
    evals = make_ladder()
    with pytest.raises(DataError, match="needs the loss 'c4' of every model; it has task, overall"):
        build_two_step(evals, Selection("c4", "compute", 0.0, 1, ALL), "ladder")
    bare = evals.drop_vars(["gold_nll", "loss", "loss_domain"])
    with pytest.raises(DataError, match=r"the data have none \(gold_nll, loss\)"):
        build_two_step(bare, LADDER, "ladder")


def test_noise_free_losses_give_back_their_law() -> None:
    data = build_two_step(make_ladder(), LADDER, "ladder")
    for k, (name, (a, b, alpha, beta, irreducible)) in enumerate(LAWS.items()):
        seen = observe(data, k)
        fitted = fit_floor_law(seen.log_scale, seen.log_loss)
        unit = task_loss(name, 1.3e9, 260e9)
        terms = np.log([a * 1.3**-alpha / unit, b * 2.6**-beta / unit])
        assert fitted == pytest.approx([*terms, alpha, beta, irreducible / unit], rel=2e-3)


def test_huber_s_loss_shrugs_an_outlier_off() -> None:
    data = build_two_step(make_ladder(), LADDER, "ladder")
    seen = observe(data, 0)
    wild = seen.log_loss.copy()
    wild[3] += 0.2
    fitted = fit_floor_law(seen.log_scale, wild)
    ahead = np.array([[2.0], [3.0]])
    clean = compute_floor_law(fit_floor_law(seen.log_scale, seen.log_loss), ahead)
    assert compute_floor_law(fitted, ahead) == pytest.approx(clean, abs=2e-3)


def test_a_power_law_of_compute_is_given_back() -> None:
    x = np.linspace(-6, 0, 7)[None]
    assert fit_power_law(x, compute_power_law(np.array([0.02, 0.05]), x)) == pytest.approx(
        [0.02, 0.05]
    )


def test_noise_free_scores_give_back_their_sigmoid() -> None:
    truth = np.array(CURVES["HARD"])
    loss = np.linspace(0.7, 1.5, 60)
    # the ideal point (0, 1) pulls the top up a little: as many points as make it light
    fitted = fit_sigmoid(loss, compute_sigmoid(truth, loss))
    assert compute_sigmoid(fitted, loss) == pytest.approx(compute_sigmoid(truth, loss), abs=0.01)
    perfect = np.array([-0.75, 1.0, 8.0, 1.0])
    assert fit_sigmoid(loss, compute_sigmoid(perfect, loss)) == pytest.approx(perfect, abs=2e-3)


def test_a_sigmoid_s_unit_of_loss_is_of_no_account() -> None:
    truth = np.array([-0.7, 1.0, 5.0, 1.0])
    loss = np.linspace(0.6, 1.5, 40)
    score = compute_sigmoid(truth, loss)
    in_nats = fit_sigmoid(3.0 * loss, score)
    assert in_nats == pytest.approx([-0.7, 3.0, 5 / 3, 1.0], rel=5e-3)


def test_a_line_is_given_back() -> None:
    loss = np.linspace(0.9, 1.2, 5)
    assert fit_line(loss, 1.6 - 1.1 * loss) == pytest.approx([1.6, -1.1])


def test_the_bootstrap_spreads_as_the_ladder_s_residuals_do(rng) -> None:
    spreads = []
    for noise in (0.002, 0.02):
        data = build_two_step(make_ladder(rng, noise=noise), LADDER, "ladder")
        fitted = fit_benchmark(observe(data, 0), FLOOR_LAW, SIGMOID, 12, rng)
        draws = draw_point(fitted, FLOOR_LAW, SIGMOID, np.array([[0.5], [0.5]]), rng)
        assert draws.shape == (12, 1)
        spreads.append(draws.std())
    assert 2 * spreads[0] < spreads[1]


def test_thinning_keeps_the_ends() -> None:
    assert thin(np.arange(10), 4).tolist() == [0, 3, 6, 9]
    assert thin(np.arange(10), 1).tolist() == [9]
    assert thin(np.arange(3), 5).tolist() == [0, 1, 2]


def test_the_model_s_law_is_the_paper_s() -> None:
    """Ratios to the irreducible part at the largest run say the same as A, B and E."""
    params, tokens = np.array([2e8, 7e9]), np.array([4e9, 4e12])
    a, b, alpha, beta, irreducible = LAWS["EASY"]
    x = np.stack([np.log(params / 1e9), np.log(tokens / 1e11)])
    ratio = np.log(np.array([a, b]) / irreducible)[:, None]
    level = np.log(a + b + irreducible)
    got = compute_log_loss(level, ratio, np.array([alpha, beta])[:, None], x, Shape(True, True))
    assert np.exp(got) == pytest.approx(task_loss("EASY", params, tokens))
    power = compute_log_loss(0.1, ratio[:1], np.array([[0.05]]), x[:1], Shape(False, False))
    assert power == pytest.approx(0.1 - 0.05 * x[0])


def test_the_model_s_curves() -> None:
    parameters = {"height": 0.3, "steepness": 5.0, "floor": 0.2, "ceiling": 0.9}
    loss = np.array([0.8, 1.0])
    risen = 1 / (1 + np.exp(-np.array([1.3, 0.3])))
    assert compute_curve(parameters, loss) == pytest.approx(0.2 + 0.8 * 0.9 * risen)


def test_a_line_s_draws_stay_within_zero_and_one(rng) -> None:
    height, steepness = np.full((4000, 1), 0.5), np.full((4000, 1), 2.0)
    drawn = draw_line(height, steepness, np.full((4000, 1), 0.03), np.array([[0.9, 0.5, 2.0]]), rng)
    assert drawn.shape == (4000, 3)
    assert drawn[:, 0].mean() == pytest.approx(0.7, abs=0.003)
    assert drawn[:, 0].std() == pytest.approx(0.03, rel=0.05)
    assert drawn[:, 1:] == pytest.approx(np.tile([1.0, 0.0], (4000, 1)))


@pytest.mark.parametrize("shape", [Shape(True, True), Shape(False, False)])
def test_padding_changes_no_density_and_the_density_is_the_stated_one(shape) -> None:
    """Two benchmarks are padded to four: the likelihood is that of the two."""
    priors = TwoStepPriors() if shape.sigmoid else LINE_PRIORS
    data = build_two_step(make_ladder(), Selection("task", "compute", 0.0, 1, ALL), "ladder")
    arrays = two_step_arrays(data, "task", 2)
    assert arrays["loss"].shape == (4, 16, 2)
    model = build_two_step_model(arrays, shape, priors)
    point = model.initial_point()
    said = [*model.observed_RVs, *model.potentials]
    logp = model.compile_logp(vars=said, sum=False, mode=PLAIN)(point)
    logp = {variable.name: values for variable, values in zip(said, logp, strict=True)}
    # where sampling starts, offsets are zero: every row has the median of the prior's medians
    noise, exponent = np.exp(
        [priors.log_noise_mean.parameters["mean"], priors.log_exponent_mean.parameters["mean"]]
    )
    noise = np.full(2, noise)
    exponent = np.full((1, 4), exponent)
    ratio = np.zeros((1, 4))
    centre = compute_log_loss(
        np.zeros((4, 1)), ratio[:, :, None], exponent[:, :, None], arrays["log_scale"][:, None],
        shape,
    )  # fmt: skip
    expected = stats.norm.logpdf(arrays["log_loss"][:2], centre[:2], noise[:2, None]).sum()
    flat = stats.norm.logpdf(np.zeros((2, 16))).sum()
    assert logp["observed_log_loss"].sum() == pytest.approx(expected + flat)
    scores = logp["count" if shape.sigmoid else "score"]
    assert scores[2:] == pytest.approx(0.0)
    assert (scores[:2] != 0).all()


def test_a_run_counts_once_however_often_it_was_measured() -> None:
    """The line's density at a run is the mean of its checkpoints' normal densities."""
    data = build_two_step(make_ladder(), Selection("overall", "compute", 0.0, 1, ALL), "flp")
    arrays = two_step_arrays(data, "overall", 3)
    arrays["n_trials"][0, 0, 2] = arrays["n_correct"][0, 0, 2] = 0  # not measured
    model = build_two_step_model(arrays, Shape(False, False), LINE_PRIORS)
    logp = model.compile_logp(vars=model.potentials, sum=False, mode=PLAIN)
    (scores,) = logp(model.initial_point())
    middle, steepness = LINE_PRIORS.height.parameters["mean"], 2.0
    # sampling starts at a log-normal prior's mean
    residual_sd = 0.02 * np.exp(LINE_PRIORS.residual_sd.parameters["log_sd"] ** 2 / 2)
    known = arrays["n_trials"][0] > 0
    weight = known / known.sum(axis=1, keepdims=True)
    loss = arrays["loss"][0]
    line = middle - steepness * (loss - (weight * loss).sum() / 16)
    n, k = arrays["n_trials"][0], arrays["n_correct"][0]
    smoothed = (k + 0.5) / (n + 1)
    sd = np.sqrt(residual_sd**2 + smoothed * (1 - smoothed) / (n + 1))
    densities = stats.norm.logpdf(k / np.maximum(n, 1), line, sd)
    assert scores[0] == pytest.approx((weight * densities).sum(axis=1))


def test_losses_not_measured_say_nothing() -> None:
    evals = make_ladder()
    hidden = evals.assign(gold_nll=evals["gold_nll"].copy())
    hidden["gold_nll"][0:4, 1] = np.nan  # the smallest run's, on HARD
    data = build_two_step(hidden, LADDER, "ladder")
    arrays = two_step_arrays(data, "task", 3)
    assert arrays["known"][:2].sum(axis=1).tolist() == [16, 15]
    assert np.isfinite(arrays["log_loss"]).all()
    assert arrays["n_trials"][1, 0].sum() == 0
    assert arrays["n_trials"][0, 0].sum() > 0
