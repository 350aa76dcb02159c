"""Evaluation data with known truth, from generative families that are *not* the fitted ones.

===============  ================================================================================
benchmarks       :class:`BenchmarkSpec`, the paper's eight, and benchmarks drawn at random
ladder           the paper's ladder of models, its target, anchors, and two further ladders
families         whose models they are: the paper's, mixtures of experts, or annealed ones
worlds           the curves of items: ``logis``, ``exp`` and ``bend``
luck             what differs from run to run: effective compute, skills, item noise, floors
simulation       :func:`simulate_evals`, which joins them
===============  ================================================================================
"""

from cod_bayes.simulate.benchmarks import PAPER_BENCHMARKS, BenchmarkSpec, random_benchmark
from cod_bayes.simulate.families import ANNEALED, DENSE, MIXTURE_OF_EXPERTS, Family
from cod_bayes.simulate.ladder import MAX_ANCHORS
from cod_bayes.simulate.simulation import simulate_evals
from cod_bayes.simulate.worlds import WORLDS

__all__ = [
    "ANNEALED",
    "DENSE",
    "MAX_ANCHORS",
    "MIXTURE_OF_EXPERTS",
    "PAPER_BENCHMARKS",
    "WORLDS",
    "BenchmarkSpec",
    "Family",
    "random_benchmark",
    "simulate_evals",
]
