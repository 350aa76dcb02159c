import dataclasses
import pickle
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cod_bayes.config import ClusterConfig, Config, DataConfig, ForecastConfig, SamplerConfig
from cod_bayes.errors import ConfigError
from cod_bayes.priors import Prior, gamma

names = st.lists(st.text(max_size=8), max_size=3).map(tuple)
shares = st.floats(0.001, 0.999)


def write(folder: Path, text: str) -> Path:
    path = folder / "study.toml"
    path.write_text(text, encoding="utf-8")
    return path


def message(*overrides: str) -> str:
    with pytest.raises(ConfigError) as caught:
        Config.from_mapping({}, overrides)
    return str(caught.value)


def test_an_empty_file_is_the_default(tmp_path):
    assert Config.from_toml(write(tmp_path, "")) == Config()


def test_defaults_survive_the_way_to_toml_and_back(tmp_path):
    path = Config().write(tmp_path / "config.toml")
    assert Config.from_toml(path) == Config()
    assert tomllib.loads(path.read_text(encoding="utf-8")) == Config().to_mapping()


@given(
    benchmarks=names,
    quantile=shares,
    draws=st.integers(1, 10**6),
    ci_prob=st.lists(shares, max_size=3).map(tuple),
    mean=st.floats(1e-300, 1e300),
    reason=st.text(),
)
def test_any_config_survives_the_way_to_toml_and_back(
    benchmarks, quantile, draws, ci_prob, mean, reason
):
    default = Config()
    priors = dataclasses.replace(default.law.priors, frailty=gamma(mean, reason))
    config = dataclasses.replace(
        default,
        data=DataConfig(benchmarks=benchmarks),
        cluster=ClusterConfig(quantile=quantile),
        law=dataclasses.replace(default.law, priors=priors),
        sampler=SamplerConfig(draws=draws),
        forecast=ForecastConfig(ci_prob=ci_prob),
    )
    again = Config.from_mapping(tomllib.loads(config.to_toml()))
    assert again == config
    assert again.digest() == config.digest()


def test_every_setting_is_written_out_and_every_table_has_its_comment():
    text = Config().to_toml()
    written = tomllib.loads(text)
    for section in dataclasses.fields(Config):
        value = getattr(Config(), section.name)
        assert list(written[section.name]) == [field.name for field in dataclasses.fields(value)]
        assert f"# {value.__doc__.splitlines()[0]}\n[{section.name}]\n" in text


def test_what_a_file_does_not_name_keeps_its_default(tmp_path):
    path = write(tmp_path, '[sampler]\ndraws = 500\n[data]\nbenchmarks = ["GSM8K"]\n')
    config = Config.from_toml(path)
    assert config.sampler == SamplerConfig(draws=500)
    assert config.data.benchmarks == ("GSM8K",)
    assert config.law == Config().law


def test_overrides_win_over_the_file_and_later_ones_over_earlier(tmp_path):
    path = write(tmp_path, "[sampler]\ndraws = 500\ntune = 700\n")
    config = Config.from_toml(path, ["sampler.draws=600", "sampler.draws = 800"])
    assert (config.sampler.draws, config.sampler.tune) == (800, 700)


@pytest.mark.parametrize(
    ("override", "section", "setting", "value"),
    [
        ("cluster.quantile=1", "cluster", "quantile", 1.0),
        ('law.scale="compute"', "law", "scale", "compute"),
        ("law.scale=compute", "law", "scale", "compute"),
        ("law.curve=my.module:curve", "law", "curve", "my.module:curve"),
        ('data.ladder=["a*", "b"]', "data", "ladder", ("a*", "b")),
        ("data.benchmarks=[]", "data", "benchmarks", ()),
        ("forecast.ci_prob=[0.5, 0.8]", "forecast", "ci_prob", (0.5, 0.8)),
    ],
)
def test_override_values_have_the_syntax_of_toml_or_are_bare_words(
    override, section, setting, value
):
    found = getattr(getattr(Config.from_mapping({}, [override]), section), setting)
    assert found == value
    assert type(found) is type(value)


def test_an_override_of_one_parameter_keeps_the_others_and_drops_the_reason():
    before = Config().law.priors
    after = Config.from_mapping({}, ["law.priors.frailty.mean=0.3"]).law.priors
    assert after.frailty == Prior("gamma", {**before.frailty.parameters, "mean": 0.3}, "")
    assert dataclasses.replace(after, frailty=before.frailty) == before


def test_a_prior_keeps_its_reason_while_its_numbers_stay():
    before = Config().law.priors.frailty
    same = f"law.priors.frailty.mean={before.parameters['mean']}"
    assert Config.from_mapping({}, [same]).law.priors.frailty == before


