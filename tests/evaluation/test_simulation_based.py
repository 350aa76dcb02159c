"""The machinery on a conjugate model, with its right posterior and with wrong ones."""

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from cod_bayes.config import Config, SamplerConfig
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.evaluation.sbc_problems import PROBLEMS, Problem, load_problem
from cod_bayes.evaluation.simulation_based import (
    N_RANKED,
    SBC_SAMPLER,
    judge,
    rank_truth,
    run_problem,
    run_sbc,
    thin,
)

SAMPLER = SamplerConfig(draws=200, tune=1, chains=1)


@dataclass(frozen=True)
class Toy(Problem):
    """Two means under standard normal priors, one datum each of sd 1: the posterior is closed.

    The posterior that is drawn from is moved by ``shift`` sd, is ``width`` times as wide, and
    forgets its datum if ``deaf``; every ``fails``-th refit fails its gate.
    """

    name: ClassVar[str] = "toy"
    shift: float = 0.0
    width: float = 1.0
    deaf: bool = False
    fails: int = 0

    def draw_truths(self, n, random_seed):
        rng = np.random.default_rng(random_seed)
        pairs = rng.normal(size=(n, 2, 2))
        mean = pairs[:, 0]
        return xr.Dataset(
            {"mean": (("refit", "row"), mean), "seen": (("refit", "row"), mean + pairs[:, 1])},
            coords={"row": ["a", "b"]},
        )

    def refit(self, truth, sampler, random_seed):
        rng = np.random.default_rng(random_seed)
        seen = 0.0 if self.deaf else truth["seen"].values
        sd = 1.0 if self.deaf else np.sqrt(0.5)
        noise = rng.normal(size=(sampler.chains, sampler.draws, 2))
        draws = (0 if self.deaf else seen / 2) + sd * (self.shift + self.width * noise)
        variables = {"mean": (("chain", "draw", "row"), draws)}
        variables["fixed"] = (("chain", "draw"), np.ones(draws.shape[:2]))
        gate = {
            "passed": not self.fails or random_seed % self.fails > 0,
            "rhat": 1.0,
            "ess_bulk": 200.0,
            "ess_tail": 200.0,
            "divergent_share": 0.0,
            "attempts": 1,
            "sampling_seconds": 0.0,
        }
        return xr.Dataset(variables, coords={"row": truth["row"]}), gate

    def log_likelihood(self, truth, draws):
        density = stats.norm.logpdf(truth["seen"].values, draws["mean"].values)
        return density.sum(axis=-1)

    def describe(self):
        return f"{self}"


def inside(table, refits="all"):
    judged = judge(table, false_alarm=0.001)
    return judged[judged["refits"] == refits].set_index("quantity")["inside"].to_dict()


def test_ranks_of_the_right_posterior_are_uniform(tmp_path):
    table = run_problem(Toy(), 150, tmp_path / "t.parquet", sampler=SAMPLER)
    assert inside(table) == {"mean[a]": True, "mean[b]": True, "log_likelihood": True}
    assert table["rank"].between(0, N_RANKED).all()


@pytest.mark.parametrize(
    ("toy", "seen"),
    [(Toy(shift=0.7), "mean[a]"), (Toy(width=0.5), "mean[a]"), (Toy(width=2.0), "mean[a]")],
)
def test_ranks_of_a_wrong_posterior_are_not(tmp_path, toy, seen):
    table = run_problem(toy, 150, tmp_path / "t.parquet", sampler=SAMPLER)
    assert not inside(table)[seen]


def test_only_the_likelihood_sees_a_posterior_that_is_the_prior(tmp_path):
    table = run_problem(Toy(deaf=True), 150, tmp_path / "t.parquet", sampler=SAMPLER)
    assert inside(table) == {"mean[a]": True, "mean[b]": True, "log_likelihood": False}


def test_refits_that_failed_the_gate_are_kept_marked_and_judged_both_ways(tmp_path):
    table = run_problem(Toy(fails=3), 60, tmp_path / "t.parquet", sampler=SAMPLER)
    failed = table.groupby("refit")["passed"].first()
    assert 0 < failed.sum() < 60
    judged = judge(table)
    n = judged[judged["quantity"] == "mean[a]"].set_index("refits")["n"]
    assert n.to_dict() == {"all": 60, "passed": failed.sum()}


