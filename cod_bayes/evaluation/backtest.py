"""Backtests: every method forecasts models whose results are known but were hidden from it."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import CodBayesError, DataError
from cod_bayes.evaluation.results import (
    QUANTILES,
    name_part,
    quantiles_of,
    read_part,
    write_part,
)
from cod_bayes.evaluation.scores import score_forecast
from cod_bayes.evaluation.splits import TARGET, Case
from cod_bayes.evaluation.studies import Study
from cod_bayes.methods import Method, Variant, parse_variant
from cod_bayes.methods.average import Pool
from cod_bayes.methods.summary import summarise_draws
from cod_bayes.schema import BENCHMARK, LLM

LOG = logging.getLogger(__name__)

Report = Callable[[str], None]


def backtest(
    studies: Sequence[Study],
    methods: Sequence[str],
    config: Config | None = None,
    *,
    folder: Path,
    n_jobs: int = 1,
    random_seed: int = 0,
    report: Report | None = None,
) -> pd.DataFrame:
    """Forecast every case of every study by every method, and score the forecasts.

    Parameters
    ----------
    studies
        See :mod:`cod_bayes.evaluation.studies`.
    methods
        As :func:`cod_bayes.methods.parse_variant` reads them. Pools (``average``, ``stacked``) are
        made of their members' forecasts, which run too if they are not asked for; ``stacked``
        learns its weights from the cases of all other seeds and studies in this run.
    config
        Settings shared by all methods.
    folder
        Where results are kept. What stands there already is not run again.
    n_jobs
        Processes; run inside ``joblib.parallel_config("dask")`` to use a cluster.
    random_seed
        Seed of all that is random in methods.
    report
        Called with a line for every part that is done.

    Returns
    -------
    pd.DataFrame
        As :func:`cod_bayes.evaluation.results.read_results`, of this run's methods and cases only.

        ``attrs["faults"]`` lists what went wrong in parts that were not scored.

    Raises
    ------
    DataError
        If nothing could be scored.
    """
    config, say = config or Config(), report or (lambda line: None)
    if n_jobs > 1:  # processes share the cores; chains of one fit need not
        config = replace(config, sampler=replace(config.sampler, cores=1))
    variants = _with_members([parse_variant(text) for text in methods])
    plain = [variant for variant in variants if not isinstance(variant.method, Pool)]
    cells = [(s, c, v) for v in plain for s in studies for c in s.cases]
    # one method after the other: a worker keeps the graph that it has compiled
    outcomes = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(run_cell)(study, case, variant, config, folder, random_seed)
        for study, case, variant in cells
    )
    parts, faults = [], []
    for (study, case, variant), (rows, fault) in zip(cells, outcomes, strict=True):
        where = f"{study.name} · {case} · {variant.label}"
        if fault:
            faults.append(f"{where}: {fault}")
        else:
            parts.append(rows)
        say(f"{where}: {fault or 'done'}")
    if not parts:
        raise DataError("no forecast was made:\n  - " + "\n  - ".join(faults))
    table = pd.concat(parts, ignore_index=True)
    pools = [variant for variant in variants if isinstance(variant.method, Pool)]
    table = pd.concat([table, *(pool_forecasts(table, pool) for pool in pools)], ignore_index=True)
    for fault in faults:
        LOG.warning("not scored: %s", fault)
    table.attrs["faults"] = faults
    return table


def run_cell(
    study: Study, case: str, variant: Variant, config: Config, folder: Path, random_seed: int
) -> tuple[pd.DataFrame, str]:
    """Run one method on one case, or take what an earlier run left.

    Returns
    -------
    rows, fault
        The fault is empty unless something went wrong that is no property of the data; the rows
        are then not kept, and the cell runs again next time.
    """
    part = name_part(study.name, case, study.data, variant, config, random_seed)
    done = read_part(folder, part)
    if done is not None:
        return done, ""
    try:
        rows = forecast_case(study.load(case), variant, config, random_seed)
    except CodBayesError as fault:
        return pd.DataFrame(), str(fault)
    except BaseException as fault:  # a panic of the sampler is no Exception
        if isinstance(fault, KeyboardInterrupt | SystemExit):
            raise
        return pd.DataFrame(), f"unexpected {type(fault).__name__}: {fault}"
    rows.insert(0, "study", study.name)
    write_part(rows, folder, part)
    return rows, ""


def forecast_case(case: Case, variant: Variant, config: Config, random_seed: int) -> pd.DataFrame:
    """Fit, forecast and score one method on one case: a row for each benchmark and target."""
    start = time.perf_counter()
    try:
        fitted = variant.method.fit(case.evals, variant.configure(config), random_seed=random_seed)
        draws = variant.method.predict(fitted, case.targets, random_seed=random_seed)
        lack = ""
    except DataError as error:  # the method does not apply: a result like any other
        draws, lack = _no_draws(case), str(error)
    seconds = time.perf_counter() - start
    rows = []
    for benchmark in case.truth[BENCHMARK].values:
        for target in case.truth[TARGET].values:
            at = {BENCHMARK: benchmark, TARGET: target}
            known = benchmark in draws[BENCHMARK]
            quantiles = summarise_draws(draws.sel(at).values if known else [])
            truth = float(case.truth.sel(at))
            missing = bool(np.isnan(quantiles).any())
            rows.append(
                _describe(case, variant, str(benchmark), int(target))
                | {
                    "truth": truth,
                    "passed": int(draws.attrs["passed"]),
                    "draws_are": draws.attrs["draws_are"],
                    "reason": (lack or _find_reason(draws, str(benchmark))) if missing else "",
                    "seconds": seconds,
                    QUANTILES: quantiles,
                }
                | score_forecast(quantiles, truth)
            )
    return pd.DataFrame(rows)


def _no_draws(case: Case) -> xr.DataArray:
    names = case.truth[BENCHMARK].values
    empty = {str(name): np.full((1, case.targets.sizes[TARGET]), np.nan) for name in names}
    return Method.label_draws(empty, "none")


def pool_forecasts(table: pd.DataFrame, pool: Variant) -> pd.DataFrame:
    """Make a pool's forecasts of its members' in ``table``, and score them.

    Weights for a seed are learnt from the rows of other seeds and studies.
    """
    method = pool.method
    assert isinstance(method, Pool)
    cell = ["study", "case", "seed", BENCHMARK, TARGET]
    first = table.drop_duplicates(cell).set_index(cell).sort_index()
    of_members = [
        table[table["method"] == member.label].set_index(cell).reindex(first.index)
        for member in method.parse_members()
    ]
    members = np.array([quantiles_of(rows) for rows in of_members])
    truth = first["truth"].to_numpy()
    group = first.index.droplevel(["case", BENCHMARK, TARGET])
    pooled = np.empty(members.shape[1:])
    for here in (group == value for value in group.unique()):
        weights = method.weigh(members[:, ~here], truth[~here])
        pooled[here] = [method.combine(members[:, row], weights) for row in np.flatnonzero(here)]
    about = {
        "method": pool.label,
        "passed": np.min([rows["passed"].fillna(1) for rows in of_members], axis=0).astype(int),
        "seconds": np.nansum([rows["seconds"] for rows in of_members], axis=0),
        "draws_are": "pool",
        "reason": np.where(np.isnan(pooled[:, 0]), "no member has a forecast", ""),
        QUANTILES: list(pooled),
    }
    scores = pd.DataFrame([score_forecast(q, y) for q, y in zip(pooled, truth, strict=True)])
    return first.reset_index().assign(**about, **scores)


def _with_members(variants: Iterable[Variant]) -> list[Variant]:
    """The variants and the members of pools, each label once."""
    chosen: dict[str, Variant] = {}
    for variant in variants:
        if isinstance(variant.method, Pool):
            chosen |= {member.label: member for member in variant.method.parse_members()}
        chosen[variant.label] = variant
    return list(chosen.values())


def _describe(case: Case, variant: Variant, benchmark: str, at: int) -> dict[str, object]:
    """What a row is about."""
    is_ladder = case.evals["role"].values == "ladder"
    largest = float(case.evals["flops"].values[is_ladder].max())
    target = case.targets.isel({TARGET: at})
    return {
        "case": case.name,
        "seed": case.seed,
        "method": variant.label,
        BENCHMARK: benchmark,
        TARGET: str(target["target_llm"].item()),
        "flops": float(target["flops"]),
        "decades": float(np.log10(float(target["flops"]) / largest)),
        "n_runs": len(set(case.evals.isel({LLM: is_ladder})["run"].values.tolist())),
    }


def _find_reason(draws: xr.DataArray, benchmark: str) -> str:
    """The method's own remark on a benchmark without a forecast."""
    notes: list[str] = json.loads(draws.attrs["notes"])
    return next((n for n in notes if n.startswith(f"{benchmark}:")), "no forecast")
