"""The benchmarks and models that a configuration names; never a target."""

from fnmatch import fnmatchcase

import numpy as np
import xarray as xr

from cod_bayes.config import DataConfig
from cod_bayes.errors import DataError
from cod_bayes.schema import BENCHMARK, ITEM, LLM
from cod_bayes.validation import validate_evals


def select_data(evals: xr.Dataset, config: DataConfig) -> xr.Dataset:
    """Keep the benchmarks and ladder models that are named, and all anchors; drop every target.

    Raises
    ------
    DataError
        If a benchmark is not in the data, or no ladder model matches.
    """
    wanted, known = config.benchmarks, list(dict.fromkeys(evals[BENCHMARK].values))
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise DataError(
            f"data.benchmarks names {', '.join(unknown)}, which the data do not hold; "
            f"they hold {', '.join(known)}"
        )
    role, names = evals["role"].values, evals[LLM].values
    on_ladder = [any(fnmatchcase(str(n), p) for p in config.ladder) for n in names]
    keep = (role == "anchor") | ((role == "ladder") & np.array(on_ladder))
    if not (keep & (role == "ladder")).any():
        raise DataError(
            f"no ladder model matches data.ladder = {list(config.ladder)}; the data hold "
            f"{', '.join(names[role == 'ladder'])}"
        )
    chosen = evals.isel({LLM: np.flatnonzero(keep)})
    if wanted:
        chosen = chosen.isel({ITEM: np.flatnonzero(np.isin(chosen[BENCHMARK].values, wanted))})
    return validate_evals(chosen)
