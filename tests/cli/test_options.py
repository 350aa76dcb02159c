import pytest
import typer

from cod_bayes.cli.options import parse_columns, parse_quantity


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3e24", 3e24),
        ("3E24", 3e24),
        ("1.5e+22", 1.5e22),
        ("70B", 70e9),
        ("1.4b", 1.4e9),
        ("15T", 15e12),
        ("410M", 410e6),
        ("12k", 12e3),
        ("1_000", 1000),
        (" 7 ", 7),
        (".5B", 5e8),
    ],
)
def test_quantities_are_read_as_people_write_them(text, value):
    assert parse_quantity(text) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    "text", ["", "abc", "-3e24", "0", "nan", "inf", "3e999", "70 billion", "B"]
)
def test_what_is_no_positive_quantity_is_refused(text):
    with pytest.raises(typer.BadParameter, match="write it as 3e24, 70B"):
        parse_quantity(text)


def test_columns_are_mapped_or_ignored():
    assert parse_columns(["llm=model", "role="]) == {"llm": "model", "role": None}


@pytest.mark.parametrize("text", ["llm", "=model"])
def test_a_column_without_a_name_is_refused(text):
    with pytest.raises(typer.BadParameter, match="NAME=COLUMN"):
        parse_columns([text])
