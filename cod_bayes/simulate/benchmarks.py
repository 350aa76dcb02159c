"""What a simulated benchmark is made of: eight named after the paper's, and random ones."""

from dataclasses import dataclass

import numpy as np

from cod_bayes.errors import ConfigError


@dataclass(frozen=True)
class BenchmarkSpec:
    """Settings of one simulated benchmark.

    Compute is measured in decades from the largest ladder run: the smallest run of the paper's
    ladder lies at -3.5, its target at +1.4.

    name, n_items
        Label and number of items.
    guess_floor
        Mean probability of a lucky guess; items and models scatter about it (Beta).
    difficulty, spread, skew
        Mean and standard deviation, in decades, of the compute at which items are half solved;
        ``skew`` within (-1, 1) leans the distribution towards hard (> 0) or easy items.
    slope, slope_spread
        Median rise in logits per decade, and the standard deviation of its logarithm over items.
    ceiling_loss
        Mean share that even the best model fails on an item (Beta distributed over items).
    share_non_emergent, share_oscillating
        Share of items that emerge only far above the target, and of items that do not scale.
    shift_sd
        Luck of a checkpoint shared by all items: decades of effective compute.
    skill_sd
        Standard deviation, in logits, of each of two skill factors of a model.
    item_noise
        Standard deviation, in logits, of what item and run share with nothing else.
    metric
        How an answer is scored; a label only.
    """

    name: str
    n_items: int
    guess_floor: float = 0.0
    difficulty: float = 0.0
    spread: float = 1.0
    skew: float = 0.5
    slope: float = 1.6
    slope_spread: float = 0.35
    ceiling_loss: float = 0.05
    share_non_emergent: float = 0.05
    share_oscillating: float = 0.10
    shift_sd: float = 0.04
    skill_sd: float = 0.25
    item_noise: float = 0.6
    metric: str = "accuracy"

    def __post_init__(self) -> None:
        """Refuse values out of range."""
        self._check("name", bool(self.name) and "/" not in self.name, "not empty, without '/'")
        self._check("n_items", self.n_items >= 1, "at least 1")
        self._check("guess_floor", 0 <= self.guess_floor < 1, "within [0, 1)")
        self._check("skew", -1 < self.skew < 1, "within (-1, 1)")
        self._check("slope", self.slope > 0, "positive")
        self._check("ceiling_loss", 0 <= self.ceiling_loss < 1, "within [0, 1)")
        for name in ("spread", "slope_spread", "shift_sd", "skill_sd", "item_noise"):
            self._check(name, getattr(self, name) >= 0, "at least 0")
        shares = (self.share_non_emergent, self.share_oscillating)
        for name, share in zip(("share_non_emergent", "share_oscillating"), shares, strict=True):
            self._check(name, 0 <= share <= 1 and sum(shares) <= 1, "within [0, 1], both at most 1")

    def _check(self, name: str, holds: bool, rule: str) -> None:
        if not holds:
            raise ConfigError(f"BenchmarkSpec.{name} must be {rule}; got {getattr(self, name)!r}")


# Names and item counts of arXiv 2502.17262; everything else is ours, chosen so that difficulty,
# floor and heterogeneity clearly differ and the target's scores spread from about 0.2 to 0.9.
PAPER_BENCHMARKS = (
    BenchmarkSpec("GSM8K", 1319, 0.0, -0.45, 0.8, 0.3, 2.0, ceiling_loss=0.03,
                  share_non_emergent=0.02, share_oscillating=0.02, item_noise=0.5),
    BenchmarkSpec("MATH", 5000, 0.0, 2.5, 1.4, 0.4, 1.5,
                  share_non_emergent=0.15, share_oscillating=0.04, skill_sd=0.3, item_noise=0.7),
    BenchmarkSpec("BBH", 6511, 0.25, 0.15, 1.2, 0.7, 1.6, slope_spread=0.5,
                  share_non_emergent=0.06, share_oscillating=0.20, shift_sd=0.06, item_noise=0.7),
    BenchmarkSpec("TriviaQA", 17944, 0.0, -0.9, 1.6, 0.5, 1.3, ceiling_loss=0.04,
                  share_non_emergent=0.08, share_oscillating=0.03, shift_sd=0.02, skill_sd=0.15,
                  item_noise=0.5),
    BenchmarkSpec("MBPP", 500, 0.0, 0.2, 1.1, 0.2, 1.7,
                  share_non_emergent=0.06, share_oscillating=0.06, shift_sd=0.08, skill_sd=0.35,
                  item_noise=0.9),
    BenchmarkSpec("AGIEval", 8063, 0.2, 0.9, 1.3, 0.6, 1.3,
                  share_non_emergent=0.10, share_oscillating=0.15, skill_sd=0.3, item_noise=0.6),
    BenchmarkSpec("DROP", 9536, 0.05, 0.0, 1.3, 0.6, 1.4, ceiling_loss=0.08,
                  share_non_emergent=0.07, share_oscillating=0.08, item_noise=0.6),
    BenchmarkSpec("MMLU-pro", 12032, 0.1, 1.5, 1.2, 0.3, 1.4,
                  share_non_emergent=0.12, share_oscillating=0.12, shift_sd=0.03, item_noise=0.5),
)  # fmt: skip


def random_benchmark(rng: np.random.Generator, name: str, n_items: int) -> BenchmarkSpec:
    """Draw a benchmark's settings at random, for calibration studies.

    The ranges are wider than those of :data:`PAPER_BENCHMARKS`: from nearly saturated within
    the ladder to hardly emerged at the target, quiet to noisy, homogeneous to mixed.
    """
    floors = (0.0, 0.0, 0.05, 0.1, 0.2, 0.25, 0.5)
    return BenchmarkSpec(
        name=name,
        n_items=n_items,
        guess_floor=float(rng.choice(floors)),
        difficulty=float(rng.uniform(-1.5, 2.5)),
        spread=float(rng.uniform(0.5, 1.7)),
        skew=float(rng.uniform(-0.8, 0.9)),
        slope=float(np.exp(rng.normal(np.log(1.6), 0.3))),
        slope_spread=float(rng.uniform(0.15, 0.6)),
        ceiling_loss=float(rng.uniform(0.01, 0.12)),
        share_non_emergent=float(rng.uniform(0.0, 0.2)),
        share_oscillating=float(rng.uniform(0.0, 0.25)),
        shift_sd=float(rng.uniform(0.0, 0.1)),
        skill_sd=float(rng.uniform(0.1, 0.5)),
        item_noise=float(rng.uniform(0.4, 1.0)),
    )
