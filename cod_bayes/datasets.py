"""Data sets that come with the package.

``paper-ladder-sim``
    A simulated study: the ladder of arXiv 2502.17262 (8 runs x 3 checkpoints), two anchors and
    eight benchmarks named after the paper's; 100 trials an item. Simulated, so the target's truth
    is known; the numbers are not those of any real model. Made by
    ``examples/make_embedded_example.py``.
"""

from importlib.resources import as_file, files

import xarray as xr

from cod_bayes.errors import DataError
from cod_bayes.evals_file import read_dataset, read_evals

# name -> file of the evaluations, file of the truth
_DATASETS = {
    "paper-ladder-sim": ("paper_ladder_sim.nc", "paper_ladder_sim_truth.nc"),
}
DATASETS = tuple(_DATASETS)


def load_dataset(name: str = "paper-ladder-sim") -> xr.Dataset:
    """Load evaluation data that come with the package; never with the target's results.

    Raises
    ------
    DataError
        For an unknown name; the message lists the known ones.
    """
    with as_file(files("cod_bayes") / "data" / _find(name)[0]) as path:
        return read_evals(path)


def load_truth(name: str = "paper-ladder-sim") -> xr.Dataset:
    """Load the true scores that belong to a simulated data set, to judge forecasts by.

    Dims ``(benchmark, llm)``, the target included: ``expected_score`` and ``score``, as
    :func:`cod_bayes.simulate.simulate_evals` defines them.

    Raises
    ------
    DataError
        For an unknown name; the message lists the known ones.
    """
    with as_file(files("cod_bayes") / "data" / _find(name)[1]) as path:
        return read_dataset(path)


def _find(name: str) -> tuple[str, str]:
    if name not in _DATASETS:
        raise DataError(
            f"there is no data set {name!r}; the package has {', '.join(DATASETS)}. "
            "Your own tables are read by cod_bayes.read_logs(path)"
        )
    return _DATASETS[name]
