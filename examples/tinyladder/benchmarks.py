"""Benchmarks: fixed items, held out of all training text, spread evenly over skills and levels."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from random import Random

from skills import SKILLS, Skill

_SEED = "tinyladder benchmarks, version 1"

# name -> skills, items of each skill and level
BENCHMARKS = {
    "arithmetic": (("add", "subtract"), 48),
    "products": (("multiply", "modular"), 50),
    "strings": (("copy", "reverse", "sort"), 20),
    "recall": (("recall", "hop"), 40),
    "lists": (("count", "maximum"), 40),
    "calendar": (("weekday", "date"), 54),
    "logic": (("boolean", "brackets"), 30),
    "choice": (("choose-result", "choose-sorted", "choose-missing"), 40),
    "grammar": (("grammar",), 84),
}


@dataclass(frozen=True)
class Item:
    """A question of a benchmark: ``answer`` is the one right continuation of ``prompt``."""

    benchmark: str
    skill: str
    level: int
    prompt: str
    answer: str

    @property
    def guess_floor(self) -> float:
        """Chance of a blind guess; 0 for free answers."""
        choices = SKILLS[self.skill].choices
        return 1 / choices if choices else 0.0


@cache
def make_items() -> tuple[Item, ...]:
    """All items of all benchmarks, the same on every machine."""
    return tuple(
        Item(benchmark, skill, level, prompt, answer)
        for benchmark, (skills, size) in BENCHMARKS.items()
        for skill in skills
        for level in range(1, SKILLS[skill].levels + 1)
        for prompt, answer in _draw_distinct(SKILLS[skill], level, size)
    )


@cache
def held_out_prompts() -> frozenset[str]:
    """Prompts that training and validation text never shows."""
    return frozenset(item.prompt for item in make_items())


def _draw_distinct(skill: Skill, level: int, size: int) -> Iterator[tuple[str, str]]:
    """Draw until ``size`` prompts differ."""
    rng = Random(f"{_SEED}/{skill.name}/{level}")
    seen: set[str] = set()
    while len(seen) < size:
        prompt, answer = skill.make(rng, level)
        if prompt not in seen:
            seen.add(prompt)
            yield prompt, answer
