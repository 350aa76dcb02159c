"""Model ladder: task loss from parameters and tokens, accuracy from the task loss."""

from dataclasses import dataclass
from typing import ClassVar

from cod_bayes.methods.two_step.method import TwoStep


@dataclass(frozen=True)
class Ladder(TwoStep):
    """The two steps of the model ladder (Bhagia et al., arXiv 2412.04403, equations 1 and 2).

    ``L(N, D) = A/N^alpha + B/D^beta + E`` on the runs' final checkpoints, then
    ``acc = a / (1 + exp(-k (L - L0))) + b`` on their checkpoints after the first tenth.

    ``ladder[estimate=least-squares]`` is the published fit: Huber's loss of log residuals (delta
    1e-3) in the first step; trailing means over five checkpoints, least squares and the ideal
    point (no loss, all solved) in the second. ``ladder[loss=c4_en]`` goes through a domain's loss,
    ``ladder[scale=compute]`` has one term, ``A/C^alpha + E``. The settings are those of
    :class:`~cod_bayes.methods.two_step.method.TwoStep`.
    """

    name: ClassVar[str] = "ladder"
    irreducible: ClassVar[bool] = True
    sigmoid: ClassVar[bool] = True
