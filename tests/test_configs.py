"""The files in configs/ are read, say what they say they say, and loosen no gate."""

import tomllib
from pathlib import Path

import pytest

from cod_bayes import Config, load_dataset

CONFIGS = Path(__file__).parents[1] / "configs"
GATE = ("max_rhat", "min_ess", "max_divergent_share", "min_ebfmi")
# plans are for cod-bayes allocate and compare, and have tests of their own
PLANS = ("allocation.toml", "ensembles.toml")
FILES = sorted(path for path in CONFIGS.glob("*.toml") if path.name not in PLANS)
REWRITE = """write it anew:
uv run python -c "from cod_bayes import Config; Config().write('configs/default.toml')"
"""


def test_default_toml_is_the_default_with_every_setting_written_out():
    text = (CONFIGS / "default.toml").read_text(encoding="utf-8")
    assert text == Config().to_toml(), REWRITE


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_is_valid_and_loosens_no_gate(path):
    config = Config.from_toml(path)
    for name in GATE:
        assert getattr(config.sampler, name) == getattr(Config().sampler, name)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_prior_has_its_reason(path):
    config = Config.from_toml(path).to_mapping()
    priors = {**config["law"]["priors"], **config["mapping"]["priors"]}
    assert [name for name, prior in priors.items() if not prior["reason"]] == []


def test_smoke_is_the_default_on_fewer_of_the_demos_benchmarks():
    values = tomllib.loads((CONFIGS / "smoke.toml").read_text(encoding="utf-8"))
    assert values.keys() == {"data"}
    assert values["data"].keys() == {"benchmarks"}
    assert set(values["data"]["benchmarks"]) < set(load_dataset().benchmark.values)
