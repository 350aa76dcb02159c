"""Sampling and its checks: the only place in the package that samples."""

from cod_bayes.inference.attempts import compile_once, sample_until_passed
from cod_bayes.inference.gate import GATE_FIELDS, check_gate, describe_failures
from cod_bayes.inference.sampling import Compiled, compile_model, sample

__all__ = [
    "GATE_FIELDS",
    "Compiled",
    "check_gate",
    "compile_model",
    "compile_once",
    "describe_failures",
    "sample",
    "sample_until_passed",
]
