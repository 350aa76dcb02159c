"""Ensembles: named subsets of a ladder's runs, and how they are read from TOML."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.polynomial import Polynomial

from cod_bayes import configio
from cod_bayes.decide.costs import Costs
from cod_bayes.errors import ConfigError, DataError, join_faults
from cod_bayes.law.data import select_runs
from cod_bayes.schema import LLM
from cod_bayes.validation import validate_evals

NO_LIMIT = 1e300
MIN_COMPUTES = 2


@dataclass(frozen=True)
class Ensemble:
    """Some of a ladder's runs: those that pass every filter, thinned.

    Runs of equal parameters and tokens are one *size*.

    name
        What tables call it.
    runs
        Names of runs; empty for all.
    match
        A glob that the run's name matches, as ``size*`` or ``*_300B``.
    min_params, max_params
        Active parameters, both ends included.
    max_flops
        The largest run's training compute, FLOP.
    seeds
        At most so many runs of each size, by rising seed; 0 for all. One seed of each size against
        three is ``seeds = 1`` against ``seeds = 3``.
    every
        Of the sizes that are left, by compute, every so-manieth, counted from the largest, which
        stays: 2 is every second.
    """

    name: str
    runs: tuple[str, ...] = ()
    match: str = "*"
    min_params: float = 0.0
    max_params: float = NO_LIMIT
    max_flops: float = NO_LIMIT
    seeds: int = 0
    every: int = 1

    def __post_init__(self) -> None:
        if self.every < 1:
            raise ConfigError(
                f"Ensemble.every is 1 for all sizes, 2 for every second; got {self.every}"
            )
        if self.seeds < 0:
            raise ConfigError(f"Ensemble.seeds is a number of runs, 0 for all; got {self.seeds}")
        if not 0 <= self.min_params <= self.max_params:
            raise ConfigError(
                "Ensemble.min_params must not be negative, nor above max_params; got "
                f"{self.min_params:g} and {self.max_params:g}"
            )

    def select(self, evals: xr.Dataset) -> xr.Dataset:
        """The chosen runs with all of their checkpoints, and all anchors; no target.

        Raises
        ------
        DataError
            If a run that is named is not on the ladder, or fewer than two computes are left.
        """
        ladder = select_runs(evals, "ladder")
        known = ladder["run"].values.tolist()
        missing = [run for run in self.runs if run not in known]
        if missing:
            raise DataError(
                f"ensemble {self.name!r}: no run {missing[0]!r} on the ladder; it has "
                f"{', '.join(known)}"
            )
        chosen = self._thin(ladder.isel({LLM: np.flatnonzero(self._pass(ladder))}))
        role, run = evals["role"].values, evals["run"].values
        keep = (role == "anchor") | ((role == "ladder") & np.isin(run, chosen))
        computes = set(ladder["flops"].values[np.isin(known, chosen)].tolist())
        if len(computes) < MIN_COMPUTES:
            raise DataError(
                f"ensemble {self.name!r} has the runs {', '.join(chosen) or '(none)'}; a law needs "
                "two computes or more"
            )
        return validate_evals(evals.isel({LLM: np.flatnonzero(keep)}))

    def _pass(self, ladder: xr.Dataset) -> np.ndarray:
        """Whether each run passes the filters."""
        runs, params = ladder["run"].values, ladder["params_active"].values
        named = np.isin(runs, self.runs) if self.runs else np.ones(len(runs), dtype=bool)
        matches = np.array([fnmatchcase(str(run), self.match) for run in runs], dtype=bool)
        in_size = (params >= self.min_params) & (params <= self.max_params)
        passed: np.ndarray = named & matches & in_size & (ladder["flops"].values <= self.max_flops)
        return passed

    def _thin(self, ladder: xr.Dataset) -> list[str]:
        """Names of the runs that ``seeds`` and ``every`` leave, by rising compute."""
        sizes: dict[tuple[float, float], list[int]] = {}
        for i in np.lexsort((ladder["seed"].values, ladder["flops"].values)):
            size = float(ladder["params_active"].values[i]), float(ladder["tokens"].values[i])
            sizes.setdefault(size, []).append(int(i))
        by_compute = list(sizes.values())[:: -self.every][::-1]
        runs = ladder["run"].values
        return [str(runs[i]) for size in by_compute for i in size[: self.seeds or None]]


@dataclass(frozen=True)
class EnsemblePlan:
    """The ensembles to compare, and prices where they are given."""

    ensembles: tuple[Ensemble, ...]
    costs: Costs | None = None


@dataclass(frozen=True)
class _Terms:
    """Prices of training."""

    costs: Costs = field(default_factory=Costs)


def read_ensembles(path: str | Path) -> EnsemblePlan:
    """Read ensembles: each ``[[ensembles]]`` has the fields of :class:`Ensemble`.

    ``[costs]`` and ``[costs.hardware]``, as in :class:`cod_bayes.decide.Costs`, price them.

    Raises
    ------
    ConfigError
        For a file that cannot be read, unknown keys and values out of range: all of them at once.
    """
    document = configio.read_toml(path)
    priced = "costs" in document
    listed = document.pop("ensembles", [])
    faults: list[str] = []
    if not isinstance(listed, list) or not all(isinstance(table, Mapping) for table in listed):
        faults.append("ensembles is a list of tables. Write each as [[ensembles]]")
        listed = []
    elif not listed:
        faults.append("there are no ensembles: write at least one as [[ensembles]]")
    read = [_read(table, f"ensembles[{i}]", faults) for i, table in enumerate(listed)]
    ensembles = tuple(ensemble for ensemble in read if ensemble)
    try:
        terms = configio.revise(_Terms(), document, "prices")
    except ConfigError as fault:
        faults.append(str(fault))
    faults += name_faults(ensembles)
    if faults:
        raise ConfigError(join_faults(str(path), faults))
    return EnsemblePlan(ensembles, terms.costs if priced else None)


def name_faults(ensembles: tuple[Ensemble, ...]) -> list[str]:
    """Names that stand for more than one ensemble."""
    names = [ensemble.name for ensemble in ensembles]
    twice = dict.fromkeys(name for name in names if names.count(name) > 1)
    return [f"ensemble {name!r} stands there twice" for name in twice]


def _read(table: Mapping[str, Any], where: str, faults: list[str]) -> Ensemble | None:
    if not table.get("name"):
        faults.append(f'{where} needs a name, as name = "up to 2B"')
        return None
    try:
        return configio.revise(Ensemble(where), table, where)
    except ConfigError as fault:
        faults.append(str(fault))
        return None


def place_target(
    evals: xr.Dataset, flops: float | None, params: float | None, tokens: float | None
) -> xr.Dataset:
    """One run to be forecast, with all covariates, as methods take them.

    Compute is ``6 params tokens`` unless given. By compute alone, the run is put on the
    ladder's own lines of ln params and ln tokens in ln compute, where a law in compute is fitted.

    Returns
    -------
    xr.Dataset
        Dim target, of size one: ``flops``, ``params_active``, ``tokens``.

    Raises
    ------
    DataError
        If neither compute, nor both parameters and tokens are given.
    """
    if params is not None and tokens is not None:
        flops = 6.0 * params * tokens if flops is None else flops
    elif params is None and tokens is None and flops is not None:
        ladder = select_runs(evals, "ladder")
        log_flops, log_target = np.log(ladder["flops"].values), np.log(flops)
        params, tokens = (
            float(np.exp(Polynomial.fit(log_flops, np.log(ladder[name].values), 1)(log_target)))
            for name in ("params_active", "tokens")
        )
    else:
        raise DataError("the target needs flops, or params and tokens")
    values = {"flops": flops, "params_active": params, "tokens": tokens}
    return xr.Dataset({name: ("target", [value]) for name, value in values.items()})
