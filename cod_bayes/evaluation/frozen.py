"""Frozen forecasts: written, hashed and dated before the truth is known; scored once, later.

A frozen forecast is a JSON file: what was asked, by which method and settings, from which data, the
forecast's quantiles, and the SHA-256 of all of that. Publish the hash (a commit does) and nobody
can say later that the forecast was made to fit.
"""

import datetime
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from cod_bayes import __version__
from cod_bayes.atomic import write_whole
from cod_bayes.config import Config
from cod_bayes.errors import DataError, ModelFileError
from cod_bayes.evaluation.scores import score_forecast
from cod_bayes.methods import Variant
from cod_bayes.methods.protocol import COVARIATES, TARGET
from cod_bayes.methods.summary import summarise_draws
from cod_bayes.schema import BENCHMARK

FORMAT = "cod-bayes frozen forecast 1"
DIGITS = 6


def freeze(
    evals: xr.Dataset,
    variant: Variant,
    targets: xr.Dataset,
    path: Path,
    *,
    config: Config | None = None,
    random_seed: int = 0,
) -> dict[str, Any]:
    """Fit, forecast, and write the forecast to a file that must not exist yet.

    Parameters
    ----------
    evals
        Evaluation data, dims (llm, item).
    variant
        From :func:`cod_bayes.methods.parse_variant`.
    targets
        Dim target, see :func:`cod_bayes.methods.describe_targets`.
    path
        A new ``.json`` file.

    Returns
    -------
    dict
        What was written.

    Raises
    ------
    DataError
        If the file exists: a frozen forecast is never replaced.
    """
    _check_new(path, "a frozen forecast is never replaced; name another file")
    config = variant.configure(config or Config())
    fitted = variant.method.fit(evals, config, random_seed=random_seed)
    draws = variant.method.predict(fitted, targets, random_seed=random_seed)
    record: dict[str, Any] = {
        "format": FORMAT,
        "version": __version__,
        "frozen": _now(),
        "method": variant.label,
        "draws_are": draws.attrs["draws_are"],
        "gate_passed": bool(draws.attrs["passed"]),
        "random_seed": random_seed,
        "config": config.to_mapping(),
        "data": {
            "sha256": digest_evals(evals),
            "flop_convention": str(evals.attrs.get("flop_convention", "not stated")),
            "sources": json.loads(str(evals.attrs.get("sources", "[]"))),
        },
        "targets": {name: targets[name].values.tolist() for name in COVARIATES},
        "notes": json.loads(draws.attrs["notes"]),
        "quantiles": _quantiles(draws),
    }
    record["sha256"] = digest_record(record)
    _write(record, path)
    return record


def read_frozen(path: Path) -> dict[str, Any]:
    """Read a frozen forecast and check that it is as it was written.

    Raises
    ------
    DataError
        If there is no file.
    ModelFileError
        If it is no frozen forecast, or was changed since.
    """
    if not path.is_file():
        raise DataError(f"there is no file {path}; make one with: cod-bayes freeze")
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        is_frozen = record.get("format") == FORMAT
    except (ValueError, AttributeError) as error:
        raise ModelFileError(f"{path} is no JSON of a frozen forecast ({error})") from error
    if not is_frozen:
        raise ModelFileError(f"{path} is no frozen forecast of this version ({FORMAT})")
    if digest_record(record) != record.get("sha256"):
        raise ModelFileError(
            f"{path} was changed after it was frozen: its content does not give its SHA-256; "
            "score the original"
        )
    return record


def score_frozen(path: Path, truth: Mapping[str, float], *, target: int = 0) -> dict[str, Any]:
    """Score a frozen forecast, once: the scores stand beside it and are not made again.

    Parameters
    ----------
    truth
        Benchmark -> the target's measured score in [0, 1].
    target
        Which of the targets, if there are several.

    Returns
    -------
    dict
        ``forecast`` (its hash and date), ``scored`` (date), ``truth``, and ``scores`` by benchmark
        (:func:`cod_bayes.evaluation.scores.score_forecast`); benchmarks without a truth or without
        a forecast are listed.

    Raises
    ------
    DataError
        If it was scored before, if a truth is no score, or if no benchmark has both.
    """
    record = read_frozen(path)
    scored = path.with_name(f"{path.stem}.score-{target}.json")
    _check_new(scored, "this forecast was scored before; its scores stand there")
    wrong = {name: value for name, value in truth.items() if not 0 <= value <= 1}
    if wrong:
        raise DataError(f"scores are fractions within [0, 1]; got {wrong}")
    forecasts = record["quantiles"]
    both = [n for n in forecasts if n in truth and forecasts[n][target] is not None]
    if not both:
        raise DataError(
            f"no benchmark has a forecast and a truth: forecast {', '.join(forecasts)}; "
            f"truth {', '.join(truth)}"
        )
    scores = {n: score_forecast(np.array(forecasts[n][target]), truth[n]) for n in both}
    result = {
        "forecast": {name: record[name] for name in ("sha256", "frozen", "method")},
        "scored": _now(),
        "truth": {name: float(truth[name]) for name in both},
        "without_truth": [name for name in forecasts if name not in truth],
        "without_forecast": [name for name in truth if name not in both],
        "scores": scores,
    }
    _write(result, scored)
    return result


def digest_record(record: Mapping[str, Any]) -> str:
    """SHA-256 of a record's canonical JSON, its own hash left out."""
    content = {name: value for name, value in record.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def digest_evals(evals: xr.Dataset) -> str:
    """SHA-256 over all variables and coordinates of evaluation data."""
    digest = hashlib.sha256()
    for name in sorted(map(str, evals.variables)):
        values = evals[name].values
        plain = values.astype(str) if values.dtype.kind in "UOT" else np.ascontiguousarray(values)
        digest.update(f"{name}{plain.dtype}{plain.shape}".encode())
        digest.update(plain.tobytes())
    return digest.hexdigest()


def _quantiles(draws: xr.DataArray) -> dict[str, list[list[float] | None]]:
    """Benchmark -> a list of quantiles for each target; None where there is no forecast."""
    by_benchmark = {}
    for name in draws[BENCHMARK].values:
        of_targets = draws.sel({BENCHMARK: name}).transpose(TARGET, ...).values
        rows = [summarise_draws(row).round(DIGITS) for row in of_targets]
        by_benchmark[str(name)] = [None if np.isnan(row).any() else row.tolist() for row in rows]
    return by_benchmark


def _check_new(path: Path, why: str) -> None:
    if path.exists():
        raise DataError(f"{path} exists: {why}")


def _write(record: Mapping[str, Any], path: Path) -> None:
    with write_whole(path) as partial:
        partial.write_text(json.dumps(record, indent=1, sort_keys=False) + "\n", encoding="utf-8")


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