def test_a_prior_of_another_distribution_comes_whole(tmp_path):
    table = '[law.priors.frailty]\ndistribution = "normal"\nmean = 1\nsd = 2.0\nreason = "known"\n'
    config = Config.from_toml(write(tmp_path, table))
    assert config.law.priors.frailty == Prior("normal", {"mean": 1.0, "sd": 2.0}, "known")
    assert "takes exactly mean, sd" in message("law.priors.frailty.distribution=normal")


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("sampler.drws=3", "sampler.drws is no setting; did you mean sampler.draws?"),
        ("smapler.draws=3", "smapler is no setting; did you mean sampler?"),
        ("law.priors.frailti.mean=3", "did you mean law.priors.frailty?"),
        ("law.priors.frailty.men=3", "did you mean law.priors.frailty.mean?"),
        ("zzz=3", "zzz is no setting; the top level has data, cluster"),
        ("sampler=3", "sampler is a table of settings, not 3"),
        ("law.priors.frailty=3", "law.priors.frailty is a table of settings, not 3"),
        ("sampler.draws=1.5", "sampler.draws must be a whole number such as 10; got 1.5"),
        ("sampler.draws=true", "sampler.draws must be a whole number such as 10; got True"),
        ("sampler.draws=5oo", "got '5oo'"),
        ("sampler.draws=1\nchains = 9", "got '1\\nchains = 9'"),
        ("cluster.quantile=false", "cluster.quantile must be a finite number"),
        ("sampler.max_rhat=nan", "sampler.max_rhat must be a finite number"),
        ("sampler.max_rhat=inf", "sampler.max_rhat must be a finite number"),
        (f"sampler.max_rhat={10**400}", "sampler.max_rhat must be a finite number"),
        ("law.scale=3", "law.scale must be a string"),
        ("data.benchmarks=GSM8K", "data.benchmarks must be an array"),
        ("data.benchmarks=[1]", "data.benchmarks[0] must be a string"),
        ("law.priors.frailty.mean=big", "law.priors.frailty.mean must be a finite number"),
        ("law.priors.frailty.reason=3", "law.priors.frailty.reason must be a string"),
        ("law.priors.frailty.distribution=cauchy", "distribution 'cauchy' is unknown"),
        ("law.priors.frailty.mean=-1", "law.priors.frailty: a gamma prior needs mean > 0"),
        ("cluster.quantile=3", "cluster.quantile must be within (0, 1]; got 3.0"),
        ("law.scale=chips", "law.scale must be one of auto, compute, params-tokens"),
        ("law.classes.horizon=1", "law.classes.horizon must be above 1"),
        ("sampler.draws", "'sampler.draws' is not of the form section.key=value"),
        ("=3", "'=3' is not of the form section.key=value"),
        ("sampler..draws=3", "is not of the form section.key=value"),
    ],
)
def test_a_fault_names_the_key_the_value_and_the_remedy(override, says):
    assert says in message(override)


def test_all_faults_come_at_once_and_name_the_file(tmp_path):
    path = write(tmp_path, "speed = 1\n[sampler]\ndraws = 'many'\n[cluster]\nquantile = 2\n")
    with pytest.raises(ConfigError) as caught:
        Config.from_toml(path)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{path} has 3 faults:"
    assert [line.split()[1] for line in lines[1:]] == [
        "speed",
        "sampler.draws",
        "cluster.quantile",
    ]


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"[sampler\n", "is not TOML"), (b"a = '\xff'\n", "is not text in UTF-8")],
)
def test_a_file_that_is_no_toml_is_named(tmp_path, content, says):
    path = tmp_path / "broken.toml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=rf"broken\.toml {says}"):
        Config.from_toml(path)


def test_a_missing_file_and_an_unwritable_one_are_named(tmp_path):
    with pytest.raises(ConfigError, match=r"missing\.toml cannot be read"):
        Config.from_toml(tmp_path / "missing.toml")
    with pytest.raises(ConfigError, match="cannot be written"):
        Config().write(tmp_path / "no" / "such" / "folder.toml")


def test_equal_settings_have_equal_digests_and_others_do_not():
    assert Config().digest() == Config().digest()
    assert Config(cluster=ClusterConfig(quantile=1)).digest() == (  # 1 is 1.0
        Config(cluster=ClusterConfig(quantile=1.0)).digest()
    )
    assert Config().digest() != Config(sampler=SamplerConfig(draws=7)).digest()
    assert len(bytes.fromhex(Config().digest())) == 32


def test_a_config_is_frozen_and_travels_to_other_processes():
    with pytest.raises(dataclasses.FrozenInstanceError):
        Config().sampler = SamplerConfig()  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(Config())) == Config()
