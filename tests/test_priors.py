import numpy as np
import pymc as pm
import pytest
from pytensor.compile.mode import Mode
from scipy import stats

from cod_bayes.errors import ConfigError
from cod_bayes.priors import (
    PARAMETERS,
    LawPriors,
    MappingPriors,
    Prior,
    fixed,
    gamma,
    lognormal,
    normal,
)

# Python code, no compiler: for graphs that are evaluated a few times.
PLAIN = Mode("py", "fast_compile")
POSITIVE_X = np.array([0.01, 0.3, 2.0])

DENSITIES = [
    (normal(1.0, 0.5, "why"), np.array([-1.0, 0.0, 2.0]), stats.norm(1.0, 0.5)),
    (lognormal(0.06, 0.8, "why"), POSITIVE_X, stats.lognorm(0.8, scale=0.06)),
    (gamma(0.3, "why"), POSITIVE_X, stats.gamma(2.5, scale=0.3 / 2.5)),
    (gamma(0.3, "why", shape=4.0), POSITIVE_X, stats.gamma(4.0, scale=0.3 / 4.0)),
]


@pytest.mark.parametrize(
    ("prior", "x", "expected"), DENSITIES, ids=["normal", "lognormal", "gamma", "gamma-shaped"]
)
def test_a_prior_has_the_density_its_parameters_say(prior, x, expected):
    with pm.Model():
        variable = prior.build("x")
    density = pm.logp(variable, x).eval(mode=PLAIN)
    # PyTensor keeps round numbers in single precision.
    np.testing.assert_allclose(density, expected.logpdf(x), rtol=1e-6)


def test_parameters_mean_what_they_are_called():
    assert stats.lognorm(0.8, scale=0.06).median() == pytest.approx(0.06)
    assert stats.gamma(2.5, scale=0.3 / 2.5).mean() == pytest.approx(0.3)


def test_a_prior_takes_dims():
    with pm.Model(coords={"cluster": ["a", "b", "c"], "scale": ["compute"]}) as model:
        free = normal(0.0, 1.0, "why").build("x", dims=("scale", "cluster"))
        known = fixed(2.0, "known").build("y", dims=("scale", "cluster"))
        row = fixed(2.0, "known").build("z", dims="cluster")
        number = fixed(2.0, "known").build("w")
    assert model.named_vars_to_dims["x"] == ("scale", "cluster")
    assert free.type.ndim == 2
    np.testing.assert_array_equal(known.eval(mode=PLAIN), np.full((1, 3), 2.0))
    np.testing.assert_array_equal(row.eval(mode=PLAIN), np.full(3, 2.0))
    assert number.eval(mode=PLAIN) == 2.0
    assert [v.name for v in model.free_RVs] == ["x"]


def test_an_unknown_distribution_is_refused():
    with pytest.raises(ConfigError, match="'cauchy' is unknown; choose one of normal, lognormal"):
        Prior("cauchy", {"mean": 0.0})


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_parameters_are_exactly_those_of_the_distribution(name):
    with pytest.raises(ConfigError, match=f"a {name} prior takes exactly .*; got nothing"):
        Prior(name, {})
    with pytest.raises(ConfigError, match=r"got .*sigma"):
        Prior(name, dict.fromkeys((*PARAMETERS[name], "sigma"), 1.0))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("normal", {"mean": 0.0, "sd": 0.0}),
        ("lognormal", {"median": -1.0, "log_sd": 1.0}),
        ("lognormal", {"median": 1.0, "log_sd": 0.0}),
        ("gamma", {"shape": 2.0, "mean": 0.0}),
        ("gamma", {"shape": -2.0, "mean": 1.0}),
        ("gamma", {"shape": 2.0, "mean": float("nan")}),
    ],
)
def test_spreads_are_positive(name, parameters):
    with pytest.raises(ConfigError, match=f"a {name} prior needs .* > 0; got"):
        Prior(name, parameters)


@pytest.mark.parametrize("priors", [LawPriors(), MappingPriors()], ids=["law", "mapping"])
def test_every_default_states_its_reason(priors):
    for name, prior in vars(priors).items():
        assert len(prior.reason) > 20, name
