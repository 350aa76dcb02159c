"""Skills: procedural tasks of graded difficulty, each a prompt with one right answer.

A skill is a function of a random generator and a level (1 is easiest) to ``(prompt, answer)``.
A document is the prompt, the answer and a newline; ``=`` or ``>`` ends a prompt. Every answer is
unique, so a sampled answer is right exactly if it equals the key.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

ALPHABET = "\n !%&()*+,-./0123456789:;=>?@[]|~ABCDEFGHabcdefghijklmnopqrstuvwxyz"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
END = "\n"

Make = Callable[[Random, int], tuple[str, str]]


@dataclass(frozen=True)
class Skill:
    """A task in ``levels`` grades; training text shows the first ``taught`` of them."""

    name: str
    make: Make
    levels: int
    taught: int
    choices: int = 0  # of a multiple-choice question; 0 where the answer is free
    numeric: bool = False


def _number(rng: Random, digits: int) -> int:
    return rng.randrange(10 ** (digits - 1) if digits > 1 else 0, 10**digits)


def _letters(rng: Random, length: int) -> str:
    return "".join(rng.choices(LETTERS, k=length))


def add(rng: Random, level: int) -> tuple[str, str]:
    """Sum of a number of ``level + 1`` digits and one of as many, or one fewer."""
    a, b = _number(rng, level + 1), _number(rng, rng.randint(level, level + 1))
    return f"{a}+{b}=", str(a + b)


def subtract(rng: Random, level: int) -> tuple[str, str]:
    """Difference of such numbers as :func:`add` takes; it may be negative."""
    a, b = _number(rng, level + 1), _number(rng, rng.randint(level, level + 1))
    return f"{a}-{b}=", str(a - b)


def multiply(rng: Random, level: int) -> tuple[str, str]:
    """Product of numbers of (2, 1), (3, 1), (2, 2), (3, 2), (3, 3) digits."""
    long, short = ((2, 1), (3, 1), (2, 2), (3, 2), (3, 3))[level - 1]
    a, b = _number(rng, long), _number(rng, short)
    return f"{a}*{b}=", str(a * b)


def modular(rng: Random, level: int) -> tuple[str, str]:
    """Remainder of a number of ``level + 1`` digits by one of a single digit."""
    a, b = _number(rng, level + 1), rng.randint(2, 9)
    return f"{a}%{b}=", str(a % b)


def copy(rng: Random, level: int) -> tuple[str, str]:
    """The same letters once more: 2 to 3 at level 1, two more each level."""
    word = _letters(rng, rng.randint(2 * level, 2 * level + 1))
    return f"copy {word}>", word


def reverse(rng: Random, level: int) -> tuple[str, str]:
    """The letters backwards: 2 to 3 at level 1, two more each level."""
    word = _letters(rng, rng.randint(2 * level, 2 * level + 1))
    return f"rev {word}>", word[::-1]


def sort(rng: Random, level: int) -> tuple[str, str]:
    """The letters in order: 2 to 3 at level 1, two more each level."""
    word = _letters(rng, rng.randint(2 * level, 2 * level + 1))
    return f"sort {word}>", "".join(sorted(word))


def count(rng: Random, level: int) -> tuple[str, str]:
    """How often a letter stands in a word of three letters' alphabet, ``4 level`` long."""
    kinds = rng.sample(LETTERS, 3)
    word = "".join(rng.choices(kinds, k=rng.randint(4 * level - 1, 4 * level)))
    asked = rng.choice(kinds)
    return f"count {asked} {word}>", str(word.count(asked))


def maximum(rng: Random, level: int) -> tuple[str, str]:
    """The largest of ``level + 1`` numbers of two or three digits."""
    numbers = [_number(rng, 2 + (level > 3)) for _ in range(level + 1)]
    return f"max {' '.join(map(str, numbers))}>", str(max(numbers))


