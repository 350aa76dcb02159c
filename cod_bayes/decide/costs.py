"""What a run costs: operations, GPU-hours, days and money."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cod_bayes.errors import ConfigError

type Floats = npt.NDArray[np.float64]

SECONDS_PER_HOUR, HOURS_PER_DAY = 3600.0, 24.0


@dataclass(frozen=True)
class Hardware:
    """The machines a run has.

    gpus
        How many.
    peak_flops
        Of one GPU, operations per second, in the precision that training uses.
    utilisation
        Share of the peak that training reaches (MFU), within (0, 1].
    """

    gpus: float = 1024
    peak_flops: float = 989e12
    utilisation: float = 0.4

    def __post_init__(self) -> None:
        _check_positive(self, "gpus", "peak_flops", "utilisation")
        if self.utilisation > 1:
            raise ConfigError(
                f"Hardware.utilisation is a share within (0, 1], as 0.4; got {self.utilisation}"
            )

    def compute_gpu_hours(self, flops: npt.ArrayLike) -> Floats:
        """GPU-hours of so many operations."""
        per_hour = self.peak_flops * self.utilisation * SECONDS_PER_HOUR
        hours: Floats = np.asarray(flops, float) / per_hour
        return hours

    def compute_days(self, flops: npt.ArrayLike) -> Floats:
        """Days on all GPUs."""
        return self.compute_gpu_hours(flops) / (self.gpus * HOURS_PER_DAY)


@dataclass(frozen=True)
class Costs:
    """Prices and limits, all in one currency.

    gpu_hour
        Price of a GPU-hour.
    budget, reserve
        A run may cost ``budget - reserve`` at most; the reserve is for what goes wrong.
    deadline
        Days that training may take.
    inference_tokens
        Tokens that the model will serve in its life, at ``2 N`` operations each; 0 leaves
        inference out. It is paid for, but neither trained by the deadline nor out of the budget.
    hardware
        The machines, for training and for serving alike.
    """

    gpu_hour: float = 2.0
    budget: float = 1e300
    reserve: float = 0.0
    deadline: float = 1e300
    inference_tokens: float = 0.0
    hardware: Hardware = field(default_factory=Hardware)

    def __post_init__(self) -> None:
        _check_positive(self, "gpu_hour", "budget", "deadline")
        for name in ("reserve", "inference_tokens"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ConfigError(f"Costs.{name} must not be negative; got {getattr(self, name)}")
        if self.reserve >= self.budget:
            raise ConfigError(
                f"Costs.reserve ({self.reserve:g}) leaves nothing of the budget ({self.budget:g})"
            )

    def price_training(self, flops: npt.ArrayLike) -> Floats:
        """Price of training runs of so many operations."""
        return self.gpu_hour * self.hardware.compute_gpu_hours(flops)

    def price_inference(self, params: npt.ArrayLike) -> Floats:
        """Price of serving models of so many active parameters for life."""
        flops = 2.0 * np.asarray(params, float) * self.inference_tokens
        return self.gpu_hour * self.hardware.compute_gpu_hours(flops)

    def is_feasible(self, flops: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Whether runs meet the deadline, and the budget less its reserve."""
        in_time = self.hardware.compute_days(flops) <= self.deadline
        affordable = self.price_training(flops) <= self.budget - self.reserve
        feasible: npt.NDArray[np.bool_] = in_time & affordable
        return feasible


def _check_positive(section: object, *names: str) -> None:
    for name in names:
        value = getattr(section, name)
        if not 0 < value < math.inf:
            raise ConfigError(f"{type(section).__name__}.{name} must be positive; got {value}")
