"""What an error says on stderr, and when fitting may be interrupted."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

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


@contextmanager
def interruptible() -> Iterator[None]:
    """Make sure that Ctrl-C ends the work, whoever catches it inside.

    A sampler that is interrupted may return the draws it has; a model made of them would look
    like any other.

    Raises
    ------
    KeyboardInterrupt
        At the end at the latest, if Ctrl-C was pressed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals belong to the main thread
        return
    pressed = False
    before = signal.getsignal(signal.SIGINT)

    def remember(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, remember)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if pressed:
            raise KeyboardInterrupt
