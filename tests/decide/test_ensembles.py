"""Ensembles choose runs by name, size, compute, seed and step; faults are named at once."""

from pathlib import Path

import numpy as np
import pytest

import cod_bayes as cb
from cod_bayes.decide import Costs, Ensemble, read_ensembles
from cod_bayes.decide.ensembles import place_target
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.law.data import select_runs

EXAMPLE = Path(__file__).parents[2] / "configs" / "ensembles.toml"


@pytest.fixture
def ladder(small_evals):
    """Eight runs of rising size, three checkpoints each; two anchors."""
    return small_evals[0]


@pytest.fixture
def runs(ladder):
    """Names of the ladder's runs by rising compute."""
    own = ladder["run"].values[ladder["role"].values == "ladder"]
    return list(dict.fromkeys(own.tolist()))


def chosen(evals, **filters):
    selected = Ensemble("some", **filters).select(evals)
    ladder = selected["role"].values == "ladder"
    return list(dict.fromkeys(selected["run"].values[ladder].tolist()))


def test_without_filters_all_runs_anchors_and_checkpoints_stay_and_no_target(ladder):
    role = ladder["role"].values.copy()
    role[np.flatnonzero(role == "anchor")[0]] = "target"
    selected = Ensemble("all").select(ladder.assign_coords(role=("llm", role)))
    assert selected.sizes["llm"] == ladder.sizes["llm"] - 1
    assert set(selected["role"].values) == {"ladder", "anchor"}


def test_filters_hold_together(ladder, runs):
    params = dict(zip(ladder["run"].values, ladder["params_active"].values, strict=True))
    assert chosen(ladder, runs=(runs[5], runs[1])) == [runs[1], runs[5]]
    assert chosen(ladder, match="*B") == [run for run in runs if run.endswith("B")]
    assert chosen(ladder, max_params=params[runs[3]]) == runs[:4]
    assert chosen(ladder, min_params=params[runs[3]]) == runs[3:]
    both = {"min_params": params[runs[2]], "max_params": params[runs[4]], "match": "*M"}
    assert chosen(ladder, **both) == [run for run in runs[2:5] if run.endswith("M")]
    final = ladder.isel(llm=ladder["run"].values == runs[4])["flops"].values.max()
    assert chosen(ladder, max_flops=float(final)) == runs[:5]


def test_every_second_size_keeps_the_largest(ladder, runs):
    assert chosen(ladder, every=2) == runs[1::2]
    assert chosen(ladder, every=3) == [runs[1], runs[4], runs[7]]


@pytest.fixture
def seeds(ladder, runs):
    """The same ladder with three sizes of two seeds: 0 and 1, 2 and 3, 4 and 5 are one size."""
    coords = {}
    run = ladder["run"].values
    for name in ("params_active", "params_total", "tokens", "flops"):
        values = ladder[name].values.copy()
        for first, second in zip(runs[0:6:2], runs[1:6:2], strict=True):
            values[run == second] = values[run == first]
        coords[name] = ("llm", values)
    coords["seed"] = ("llm", np.isin(run, runs[1:6:2]).astype(int))
    return ladder.assign_coords(coords)


def test_seeds_are_counted_by_size(seeds, runs):
    assert chosen(seeds, seeds=1) == [runs[0], runs[2], runs[4], runs[6], runs[7]]
    assert chosen(seeds, seeds=2) == runs
    # sizes are counted, not runs
    assert chosen(seeds, every=2) == [runs[0], runs[1], runs[4], runs[5], runs[7]]
    assert chosen(seeds, every=2, seeds=1) == [runs[0], runs[4], runs[7]]


def test_what_cannot_be_chosen_is_a_clear_refusal(ladder, runs):
    with pytest.raises(DataError, match=r"'some': no run '3T' on the ladder; it has 122M"):
        chosen(ladder, runs=("3T",))
    with pytest.raises(DataError, match=r"'some' has the runs \(none\); a law needs two"):
        chosen(ladder, max_params=1.0)
    with pytest.raises(DataError, match=f"'some' has the runs {runs[0]}; a law needs two"):
        chosen(ladder, runs=(runs[0],))


def test_the_example_is_read_and_fits_the_embedded_study():
    plan = read_ensembles(EXAMPLE)
    evals = cb.load_dataset()
    of_ladder = [select_runs(e.select(evals), "ladder").sizes["llm"] for e in plan.ensembles]
    assert of_ladder == [8, 7, 6, 5, 4, 5, 3]
    assert plan.ensembles[2] == Ensemble("up to 2B", max_params=2e9)
    assert plan.costs is not None
    assert plan.costs.gpu_hour == 0.002


def test_prices_are_there_only_where_given(tmp_path):
    path = tmp_path / "ensembles.toml"
    path.write_text('[[ensembles]]\nname = "all"\n')
    assert read_ensembles(path).costs is None
    path.write_text('[costs]\n[[ensembles]]\nname = "all"\n')
    assert read_ensembles(path).costs == Costs()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "there are no ensembles"),
        ("[ensembles]\nname = 'a'\n", "ensembles is a list of tables"),
        ("[[ensembles]]\nevery = 2\n", "ensembles[0] needs a name"),
        ("[[ensembles]]\nname = 'a'\nmax_param = 2\n", "did you mean max_params"),
        ("[[ensembles]]\nname = 'a'\nevery = 0\n", "1 for all sizes, 2 for every second; got 0"),
        ("[[ensembles]]\nname = 'a'\nseeds = -1\n", "a number of runs, 0 for all; got -1"),
        ("[[ensembles]]\nname = 'a'\nruns = '2B'\n", "runs must be an array"),
        (
            "[[ensembles]]\nname = 'a'\nmin_params = 3\nmax_params = 2\n",
            "nor above max_params; got 3 and 2",
        ),
        ("[[ensembles]]\nname = 'a'\n[[ensembles]]\nname = 'a'\n", "'a' stands there twice"),
        ("[[ensembles]]\nname = 'a'\n[cost]\n", "did you mean costs?"),
        ("[[ensembles]]\nname = 'a'\n[costs]\ngpu_hour = -2\n", "gpu_hour must be positive"),
    ],
)
def test_faults_are_named_with_their_place(tmp_path, text, says):
    path = tmp_path / "ensembles.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as fault:
        read_ensembles(path)
    assert says in str(fault.value)
    assert "ensembles.toml" in str(fault.value)


def test_all_faults_come_at_once(tmp_path):
    path = tmp_path / "ensembles.toml"
    path.write_text("[[ensembles]]\nevery = 2\n[[ensembles]]\nname = 'b'\nseeds = -1\n[cost]\n")
    with pytest.raises(ConfigError, match="has 3 faults"):
        read_ensembles(path)


def test_a_target_by_compute_alone_stands_on_the_ladders_line(ladder):
    line = ladder.isel(llm=ladder["role"].values == "ladder")
    # a ladder that is a line: N = C^0.4, D = C^0.6
    flops = line["flops"].values
    exact = line.assign_coords(params_active=("llm", flops**0.4), tokens=("llm", flops**0.6))
    target = place_target(exact, 1e25, None, None)
    assert float(target["params_active"][0]) == pytest.approx(1e10, rel=1e-6)
    assert float(target["tokens"][0]) == pytest.approx(1e15, rel=1e-6)
    assert float(place_target(ladder, None, 7e9, 1e12)["flops"][0]) == 6 * 7e9 * 1e12
    assert float(place_target(ladder, 5e22, 7e9, 1e12)["flops"][0]) == 5e22
    with pytest.raises(DataError, match="needs flops, or params and tokens"):
        place_target(ladder, None, 7e9, None)
