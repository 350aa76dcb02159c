"""What an error says on stderr."""

from cod_bayes.errors import CodBayesError


def is_expected(fault: BaseException) -> bool:
    """Whether an error is the input's or the system's, not this program's."""
    return isinstance(fault, CodBayesError) or (
        isinstance(fault, OSError) and fault.filename is not None
    )


def describe_fault(fault: BaseException) -> str:
    """Say what went wrong: in the package's own words, the system's, or one line of Python's."""
    if isinstance(fault, OSError) and fault.filename is not None:
        return f"{fault.filename}: {fault.strerror}"
    if is_expected(fault):
        return str(fault)
    first = next(iter(str(fault).strip().splitlines()), "no message")
    return f"unexpected {type(fault).__name__}: {first} (run with --verbose for the traceback)"
