"""``cod-bayes monitor``: a table, an alarm line, the end, and JSON of the same."""

import json

import numpy as np
import pytest

from cod_bayes.evals_file import write_dataset, write_evals
from cod_bayes.simulate.trajectories import simulate_trajectories

from .conftest import SPECS, flat


@pytest.fixture(scope="module")
def files(folder):
    """The ladder's checkpoints, and six of ten of a run in training."""
    ladder, runs, _ = simulate_trajectories(SPECS, n_trials=60, n_checkpoints=10, random_seed=3)
    return (
        write_evals(ladder, folder / "trajectories.nc"),
        write_dataset(runs.isel(llm=np.arange(6)), folder / "run.nc"),
    )


def test_checkpoints_the_alarm_line_and_the_end(run, model, files, tmp_path):
    ladder, watched = files
    figure = tmp_path / "figures" / "run.png"
    result = run("monitor", model, watched, "--tokens", "8.012T", "-t", ladder, "--force",
                 "--figure", figure)  # fmt: skip
    assert result.exit_code == 0, result.output
    words = ("Run watched-0", "90 % ETI", "quantile", "e-value", "60%", "Final score",
             "without the run", "by its checkpoints")  # fmt: skip
    for word in words:
        assert word in flat(result.stdout)
    assert "No alarm" in result.stdout or "ALARM at" in result.stdout
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_json_without_trajectories_says_that_nothing_is_judged(run, model, files):
    result = run("monitor", model, files[1], "--tokens", "8.012T", "--force", "--json")
    record = json.loads(result.stdout)
    assert record["alarm"] is None
    assert [entry["judged"] for entry in record["checkpoints"]] == [False] * 6
    first = record["checkpoints"][0]["scores"]["SUMS"]
    assert 0 < first["score"] < 1
    assert first["quantile"] is None
    assert record["forecast"]["READ"]["original"]["median"] > 0.25
    assert record["forecast"]["READ"]["end"]["median"] is None
    assert "no band and no alarm" in record["notes"][-1]


def test_wrong_levels_and_too_few_tokens_are_clear_refusals(run, model, files):
    wrong = run("monitor", model, files[1], "--tokens", "8T", "--alpha", "5")
    assert wrong.exit_code == 2
    assert "does not lie within 0 and 1" in flat(wrong.stderr)
    short = run("monitor", model, files[1], "--tokens", "1T", "--force")
    assert short.exit_code == 1
    assert "give all the tokens with which it will end" in flat(short.stderr)
