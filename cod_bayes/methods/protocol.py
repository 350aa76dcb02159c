"""What every forecaster offers: fit on a ladder, then draws of the target's scores.

A method is a frozen dataclass: its fields are its settings, its docstring names its paper. One
file a method; :mod:`cod_bayes.methods.registry` lists them.
"""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, final

import numpy as np
import xarray as xr

from cod_bayes.config import Config
from cod_bayes.errors import DataError
from cod_bayes.schema import BENCHMARK, ITEM, LLM
from cod_bayes.selection import select_data
from cod_bayes.validation import validate_evals

TARGET, DRAW = "target", "draw"
# What may be known of a target before it is evaluated.
COVARIATES = ("flops", "params_active", "tokens")

# How a method's draws come about; a rival's field ``estimate`` chooses between the Bayesian form of
# a law and the point estimate that its paper has.
POSTERIOR, LEAST_SQUARES = "posterior", "least-squares"
PARAMETRIC_BOOTSTRAP, RESIDUAL_BOOTSTRAP = "parametric bootstrap", "residual bootstrap"


@dataclass(frozen=True)
class Method[F](ABC):
    """A forecaster. ``F`` is what its fit leaves behind.

    Subclasses write :meth:`_fit` and :meth:`_predict`. The public pair stands before them, so that
    no method, however written, can be handed a target's results: models whose role is ``target``
    are dropped from the evaluations, and of a target only its covariates are passed on.
    """

    name: ClassVar[str]

    @final
    def fit(self, evals: xr.Dataset, config: Config | None = None, *, random_seed: int = 0) -> F:
        """Fit the ladder (and anchors, where the method uses them).

        Parameters
        ----------
        evals
            Evaluation data, dims (llm, item), see :mod:`cod_bayes.schema`.
        config
            Settings shared by methods; the defaults if omitted.
        random_seed
            Seed of all that is random.

        Raises
        ------
        DataError
            If the data are faulty, or lack what the method needs (losses, items, runs).
        """
        config = config or Config()
        return self._fit(select_data(hide_targets(evals), config.data), config, random_seed)

    @final
    def predict(self, fitted: F, targets: xr.Dataset, *, random_seed: int = 0) -> xr.DataArray:
        """Draw every target's scores.

        Parameters
        ----------
        fitted
            From :meth:`fit`.
        targets
            Dim target: ``flops``, ``params_active``, ``tokens``; see :func:`describe_targets`.
        random_seed
            Seed of all that is random.

        Returns
        -------
        xr.DataArray
            ``score``, dims (draw, benchmark, target), in [0, 1]: one new run's score each; NaN for
            a benchmark that the method cannot forecast. Attributes: ``draws_are`` (posterior or
            which bootstrap), ``passed`` (1 if the sampler's gate passed, or nothing was sampled),
            ``notes`` (JSON: why benchmarks are missing, and remarks).
        """
        return self._predict(fitted, keep_covariates(targets), random_seed)

    @abstractmethod
    def _fit(self, evals: xr.Dataset, config: Config, random_seed: int) -> F: ...

    @abstractmethod
    def _predict(self, fitted: F, targets: xr.Dataset, random_seed: int) -> xr.DataArray: ...

    @staticmethod
    def label_draws(
        draws: Mapping[str, np.ndarray],
        draws_are: str,
        *,
        passed: bool = True,
        notes: Sequence[str] = (),
    ) -> xr.DataArray:
        """Give draws, benchmark -> (draw, target), their dims and attributes."""
        values = np.stack(list(draws.values()), axis=1)
        n_draws, _, n_targets = values.shape
        return xr.DataArray(
            values,
            dims=(DRAW, BENCHMARK, TARGET),
            coords={DRAW: np.arange(n_draws), BENCHMARK: list(draws), TARGET: range(n_targets)},
            name="score",
            attrs={
                "draws_are": draws_are,
                "passed": int(passed),
                "notes": json.dumps(list(notes)),
            },
        )


def hide_targets(evals: xr.Dataset) -> xr.Dataset:
    """Drop every model whose role is ``target``, before anything looks at the data."""
    keep = np.flatnonzero(evals["role"].values != "target")
    return validate_evals(evals.isel({LLM: keep}))


def keep_covariates(targets: xr.Dataset) -> xr.Dataset:
    """A target's compute, parameters and tokens, and nothing else that may hang on it.

    Raises
    ------
    DataError
        If one of them is missing, or not positive and finite.
    """
    missing = [name for name in COVARIATES if name not in targets]
    if missing:
        raise DataError(f"targets lack {', '.join(missing)}; make them with describe_targets")
    columns = {name: (TARGET, np.asarray(targets[name].values, float)) for name in COVARIATES}
    for name, (_, values) in columns.items():
        if not (np.isfinite(values) & (values > 0)).all():
            raise DataError(f"targets' {name} must be positive and finite; got {values}")
    return xr.Dataset(columns, coords={TARGET: np.arange(targets.sizes[TARGET])})


def describe_targets(llms: xr.Dataset) -> xr.Dataset:
    """The covariates of models that stand along ``llm``, as targets; their results stay behind."""
    return xr.Dataset(
        {name: (TARGET, np.asarray(llms[name].values, float)) for name in COVARIATES},
        coords={TARGET: np.arange(llms.sizes[LLM])},
    )


def require(holds: bool, method: str, needs: str, remedy: str) -> None:
    """Refuse data that lack what a method needs.

    Raises
    ------
    DataError
        Saying what is needed, and the remedy.
    """
    if not holds:
        raise DataError(f"method {method} needs {needs}; {remedy}")


def has_items(evals: xr.Dataset) -> bool:
    """Whether any benchmark has items, or all are single scores."""
    names: Any = evals[BENCHMARK].values
    return evals.sizes[ITEM] > len(set(names.tolist()))