def recall(rng: Random, level: int) -> tuple[str, str]:
    """The value that stands beside a key, among ``2 level`` pairs or one fewer."""
    keys = rng.sample(LETTERS, rng.randint(2 * level - 1, 2 * level) + 1)
    values = [rng.choice(LETTERS) for _ in keys]
    pairs = " ".join(k + v for k, v in zip(keys, values, strict=True))
    asked = rng.randrange(len(keys))
    return f"{pairs} ?{keys[asked]}>", values[asked]


def hop(rng: Random, level: int) -> tuple[str, str]:
    """Follow ``level`` links of a shuffled chain, one distractor beside it."""
    nodes = rng.sample(LETTERS, level + 3)
    links = [nodes[i] + nodes[i + 1] for i in range(level + 1)] + [nodes[-1] + nodes[0]]
    rng.shuffle(links)
    return f"{' '.join(links)} {nodes[0]}+{level}>", nodes[level]


def boolean(rng: Random, level: int) -> tuple[str, str]:
    """Truth of an expression with ``level + 1`` connectives: ``~`` not, ``&`` and, ``|`` or."""
    text, truth = _expression(rng, level + 1)
    return f"{text}?", "t" if truth else "f"


def _expression(rng: Random, connectives: int) -> tuple[str, bool]:
    if connectives == 0:
        truth = rng.random() < 0.5
        return ("t", True) if truth else ("f", False)
    if rng.random() < 0.25:
        text, truth = _expression(rng, connectives - 1)
        return f"~{text}", not truth
    on_left = rng.randrange(connectives)
    left, a = _expression(rng, on_left)
    right, b = _expression(rng, connectives - 1 - on_left)
    if rng.random() < 0.5:
        return f"({left}&{right})", a and b
    return f"({left}|{right})", a or b


def brackets(rng: Random, level: int) -> tuple[str, str]:
    """Are ``2 level + 4`` brackets of two kinds matched? One is changed in half of the cases."""
    text = list(_matched(rng, level + 2))
    fits = rng.random() < 0.5
    if not fits:
        place = rng.randrange(len(text))
        text[place] = rng.choice([mark for mark in "()[]" if mark != text[place]])
    return f"{''.join(text)}?", "y" if fits else "n"


def _matched(rng: Random, pairs: int) -> str:
    if pairs == 0:
        return ""
    inside = rng.randrange(pairs)
    left, right = rng.choice(("()", "[]"))
    return f"{left}{_matched(rng, inside)}{right}{_matched(rng, pairs - 1 - inside)}"


_NOUNS = ("cat", "dog", "boy", "girl", "king", "fox", "hen", "cow", "pig", "bee", "man", "aunt")
_PLURALS = (
    "cats", "dogs", "boys", "girls", "kings", "foxes", "hens", "cows", "pigs", "bees", "men",
    "aunts",
)  # fmt: skip
_VERBS = ("run", "sing", "eat", "sleep", "dig", "jump", "wait", "fly")


def grammar(rng: Random, level: int) -> tuple[str, str]:
    """Verb form that agrees with the subject, across ``level - 1`` phrases between the two."""
    subject = rng.randrange(len(_NOUNS))
    plural = rng.random() < 0.5
    phrase = "the " + (_PLURALS if plural else _NOUNS)[subject]
    for _ in range(level - 1):
        phrase += rng.choice((" by ", " of ")) + rng.choice(_NOUNS + _PLURALS)
    verb = rng.choice(_VERBS)
    forms = [verb, verb + "s"]
    if verb == "fly":
        forms[1] = "flies"
    right = forms[0] if plural else forms[1]
    rng.shuffle(forms)
    return f"{phrase} ({' '.join(forms)})>", right


_MONTHS = [name.lower() for name in calendar.month_abbr[1:]]
_DAYS = [name.lower() for name in calendar.day_abbr]
_MONTH_LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


def weekday(rng: Random, level: int) -> tuple[str, str]:
    """The day of the week after up to 30, 100, 365, 999 days."""
    low, high = ((1, 30), (31, 100), (101, 365), (366, 999))[level - 1]
    day, days = rng.randrange(7), rng.randint(low, high)
    return f"{_DAYS[day]}+{days}=", _DAYS[(day + days) % 7]