def test_a_run_resumes_and_ends_as_one_that_was_never_stopped(tmp_path):
    path = tmp_path / "new" / "t.parquet"
    run_problem(Toy(), 7, path, sampler=SAMPLER)
    resumed = run_problem(Toy(), 23, path, sampler=SAMPLER)
    whole = run_problem(Toy(), 23, tmp_path / "w.parquet", sampler=SAMPLER)
    pd.testing.assert_frame_equal(resumed, whole)
    fewer = run_problem(Toy(), 7, path, sampler=SAMPLER)
    assert sorted(set(fewer["refit"])) == list(range(7))


def test_another_design_is_not_mixed_in(tmp_path):
    path = tmp_path / "t.parquet"
    run_problem(Toy(), 2, path, sampler=SAMPLER)
    with pytest.raises(DataError, match="another design"):
        run_problem(Toy(shift=1.0), 3, path, sampler=SAMPLER)
    with pytest.raises(DataError, match="another design"):
        run_problem(Toy(), 3, path, sampler=SAMPLER, random_seed=1)


def test_too_few_draws_and_unknown_models_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="99 are ranked"):
        run_problem(Toy(), 1, tmp_path / "t", sampler=SamplerConfig(draws=10, tune=1, chains=2))
    with pytest.raises(ConfigError, match="law, end-to-end, mapping"):
        run_sbc("nonesuch", 1, folder=tmp_path)


def test_a_rank_counts_the_draws_below():
    truth = xr.Dataset({"x": ("row", [0.5, 9.0])}, coords={"row": ["a", "b"]})
    draws = xr.Dataset({"x": (("sample", "row"), [[0.1, 1], [0.6, 2], [0.2, 3]])})
    draws = draws.assign_coords(row=["a", "b"]).assign(constant=("sample", [1.0, 1.0, 1.0]))
    assert rank_truth(truth.assign(constant=1.0), draws) == {"x[a]": 2, "x[b]": 3}


def test_thinned_draws_span_all_chains():
    posterior = xr.Dataset({"x": (("chain", "draw"), np.arange(600.0).reshape(2, 300))})
    thinned = thin(posterior)["x"].values
    assert (len(thinned), thinned[0], thinned[-1]) == (N_RANKED, 0, 599)
    assert np.diff(thinned).max() <= 7


@pytest.mark.parametrize("name", PROBLEMS)
def test_log_likelihoods_in_numpy_are_those_of_the_models(interpreted, name):
    from pytensor.compile.mode import Mode

    problem = load_problem(name, Config())
    truths = problem.draw_truths(4, 3)
    xr.testing.assert_identical(truths.isel(refit=[0]), problem.draw_truths(1, 3))
    xr.testing.assert_identical(truths.isel(refit=slice(3)), problem.draw_truths(3, 3))
    truth = truths.isel(refit=1)
    model = problem.build(problem.simulate(truth))
    point = model.initial_point()
    for variable in model.free_RVs:
        value = model.rvs_to_values[variable]
        transform = model.rvs_to_transforms[variable]
        values = truth[variable.name].values
        if transform is not None:
            values = transform.forward(values, *variable.owner.inputs).eval()
        point[value.name] = values
    density = model.compile_logp(vars=model.observed_RVs, mode=Mode("py", "fast_compile"))(point)
    own = problem.log_likelihood(truth, truth.expand_dims("sample"))
    assert own == pytest.approx([float(density)], rel=1e-6)


@pytest.mark.slow
def test_a_real_model_is_refitted_and_ranked(tmp_path):
    """The one that samples: two refits of the map on one compiled graph."""
    sampler = replace(SBC_SAMPLER, draws=300, tune=300, max_attempts=1)
    table = run_sbc("mapping", 2, folder=tmp_path, sampler=sampler)
    assert table.groupby("refit").size().nunique() == 1
    quantities = set(table["quantity"])
    assert {"scatter_sd", "slope[benchmark-0]", "log_likelihood"} <= quantities
    assert "subset_correct[benchmark-0, run-0]" not in quantities
    assert table["ess_bulk"].gt(0).all()
    assert table["rank"].between(0, N_RANKED).all()


@pytest.mark.slow
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("name", PROBLEMS)
def test_our_models_are_calibrated(tmp_path, name):
    """40 refits; a right quantity leaves this envelope once in 10,000."""
    table = run_sbc(name, 40, folder=tmp_path)
    judged = judge(table, false_alarm=1e-4)
    assert judged[~judged["inside"]].empty
