"""Ensembles compared: how narrow, how right and how dear a forecast each of them makes."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import joblib
import numpy as np
import pandas as pd
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.decide.costs import Costs
from cod_bayes.decide.ensemble_scores import (
    ENSEMBLE,
    describe_difference,
    describe_forecast,
    find_frontier,
    summarise_backtest,
)
from cod_bayes.decide.ensembles import Ensemble, name_faults
from cod_bayes.errors import CodBayesError, ConfigError, DataError
from cod_bayes.evaluation.backtest import forecast_case
from cod_bayes.evaluation.splits import find_levels, rolling_origin
from cod_bayes.law.curves import load_curve
from cod_bayes.law.data import select_runs
from cod_bayes.methods import Variant, parse_variant
from cod_bayes.methods.end_to_end import FittedRows
from cod_bayes.methods.point_scores import log_scale_of_targets
from cod_bayes.methods.protocol import DRAW, TARGET, keep_covariates
from cod_bayes.propagate import Chain, chain_benchmarks, expect_score
from cod_bayes.schema import BENCHMARK, ITEM, LLM, N_TRIALS

EXPECTED_SCORE, NEW_RUN = "expected score", "one new run's score"
Report = Callable[[str], None]


@dataclass(frozen=True)
class Judgement:
    """One ensemble's forecast and backtest.

    forecast
        Draws (draw, benchmark, target) of one new run's score, and of its expected score where
        the method has it, else None.
    backtest
        Scored forecasts of the ensemble's own larger runs, see
        :func:`cod_bayes.evaluation.backtest.forecast_case`; empty with too few sizes.
    """

    evals: xr.Dataset
    forecast: xr.DataArray
    expected: xr.DataArray | None
    backtest: pd.DataFrame


def compare(
    evals: xr.Dataset,
    ensembles: Sequence[Ensemble],
    targets: xr.Dataset,
    config: Config | None = None,
    *,
    method: str = "end-to-end-exp",
    costs: Costs | None = None,
    truth: xr.DataArray | None = None,
    reference: str = "",
    min_levels: int = 4,
    n_jobs: int = 1,
    random_seed: int = 0,
    report: Report | None = None,
) -> xr.Dataset:
    """Compare what different small models, as a ladder, would let one forecast.

    Every ensemble is fitted to the same items: those tried on every run of any of them. Anchors
    stay in all. Narrow is not right: a short ladder can be sure of a wrong forecast, so read the
    width beside the backtest, and beside the error where the target's truth is known.

    *Backtest*: a rolling origin within the ensemble (all runs above each of its computes are
    hidden, from ``min_levels`` computes on). It forecasts over a shorter distance than the
    target's, which makes it easier; ``decades`` and ``backtest_decades`` say by how much.

    *Difference*: the ensemble's forecast less the reference's. Fits are sampled apart, so that
    draws of parameters cannot be paired; what the new run itself brings can: the end-to-end law's
    luck and residual are integrated out (its expected score). Of other methods the draws are of
    one new run, from one seed. Treating the two posteriors as independent although they share
    data makes the interval too wide rather than too narrow.

    Parameters
    ----------
    evals
        Evaluation data of the whole ladder.
    ensembles
        Two or more subsets to compare, or one to judge.
    targets
        Dim target: ``flops``, ``params_active``, ``tokens``; see
        :func:`cod_bayes.methods.describe_targets`.
    config
        Settings shared by all fits.
    method
        A forecaster, as :func:`cod_bayes.methods.parse_variant` reads it.
    costs
        Prices a GPU-hour, if wanted.
    truth
        Dims (benchmark, target): the targets' scores in [0, 1]. For scoring alone.
    reference
        The ensemble that others are compared with; the first by default.
    min_levels
        Computes below the first origin of the backtests.
    n_jobs
        Processes.
    random_seed
        The seed of every fit and forecast alike: ensembles share what can be shared.
    report
        Called with a line for every ensemble that is done.

    Returns
    -------
    xr.Dataset
        Scores as shares of 1; intervals are equal-tailed, of one new run's score. By ensemble:
        ``n_runs``, ``n_levels``, ``flops`` (sum over the final checkpoints of its runs), ``price``
        (with costs), ``passed`` (the sampler's gate), ``backtest_n``, ``backtest_decades``,
        ``backtest_mae`` and ``backtest_crps`` with ``*_se``, ``backtest_coverage`` (ci_prob) with
        ``*_low`` and ``*_high`` (95 %, bootstrap over benchmarks; NaN with one benchmark unless
        the share is 0 or 1). By (ensemble, benchmark, target): ``median``, ``interval`` (ci_prob,
        ci_bound), ``width`` (ci_prob), ``difference`` with ``difference_lower`` and ``_upper``
        (90 %), ``p_larger``; with truth ``error``, ``crps``, ``inside`` (ci_prob). By (ensemble,
        target): ``decades`` beyond its largest run, ``mean_width`` (ci_prob) over benchmarks, and
        ``efficient``: no other ensemble is as cheap and as narrow at 90 %, and better in one.
        Attributes: ``method``, ``reference``, ``difference_of``, ``ci_kind``, ``notes`` (JSON).

    Raises
    ------
    ConfigError
        For ensembles of equal names, an unknown reference or method.
    DataError
        If an ensemble cannot be fitted, or ensembles share no items.
    """
    config, say = config or Config(), report or (lambda line: None)
    faults = name_faults(tuple(ensembles))
    if faults or not ensembles:
        raise ConfigError("; ".join(faults) or "there are no ensembles to compare")
    names = [ensemble.name for ensemble in ensembles]
    reference = reference or names[0]
    if reference not in names:
        raise ConfigError(f"there is no ensemble {reference!r}; there are {', '.join(names)}")
    if n_jobs > 1:  # processes share the cores; chains of one fit need not
        config = replace(config, sampler=replace(config.sampler, cores=1))
    variant, targets = parse_variant(method), keep_covariates(targets)
    truth = None if truth is None else align_truth(truth, evals, targets)
    chosen, notes = keep_shared_items([ensemble.select(evals) for ensemble in ensembles])
    judged = joblib.Parallel(n_jobs=n_jobs, return_as="generator")(
        joblib.delayed(judge)(name, own, variant, targets, config, min_levels, random_seed)
        for name, own in zip(names, chosen, strict=True)
    )
    judgements: dict[str, Judgement] = {}
    for name, judgement in zip(names, judged, strict=True):
        judgements[name] = judgement
        say(f"{name}: {select_runs(judgement.evals, 'ladder').sizes[LLM]} runs, done")
    table = assemble(judgements, targets, reference, costs, truth)
    table.attrs |= {
        "method": variant.label,
        "flop_convention": str(evals.attrs.get("flop_convention", "not stated")),
        "notes": json.dumps(notes + note_backtests(judgements, min_levels)),
    }
    return table


def assemble(
    judgements: dict[str, Judgement],
    targets: xr.Dataset,
    reference: str,
    costs: Costs | None,
    truth: xr.DataArray | None,
) -> xr.Dataset:
    """Put all that is said of the ensembles into one table; see :func:`compare`."""
    pairs, difference_of = choose_pairs(judgements)
    parts = [
        xr.merge(
            [
                describe_ladder(judgement, targets, costs),
                describe_forecast(judgement.forecast, truth),
                describe_difference(pairs[name], pairs[reference], is_reference=name == reference),
            ]
        )
        for name, judgement in judgements.items()
    ]
    about = {ENSEMBLE: list(judgements), "target_flops": (TARGET, targets["flops"].values)}
    table = xr.concat(parts, dim=ENSEMBLE).assign_coords(about)
    table["mean_width"] = table["width"].mean(BENCHMARK, skipna=False)
    table["efficient"] = find_frontier(table)
    if truth is not None:
        table["truth"] = truth.sel({BENCHMARK: table[BENCHMARK]})
    table.attrs = {"reference": reference, "difference_of": difference_of, "ci_kind": "eti"}
    return table


def align_truth(truth: xr.DataArray, evals: xr.Dataset, targets: xr.Dataset) -> xr.DataArray:
    """The targets' scores in the order of targets, dims (benchmark, target); NaN where unknown.

    Raises
    ------
    DataError
        If it is of another number of targets.
    """
    n_targets = targets.sizes[TARGET]
    if set(truth.dims) != {BENCHMARK, TARGET} or truth.sizes[TARGET] != n_targets:
        raise DataError(
            f"truth must have the dims benchmark and target, of {n_targets} targets; it has "
            f"{dict(truth.sizes)}"
        )
    names = list(dict.fromkeys(evals[BENCHMARK].values.tolist()))
    aligned = truth.transpose(BENCHMARK, TARGET).reset_coords(drop=True)
    return aligned.reindex({BENCHMARK: names}).assign_coords({TARGET: targets[TARGET].values})


def keep_shared_items(chosen: Sequence[xr.Dataset]) -> tuple[list[xr.Dataset], list[str]]:
    """Keep the items that were tried on every final run of every ensemble.

    Raises
    ------
    DataError
        If there are none.
    """
    tried = np.all(
        [(select_runs(own, "ladder")[N_TRIALS].values > 0).all(axis=0) for own in chosen], axis=0
    )
    if not tried.any():
        raise DataError("no item was tried on every run of all ensembles; compare fewer runs")
    notes = []
    of_item = chosen[0][BENCHMARK].values
    for name in dict.fromkeys(of_item[~tried]):
        own = of_item == name
        notes.append(
            f"{name}: {(own & ~tried).sum()} of {own.sum()} items are left out, since some run "
            "did not try them; its truth should be of the rest"
        )
    return [own.isel({ITEM: np.flatnonzero(tried)}) for own in chosen], notes


def judge(
    name: str,
    evals: xr.Dataset,
    variant: Variant,
    targets: xr.Dataset,
    config: Config,
    min_levels: int,
    random_seed: int,
) -> Judgement:
    """Fit one ensemble, forecast the targets, and backtest it on its own larger runs."""
    try:
        fitted = variant.method.fit(evals, variant.configure(config), random_seed=random_seed)
        forecast = variant.method.predict(fitted, targets, random_seed=random_seed)
    except CodBayesError as fault:
        raise type(fault)(f"ensemble {name!r}: {fault}") from fault
    expected = expect_rows(fitted, targets) if isinstance(fitted, FittedRows) else None
    enough = len(find_levels(evals, "flops")) > min_levels
    cases = rolling_origin(evals, min_levels) if enough else ()
    rows = [forecast_case(case, variant, config, random_seed) for case in cases]
    backtest = pd.concat(rows, ignore_index=True).assign(study=name) if rows else pd.DataFrame()
    return Judgement(evals, forecast, expected, backtest)


def expect_rows(fitted: FittedRows, targets: xr.Dataset) -> xr.DataArray:
    """The end-to-end law's expected scores, luck and residuals integrated out, as draws."""
    log_scale = log_scale_of_targets(targets, fitted.reference)
    make = partial(Chain, curve=load_curve(fitted.curve))
    chains = chain_benchmarks(fitted.posterior, fitted.rows["n_questions"], log_scale, make)
    return xr.DataArray(
        np.stack([expect_score(chain) for chain in chains.values()], axis=1),
        dims=(DRAW, BENCHMARK, TARGET),
        coords={BENCHMARK: list(chains), TARGET: targets[TARGET].values},
    )


def choose_pairs(judgements: dict[str, Judgement]) -> tuple[dict[str, xr.DataArray], str]:
    """The draws that differences are of: expected scores if every forecast has them."""
    expected = {n: j.expected for n, j in judgements.items() if j.expected is not None}
    if len(expected) == len(judgements):
        return expected, EXPECTED_SCORE
    return {name: judgement.forecast for name, judgement in judgements.items()}, NEW_RUN


def describe_ladder(judgement: Judgement, targets: xr.Dataset, costs: Costs | None) -> xr.Dataset:
    """What an ensemble is and costs, how far it forecasts, and how its backtests went."""
    runs = select_runs(judgement.evals, "ladder")
    flops = float(runs["flops"].sum())
    about = {
        "n_runs": runs.sizes[LLM],
        "n_levels": len(find_levels(judgement.evals, "flops")),
        "flops": flops,
        "passed": bool(judgement.forecast.attrs["passed"]),
        "decades": (TARGET, np.log10(targets["flops"].values / float(runs["flops"].max()))),
    }
    if costs is not None:
        about["price"] = float(costs.price_training(flops))
    described = xr.Dataset(about, coords={TARGET: targets[TARGET].values})
    return described.assign(summarise_backtest(judgement.backtest))


def note_backtests(judgements: dict[str, Judgement], min_levels: int) -> list[str]:
    """Say which ensembles could not be backtested, and which fits failed the gate."""
    notes = []
    for name, judgement in judgements.items():
        if judgement.backtest.empty:
            n_levels = len(find_levels(judgement.evals, "flops"))
            notes.append(
                f"{name}: no backtest, since its {n_levels} computes leave none to hide above "
                f"{min_levels}"
            )
        if not judgement.forecast.attrs["passed"]:
            notes.append(f"{name}: the sampler's gate failed, so its forecast cannot be trusted")
    return notes
