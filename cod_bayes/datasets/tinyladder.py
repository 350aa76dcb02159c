"""Views of ``tinyladder``, a real ladder of tiny language models: Parquet -> evals.

The files are plain tables, to be used without this package as well: ``llms``, ``items``, and
``results`` with a row for each (llm, item); the target's are ``target_llms`` and
``target_results``. The data card beside them (``cod_bayes/data/tinyladder/README.md``) says what
the columns mean and how they were made.
"""

import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from cod_bayes.errors import DataError
from cod_bayes.schema import (
    BENCHMARK,
    GOLD_NLL,
    ITEM,
    LLM,
    LOSS,
    LOSS_DOMAIN,
    N_CORRECT,
    N_TRIALS,
    SCHEMA_VERSION,
)
from cod_bayes.validation import validate_evals

FOLDER: Traversable = files("cod_bayes") / "data" / "tinyladder"

N_SAMPLES = 100  # sampled answers an item
N_ADJACENT = 3  # checkpoints at the end of the stable phase, 3 % of it apart
FLOP_CONVENTION = (
    "3 x forward matrix products: blocks, causal attention, unembedding; "
    "embedding look-ups not counted"
)

_LLM_FIELDS = ("params_total", "tokens", "flops", "family", "seed", "run", "checkpoint", "phase",
               "role", "mixture")  # fmt: skip
_ITEM_FIELDS = (BENCHMARK, "item_id", "guess_floor", "skill", "level")
_LOSS_PREFIX = "loss/"

type _Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class View:
    """Which llms, and which of an item's two scores."""

    checkpoints: Literal["adjacent", "stable", "annealed"] = "adjacent"
    mixture: str = "balanced"
    other_seeds: bool = False
    anchors: bool = True
    greedy: bool = False
    has_target: bool = True

    def choose_ladder(self, llms: pd.DataFrame) -> _Bools:
        """Mark the rows of ``llms`` that the view holds, shape (llm,)."""
        ladder = llms["role"].eq("ladder") & llms["mixture"].eq(self.mixture)
        if not self.other_seeds:
            ladder &= llms["seed"].eq(0)
        if self.anchors:
            ladder |= llms["role"].eq("anchor")
        return np.asarray(ladder, dtype=bool) & self.choose_checkpoints(llms)

    def choose_checkpoints(self, llms: pd.DataFrame) -> _Bools:
        """Mark the checkpoints that the view holds, of any run, shape (llm,)."""
        if self.checkpoints == "annealed":
            return np.asarray(llms["phase"].eq("annealed"), dtype=bool)
        stable = llms["phase"].eq("stable")
        if self.checkpoints == "stable":
            return np.asarray(stable, dtype=bool)
        from_the_end = llms["checkpoint"].where(stable).groupby(llms["run"]).rank(ascending=False)
        return np.asarray(from_the_end.le(N_ADJACENT), dtype=bool)


VIEWS = {
    "tinyladder": View(),
    "tinyladder-annealed": View(checkpoints="annealed"),
    # the target is one run, of seed 0 and the balanced mixture
    "tinyladder-seeds": View(other_seeds=True, has_target=False),
    "tinyladder-numeric": View(mixture="numeric", anchors=False, has_target=False),
    "tinyladder-trajectories": View(checkpoints="stable"),
    "tinyladder-greedy": View(greedy=True),
}


def read_view(name: str) -> xr.Dataset:
    """Valid evals of one view, dims ``(llm, item)``; opens none of the target's files.

    Raises
    ------
    DataError
        If the package lacks the files, or they do not belong together.
    """
    view, tables = VIEWS[name], _Tables()
    llms = tables.read("llms.parquet")
    return validate_evals(_build(view, tables, llms, view.choose_ladder(llms), "results.parquet"))


def read_target(name: str) -> xr.Dataset:
    """The target's evals of one view, dims ``(llm, item)``, role "target".

    Raises
    ------
    DataError
        If the view has no target, or the target's files are not there.
    """
    view, tables = VIEWS[name], _Tables()
    if not view.has_target:
        having = ", ".join(other for other in VIEWS if VIEWS[other].has_target)
        raise DataError(f"{name!r} has no target of its own; those that have one are {having}")
    llms = tables.read("target_llms.parquet")
    chosen = view.choose_checkpoints(llms) & llms["role"].eq("target").to_numpy(dtype=bool)
    target = _build(view, tables, llms, chosen, "target_results.parquet")
    return validate_evals(target, needs_ladder=False)


def read_truth(name: str) -> xr.Dataset:
    """The target's scores at its last checkpoint in a view: ``score``, (benchmark, llm), in [0, 1].

    Raises
    ------
    DataError
        As :func:`read_target`.
    """
    target = read_target(name)
    final = target.isel({LLM: int(np.argmax(target["checkpoint"].values))})
    rates = (final[N_CORRECT] / final[N_TRIALS]).to_series().groupby(final[BENCHMARK].values)
    about = ("params_total", "params_active", "tokens", "flops", "family", "role")
    benchmarks = list(dict.fromkeys(final[BENCHMARK].values.tolist()))
    return xr.Dataset(
        {"score": ((BENCHMARK, LLM), rates.mean().loc[benchmarks].to_numpy()[:, None])},
        coords={
            BENCHMARK: benchmarks,
            "n_items": (BENCHMARK, rates.size().loc[benchmarks].to_numpy()),
            LLM: [final["run"].item()],
            **{field: (LLM, [final[field].item()]) for field in about},
        },
        attrs=target.attrs,
    )


