"""Training and validation text: an endless, seeded mixture of skills, packed into rows."""

from itertools import accumulate
from random import Random

import numpy as np
import numpy.typing as npt
from benchmarks import held_out_prompts
from skills import ALPHABET, END, SKILLS

Tokens = npt.NDArray[np.int64]

CONTEXT = 96
TOKEN_OF = {character: token for token, character in enumerate(ALPHABET)}

# mixture -> weight of a numeric skill, against 1 for any other
MIXTURES = {"balanced": 1.0, "numeric": 4.0}


def draw_rows(mixture: str, seed: str, rows: int) -> Tokens:
    """Rows of ``CONTEXT + 1`` tokens, each a run of whole documents whose last is cut short.

    The same seed gives the same rows on every machine, so a resumed run sees what it would have
    seen. A document whose prompt is a benchmark's is left out.
    """
    rng = Random(f"{mixture}/{seed}")
    names = list(SKILLS)
    weights = list(accumulate(MIXTURES[mixture] if SKILLS[n].numeric else 1.0 for n in names))
    held_out = held_out_prompts()
    text = []
    for _ in range(rows):
        row = END
        while len(row) <= CONTEXT:
            skill = SKILLS[rng.choices(names, cum_weights=weights)[0]]
            prompt, answer = skill.make(rng, rng.randint(1, skill.taught))
            if prompt not in held_out:
                row += prompt + answer + END
        text.append(row[: CONTEXT + 1])
    return encode(text)


def draw_documents(skill: str, seed: str, documents: int) -> list[tuple[str, str]]:
    """Documents of one skill, as training text has them, for its validation loss."""
    rng, held_out, drawn = Random(f"{skill}/{seed}"), held_out_prompts(), []
    while len(drawn) < documents:
        prompt, answer = SKILLS[skill].make(rng, rng.randint(1, SKILLS[skill].taught))
        if prompt not in held_out:
            drawn.append((prompt, answer))
    return drawn


def encode(texts: list[str], pad: str = END) -> Tokens:
    """Token numbers ``(text, time)``, shorter texts padded on the right."""
    length = max(map(len, texts))
    return np.array([[TOKEN_OF[c] for c in text.ljust(length, pad)] for text in texts])
