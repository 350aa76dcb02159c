"""A forecast as quantiles: what is stored, scored and pooled of it."""

import numpy as np
import numpy.typing as npt

type Floats = npt.NDArray[np.float64]

N_QUANTILES = 200
# The middle of each of as many equal slices of probability: an equal-weight sample.
LEVELS = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES


def summarise_draws(draws: npt.ArrayLike) -> Floats:
    """Reduce draws (draw,) to their 200 mid-quantiles, (level,); NaN where there are none.

    Hazen's plotting positions: 200 draws are their own summary.
    """
    values = np.asarray(draws, dtype=float)
    if values.size == 0 or np.isnan(values).any():
        return np.full(N_QUANTILES, np.nan)
    quantiles: Floats = np.quantile(values, LEVELS, method="hazen")
    return quantiles