def date(rng: Random, level: int) -> tuple[str, str]:
    """The date after up to 5, 20, 60, 200 days, in a year of 365 days."""
    low, high = ((1, 5), (6, 20), (21, 60), (61, 200))[level - 1]
    start, days = rng.randrange(365), rng.randint(low, high)
    return f"{_name_day(start)}+{days}=", _name_day((start + days) % 365)


def _name_day(day: int) -> str:
    for month, length in zip(_MONTHS, _MONTH_LENGTHS, strict=True):
        if day < length:
            return f"{month}{day + 1}"
        day -= length
    raise ValueError(f"day {day} lies beyond the year's 365")


def choose_result(rng: Random, level: int) -> tuple[str, str]:
    """Which of four numbers is the result of a sum, a difference or a product?"""
    make = (add, subtract, multiply)[rng.randrange(3)]
    prompt, answer = make(rng, level)
    key, scale = int(answer), 10 ** max(len(answer.lstrip("-")) - 2, 0)
    options = {key}
    while len(options) < 4:
        options.add(key + rng.choice((-1, 1)) * rng.choice((1, 2, 10 * scale, scale)))
    return _ask(rng, prompt, [str(option) for option in sorted(options)], answer)


def choose_sorted(rng: Random, level: int) -> tuple[str, str]:
    """Which of four words has its letters in order?"""
    length = level + 2
    options = ["".join(sorted(rng.sample(LETTERS, length)))]
    while len(options) < 4:
        letters = sorted(rng.sample(LETTERS, length))
        place = rng.randrange(length - 1)
        letters[place], letters[place + 1] = letters[place + 1], letters[place]
        options.append("".join(letters))
    return _ask(rng, "order", options, options[0])


def choose_missing(rng: Random, level: int) -> tuple[str, str]:
    """Which of four letters is missing from a word of ``3 level`` letters?"""
    word = _letters(rng, 3 * level + 1)
    missing = rng.choice([letter for letter in LETTERS if letter not in word])
    present = rng.sample(sorted(set(word)), min(3, len(set(word))))
    while len(present) < 3:
        present.append(present[-1])
    return _ask(rng, f"miss {word}", [*present, missing], missing)


def _ask(rng: Random, prompt: str, options: list[str], answer: str) -> tuple[str, str]:
    rng.shuffle(options)
    shown = " ".join(name + option for name, option in zip("ABCD", options, strict=True))
    return f"{prompt} {shown}>", "ABCD"[options.index(answer)]


SKILLS = {
    skill.name: skill
    for skill in (
        Skill("add", add, levels=5, taught=4, numeric=True),
        Skill("subtract", subtract, levels=5, taught=4, numeric=True),
        Skill("multiply", multiply, levels=5, taught=5, numeric=True),
        Skill("modular", modular, levels=4, taught=4, numeric=True),
        Skill("copy", copy, levels=7, taught=6),
        Skill("reverse", reverse, levels=7, taught=6),
        Skill("sort", sort, levels=7, taught=6),
        Skill("count", count, levels=5, taught=5),
        Skill("maximum", maximum, levels=6, taught=6, numeric=True),
        Skill("recall", recall, levels=6, taught=6),
        Skill("hop", hop, levels=6, taught=6),
        Skill("boolean", boolean, levels=8, taught=7, choices=2),
        Skill("brackets", brackets, levels=8, taught=7, choices=2),
        Skill("grammar", grammar, levels=5, taught=4, choices=2),
        Skill("weekday", weekday, levels=4, taught=4, numeric=True),
        Skill("date", date, levels=4, taught=4, numeric=True),
        Skill("choose-result", choose_result, levels=4, taught=4, choices=4, numeric=True),
        Skill("choose-sorted", choose_sorted, levels=4, taught=4, choices=4),
        Skill("choose-missing", choose_missing, levels=4, taught=4, choices=4),
    )
}
