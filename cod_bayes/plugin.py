"""Objects of the user's own, named in a configuration as ``module:attribute``."""

import importlib
from collections.abc import Iterable

from cod_bayes.errors import ConfigError


def load_object[T](name: str, kind: type[T], key: str, known: Iterable[str]) -> T:
    """Import ``module:attribute`` and check what it is.

    Raises
    ------
    ConfigError
        If nothing can be imported under that name, or it is no ``kind``.
    """
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(
            f"{key} is {name!r}: neither one of {', '.join(known)} nor an importable "
            f"module:attribute ({error})"
        ) from error
    if not isinstance(found, kind):
        raise ConfigError(f"{key} {name!r} is a {type(found).__name__}, not a {kind.__name__}")
    return found