class _Tables:
    """Reads tables, and remembers which: the record that evals carry as ``sources``."""

    def __init__(self) -> None:
        self.sources: list[dict[str, str]] = []

    def read(self, name: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
        try:
            content = (FOLDER / name).read_bytes()
        except FileNotFoundError as error:
            raise DataError(_missing(name)) from error
        self.sources.append({"file": name, "sha256": hashlib.sha256(content).hexdigest()})
        return pd.read_parquet(io.BytesIO(content), columns=columns)


def _missing(name: str) -> str:
    where = f"there is no cod_bayes/data/tinyladder/{name} in this copy of cod-bayes"
    if name.startswith("target_"):
        return (
            f"the results of tinyladder's target are not published here: {where}. "
            "The ladder needs none: cod_bayes.load_dataset('tinyladder')"
        )
    return (
        f"tinyladder is not here: {where}. Install a version that brings it, or make it "
        "with examples/tinyladder"
    )


def _build(
    view: View, tables: _Tables, llms: pd.DataFrame, chosen: _Bools, results_name: str
) -> xr.Dataset:
    """Evals of the chosen llms, not yet validated."""
    counted = "greedy_correct" if view.greedy else N_CORRECT
    items = tables.read("items.parquet")
    results = tables.read(results_name, [LLM, ITEM, counted, GOLD_NLL])
    cells = _cell_of_row(results, llms[LLM], items[ITEM], results_name)
    grids = {}
    for name in (counted, GOLD_NLL):
        grid = np.empty(cells.size, dtype=results[name].to_numpy().dtype)
        grid[cells] = results[name].to_numpy()
        grids[name] = grid.reshape(len(llms), len(items))[chosen]
    llms = llms[chosen]
    losses = [name for name in llms if name.startswith(_LOSS_PREFIX)]
    n_items = len(items)
    return xr.Dataset(
        {
            N_TRIALS: ((LLM, ITEM), np.full((len(llms), n_items), 1 if view.greedy else N_SAMPLES)),
            N_CORRECT: ((LLM, ITEM), grids[counted].astype(np.uint32)),
            GOLD_NLL: ((LLM, ITEM), grids[GOLD_NLL].astype(np.float32)),
            LOSS: ((LLM, LOSS_DOMAIN), llms[losses].to_numpy(dtype=float)),
        },
        coords={
            LLM: _plain(llms[LLM]),
            **{field: (LLM, _plain(llms[field])) for field in _LLM_FIELDS},
            "params_active": (LLM, _plain(llms["params_total"])),
            ITEM: _plain(items[ITEM]),
            **{field: (ITEM, _plain(items[field])) for field in _ITEM_FIELDS},
            "n_questions": (ITEM, np.ones(n_items, dtype=np.int64)),
            "metric": (ITEM, [f"{'greedy' if view.greedy else 'sampled'} exact match"] * n_items),
            LOSS_DOMAIN: [name.removeprefix(_LOSS_PREFIX) for name in losses],
        },
        attrs={
            "schema_version": SCHEMA_VERSION,
            "flop_convention": FLOP_CONVENTION,
            "decoding": "greedy"
            if view.greedy
            else f"{N_SAMPLES} samples at temperature 1.0, top_p 0.7, exact match",
            "sources": json.dumps(tables.sources),
        },
    )


def _cell_of_row(
    results: pd.DataFrame, llms: "pd.Series[str]", items: "pd.Series[str]", name: str
) -> npt.NDArray[np.int64]:
    """Where each row stands in the flattened (llm, item) grid; every cell has one row."""
    llm, item = (_positions(results[dim], known) for dim, known in ((LLM, llms), (ITEM, items)))
    cells = llm * len(items) + item
    strange = (llm < 0) | (item < 0)
    n_cells = len(llms) * len(items)
    if strange.any() or not np.array_equal(np.bincount(cells, minlength=n_cells), np.ones(n_cells)):
        raise DataError(
            f"tinyladder's {name} does not hold each of {len(llms)} llms x {len(items)} items "
            f"once ({len(results)} rows, {int(strange.sum())} of an unknown llm or item); the "
            "files in cod_bayes/data/tinyladder are of different versions: install cod-bayes anew"
        )
    return cells


def _positions(labels: "pd.Series[str]", known: "pd.Series[str]") -> npt.NDArray[np.int64]:
    """Position of each label among the known ones; -1 for a label that is not, or is missing."""
    codes, found = pd.factorize(labels)
    places = pd.Index(known.to_numpy(dtype=str)).get_indexer(np.asarray(found, dtype=str))
    # a missing label has code -1, so it takes the last place
    return np.asarray(np.append(places, -1)[codes], dtype=np.int64)


def _plain(values: "pd.Series[object]") -> npt.NDArray[np.generic]:
    """NumPy values of a column: numbers as they are, text as strings of one width."""
    if pd.api.types.is_numeric_dtype(values):
        return np.asarray(values)
    return np.asarray(values, dtype=str)
