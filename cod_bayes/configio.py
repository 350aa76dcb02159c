"""Nested frozen dataclasses from TOML and back: typed, merged over defaults, all faults at once.

Nothing here knows the package's settings; :mod:`cod_bayes.config` holds those. A setting is a
``bool``, ``int``, ``float``, ``str``, a tuple of one of these, a :class:`~cod_bayes.priors.Prior`,
or another section. TOML has no null, so neither have settings: every default can be written out.
"""

import dataclasses
import difflib
import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import tomli_w

from cod_bayes.errors import ConfigError, join_faults
from cod_bayes.priors import PARAMETERS, Prior

type Values = Mapping[str, object]

# what a message calls a type, and how one is written
_KINDS = {
    bool: "true or false",
    int: "a whole number such as 10",
    float: "a finite number such as 0.5",
    str: 'a string such as "auto"',
}
_LARGEST = 1e308


def read_toml(path: str | Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    ConfigError
        If it cannot be read, or is not TOML; the message names the file and the line.
    """
    try:
        return tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as fault:
        raise ConfigError(
            f"{path} cannot be read ({fault.strerror}). Check the path; configs/default.toml "
            "has every setting"
        ) from fault
    except UnicodeDecodeError as fault:
        raise ConfigError(f"{path} is not text in UTF-8 ({fault}). Save it as UTF-8") from fault
    except tomllib.TOMLDecodeError as fault:
        raise ConfigError(f"{path} is not TOML: {fault}. Strings need quotes") from fault


def write_toml(section: object, path: str | Path) -> Path:
    """Write every setting of ``section`` to a TOML file, replacing it.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """
    try:
        Path(path).write_text(to_toml(section), encoding="utf-8")
    except OSError as fault:
        raise ConfigError(
            f"{path} cannot be written ({fault.strerror}). Name a file in a folder that exists "
            "and is yours to write"
        ) from fault
    return Path(path)


def parse_overrides(overrides: Iterable[str]) -> dict[str, Any]:
    """Turn texts like ``sampler.draws=500`` into one nested mapping; later ones win.

    Values have TOML's syntax. What is not TOML counts as a string, since shells eat quotes.

    Raises
    ------
    ConfigError
        If a text has no ``=`` or no key.
    """
    values: dict[str, Any] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        *parents, name = (part.strip() for part in key.split("."))
        if not equals or not all([*parents, name]):
            raise ConfigError(
                f"override {text!r} is not of the form section.key=value, "
                "as sampler.draws=2000 is. Write it so"
            )
        section = values
        for parent in parents:
            if not isinstance(section.get(parent), dict):
                section[parent] = {}
            section = section[parent]
        section[name] = _parse_value(value.strip())
    return values


def revise[T](section: T, changes: Values, source: str) -> T:
    """Lay ``changes`` over a section; what they do not name stays.

    A prior keeps parameters that are not named, unless its distribution changes. It keeps its
    reason only while its numbers stay, since the reason was given for those.

    Parameters
    ----------
    section
        A frozen dataclass, such as ``Config()``.
    changes
        Nested mappings, as TOML gives them.
    source
        Where the changes come from, such as a file's name; messages begin with it.

    Raises
    ------
    ConfigError
        For unknown keys, wrong types and values out of range: all of them in one message.
    """
    faults: list[str] = []
    revised: T = _revise(section, changes, "", faults)
    if faults:
        raise ConfigError(join_faults(source, faults))
    return revised


def to_mapping(section: Any) -> dict[str, Any]:
    """Turn a section into what TOML can hold, every setting included."""
    if isinstance(section, Prior):
        names = PARAMETERS[section.distribution]
        parameters = {name: float(section.parameters[name]) for name in names}
        return {"distribution": section.distribution, **parameters, "reason": section.reason}
    return {
        name: to_mapping(value) if _is_section(value) else _plain(value, hint)
        for name, hint, value in _settings(section)
    }


def to_toml(section: Any, key: str = "") -> str:
    """Write a section as TOML; the first line of its docstring heads each table."""
    values = to_mapping(section)
    lines = [] if isinstance(section, Prior) else [f"# {_summary(section)}"]
    lines += [f"[{key}]"] if key else []
    lines += [_line(name, value) for name, value in values.items() if not isinstance(value, dict)]
    text = "\n".join(lines) + "\n"
    for name, value in values.items():
        if isinstance(value, dict):
            text += "\n" + to_toml(getattr(section, name), f"{key}.{name}" if key else name)
    return text


def _revise(section: Any, changes: Values, where: str, faults: list[str]) -> Any:
    hints = {name: hint for name, hint, _ in _settings(section)}
    n_faults = len(faults)
    revised: dict[str, Any] = {}
    for name, value in changes.items():
        key = _join(where, name)
        current = getattr(section, name) if name in hints else None
        if name not in hints:
            faults.append(_unknown(where, name, hints))
        elif not _is_section(current):
            revised[name] = _convert(value, hints[name], key, faults)
        elif not isinstance(value, Mapping):
            faults.append(f"{key} is a table of settings, not {value!r}. Write [{key}]")
        elif isinstance(current, Prior):
            revised[name] = _revise_prior(current, value, key, faults)
        else:
            revised[name] = _revise(current, value, key, faults)
    if len(faults) > n_faults:
        return section
    try:
        return dataclasses.replace(section, **revised)
    except ConfigError as fault:
        # sections name themselves by their class; a file's reader knows them by their key
        faults.append(str(fault).replace(f"{type(section).__name__}.", _join(where, ""), 1))
        return section


def _revise_prior(prior: Prior, changes: Values, where: str, faults: list[str]) -> Prior:
    texts = ("distribution", "reason")
    n_faults = len(faults)
    distribution = changes.get("distribution", prior.distribution)
    known = PARAMETERS.get(str(distribution))
    numbers: dict[str, float] = {}
    for name, value in changes.items():
        if name in texts:
            _convert(value, str, _join(where, name), faults)
        elif known is not None and name not in known:
            faults.append(_unknown(where, name, ("distribution", *known, "reason")))
        else:
            numbers[name] = _convert(value, float, _join(where, name), faults)
    if len(faults) > n_faults:
        return prior
    same_kind = distribution == prior.distribution
    parameters = {**(prior.parameters if same_kind else {}), **numbers}
    unchanged = same_kind and parameters == dict(prior.parameters)
    reason = changes.get("reason", prior.reason if unchanged else "")
    try:
        return Prior(str(distribution), parameters, str(reason))
    except ConfigError as fault:
        faults.append(f"{where}: {fault}")
        return prior


def _convert(value: object, hint: Any, key: str, faults: list[str]) -> Any:
    """Give ``value`` the type ``hint``; None, and a fault, if it is of another."""
    if get_origin(hint) is tuple:
        kind = get_args(hint)[0]
        if not isinstance(value, list | tuple):
            faults.append(f"{key} must be an array, each element {_KINDS[kind]}; got {value!r}")
            return None
        return tuple(_convert(v, kind, f"{key}[{i}]", faults) for i, v in enumerate(value))
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if hint is float and is_number and -_LARGEST < value < _LARGEST:  # type: ignore[operator]
        return float(value)  # type: ignore[arg-type]
    if hint is not float and isinstance(value, hint) and (hint is not int or is_number):
        return value
    faults.append(f"{key} must be {_KINDS[hint]}; got {value!r}")
    return None


def _parse_value(text: str) -> object:
    try:
        document = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return document["value"] if len(document) == 1 else text


def _unknown(where: str, name: str, known: Collection[str]) -> str:
    near = [_join(where, match) for match in difflib.get_close_matches(name, known)]
    guess = f"did you mean {' or '.join(near)}? " if near else ""
    place = f"[{where}]" if where else "the top level"
    return f"{_join(where, name)} is no setting; {guess}{place} has {', '.join(known)}"


def _settings(section: Any) -> list[tuple[str, Any, Any]]:
    """List a section's settings: name, type, value."""
    hints = get_type_hints(type(section))
    return [(f.name, hints[f.name], getattr(section, f.name)) for f in dataclasses.fields(section)]


def _is_section(value: object) -> bool:
    return dataclasses.is_dataclass(value)


def _join(where: str, name: str) -> str:
    return f"{where}.{name}" if where else name


def _plain(value: Any, hint: Any) -> Any:
    """One spelling for equal values: 1 where 1.0 is meant would give another digest."""
    if get_origin(hint) is tuple:
        return [_plain(item, get_args(hint)[0]) for item in value]
    return float(value) if hint is float else value


def _line(name: str, value: Any) -> str:
    if isinstance(value, list):  # tomli_w spreads arrays over lines
        return f"{name} = [{', '.join(_line('', item).removeprefix(' = ') for item in value)}]"
    return f"{name} = {tomli_w.dumps({'value': value}).removeprefix('value = ').rstrip()}"


def _summary(section: Any) -> str:
    return (type(section).__doc__ or "").strip().partition("\n")[0]
