"""The names of all data sets, and what is loaded by them."""

from importlib.resources import as_file, files

import xarray as xr

from cod_bayes.datasets import tinyladder
from cod_bayes.errors import DataError
from cod_bayes.evals_file import read_dataset, read_evals

# name -> file of the evaluations, file of the truth
_SIMULATED = {
    "paper-ladder-sim": ("paper_ladder_sim.nc", "paper_ladder_sim_truth.nc"),
}
DATASETS = (*_SIMULATED, *tinyladder.VIEWS)


def load_dataset(name: str = "paper-ladder-sim") -> xr.Dataset:
    """Load evaluation data that come with the package; never with the target's results.

    Parameters
    ----------
    name
        One of ``DATASETS``; :mod:`cod_bayes.datasets` says what each one holds.

    Returns
    -------
    xr.Dataset
        Valid evals, dims ``(llm, item)``, see :mod:`cod_bayes.schema`. The views of ``tinyladder``
        also have ``gold_nll`` (nats of the whole answer), ``loss`` (nats per token, dims
        ``(llm, loss_domain)``) and the coordinates ``mixture`` (llm), ``skill`` and ``level``
        (item).

    Raises
    ------
    DataError
        For an unknown name, listing the known ones; or if the package lacks the files.
    """
    _check(name)
    if name in tinyladder.VIEWS:
        return tinyladder.read_view(name)
    with as_file(files("cod_bayes") / "data" / _SIMULATED[name][0]) as path:
        return read_evals(path)


def load_target(name: str = "tinyladder") -> xr.Dataset:
    """Load the results of the large model that a real data set's forecasts are about.

    Nothing that fits opens these files. Load them after the forecast, to judge it by.

    Parameters
    ----------
    name
        A view of ``tinyladder`` that has a target: the same checkpoints and the same decoding of
        the target are loaded as of the ladder.

    Returns
    -------
    xr.Dataset
        As :func:`load_dataset`'s, dims ``(llm, item)``, role "target"; without a ladder.

    Raises
    ------
    DataError
        For an unknown name, for data without a target's results of their own, or if the target is
        not published in this version.
    """
    _check(name)
    if name in tinyladder.VIEWS:
        return tinyladder.read_target(name)
    raise DataError(
        f"{name!r} is simulated: its target has scores and no results of items; they are in "
        f"cod_bayes.load_truth({name!r})"
    )


def load_truth(name: str = "paper-ladder-sim") -> xr.Dataset:
    """Load the scores that the target truly had, to judge forecasts by.

    Parameters
    ----------
    name
        One of ``DATASETS`` that has a target.

    Returns
    -------
    xr.Dataset
        Dims ``(benchmark, llm)``, the target included (role "target"): ``score``, the mean pass
        rate of a benchmark's items, in [0, 1]. Simulated data also have the ladder's and the
        anchors', and ``expected_score``, as :func:`cod_bayes.simulate.simulate_evals` defines
        them. ``tinyladder`` has the target's last checkpoint in the view, under its run's name.

    Raises
    ------
    DataError
        For an unknown name, listing the known ones; for data without a target, or if the target is
        not published in this version.
    """
    _check(name)
    if name in tinyladder.VIEWS:
        return tinyladder.read_truth(name)
    with as_file(files("cod_bayes") / "data" / _SIMULATED[name][1]) as path:
        return read_dataset(path)


def _check(name: str) -> None:
    if name not in DATASETS:
        raise DataError(
            f"there is no data set {name!r}; the package has {', '.join(DATASETS)}. "
            "Your own tables are read by cod_bayes.read_logs(path)"
        )
