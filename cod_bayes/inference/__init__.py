"""Sampling and its checks: the only place in the package that samples."""

from cod_bayes.inference.gate import GATE_FIELDS, check_gate, describe_failures
from cod_bayes.inference.sampling import Compiled, compile_model, sample

__all__ = [
    "GATE_FIELDS",
    "Compiled",
    "check_gate",
    "compile_model",
    "describe_failures",
    "sample",
]
