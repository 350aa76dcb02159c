"""The map's model; its sampled posterior against a sum over a grid of all its parameters."""

from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from pytensor.compile.mode import Mode
from scipy import stats
from scipy.special import expit, logsumexp

from cod_bayes.config import MappingConfig, SamplerConfig
from cod_bayes.inference import compile_model, sample
from cod_bayes.mapping import build_mapping
from cod_bayes.priors import MappingPriors, fixed

# Python code, no compiler: for graphs that are evaluated a few times.
PLAIN = Mode("py", "fast_compile")

TRUTH = {"offset": 0.6, "slope": 0.7, "scatter_sd": 0.12}
DIMS = {
    "offset_mean": (),
    "offset_sd": (),
    "offset": ("benchmark",),
    "log_slope_mean": (),
    "log_slope_sd": (),
    "log_slope": ("benchmark",),
    "slope": ("benchmark",),
    "scatter_sd": (),
    "anchor_sd": (),
    "subset_logit": ("benchmark", "llm"),
    "response_logit": ("benchmark", "llm"),
    "subset_correct": ("benchmark", "llm"),
    "response_correct": ("benchmark", "llm"),
}
# Spreads over benchmarks mean nothing where there is one: stated, so that the grid is small.
ALONE = MappingConfig(
    priors=replace(
        MappingPriors(),
        offset_mean=fixed(0.0, "known"),
        offset_sd=fixed(1.0, "known"),
        log_slope_mean=fixed(0.0, "known"),
        log_slope_sd=fixed(0.5, "known"),
    )
)
SAMPLER = SamplerConfig(draws=1000, tune=600, chains=2, target_accept=0.9)


def make_data(rng, n_benchmarks=1, n_llms=10, n_trials=400_000, n_anchors=0):
    """Points on a known line, measured so well that their true logits are as good as known."""
    x = np.linspace(-2.0, 1.5, n_llms) + rng.normal(0, 0.1, (n_benchmarks, n_llms))
    centre = x.mean(axis=1)
    line = centre[:, None] + TRUTH["offset"] + TRUTH["slope"] * (x - centre[:, None])
    y = line + rng.normal(0, TRUTH["scatter_sd"], x.shape)
    cell = ("benchmark", "llm")
    trials = np.full(x.shape, n_trials)
    return xr.Dataset(
        {
            "subset_trials": (cell, trials),
            "subset_correct": (cell, rng.binomial(trials, expit(x))),
            "response_trials": (cell, trials),
            "response_correct": (cell, rng.binomial(trials, expit(y))),
            "share": ("benchmark", np.full(n_benchmarks, 0.5)),
            "centre": ("benchmark", centre),
            "is_anchor": ("llm", np.arange(n_llms) >= n_llms - n_anchors),
        },
        coords={
            "benchmark": [f"B{i}" for i in range(n_benchmarks)],
            "llm": [f"m{i}" for i in range(n_llms)],
        },
    )


def test_every_variable_has_its_name_and_dims(rng):
    model = build_mapping(make_data(rng, n_benchmarks=2, n_anchors=2))
    named = {v.name for v in model.basic_RVs + model.deterministics}
    assert named == set(DIMS)
    assert {n: model.named_vars_to_dims.get(n, ()) for n in named} == DIMS
    assert {v.name for v in model.observed_RVs} == {"subset_correct", "response_correct"}
    assert model.potentials == []


def test_without_anchors_nothing_is_asked_about_their_scatter(rng):
    model = build_mapping(make_data(rng))
    assert "anchor_sd" not in model.named_vars


def test_the_density_is_that_of_the_line_and_two_binomials(rng):
    data = make_data(rng, n_benchmarks=2, n_anchors=2, n_trials=500)
    model = build_mapping(data)
    start = model.initial_point()
    point = {n: v + 0.3 * rng.normal(size=v.shape) for n, v in start.items()}
    scatter, extra = np.exp(point["scatter_sd_log__"]), np.exp(point["anchor_sd_log__"])
    sd = np.sqrt(scatter**2 + data["is_anchor"].values * extra**2)
    x, y = point["subset_logit"], point["response_logit"]
    centre = data["centre"].values[:, None]
    line = centre + point["offset"][:, None] + np.exp(point["log_slope"])[:, None] * (x - centre)
    expected = {
        "subset_logit": stats.norm.logpdf(x, 0, 3).sum(),
        "response_logit": stats.norm.logpdf(y, line, sd).sum(),
        "subset_correct": stats.binom.logpmf(data["subset_correct"], 500, expit(x)).sum(),
        "response_correct": stats.binom.logpmf(data["response_correct"], 500, expit(y)).sum(),
    }
    variables = [model[name] for name in expected]
    densities = model.compile_logp(vars=variables, mode=PLAIN, sum=False)(point)
    for name, density in zip(expected, densities, strict=True):
        assert density.sum() == pytest.approx(expected[name], rel=1e-8), name


