"""Tinyladder's skills, benchmarks and training text: right keys, nothing held out leaks."""

import ast
import calendar
import datetime
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from .loading import tinyladder_modules

TABLES = Path(__file__).parents[2] / "cod_bayes" / "data" / "tinyladder"


@pytest.fixture(scope="module")
def text() -> Iterator[dict[str, ModuleType]]:
    """The modules that need no PyTorch, by name."""
    with tinyladder_modules("skills", "benchmarks", "corpus") as modules:
        yield modules


def solve_hop(prompt: str) -> str:
    *links, question = prompt.rstrip(">").split()
    node, steps = question.split("+")
    for _ in range(int(steps)):
        node = next(link[1] for link in links if link[0] == node)
    return node


def solve_brackets(prompt: str) -> str:
    left, before = prompt.rstrip("?"), None
    while left != before:
        before, left = left, left.replace("()", "").replace("[]", "")
    return "n" if left else "y"


def solve_boolean(prompt: str) -> str:
    words = {"t": " True ", "f": " False ", "&": " and ", "|": " or ", "~": " not "}
    code = "".join(words.get(mark, mark) for mark in prompt.rstrip("?"))
    return "t" if eval(compile(ast.parse(code.strip(), mode="eval"), "", "eval")) else "f"


def solve_date(prompt: str) -> str:
    month, day, days = re.fullmatch(r"([a-z]+)(\d+)\+(\d+)=", prompt).groups()
    start = datetime.date(2025, list(calendar.month_abbr).index(month.title()), int(day))
    end = (start + datetime.timedelta(int(days))).timetuple()
    return f"{calendar.month_abbr[end.tm_mon].lower()}{end.tm_mday}"


def solve_weekday(prompt: str) -> str:
    day, days = prompt.rstrip("=").split("+")
    names = [name.lower() for name in calendar.day_abbr]
    return names[(names.index(day) + int(days)) % 7]


def solve_grammar(prompt: str) -> str:
    subject, forms = prompt.split()[1], re.search(r"\((\w+) (\w+)\)", prompt).groups()
    singular = max(forms, key=len)
    return min(forms, key=len) if subject.endswith("s") or subject == "men" else singular


def options_of(prompt: str) -> dict[str, str]:
    return {word[0]: word[1:] for word in prompt.rstrip(">").split()[-4:]}


def solve_choice(right: Callable[[str], bool]) -> Callable[[str], str]:
    return lambda prompt: next(n for n, option in options_of(prompt).items() if right(option))


def solve_result(prompt: str) -> str:
    a, sign, b = re.match(r"(\d+)([-+*])(\d+)=", prompt).groups()
    value = {"+": int(a) + int(b), "-": int(a) - int(b), "*": int(a) * int(b)}[sign]
    return solve_choice(lambda option: int(option) == value)(prompt)


def solve_missing(prompt: str) -> str:
    word = prompt.split()[1]
    return solve_choice(lambda option: option not in word)(prompt)


def pair(prompt: str) -> tuple[int, int]:
    a, b = re.split(r"(?<=\d)[-+*%]", prompt.rstrip("="))
    return int(a), int(b)


# Solved the other way round than the skills are made: from the prompt's text alone.
SOLVERS: dict[str, Callable[[str], str]] = {
    "add": lambda p: str(sum(pair(p))),
    "subtract": lambda p: str(pair(p)[0] - pair(p)[1]),
    "multiply": lambda p: str(pair(p)[0] * pair(p)[1]),
    "modular": lambda p: str(pair(p)[0] % pair(p)[1]),
    "copy": lambda p: p[5:-1],
    "reverse": lambda p: p[4:-1][::-1],
    "sort": lambda p: "".join(sorted(p[5:-1])),
    "count": lambda p: str(p.split()[2].count(p.split()[1])),
    "maximum": lambda p: str(max(map(int, p[4:-1].split()))),
    "recall": lambda p: next(w[1] for w in p.split() if w[0] == p[-2]),
    "hop": solve_hop,
    "boolean": solve_boolean,
    "brackets": solve_brackets,
    "grammar": solve_grammar,
    "weekday": solve_weekday,
    "date": solve_date,
    "choose-result": solve_result,
    "choose-sorted": solve_choice(lambda option: list(option) == sorted(option)),
    "choose-missing": solve_missing,
}


