from dataclasses import replace

import arviz as az
import numpy as np
import pytest
import xarray as xr

from cod_bayes.config import SamplerConfig
from cod_bayes.inference import GATE_FIELDS, check_gate, describe_failures
from cod_bayes.inference.gate import compute_ebfmi

CONFIG = SamplerConfig()
CHAINS, DRAWS = 4, 1000


def sampled(rng, diverging=None, energy=None, **draws):
    """A sampled tree of these variables, arrays of (chain, draw, ...); the last dim is labelled."""
    variables = {
        name: (("chain", "draw", "cluster")[: values.ndim], values)
        for name, values in draws.items()
    }
    size = (CHAINS, DRAWS)
    diverging = np.zeros(size, dtype=bool) if diverging is None else diverging
    energy = rng.normal(size=size) if energy is None else energy
    rows = next((v.shape[2] for v in draws.values() if v.ndim == 3), 1)
    posterior = xr.Dataset(variables, coords={"cluster": [f"B/{i}" for i in range(rows)]})
    stats = {"diverging": (("chain", "draw"), diverging), "energy": (("chain", "draw"), energy)}
    return xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset(stats)})


def good(rng, *shape):
    return rng.normal(size=(CHAINS, DRAWS, *shape))


def walk(rng, rho=0.995):
    """Chains that move slowly about zero."""
    steps = rng.normal(size=(CHAINS, DRAWS))
    values = np.zeros((CHAINS, DRAWS))
    for t in range(1, DRAWS):
        values[:, t] = rho * values[:, t - 1] + np.sqrt(1 - rho**2) * steps[:, t]
    return values


def test_good_draws_pass(rng):
    gate = check_gate(sampled(rng, x=good(rng), y=good(rng, 3)), CONFIG)
    assert gate["passed"] is True
    assert set(GATE_FIELDS) <= set(gate)
    assert gate["rhat"] < 1.01
    assert min(gate["ess_bulk"], gate["ess_tail"]) > 1000
    assert describe_failures(gate, CONFIG) == []


def test_the_worst_of_all_elements_counts(rng):
    y = good(rng, 3)
    y[1, :, 2] += 1.0  # one chain elsewhere
    gate = check_gate(sampled(rng, x=good(rng), y=y), CONFIG)
    assert not gate["passed"]
    assert gate["worst_rhat"] == "y[B/2]"
    worst = xr.DataArray(y[..., 2], dims=("chain", "draw"))
    assert gate["rhat"] == pytest.approx(float(az.rhat(worst)))
    why = " ".join(describe_failures(gate, CONFIG))
    assert "> 1.01 at y[B/2]" in why
    assert "sampler.tune, sampler.draws" in why


def test_slow_chains_fail_on_their_sample_size(rng):
    config = replace(CONFIG, max_rhat=10.0)
    gate = check_gate(sampled(rng, x=walk(rng), y=good(rng)), config)
    assert not gate["passed"]
    assert gate["worst_ess_bulk"] == gate["worst_ess_tail"] == "x"
    why = describe_failures(gate, config)
    assert [w.split()[0] for w in why] == ["bulk", "tail"]
    assert all("< 400 at x: raise sampler.draws" in w for w in why)


def test_divergences_fail(rng):
    diverging = np.zeros((CHAINS, DRAWS), dtype=bool)
    diverging[0, :40] = True
    gate = check_gate(sampled(rng, diverging, x=good(rng)), CONFIG)
    assert gate["divergent_share"] == 0.01
    assert not gate["passed"]
    (why,) = describe_failures(gate, CONFIG)
    assert why == "1.00% of the draws diverged (at most 0.10%): raise sampler.target_accept"


def test_a_slow_energy_fails(rng):
    gate = check_gate(sampled(rng, energy=walk(rng, 0.95), x=good(rng)), CONFIG)
    assert gate["ebfmi"] < 0.3
    assert not gate["passed"]
    (why,) = describe_failures(gate, CONFIG)
    assert why.startswith("E-BFMI 0.")
    assert "use tighter priors" in why


def test_every_failure_is_named(rng):
    diverging = np.ones((CHAINS, DRAWS), dtype=bool)
    x = walk(rng) + 3 * np.arange(CHAINS)[:, None]
    gate = check_gate(sampled(rng, diverging, walk(rng), x=x), CONFIG)
    assert len(describe_failures(gate, CONFIG)) == 5


def test_ebfmi_is_arvizs(rng):
    energy = walk(rng, 0.7)
    tree = sampled(rng, energy=energy, x=good(rng))
    np.testing.assert_allclose(compute_ebfmi(energy), az.bfmi(tree)["energy"], rtol=1e-9)


def test_what_never_varies_is_no_parameter(rng):
    floor = np.stack([np.zeros((CHAINS, DRAWS)), good(rng)], axis=-1)  # one row without a floor
    constant = np.full((CHAINS, DRAWS), 3.0)
    gate = check_gate(sampled(rng, x=good(rng), floor=floor, known=constant), CONFIG)
    assert gate["passed"]
    assert np.isfinite(gate["rhat"])


def test_stuck_chains_fail(rng):
    stuck = np.repeat(np.arange(CHAINS, dtype=float)[:, None], DRAWS, axis=1)
    gate = check_gate(sampled(rng, x=good(rng), y=stuck), CONFIG)
    assert not gate["passed"]
    assert gate["worst_rhat"] == "y"


def test_draws_that_are_no_numbers_fail(rng):
    y = good(rng, 2)
    y[0, 3, 1] = np.nan
    gate = check_gate(sampled(rng, x=good(rng), y=y), CONFIG)
    assert not gate["passed"]


def test_the_limits_are_those_of_the_config(rng):
    tree = sampled(rng, x=good(rng))
    for limit in (
        {"max_rhat": 0.99},
        {"min_ess": 1e6},
        {"max_divergent_share": -1.0},
        {"min_ebfmi": 5.0},
    ):
        assert not check_gate(tree, replace(CONFIG, **limit))["passed"]
