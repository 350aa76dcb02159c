"""The paper's ladder of models, its target, anchors of other families, and two further ladders.

Source of the first: Table A4 of arXiv 2502.17262. Compute is compute per token times tokens. Sizes
of the mixture of experts are ours: the paper gives none.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cod_bayes.errors import ConfigError

FLOP_CONVENTION = "compute-per-token x tokens"
LADDER_FAMILY = "ladder-family"

# parameters in 1e6, compute per token in 1e9 FLOP, tokens in 1e9; the last row is the target
_PAPER_LADDER = (
    (122, 1.535, 26),
    (238, 2.684, 45),
    (411, 4.275, 72),
    (652, 6.378, 108),
    (973, 9.060, 153),
    (1901, 16.436, 277),
    (6980, 54.761, 923),
    (12022, 91.609, 1544),
    (68452, 475.131, 8012),
)
# A ladder of mixtures of experts, as far from its target as the paper's: active parameters, compute
# per token, tokens. FLOP per active parameter fall with size as they do above.
_EXPERT_FAMILY = "mixture-of-experts"
_EXPERT_LADDER = (
    (90, 1.18, 30),
    (180, 2.12, 50),
    (320, 3.46, 80),
    (520, 5.25, 125),
    (800, 7.60, 180),
    (1500, 13.35, 320),
    (5200, 41.6, 1050),
    (9000, 69.8, 1750),
    (52000, 366.6, 9000),
)
_TOTAL_PER_ACTIVE = 8
# Published-model sizes of other families near the target; about 6.9 FLOP per parameter and token,
# as the paper's target has. (parameters in 1e6, tokens in 1e9)
_ANCHORS = ((72700, 7000), (34400, 3000), (70600, 15000), (14200, 5000))
_ANCHOR_FLOP_PER_PARAM = 6.9
MAX_ANCHORS = len(_ANCHORS)

# Decades of log10 compute between adjacent checkpoints are tiny: 2 % of the tokens each.
_CHECKPOINT_STEP = 0.02


@dataclass(frozen=True)
class Run:
    """One training run, at its final checkpoint: parameters, tokens seen, compute in FLOP.

    ``params`` are those active per token, ``total_per_active`` how many there are for each.
    """

    name: str
    params: float
    tokens: float
    flops: float
    family: str
    role: str
    total_per_active: float = 1.0
    phase: str = "stable"


@dataclass(frozen=True)
class Checkpoint:
    """One evaluated model: its run (an index), its place in it, and the share of tokens seen."""

    label: str
    run: int
    index: int
    share: float


@dataclass(frozen=True)
class Ladder:
    """All runs (ladder, target, anchors) and their checkpoints (target included)."""

    runs: tuple[Run, ...]
    checkpoints: tuple[Checkpoint, ...]

    @property
    def run_of(self) -> npt.NDArray[np.intp]:
        """Run of every checkpoint, as an index."""
        return np.array([checkpoint.run for checkpoint in self.checkpoints], dtype=np.intp)

    @property
    def final(self) -> npt.NDArray[np.bool_]:
        """Whether a checkpoint is its run's last, which has seen all tokens."""
        return np.array([checkpoint.share == 1 for checkpoint in self.checkpoints])

    @property
    def is_target(self) -> npt.NDArray[np.bool_]:
        """Whether a checkpoint is the target."""
        return np.array([self.runs[c.run].role == "target" for c in self.checkpoints])

    @property
    def x(self) -> npt.NDArray[np.float64]:
        """Compute of every checkpoint, in decades from the paper's largest ladder run."""
        return decades([self.runs[c.run].flops * c.share for c in self.checkpoints])


def paper_runs() -> tuple[Run, ...]:
    """List the eight ladder runs in order of compute, then the target."""
    return _list_runs(_PAPER_LADDER, LADDER_FAMILY)


def expert_runs() -> tuple[Run, ...]:
    """List eight mixtures of experts in order of compute, then their target."""
    return tuple(
        replace(run, name=f"moe-{run.name}", total_per_active=_TOTAL_PER_ACTIVE)
        for run in _list_runs(_EXPERT_LADDER, _EXPERT_FAMILY)
    )


def annealed_runs(extra_tokens: float) -> tuple[Run, ...]:
    """List the paper's runs after annealing on a further share of their tokens."""
    grown = 1 + extra_tokens
    return tuple(
        replace(
            run,
            name=f"{run.name}-annealed",
            tokens=grown * run.tokens,
            flops=grown * run.flops,
            phase="annealed",
        )
        for run in paper_runs()
    )


def anchor_runs(n_anchors: int) -> tuple[Run, ...]:
    """List the first ``n_anchors`` models of other families, each of a family of its own."""
    if not 0 <= n_anchors <= MAX_ANCHORS:
        raise ConfigError(f"anchors must be within 0 and {MAX_ANCHORS}; got {n_anchors}")
    return tuple(
        Run(
            name=f"anchor-{_size_label(params)}",
            params=params * 1e6,
            tokens=tokens * 1e9,
            flops=_ANCHOR_FLOP_PER_PARAM * params * 1e6 * tokens * 1e9,
            family=f"other-family-{position + 1}",
            role="anchor",
        )
        for position, (params, tokens) in enumerate(_ANCHORS[:n_anchors])
    )


def checkpoints_of(runs: tuple[Run, ...], n_checkpoints: int) -> tuple[Checkpoint, ...]:
    """All evaluated models: every ladder run at its last checkpoints, the others at the final one.

    The final checkpoint bears the run's name; with three, the others see 96 % and 98 % of the
    tokens and are labelled ``122M@96%`` and ``122M@98%``.
    """
    checkpoints = []
    for position, run in enumerate(runs):
        count = n_checkpoints if run.role == "ladder" else 1
        for index in range(count):
            share = 1 - _CHECKPOINT_STEP * (count - 1 - index)
            label = run.name if index == count - 1 else f"{run.name}@{share:.0%}"
            checkpoints.append(Checkpoint(label, position, index, share))
    return tuple(checkpoints)


def decades(flops: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Compute in decades from the largest ladder run, the simulator's unit: any shape."""
    largest = max(run.flops for run in paper_runs() if run.role == "ladder")
    return np.log10(np.asarray(flops, dtype=float) / largest)


def _list_runs(sizes: tuple[tuple[float, float, float], ...], family: str) -> tuple[Run, ...]:
    """Runs of one family; the last row is the target."""
    last = len(sizes) - 1
    return tuple(
        Run(
            name=_size_label(params),
            params=params * 1e6,
            tokens=tokens * 1e9,
            flops=per_token * 1e9 * tokens * 1e9,
            family=family,
            role="target" if position == last else "ladder",
        )
        for position, (params, per_token, tokens) in enumerate(sizes)
    )


def _size_label(params_in_millions: float) -> str:
    if params_in_millions < 1000:
        return f"{params_in_millions:.0f}M"
    return f"{params_in_millions / 1000:.3g}B"
