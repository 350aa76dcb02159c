"""A decision's plan from TOML: candidates, values, costs, the attitude to risk, and pilots."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import pandas as pd

from cod_bayes import configio
from cod_bayes.decide.allocation import Risk
from cod_bayes.decide.costs import Costs
from cod_bayes.decide.pilots import NewRun, Pilot, Remeasure
from cod_bayes.decide.values import PointValue, ThresholdValue, Value
from cod_bayes.errors import ConfigError, join_faults

CANDIDATE_KEYS = ("name", "params", "tokens", "flops", "copies")
VALUE_KINDS = {"per_point": PointValue, "threshold": ThresholdValue}


@dataclass(frozen=True)
class Terms:
    """Prices, limits and risk of a decision."""

    costs: Costs = field(default_factory=Costs)
    risk: Risk = field(default_factory=Risk)


@dataclass(frozen=True)
class Plan:
    """All that :func:`cod_bayes.allocate` and :func:`cod_bayes.suggest` need besides the fit.

    candidates
        ``name``, ``params``, ``tokens``, ``flops``, ``copies``, as far as given.
    pilots
        What could be bought before choosing.
    """

    candidates: pd.DataFrame
    values: tuple[Value, ...]
    costs: Costs
    risk: Risk
    pilots: tuple[Pilot, ...] = ()


def read_plan(path: str | Path, overrides: Iterable[str] = ()) -> Plan:
    """Read a plan.

    ``[costs]``, ``[costs.hardware]`` and ``[risk]`` are as in their classes. Each ``[[values]]``
    has a ``benchmark``, and ``per_point``, or ``threshold`` with ``payoff`` and ``penalty``. Each
    ``[[candidates]]`` is a run; ``[grid]`` has lists whose every combination is one, of ``params``
    and ``tokens``, or ``flops`` and ``params``. Each ``[[pilots]]`` has a ``name``, and is a new
    run (:class:`~cod_bayes.decide.NewRun`), or ``run`` names a run of the ladder to be evaluated
    again (:class:`~cod_bayes.decide.Remeasure`). A plan of pilots alone needs no candidates.

    Raises
    ------
    ConfigError
        For a file that cannot be read, unknown keys and values out of range: all of them at once.
    """
    document = configio.read_toml(path)
    listed = {name: document.pop(name, []) for name in ("values", "candidates", "pilots")}
    grid = document.pop("grid", {})
    terms = configio.revise(Terms(), document, str(path))
    terms = configio.revise(terms, configio.parse_overrides(overrides), "overrides")
    faults: list[str] = []
    values = [_read_value(v, i, faults) for i, v in enumerate(_tables(listed, "values", faults))]
    rows = [_read_run(c, f"candidates[{i}]", faults)
            for i, c in enumerate(_tables(listed, "candidates", faults))]  # fmt: skip
    rows += _read_grid(grid, faults)
    pilots = [_read_pilot(t, i, faults) for i, t in enumerate(_tables(listed, "pilots", faults))]
    if not rows and not pilots and not faults:
        faults.append("there are no candidates: write [[candidates]] or [grid]")
    if faults:
        raise ConfigError(join_faults(str(path), faults))
    return Plan(
        pd.DataFrame(_name(rows) if rows else []),
        tuple(value for value in values if value),
        terms.costs,
        terms.risk,
        tuple(pilot for pilot in pilots if pilot),
    )


def _tables(listed: Mapping[str, Any], name: str, faults: list[str]) -> list[Mapping[str, Any]]:
    tables = listed[name]
    if isinstance(tables, list) and all(isinstance(table, Mapping) for table in tables):
        return tables
    faults.append(f"{name} is a list of tables. Write each as [[{name}]]")
    return []


def _read_value(table: Mapping[str, Any], position: int, faults: list[str]) -> Value | None:
    where = f"values[{position}]"
    kinds = [kind for kind in VALUE_KINDS if kind in table]
    if len(kinds) != 1:
        faults.append(f"{where} needs either per_point, or threshold and payoff")
        return None
    made = VALUE_KINDS[kinds[0]]
    known = {f.name for f in fields(made)}
    unknown = sorted(set(table) - known)
    if unknown:
        faults.append(f"{where} has no {unknown[0]}; it has {', '.join(sorted(known))}")
        return None
    numbers = {name: value for name, value in table.items() if name != "benchmark"}
    if not isinstance(table.get("benchmark"), str):
        faults.append(f"{where} needs the name of a benchmark")
        return None
    if not _all_numbers(numbers, where, faults):
        return None
    try:
        value: Value = made(**table)
    except (ConfigError, TypeError) as fault:
        faults.append(f"{where}: {fault}")
        return None
    return value


def _read_pilot(table: Mapping[str, Any], position: int, faults: list[str]) -> Pilot | None:
    where = f"pilots[{position}]"
    made = Remeasure if "run" in table else NewRun
    known = {f.name for f in fields(made)}
    unknown = sorted(set(table) - known)
    labels = [label for label in ("name", "run") if label in known]
    if unknown:
        faults.append(f"{where} has no {unknown[0]}; it has {', '.join(sorted(known))}")
    faults += [f"{where} needs a {label}, a text" for label in labels
               if not isinstance(table.get(label), str)]  # fmt: skip
    numbers = {name: value for name, value in table.items() if name not in labels}
    if made is Remeasure and "price" not in table:
        faults.append(f"{where} needs a price: nothing is trained that could be priced")
    if not _all_numbers(numbers, where, faults) or faults:
        return None
    try:
        pilot: Pilot = made(**table)
    except (ConfigError, TypeError) as fault:
        faults.append(f"{where}: {fault}")
        return None
    return pilot


def _read_run(table: Mapping[str, Any], where: str, faults: list[str]) -> dict[str, Any]:
    unknown = [name for name in table if name not in CANDIDATE_KEYS]
    if unknown:
        faults.append(f"{where} has no {unknown[0]}; it has {', '.join(CANDIDATE_KEYS)}")
    _all_numbers({n: v for n, v in table.items() if n != "name"}, where, faults)
    return dict(table)


def _read_grid(grid: Any, faults: list[str]) -> list[dict[str, Any]]:
    """Every combination of the grid's lists."""
    if not isinstance(grid, Mapping) or not all(isinstance(v, list) for v in grid.values()):
        faults.append("grid has lists: params = [7e9, 70e9], tokens = [1e12, 15e12]")
        return []
    for name, entries in grid.items():
        if name not in CANDIDATE_KEYS[1:]:
            faults.append(f"grid has no {name}; it has {', '.join(CANDIDATE_KEYS[1:])}")
        for entry in entries:
            _all_numbers({name: entry}, "grid", faults)
    if not grid:
        return []
    return [dict(zip(grid, run, strict=True)) for run in itertools.product(*grid.values())]


def _all_numbers(values: Mapping[str, Any], where: str, faults: list[str]) -> bool:
    wrong = [n for n, v in values.items() if isinstance(v, bool) or not isinstance(v, int | float)]
    faults += [f"{where}.{name} must be a number; got {values[name]!r}" for name in wrong]
    return not wrong


def _name(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Runs without a name are called by what they are, in as few digits as tell them apart."""
    for digits in (3, 6, 17):
        names = [row.get("name") or _describe(row, digits) for row in rows]
        if len(set(names)) == len(names):
            break
    return [{**row, "name": name} for name, row in zip(names, rows, strict=True)]


def _describe(row: Mapping[str, Any], digits: int) -> str:
    if "params" in row and "tokens" in row:
        return f"{row['params'] / 1e9:.{digits}g}B x {row['tokens'] / 1e12:.{digits}g}T"
    of_size = f", {row['params'] / 1e9:.{digits}g}B" if "params" in row else ""
    return f"{row['flops']:.{digits}g} FLOP{of_size}" if "flops" in row else "?"
