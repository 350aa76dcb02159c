"""Interval widths corrected by what backtests showed; asked for by name, never applied silently.

Both kinds act on the logit about the forecast's median, which they leave alone: a forecaster that
is biased stays biased.

``scale``
    One factor on every distance from the median, chosen by minimum CRPS over the backtest's cells.
``conformal``
    A symmetric split-conformal adjustment (Lei et al., JASA 113 (2018) 1094): residuals of the
    backtest in units of the forecast's own spread, whose ranked magnitudes replace its shape.
    Valid if cells are exchangeable, which cells of one checkpoint are only roughly.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import expit, logit
from scipy.stats import norm

from cod_bayes.atomic import write_whole
from cod_bayes.errors import DataError, ModelFileError
from cod_bayes.evaluation.scores import compute_crps
from cod_bayes.methods.summary import LEVELS, N_QUANTILES

Array = npt.NDArray[np.float64]

SCALE, CONFORMAL = "scale", "conformal"
MIN_CELLS = 20
# Scores of 0 and 1 have no logit: a hundredth of a point stands for both.
EDGE = 1e-4
# No backtest of some dozen cells supports more than this either way.
MAX_FACTOR = 10.0
# Half the distance between these levels is the forecast's own spread: one sd of a normal.
ONE_SD = (0.15866, 0.84134)
LEAST_SPREAD = 1e-6


@dataclass(frozen=True)
class Recalibration:
    """A correction of interval widths, and what it was learnt from.

    kind
        ``scale`` or ``conformal``.
    factor
        By which distances from the median are multiplied on the logit; of a conformal one, the
        factor at its 90 % interval, for information.
    n_cells
        Backtest cells that it was learnt from.
    studies
        Where those came from: a forecast of one of them is no longer out of sample.
    radii
        Of a conformal one: the ranked magnitudes of the standardised residuals; else empty.
    """

    kind: str
    factor: float
    n_cells: int
    studies: tuple[str, ...]
    radii: tuple[float, ...] = ()

    def apply(self, quantiles: npt.ArrayLike) -> Array:
        """Recalibrate forecasts, shape (..., 200), scores in 0..1; NaN stays NaN.

        Raises
        ------
        DataError
            If there are not 200 quantiles.
        """
        values = _check_shape(quantiles)
        centre, distance, spread = _centre(values)
        if self.kind == SCALE:
            return np.asarray(expit(centre + self.factor * distance), float)
        sign = np.sign(LEVELS - 0.5)
        radius = conformal_radius(np.asarray(self.radii), np.abs(2 * LEVELS - 1))
        return np.asarray(expit(centre + spread * sign * radius), float)

    @property
    def digest(self) -> str:
        """SHA-256 of all fields, 12 hexadecimal digits."""
        canonical = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:12]

    @property
    def label(self) -> str:
        """What a recalibrated result is called: kind, factor, digest."""
        return f"recalibrated: {self.kind} {self.factor:.2f} ({self.digest})"

    def write(self, path: str | Path) -> Path:
        """Write as JSON, digest included."""
        target = Path(path)
        with write_whole(target) as partial:
            partial.write_text(
                json.dumps(asdict(self) | {"digest": self.digest}, indent=1) + "\n",
                encoding="utf-8",
            )
        return target

    @classmethod
    def read(cls, path: str | Path) -> "Recalibration":
        """Read what :meth:`write` wrote.

        Raises
        ------
        ModelFileError
            If the file is missing, of another kind, or was changed since.
        """
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
            digest = fields.pop("digest")
            fields |= {name: tuple(fields[name]) for name in ("studies", "radii")}
            read = cls(**fields)
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelFileError(
                f"{path} is no recalibration ({error}); write one with Recalibration.write"
            ) from error
        if read.digest != digest:
            raise ModelFileError(
                f"{path} was changed after it was written: its digest is {read.digest}, "
                f"it says {digest}. Learn the recalibration again."
            )
        return read


def learn_scale(
    quantiles: npt.ArrayLike, truths: npt.ArrayLike, studies: Sequence[str]
) -> Recalibration:
    """The factor on the logit that gives backtest cells the least mean CRPS.

    Parameters
    ----------
    quantiles
        Forecasts, shape (cell, 200); rows with NaN are left out.
    truths
        Shape (cell,).
    studies
        Names of the studies that the cells come from.

    Raises
    ------
    DataError
        With fewer than 20 cells that have a forecast.
    """
    forecasts, known = _check_cells(quantiles, truths)
    centre, distance, _ = _centre(forecasts)

    def mean_crps(log_factor: float) -> float:
        return float(compute_crps(expit(centre + np.exp(log_factor) * distance), known).mean())

    # A coarse grid first: the mean CRPS of few cells may have more than one hollow.
    grid = np.linspace(-np.log(MAX_FACTOR), np.log(MAX_FACTOR), 47)
    best = int(np.argmin([mean_crps(value) for value in grid]))
    ends = grid[max(best - 1, 0)], grid[min(best + 1, len(grid) - 1)]
    found = minimize_scalar(mean_crps, bounds=ends, method="bounded")
    return Recalibration(SCALE, float(np.exp(found.x)), len(known), _names(studies))


def learn_conformal(
    quantiles: npt.ArrayLike, truths: npt.ArrayLike, studies: Sequence[str]
) -> Recalibration:
    """Ranked magnitudes of ``(logit truth - logit median) / spread`` over backtest cells.

    The spread is half the distance of the forecast's 16 and 84 % quantiles on the logit.
    Parameters, returns and errors as in :func:`learn_scale`.
    """
    forecasts, known = _check_cells(quantiles, truths)
    centre, _, spread = _centre(forecasts)
    residuals = (_logit(known) - centre[:, 0]) / spread[:, 0]
    radii = np.sort(np.abs(residuals))
    factor = float(conformal_radius(radii, np.array([0.9]))[0] / 1.6449)
    return Recalibration(
        CONFORMAL, factor, len(known), _names(studies), tuple(float(r) for r in radii)
    )


def conformal_radius(radii: Array, probability: Array) -> Array:
    """Half-width, in the forecast's own spreads, of the interval of each probability.

    The split-conformal radius at probability q is the ``ceil((n + 1) q)``-th smallest of n
    residuals; between these it is interpolated through ``k / (n + 1)``. Beyond ``n / (n + 1)``,
    where n residuals promise nothing, it grows as a normal's does.
    """
    n = len(radii)
    ranks = np.arange(n + 1) / (n + 1)
    inner = np.interp(probability, ranks, np.concatenate([[0.0], radii]))
    beyond = _normal_radius(probability) / _normal_radius(ranks[-1:])
    radius: Array = np.where(probability > ranks[-1], radii[-1] * beyond, inner)
    return radius


def _normal_radius(probability: Array) -> Array:
    radius: Array = norm.ppf((1 + probability) / 2)
    return radius


def _logit(scores: Array) -> Array:
    return np.asarray(logit(np.clip(scores, EDGE, 1 - EDGE)), float)


def _centre(quantiles: Array) -> tuple[Array, Array, Array]:
    """Logits of the medians, distances from them, and spreads; the last axis kept."""
    logits = _logit(quantiles)
    centre = np.median(logits, axis=-1, keepdims=True)
    low, high = np.quantile(logits, ONE_SD, axis=-1, method="hazen", keepdims=True)
    return centre, logits - centre, np.maximum((high - low) / 2, LEAST_SPREAD)


def _check_shape(quantiles: npt.ArrayLike) -> Array:
    values = np.asarray(quantiles, float)
    if values.shape[-1:] != (N_QUANTILES,):
        raise DataError(f"a forecast has {N_QUANTILES} quantiles; got shape {values.shape}")
    return values


def _check_cells(quantiles: npt.ArrayLike, truths: npt.ArrayLike) -> tuple[Array, Array]:
    forecasts, known = _check_shape(quantiles), np.asarray(truths, float)
    made = ~(np.isnan(forecasts).any(axis=-1) | np.isnan(known))
    if made.sum() < MIN_CELLS:
        raise DataError(
            f"a recalibration is learnt from {MIN_CELLS} backtest cells or more; {made.sum()} of "
            f"{len(known)} have a forecast and a truth. Backtest more benchmarks, seeds or origins."
        )
    return forecasts[made], known[made]


def _names(studies: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({str(name) for name in studies}))
