"""FLP-M: losses on several domains to scores, by a small network."""

import json

import numpy as np
import pytest
import xarray as xr
from scipy import optimize

from cod_bayes.errors import ConfigError, DataError
from cod_bayes.methods import parse_variant
from cod_bayes.methods.flp_m import FlpM
from cod_bayes.methods.two_step.domains import build_domains, find_components
from cod_bayes.methods.two_step.network import (
    Network,
    NetworkPriors,
    Task,
    compute_rates,
    count_parameters,
    decay_of,
    draw_starts,
    fit_network,
)
from cod_bayes.methods.two_step.network_point import make_task, share_runs

from .two_step_ladders import make_ladder, make_targets

POINT = FlpM(draws=5)
SLOPES = np.array([0.05, 0.08, 0.03])
SHAPE = (2, 3, 2)  # components, hidden units, benchmarks


def make_domain_ladder(rng=None, noise=0.0):
    """Three domains fall with compute as power laws; EASY rises with them, HARD hardly."""
    evals = make_ladder()
    log_compute = np.log(evals["flops"].values / 1e21)
    domains = np.exp(0.7 - log_compute[:, None] * SLOPES)
    if noise:
        domains = domains * np.exp(noise * rng.standard_normal(domains.shape))
    loss = np.concatenate([domains.mean(axis=1, keepdims=True), domains], axis=1)
    evals = evals.drop_vars(["loss", "loss_domain"]).assign(loss=(("llm", "loss_domain"), loss))
    evals = evals.assign_coords(loss_domain=["overall", "web", "code", "books"])
    score = np.stack([true_score(log_compute), np.full(len(loss), 0.26)], axis=1)
    evals["n_correct"] = (("llm", "item"), np.rint(score * 1e7).astype(np.uint32))
    return evals


def true_score(log_compute):
    return 0.25 + 0.75 / (1 + np.exp(-0.4 * (log_compute + 2)))


def test_scores_that_rise_with_the_losses_are_forecast() -> None:
    evals = make_domain_ladder()
    targets = make_targets(2e9, 4e11)
    method = FlpM(draws=5, noise=0.005)
    fitted = method.fit(evals, random_seed=1)
    truth = true_score(np.log(targets["flops"].item() / 1e21))
    point = method.predict_points(fitted, targets)
    assert point.sel(benchmark="EASY").item() == pytest.approx(truth, abs=0.02)
    assert point.sel(benchmark="HARD").item() == pytest.approx(0.26, abs=0.02)
    draws = method.predict(fitted, targets, random_seed=2)
    assert draws.attrs["draws_are"] == "residual bootstrap"
    assert draws.sel(benchmark="EASY").values == pytest.approx(truth, abs=0.03)


def test_noisier_losses_make_wider_forecasts(rng) -> None:
    spreads = []
    for noise in (0.001, 0.02):
        fitted = FlpM(draws=40).fit(make_domain_ladder(rng, noise), random_seed=1)
        draws = FlpM(draws=40).predict(fitted, make_targets(2e9, 4e11), random_seed=2)
        spreads.append(float(draws.sel(benchmark="EASY").std()))
    assert 2 * spreads[0] < spreads[1]


def test_domain_losses_are_tabulated_without_their_total() -> None:
    evals = make_domain_ladder()
    data = build_domains(evals, 2, "flp-m")
    assert data.final_losses.shape == (16, 3)
    assert data.losses.shape == (32, 3)
    law = np.linalg.lstsq(data.design, data.final_losses)[0]
    assert law[1] == pytest.approx(-SLOPES)
    assert data.design_targets(np.array([data.reference])) == pytest.approx(np.array([[1.0, 0.0]]))
    assert share_runs(data).sum(axis=1) == pytest.approx([16, 16])


def test_scores_far_below_chance_are_left_out() -> None:
    evals = make_domain_ladder()
    evals["n_correct"][:20, 1] = 1_500_000  # 0.15, where chance is 0.25
    data = build_domains(evals, 4, "flp-m")
    assert (data.n_trials[1] == 0).sum() == 20
    assert (data.n_trials[0] > 0).all()


def test_sources_enter_where_their_shares_differ() -> None:
    evals = make_domain_ladder()
    n = evals.sizes["llm"]
    same = evals.assign_coords(share_code=("llm", np.full(n, 0.2)))
    assert build_domains(same, 2, "flp-m").design.shape == (16, 2)
    share = np.tile([0.1, 0.2, 0.4, 0.3], 16).reshape(-1, 4).T.ravel()  # one a group of runs
    differ = evals.assign_coords(share_code=("llm", share))
    boost = 0.1 * np.log(share / share[-1])
    differ["loss"] = differ["loss"] * np.exp(-boost[:, None])
    data = build_domains(differ, 2, "flp-m")
    law = np.linalg.lstsq(data.design, data.final_losses)[0]
    assert law[1] + law[2] == pytest.approx(-SLOPES)
    assert law[2] == pytest.approx(np.full(3, -0.1))
    assert data.remarks == ("targets are taken to have the largest run's mixture",)
    with pytest.raises(DataError, match="share_code must be positive"):
        build_domains(evals.assign_coords(share_code=("llm", 0 * share)), 2, "flp-m")


def test_mixtures_without_shares_are_remarked_on() -> None:
    evals = make_domain_ladder()
    mixture = np.where(np.arange(evals.sizes["llm"]) % 32 < 16, "web", "code")
    score = POINT.predict(
        POINT.fit(evals.assign_coords(mixture=("llm", mixture))), make_targets(), random_seed=1
    )
    assert "2 mixtures, no share_* coordinates" in score.attrs["notes"]


