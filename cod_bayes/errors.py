"""Errors that teach: what is wrong, which value, where, and the remedy.

CodBayesError
├── DataError          (also ValueError)    the evaluation data cannot mean what they say
├── ConfigError        (also ValueError)    an unknown key, or a value out of its range
├── ConvergenceError   (also RuntimeError)  the sampler's gate failed: exit code 3
└── ModelFileError     (also RuntimeError)  a stored model is missing, foreign or damaged
"""

from collections.abc import Sequence


class CodBayesError(Exception):
    """Base of every error this package raises on purpose."""


class DataError(CodBayesError, ValueError):
    """The evaluation data are incomplete or contradict themselves."""


class ConfigError(CodBayesError, ValueError):
    """A configuration has an unknown key or a value out of range."""


class ConvergenceError(CodBayesError, RuntimeError):
    """Sampling did not pass the gate, so nothing may be concluded from it."""


class ModelFileError(CodBayesError, RuntimeError):
    """A stored model, data set or forecast is missing, foreign or damaged."""


def join_faults(what: str, faults: Sequence[str]) -> str:
    """Join all faults found in ``what`` into one message, a line each."""
    if len(faults) == 1:
        return f"{what}: {faults[0]}"
    return f"{what} has {len(faults)} faults:\n" + "\n".join(f"  - {fault}" for fault in faults)
