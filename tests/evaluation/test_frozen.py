"""Frozen forecasts: hashed, dated, scored once."""

import json

import numpy as np
import pytest
from invented import make_evals

from cod_bayes.errors import DataError, ModelFileError
from cod_bayes.evaluation.frozen import (
    digest_evals,
    digest_record,
    freeze,
    read_frozen,
    score_frozen,
)
from cod_bayes.methods import describe_targets, parse_variant


@pytest.fixture
def evals(rng):
    trials = np.full((6, 20), 20)
    return make_evals(trials, rng.binomial(trials, np.linspace(0.1, 0.6, 6)[:, None]))


@pytest.fixture
def frozen(evals, tmp_path):
    targets = describe_targets(evals.isel(llm=[-1]).assign_coords(flops=("llm", [1e24])))
    path = tmp_path / "forecast.json"
    freeze(evals, parse_variant("last-value"), targets, path)
    return path


def test_a_frozen_forecast_says_what_it_is(frozen, evals):
    record = read_frozen(frozen)
    assert record["method"] == "last-value"
    assert record["data"]["sha256"] == digest_evals(evals)
    assert record["targets"]["flops"] == [1e24]
    assert record["sha256"] == digest_record(record)
    assert len(record["quantiles"]["B"][0]) == 200
    assert record["frozen"].startswith("20")


def test_it_is_never_replaced(frozen, evals):
    targets = describe_targets(evals.isel(llm=[-1]))
    before = frozen.read_bytes()
    with pytest.raises(DataError, match="never replaced"):
        freeze(evals, parse_variant("last-value"), targets, frozen)
    assert frozen.read_bytes() == before


def test_a_changed_forecast_is_refused(frozen):
    record = json.loads(frozen.read_text())
    record["quantiles"]["B"][0][100] += 0.01
    frozen.write_text(json.dumps(record))
    with pytest.raises(ModelFileError, match="was changed after it was frozen"):
        score_frozen(frozen, {"B": 0.6})


def test_it_is_scored_once(frozen):
    result = score_frozen(frozen, {"B": 0.6, "C": 0.2})
    assert result["without_forecast"] == ["C"]
    quantiles = np.array(read_frozen(frozen)["quantiles"]["B"][0])
    assert result["scores"]["B"]["error"] == pytest.approx(np.median(quantiles) - 0.6)
    stored = json.loads((frozen.parent / "forecast.score-0.json").read_text())
    assert stored == result
    with pytest.raises(DataError, match="was scored before"):
        score_frozen(frozen, {"B": 0.7})


@pytest.mark.parametrize(
    ("truth", "message"),
    [({"B": 61.0}, "fractions within"), ({"D": 0.5}, "no benchmark has a forecast and a truth")],
)
def test_a_truth_that_cannot_be_scored(frozen, truth, message):
    with pytest.raises(DataError, match=message):
        score_frozen(frozen, truth)
    assert not (frozen.parent / "forecast.score-0.json").exists()


def test_files_that_are_none(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        read_frozen(tmp_path / "none.json")
    for text in ("{", "[]", "{}"):
        path = tmp_path / "other.json"
        path.write_text(text)
        with pytest.raises(ModelFileError, match="no"):
            read_frozen(path)


def test_other_data_have_another_digest(evals):
    other = evals.copy(deep=True)
    other["n_correct"][0, 0] += 1
    assert digest_evals(other) != digest_evals(evals)
    assert digest_evals(evals.copy(deep=True)) == digest_evals(evals)