def test_data_without_domains_are_refused() -> None:
    evals = make_domain_ladder()
    with pytest.raises(DataError, match=r"needs losses on several domains \(loss\)"):
        POINT.fit(evals.drop_vars(["loss", "loss_domain"]))
    with pytest.raises(DataError, match="two domains whose loss is known on every run; 1 of 1 are"):
        POINT.fit(evals.isel(loss_domain=[0, 1]))


def test_a_benchmark_without_scores_is_named() -> None:
    evals = make_domain_ladder()
    evals["n_trials"][8:, 1] = 0
    evals["n_correct"][8:, 1] = 0
    score = POINT.predict(POINT.fit(evals), make_targets(), random_seed=1)
    assert np.isnan(score.sel(benchmark="HARD").values).all()
    assert json.loads(score.attrs["notes"]) == [
        "HARD: 2 runs with losses and a score; three are needed"
    ]


def test_components_are_the_losses_turned(rng) -> None:
    log_loss = rng.standard_normal((12, 4)) @ rng.standard_normal((4, 4))
    components = find_components(log_loss, 4)
    z = components.project(log_loss)
    standard = (log_loss - log_loss.mean(axis=0)) / log_loss.std(axis=0)
    assert z.T @ z == pytest.approx(np.diag(np.diag(z.T @ z)), abs=1e-9)
    assert (z**2).sum(axis=1) == pytest.approx((standard**2).sum(axis=1) / 4)
    assert (np.diff(z.var(axis=0)) < 0).all()


def test_the_first_component_rises_as_losses_fall() -> None:
    data = build_domains(make_domain_ladder(), 3, "flp-m")
    z = find_components(data.losses, 1).project(data.losses)[:, 0]
    assert np.corrcoef(z, data.losses.mean(axis=1))[0, 1] < -0.99


def make_problem(rng):
    z, floor = rng.standard_normal((20, 2)), np.array([0.0, 0.25])
    flat = draw_starts(NetworkPriors(), SHAPE, 1, rng)[0]
    return Task(z, floor, np.full((2, 20), 1e4)), flat


def test_a_network_s_rates_lie_between_chance_and_one(rng) -> None:
    task, flat = make_problem(rng)
    rates = compute_rates(Network.unpack(flat, SHAPE), task.z, task.floor)
    assert rates.shape == (2, 20)
    assert (rates > task.floor[:, None]).all()
    assert (rates < 1).all()
    both = compute_rates(Network.unpack(np.stack([flat, flat]), SHAPE), task.z, task.floor)
    assert both == pytest.approx(np.stack([rates, rates]))


def test_a_network_s_fit_is_at_a_minimum_and_uses_its_parameters(rng) -> None:
    """The gradient by finite differences vanishes: the analytic Jacobian is the right one."""
    task, flat = make_problem(rng)
    priors = NetworkPriors()
    score = compute_rates(Network.unpack(flat, SHAPE), task.z, task.floor)
    score = score + 0.01 * rng.standard_normal(score.shape)
    fitted = fit_network(task, score, priors, SHAPE, draw_starts(priors, SHAPE, 4, rng))
    mean, sd = decay_of(priors, SHAPE)

    def cost(vector):
        error = compute_rates(Network.unpack(vector, SHAPE), task.z, task.floor) - score
        return 0.5 * (task.weight * error**2).sum() + 0.5 * (((vector - mean) / sd) ** 2).sum()

    slope = optimize.approx_fprime(fitted, cost, 1e-6)
    away = optimize.approx_fprime(flat, cost, 1e-6)
    assert abs(slope).max() < 0.01 * abs(away).max()
    assert 2 < count_parameters(fitted, task, priors, SHAPE) < len(flat)


def test_what_is_fitted_are_scores() -> None:
    data = build_domains(make_domain_ladder(), 2, "flp-m")
    task, score = make_task(data, find_components(data.losses, 2).project(data.losses), 0.1)
    assert task.weight == pytest.approx(np.full((2, 32), 0.5 / 0.01))
    assert score[1] == pytest.approx(np.full(32, 0.26))


def test_settings_are_read_from_text_and_checked() -> None:
    method = parse_variant("flp-m[components=2, hidden=4, priors.output.sd=1.0]").method
    assert (method.components, method.hidden) == (2, 4)
    for wrong, message in (
        (
            {"estimate": "posterior"},
            "estimate must be least-squares; it has no posterior; got 'posterior'",
        ),
        ({"hidden": 0}, "hidden must be at least 1"),
        ({"noise": 0.0}, "noise must be above 0"),
    ):
        with pytest.raises(ConfigError, match=message):
            FlpM(**wrong)


def test_nothing_of_the_target_is_read() -> None:
    evals = make_domain_ladder()
    giant = evals.isel(llm=[-1]).assign_coords(
        llm=["giant"], run=("llm", ["giant"]), role=("llm", ["target"]), flops=("llm", [1e26])
    )
    giant["loss"] = giant["loss"] * 1e-3
    both = xr.concat([evals, giant], dim="llm", coords="minimal", compat="override")
    both = both.assign_attrs(evals.attrs)
    clean = POINT.predict(POINT.fit(evals, random_seed=1), make_targets(), random_seed=2)
    poisoned = POINT.predict(POINT.fit(both, random_seed=1), make_targets(), random_seed=2)
    xr.testing.assert_identical(clean, poisoned)