def test_every_key_is_what_another_solver_finds(text: dict[str, ModuleType]) -> None:
    assert set(SOLVERS) == set(text["skills"].SKILLS)
    for item in text["benchmarks"].make_items():
        assert SOLVERS[item.skill](item.prompt) == item.answer, item


def test_documents_fit_the_alphabet_and_the_context(text: dict[str, ModuleType]) -> None:
    skills, rng = text["skills"], Random(1)
    for skill in skills.SKILLS.values():
        for level in range(1, skill.levels + 1):
            documents = ["".join(skill.make(rng, level)) for _ in range(50)]
            assert max(map(len, documents)) + 2 <= text["corpus"].CONTEXT
            assert set("".join(documents)) <= set(skills.ALPHABET)


def test_benchmarks_are_fixed_large_and_distinct(text: dict[str, ModuleType]) -> None:
    items = text["benchmarks"].make_items()
    sizes = Counter(item.benchmark for item in items)
    assert len(sizes) == 9
    assert min(sizes.values()) >= 400
    assert len({item.prompt for item in items}) == len(items)
    text["benchmarks"].make_items.cache_clear()
    assert text["benchmarks"].make_items() == items


def test_answers_of_choices_are_balanced(text: dict[str, ModuleType]) -> None:
    items = [item for item in text["benchmarks"].make_items() if item.benchmark == "choice"]
    share = Counter(item.answer for item in items)["A"] / len(items)
    assert share == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / len(items)))


def test_published_items_are_those_of_the_code(text: dict[str, ModuleType]) -> None:
    if not (TABLES / "items.parquet").exists():
        pytest.skip("items.parquet is not published: run examples/tinyladder publish")
    table = pd.read_parquet(TABLES / "items.parquet")
    items = text["benchmarks"].make_items()
    for name in ("benchmark", "skill", "level", "prompt", "answer", "guess_floor"):
        assert table[name].tolist() == [getattr(item, name) for item in items]


@pytest.mark.parametrize("mixture", ["balanced", "numeric"])
def test_training_text_is_seeded_and_holds_no_item(
    text: dict[str, ModuleType], mixture: str
) -> None:
    corpus = text["corpus"]
    rows = corpus.draw_rows(mixture, "train/0/7", 400)
    assert rows.shape == (400, corpus.CONTEXT + 1)
    np.testing.assert_array_equal(rows, corpus.draw_rows(mixture, "train/0/7", 400))
    assert (rows != corpus.draw_rows(mixture, "train/1/7", 400)).any()
    held_out = text["benchmarks"].held_out_prompts()
    alphabet = text["skills"].ALPHABET
    for row in rows:
        for document in "".join(alphabet[token] for token in row).split("\n")[:-1]:
            prompt = re.sub(r"(?<=[=>?])[^=>?]*$", "", document)
            assert prompt not in held_out


def test_the_numeric_mixture_is_numeric(text: dict[str, ModuleType]) -> None:
    corpus, digits = text["corpus"], [text["corpus"].TOKEN_OF[d] for d in "0123456789"]
    shares = {m: np.isin(corpus.draw_rows(m, "x", 300), digits).mean() for m in corpus.MIXTURES}
    assert shares["numeric"] > 1.3 * shares["balanced"]


def test_a_skills_documents_hold_no_item(text: dict[str, ModuleType]) -> None:
    prompts = {prompt for prompt, _ in text["corpus"].draw_documents("weekday", "validation", 300)}
    assert not prompts & text["benchmarks"].held_out_prompts()
