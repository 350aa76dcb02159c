"""Where each checkpoint lies, what it adds, and what it says about the end."""

import numpy as np
import numpy.typing as npt
import xarray as xr
from scipy.special import expit
from scipy.stats import norm

from cod_bayes.monitor.checkpoints import Floats
from cod_bayes.monitor.drift import compute_evidence, pool_streams
from cod_bayes.monitor.gaussian import Gaussian, innovate
from cod_bayes.monitor.structure import Stack
from cod_bayes.monitor.trajectories import Trajectories
from cod_bayes.schema import BENCHMARK

CHECKPOINT, STREAM = "checkpoint", "stream"
COMMON = "all benchmarks"
BOUNDS = ("lower", "median", "upper")
# What is said of every checkpoint on every benchmark.
TABLES = (
    *BOUNDS,
    "quantile",
    *(f"ahead_{bound}" for bound in BOUNDS),
    "surprise",
    *(f"end_{bound}" for bound in BOUNDS),
)

type Positions = npt.NDArray[np.intp]
type Tables = dict[str, Floats]


def place_in_band(
    tables: Tables, rows: Positions, stack: Stack, joint: Gaussian, levels: Floats
) -> None:
    """Fill in the band, and each score's quantile in it.

    Parameters
    ----------
    tables
        :data:`TABLES`, (checkpoint, benchmark) each.
    rows
        Which row of a table each moment of ``stack`` is.
    joint
        Of the values of ``stack``.
    levels
        Quantiles of the lower bound, the median and the upper bound.
    """
    seen = np.flatnonzero(np.isfinite(stack.logit))
    marginal = joint.take(seen)
    cells = rows[stack.time[seen]], stack.benchmark[seen]
    _bound(tables, "", cells, marginal, levels)
    tables["quantile"][cells] = norm.cdf((stack.logit[seen] - marginal.mean) / marginal.sd)


def judge(
    tables: Tables,
    rows: Positions,
    stack: Stack,
    joint: Gaussian,
    levels: Floats,
    inflation: float = 1.0,
) -> Floats:
    """Fill in all that conditioning on one checkpoint after another says.

    ``stack`` and ``joint`` have the end of training as their last values, one a benchmark; see
    :func:`place_in_band` for the rest. ``inflation`` is by how much held-out runs surprise more
    than stated: what checkpoints say of the end is taken for that much less sure, though never for
    less than was known without them.

    Returns
    -------
    ndarray
        The surprise that benchmarks have in common, (checkpoint,); NaN where nothing is judged.
    """
    place_in_band(tables, rows, stack, joint, levels)
    n_benchmarks = tables["surprise"].shape[1]
    n_seen = len(stack.logit) - n_benchmarks
    end, all_benchmarks = n_seen + np.arange(n_benchmarks), np.arange(n_benchmarks)
    values, time = stack.logit[:n_seen], stack.time[:n_seen]
    common = np.full(len(tables["surprise"]), np.nan)
    for innovation in innovate(joint, values, time):
        now = rows[time[innovation.positions[0]]]
        cells = np.full(len(innovation.positions), now), stack.benchmark[innovation.positions]
        _bound(tables, "ahead_", cells, innovation.expected, levels)
        tables["surprise"][cells] = innovation.own
        common[now] = innovation.common
        final = joint.condition(innovation.until, values[innovation.until], end)
        final = final.widen(inflation, joint.take(end).sd)
        _bound(tables, "end_", (np.full(n_benchmarks, now), all_benchmarks), final, levels)
    return common


def add_evidence(table: xr.Dataset, common: Floats, trajectories: Trajectories) -> xr.Dataset:
    """Add every stream's e-process and their average; surprises count as held-out runs teach.

    ``common`` is from :func:`judge`. A checkpoint that is not judged adds nothing.
    """
    surprises = np.column_stack(
        [
            common / trajectories.inflation_common,
            table["surprise"].values / trajectories.inflation_own,
        ]
    )
    evidence = compute_evidence(surprises, table["share"].values)
    streams = [COMMON, *map(str, table[BENCHMARK].values)]
    return table.assign(
        stream_surprise=((CHECKPOINT, STREAM), surprises),
        evidence=((CHECKPOINT, STREAM), evidence),
        e_value=(CHECKPOINT, pool_streams(evidence)),
        judged=(CHECKPOINT, np.isfinite(common)),
    ).assign_coords({STREAM: streams})


def _bound(
    tables: Tables,
    prefix: str,
    cells: tuple[Positions, Positions],
    expected: Gaussian,
    levels: Floats,
) -> None:
    """Fill in scores at the given quantiles: what is normal on the logit, within (0, 1)."""
    quantiles = expit(expected.mean + np.outer(norm.ppf(levels), expected.sd))
    for bound, row in zip(BOUNDS, quantiles, strict=True):
        tables[prefix + bound][cells] = row
