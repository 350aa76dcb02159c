import sys
import types

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from scipy.special import expit, logit

from cod_bayes.errors import ConfigError
from cod_bayes.mapping import FORMS, MapForm, compute_full, load_form


def full_score(subset, form, centre=-0.4, offset=0.7, slope=0.8, share=0.6):
    response = expit(form.line(logit(subset), centre, offset, slope, np))
    return compute_full(subset, response, share, form)


@pytest.mark.parametrize("name", sorted(FORMS))
@pytest.mark.parametrize("slope", [0.2, 1.0, 3.0])
def test_a_map_rises_from_none_to_all(name, slope):
    subset = np.linspace(1e-4, 1 - 1e-4, 300)
    full = full_score(subset, FORMS[name], slope=slope)
    assert (np.diff(full) > 0).all()
    assert ((full > 0) & (full < 1)).all()
    ends = full_score(np.array([1e-300, 1 - 1e-16]), FORMS[name], slope=slope)
    np.testing.assert_allclose(ends, [0, 1], atol=2e-3)


def test_at_the_centre_the_slope_does_not_matter():
    for form in FORMS.values():
        values = [form.line(-0.4, -0.4, 0.7, slope, np) for slope in (0.1, 1.0, 5.0)]
        np.testing.assert_allclose(values, 0.3)


def test_the_full_set_is_the_subset_and_the_rest(rng):
    subset, rest, share = rng.uniform(size=50), rng.uniform(size=50), 0.3
    full = compute_full(subset, rest, share, FORMS["rest"])
    np.testing.assert_allclose(full, share * subset + (1 - share) * rest)


def test_a_map_of_the_full_score_is_the_full_score(rng):
    response = rng.uniform(size=50)
    np.testing.assert_array_equal(
        compute_full(rng.uniform(size=50), response, 0.3, FORMS["monotone"]), response
    )


def test_the_identity_is_a_map():
    subset = np.linspace(0.01, 0.99, 50)
    for form in FORMS.values():
        np.testing.assert_allclose(full_score(subset, form, offset=0.0, slope=1.0), subset)


@pytest.mark.parametrize("name", sorted(FORMS))
def test_pytensor_and_numpy_agree(name, rng):
    inputs = [rng.normal(size=40), *rng.normal(size=2), rng.gamma(2)]
    symbols = [pt.vector(), *(pt.dscalar() for _ in range(3))]
    compiled = pytensor.function(
        symbols, FORMS[name].line(*symbols, pt), mode=Mode("py", "fast_compile")
    )
    np.testing.assert_allclose(compiled(*inputs), FORMS[name].line(*inputs, np))


def test_forms_are_found_by_name_or_by_module(monkeypatch):
    module = types.ModuleType("my_forms")
    module.steep = MapForm("steep", "full", lambda x, centre, offset, slope, math: 2 * x)
    monkeypatch.setitem(sys.modules, "my_forms", module)
    assert load_form("rest") is FORMS["rest"]
    assert load_form("my_forms:steep") is module.steep
    with pytest.raises(ConfigError, match=r"mapping\.form is 'quartic': neither one of rest, mono"):
        load_form("quartic")


def test_a_response_is_the_rest_or_the_full_set():
    with pytest.raises(ConfigError, match="rest or full; got 'half'"):
        MapForm("mine", "half", FORMS["rest"].line)
