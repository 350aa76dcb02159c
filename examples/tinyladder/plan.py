"""The study: which runs there are, and how many tokens each sees.

Every size sees ``TOKENS_PER_FLOP`` tokens for each FLOP that a token costs it, so compute grows as
the square of the cost of a token, and parameters and tokens grow together.
"""

from training import Run

TOKENS_PER_FLOP = 18.0

# (layers, width), a factor of about 2.4 in compute from one to the next
_SIZES = (
    (2, 12), (2, 16), (2, 20), (2, 24), (3, 28), (3, 36), (3, 44), (4, 48), (4, 60), (4, 76),
)  # fmt: skip
_TARGET = (5, 128)


def plan_runs() -> dict[str, Run]:
    """All runs by name, in the order in which they are best trained."""
    ladder = [_run(f"size{i}", size) for i, size in enumerate(_SIZES)]
    anchors = [
        _run(f"beta{i}", _SIZES[i], over, family="beta", role="anchor")
        for i, over in ((5, 2.0), (7, 2.0), (9, 1.5))
    ]
    seeds = [_run(f"size{i}-seed{s}", _SIZES[i], seed=s) for i in (3, 5, 7) for s in (1, 2)]
    mixtures = [_run(f"numeric{i}", _SIZES[i], mixture="numeric") for i in (2, 4, 5, 6, 7)]
    target = [_run("target", _TARGET, role="target")]
    return {run.name: run for run in (*ladder, *anchors, *seeds, *mixtures, *target)}


def _run(name: str, size: tuple[int, int], over: float = 1.0, **rest) -> Run:
    """A run at the study's ratio of tokens to cost, or ``over`` times it."""
    draft = Run(name, *size, tokens=1, **rest)
    tokens = over * TOKENS_PER_FLOP * draft.architecture.flops_per_token
    return Run(name, *size, tokens=round(tokens), **rest)
