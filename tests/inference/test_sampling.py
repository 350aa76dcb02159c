"""What the sampler is told; tests/mapping/test_model.py samples for real."""

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from cod_bayes.config import SamplerConfig
from cod_bayes.inference import Compiled, compile_model, sample

CONFIG = SamplerConfig(draws=7, tune=5, chains=2, cores=4, target_accept=0.9)


class Program:
    """A compiled model that remembers the data it was given."""

    def __init__(self, data=None):
        self.data = data

    def with_data(self, **data):
        return Program(data)


@pytest.fixture
def calls(monkeypatch):
    """Stand-ins for nutpie's two functions; the calls they got."""
    seen = []

    def fake_sample(program, **settings):
        seen.append((program, settings))
        if settings["progress_callback"]:
            chains = [SimpleNamespace(finished_draws=n, total_draws=12) for n in (6, 12)]
            settings["progress_callback"](chains)
        cell = ("chain", "draw")
        stats = {n: (cell, np.zeros((2, 7))) for n in ("diverging", "energy", "n_steps", "depth")}
        tree = xr.DataTree.from_dict(
            {
                "posterior": xr.Dataset({"x": (cell, np.zeros((2, 7)))}),
                "sample_stats": xr.Dataset({**stats, "gradient": (cell, np.zeros((2, 7)))}),
                "warmup_posterior": xr.Dataset(),
            }
        )
        return SimpleNamespace(wait=lambda: tree)

    monkeypatch.setattr("nutpie.sample", fake_sample)
    monkeypatch.setattr("nutpie.compile_pymc_model", lambda model: ("compiled", model))
    return seen


def test_every_setting_reaches_the_sampler(calls):
    sample(Compiled(Program(), "low_rank", 0.0), CONFIG, random_seed=3)
    (_, settings) = calls[0]
    assert settings == {
        "draws": 7,
        "tune": 5,
        "chains": 2,
        "cores": 2,  # no more than chains
        "seed": 3,
        "target_accept": 0.9,
        "adaptation": "low_rank",
        "save_warmup": False,
        "progress_bar": False,
        "progress_callback": None,
        "blocking": False,
    }


def test_only_what_the_gate_and_a_reader_need_is_kept(calls):
    tree = sample(Compiled(Program(), "diag", 0.0), CONFIG, random_seed=3)
    assert set(tree.children) == {"posterior", "sample_stats"}
    assert set(tree["sample_stats"].data_vars) == {"diverging", "energy", "n_steps", "depth"}
    assert tree.attrs["sampling_seconds"] >= 0


def test_data_are_swapped_only_if_given(calls):
    program = Program()
    sample(Compiled(program, "diag", 0.0), CONFIG, random_seed=3)
    sample(Compiled(program, "diag", 0.0), CONFIG, random_seed=3, data={"n": np.ones(2)})
    assert calls[0][0] is program
    assert list(calls[1][0].data) == ["n"]
    assert program.data is None


def test_progress_is_the_share_of_all_chains_draws(calls):
    seen = []
    sample(Compiled(Program(), "diag", 0.0), CONFIG, random_seed=3, progress=seen.append)
    assert seen == [0.75]


def test_compiling_says_how_long_it_took(calls):
    compiled = compile_model("a model", "low_rank")
    assert compiled.program == ("compiled", "a model")
    assert compiled.adaptation == "low_rank"
    assert compiled.seconds >= 0


def test_ctrl_c_stops_sampling_and_is_not_taken_for_enough_draws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cancelled = []

    class Running:
        def wait(self) -> None:
            raise KeyboardInterrupt

        def cancel(self) -> None:
            cancelled.append(True)

    monkeypatch.setattr("nutpie.sample", lambda program, **settings: Running())
    compiled = Compiled(program=object(), adaptation="diag", seconds=0.0)
    with pytest.raises(KeyboardInterrupt):
        sample(compiled, SamplerConfig(), random_seed=1)
    assert cancelled
