"""The frozen forecast of tinyladder's target, and how it was judged: files that belong together."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import cod_bayes as cb

from .loading import TINYLADDER, tinyladder_modules


@pytest.fixture
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The scripts by name."""
    with tinyladder_modules("forecast", "score") as modules:
        yield modules


@pytest.fixture
def frozen() -> dict:
    return json.loads((TINYLADDER / "first_forecast.json").read_text())


def test_it_was_made_of_the_ladder_that_is_published(
    scripts: dict[str, ModuleType], frozen: dict
) -> None:
    forecast = scripts["forecast"]
    assert len(frozen["variants"]) == 4
    for variant in frozen["variants"].values():
        evals = cb.load_dataset(variant["dataset"])
        evals = evals if variant["anchors"] else forecast.drop_anchors(evals)
        assert forecast.digest_evals(evals) == variant["evals_sha256"]
        assert not any("target" in llm for llm in variant["llms"])


def test_its_score_is_that_of_the_published_target(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    scripts["score"].main(["--output", str(tmp_path / "score.json")])
    anew = json.loads((tmp_path / "score.json").read_text())
    kept = json.loads((TINYLADDER / "first_score.json").read_text())
    for part in ("forecast_sha256", "summary", "rows"):
        assert anew[part] == kept[part]
