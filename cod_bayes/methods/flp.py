"""FLP: validation loss from compute, score from the loss once it has emerged."""

from dataclasses import dataclass, field
from typing import ClassVar

from cod_bayes.methods.two_step.method import TwoStep
from cod_bayes.methods.two_step.priors import LINE_PRIORS, TwoStepPriors


@dataclass(frozen=True)
class Flp(TwoStep):
    """Performance through loss (Chen et al., arXiv 2410.08527, equations 1 and 2).

    ``L(C) = (C / C_N)^alpha_N`` on the runs' final checkpoints, a power law without irreducible
    part, then ``P(L) = w0 + w1 L`` on checkpoints that score more than five points above chance: on
    all of them by least squares, on ``checkpoints`` of each run in the posterior, where a run's
    checkpoints count as one observation. A benchmark that has not emerged has no forecast.

    Where learning rates decay, scores rise with the loss otherwise within runs than from run to
    run; ``flp[checkpoints=1]`` draws the line through final checkpoints alone. The settings are
    those of :class:`~cod_bayes.methods.two_step.method.TwoStep`.
    """

    name: ClassVar[str] = "flp"
    irreducible: ClassVar[bool] = False
    sigmoid: ClassVar[bool] = False

    loss: str = "overall"
    scale: str = "compute"
    skip: float = 0.0
    smoothing: int = 1
    emergence: float = 0.05
    priors: TwoStepPriors = field(default_factory=lambda: LINE_PRIORS)
