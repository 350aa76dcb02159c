"""Plans from TOML: read whole, or every fault named at once."""

from pathlib import Path

import pytest

from cod_bayes.decide import NewRun, PointValue, Remeasure, ThresholdValue, read_plan
from cod_bayes.errors import ConfigError

EXAMPLE = Path(__file__).parents[2] / "configs" / "allocation.toml"


def write(folder, text):
    path = folder / "plan.toml"
    path.write_text(text)
    return path


def test_the_example_is_a_plan():
    plan = read_plan(EXAMPLE, ["risk.attitude=cvar", "costs.hardware.gpus=64"])
    assert plan.values == (
        ThresholdValue("MATH", 0.25, payoff=20000, penalty=2000),
        PointValue("BBH", 300),
    )
    assert list(plan.candidates["name"]) == ["20B", "35B", "50B", "68.5B", "100B"]
    assert (plan.risk.attitude, plan.costs.hardware.gpus) == ("cvar", 64)
    assert plan.costs.reserve == 5000


def test_a_grid_is_every_combination(tmp_path):
    grid = "[grid]\nparams = [7e9, 70e9]\ntokens = [1e12, 2e12, 15e12]\n"
    value = '[[values]]\nbenchmark = "A"\nper_point = 1\n'
    candidates = read_plan(write(tmp_path, grid + value)).candidates
    assert len(candidates) == 6
    assert candidates["name"].iloc[-1] == "70B x 15T"
    assert (candidates["params"] * candidates["tokens"]).max() == pytest.approx(70e9 * 15e12)


def test_names_have_the_digits_that_tell_runs_apart(tmp_path):
    close = "[grid]\nflops = [1.0201e24, 1.0203e24]\nparams = [1e10]\n"
    names = read_plan(write(tmp_path, close)).candidates["name"]
    assert list(names) == ["1.0201e+24 FLOP, 10B", "1.0203e+24 FLOP, 10B"]


def test_pilots_are_new_runs_or_old_ones_measured_again(tmp_path):
    text = """
[[pilots]]
name = "seeds"
params = 1e9
tokens = 1e11
seeds = 4
[[pilots]]
name = "again"
run = "12B"
items = 500
price = 5
"""
    plan = read_plan(write(tmp_path, text))
    assert plan.pilots == (
        NewRun("seeds", params=1e9, tokens=1e11, seeds=4),
        Remeasure("again", "12B", price=5, items=500),
    )
    assert plan.candidates.empty


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[costs]\ngpu_hours = 3\n", "did you mean costs.gpu_hour?"),
        ('[[values]]\nbenchmark = "A"\n', "values[0] needs either per_point, or threshold"),
        ('[[values]]\nbenchmark = "A"\nper_point = "x"\n', "per_point must be a number; got 'x'"),
        ("[[values]]\nper_point = 1\n", "values[0] needs the name of a benchmark"),
        ('[[values]]\nbenchmark = "A"\nper_point = 1\npenalty = 3\n', "values[0] has no penalty"),
        ('[[values]]\nbenchmark = "A"\nthreshold = 70\npayoff = 1\n', "as 0.7 for 70 %; got 70"),
        ("[[candidates]]\nparam = 7e9\n", "candidates[0] has no param; it has name, params"),
        ("[[candidates]]\nflops = true\n", "candidates[0].flops must be a number; got True"),
        ("[candidates]\nflops = 1e24\n", "candidates is a list of tables"),
        ("[grid]\nparams = 7e9\n", "grid has lists"),
        ('[[pilots]]\nname = "a"\nrun = "12B"\n', "pilots[0] needs a price"),
        ("[[pilots]]\nflops = 1e21\n", "pilots[0] needs a name, a text"),
        ('[[pilots]]\nname = "a"\nflop = 1e21\n', "pilots[0] has no flop; it has flops"),
        ('[[pilots]]\nname = "a"\nflops = 1e21\nseeds = 0\n', "seeds must be 1, 2, ...; got 0"),
        ("[risk]\nalpha = 0.1\n", "there are no candidates: write [[candidates]] or [grid]"),
    ],
)
def test_faults_are_named_with_their_place(tmp_path, text, says):
    with pytest.raises(ConfigError) as fault:
        read_plan(write(tmp_path, text))
    assert says in str(fault.value)
    assert "plan.toml" in str(fault.value)