@pytest.fixture(scope="module")
def oracle():
    """One benchmark, its compiled model, and the sampled posterior."""
    data = make_data(np.random.default_rng(20250224))
    compiled = compile_model(build_mapping(data, ALONE))
    return data, compiled, sample(compiled, SAMPLER, random_seed=7)


def grid_means(data):
    """Posterior mean and sd of offset, log slope and scatter, by summing over a grid of them."""
    counts = {n: data[n].values[0].astype(float) for n in data if n.endswith("_correct")}
    n = data["subset_trials"].values[0]
    x, y = (np.log(counts[k] / (n - counts[k])) for k in ("subset_correct", "response_correct"))
    noise_x, noise_y = (
        1 / counts[k] + 1 / (n - counts[k]) for k in ("subset_correct", "response_correct")
    )
    centre = data["centre"].item()
    offset = np.linspace(0.3, 0.9, 91)[:, None, None, None]
    log_slope = np.linspace(-0.8, 0.1, 91)[None, :, None, None]
    scatter = np.linspace(0.03, 0.5, 95)[None, None, :, None]
    slope = np.exp(log_slope)
    line = centre + offset + slope * (x - centre)
    density = stats.norm.logpdf(y, line, np.sqrt(scatter**2 + noise_y + slope**2 * noise_x))
    density = density.sum(axis=-1)
    density += (stats.norm.logpdf(offset, 0, 1) + stats.norm.logpdf(log_slope, 0, 0.5))[..., 0]
    prior = MappingPriors().scatter_sd.parameters
    density += stats.gamma.logpdf(scatter, prior["shape"], scale=prior["mean"] / prior["shape"])[
        ..., 0
    ]
    weight = np.exp(density - logsumexp(density))
    moments = {}
    for name, grid in (("offset", offset), ("log_slope", log_slope), ("scatter_sd", scatter)):
        mean = (weight * grid[..., 0]).sum()
        moments[name] = mean, np.sqrt((weight * (grid[..., 0] - mean) ** 2).sum())
    return moments


def test_the_sampled_posterior_is_the_grids(oracle):
    import arviz as az

    data, _, tree = oracle
    draws = tree["posterior"].to_dataset()
    for name, (mean, sd) in grid_means(data).items():
        values = draws[name].squeeze()
        error = sd / np.sqrt(float(az.ess(values)))
        assert abs(float(values.mean()) - mean) < 5 * error + 0.02 * sd, name
        assert float(values.std()) == pytest.approx(sd, rel=0.15), name


def test_the_truth_is_recovered(oracle):
    draws = oracle[2]["posterior"].to_dataset()
    for name, truth in TRUTH.items():
        values = draws[name].squeeze()
        assert abs(float(values.mean()) - truth) < 4 * float(values.std()), name


def test_no_draw_diverged(oracle):
    assert not oracle[2]["sample_stats/diverging"].any()


def test_equal_seeds_give_equal_draws_and_others_do_not(oracle):
    _, compiled, _ = oracle
    short = replace(SAMPLER, draws=20, tune=50)
    first, again, other = (
        sample(compiled, short, random_seed=seed)["posterior/offset"] for seed in (3, 3, 4)
    )
    xr.testing.assert_identical(first.drop_attrs(), again.drop_attrs())
    assert not np.array_equal(first, other)


def test_data_are_swapped_without_compiling_again(oracle):
    data, compiled, tree = oracle
    short = replace(SAMPLER, draws=200, tune=300)
    shifted = sample(compiled, short, random_seed=3, data={"centre": data["centre"].values + 1.0})
    # A line through the same points, a logit further right: it stands slope - 1 higher there.
    before = tree["posterior"].to_dataset().mean()
    after = float(shifted["posterior/offset"].mean())
    assert after == pytest.approx(float(before["offset"] + before["slope"].squeeze() - 1), abs=0.05)


def test_progress_is_reported_as_a_rising_share(oracle):
    seen = []
    short = replace(SAMPLER, draws=300, tune=300)
    sample(oracle[1], short, random_seed=3, progress=seen.append)
    assert all(0 <= share <= 1 for share in seen)
    assert seen == sorted(seen)
