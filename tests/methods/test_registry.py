"""Methods by name, and variants as text."""

import pytest

from cod_bayes.config import Config
from cod_bayes.errors import ConfigError
from cod_bayes.methods import METHODS, Method, load_method, parse_variant
from cod_bayes.methods.registry import split_settings


@pytest.mark.parametrize("name", METHODS)
def test_every_registered_method_goes_by_its_name(name):
    method = load_method(name)
    assert isinstance(method, Method)
    assert method.name == name
    assert type(method).__doc__


def test_a_variant_sets_the_methods_own_fields_and_the_configuration():
    variant = parse_variant("last-value[draws=50, law.curve=f1,mapping.form = none]")
    assert variant.method == type(variant.method)(draws=50)
    config = variant.configure(Config())
    assert (config.law.curve, config.mapping.form) == ("f1", "none")
    assert variant.label == "last-value[draws=50, law.curve=f1, mapping.form=none]"


def test_a_bare_name_is_the_method_as_it_comes():
    variant = parse_variant(" cod ")
    assert (variant.label, variant.overrides) == ("cod", ())
    assert variant.configure(Config()) == Config()


def test_members_may_have_settings_of_their_own():
    variant = parse_variant('average[members=["cod[law.curve=f1, lead=headline]", "last-value"]]')
    first, second = variant.method.parse_members()
    assert first.label == "cod[law.curve=f1, lead=headline]"
    assert second.label == "last-value"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("a=1", ["a=1"]),
        ("a = 1 , b=[1, 2]", ["a=1", "b=[1, 2]"]),
        ('a="x, y", b=2', ['a="x, y"', "b=2"]),
        ("a=']', b=2", ["a=']'", "b=2"]),
    ],
)
def test_settings_split_outside_brackets_and_quotes(text, parts):
    assert split_settings(text) == parts


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cot", "there is no method 'cot'; there are"),
        ("cod[clusters=3]", "clusters is no setting"),
        ("cod[law.curves=f1]", r"did you mean law\.curve"),
        ("last-value[draws=many]", "draws must be a whole number"),
        ("cod[", "not of the form"),
        ("math:pi", "not a type"),
        ("math:no_such", "neither one of"),
        ("fractions:Fraction", "no subclass"),
    ],
)
def test_what_is_wrong_with_a_variant_is_said(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_variant(text)
