"""Tables as ``cod_bayes/data/tinyladder`` holds them, of a few invented runs and items."""

from pathlib import Path

import numpy as np
import pandas as pd

SIZES, SEEDED, ANCHORS, NUMERIC = 4, (1, 2), (1, 3), (0, 2)
SHARES = (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 0.94, 0.97, 1.0, 1.1)
SKILLS = {"sums": ("add", "subtract"), "choice": ("choose",)}
ITEMS_A_SKILL = 5


def write_tables(folder: Path) -> dict[str, pd.DataFrame]:
    """Write all five tables; return them by the names of their files, without ``.parquet``."""
    llms = pd.concat(
        [
            *(_checkpoints(f"size{i}", i) for i in range(SIZES)),
            *(_checkpoints(f"beta{i}", i, family="beta", role="anchor") for i in ANCHORS),
            *(_checkpoints(f"size{i}-seed{s}", i, seed=s) for i in SEEDED for s in (1, 2)),
            *(_checkpoints(f"numeric{i}", i, mixture="numeric") for i in NUMERIC),
        ],
        ignore_index=True,
    )
    items = _items()
    target = _checkpoints("target", 6, role="target")
    tables = {
        "llms": llms,
        "items": items,
        "results": _results(llms, items, 0),
        "target_llms": target,
        "target_results": _results(target, items, 40),
    }
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", compression="zstd", index=False)
    return tables


def _checkpoints(run: str, size: int, **fields: object) -> pd.DataFrame:
    shares = np.array(SHARES)
    params = 1000 * 3**size
    tokens = (50 * params * shares).astype(np.int64)
    steps = (1000 * shares).astype(np.int64)
    return pd.DataFrame(
        {
            "llm": [f"{run}-step-{step}" for step in steps],
            "run": run,
            "checkpoint": np.arange(len(shares)),
            "phase": ["stable"] * 10 + ["annealed"],
            **{"role": "ladder", "family": "alpha", "mixture": "balanced", "seed": 0, **fields},
            "layers": 2,
            "width": 4 * (size + 1),
            "params_total": params,
            "params_non_embedding": params - 100,
            "tokens": tokens,
            "flops": 6.0 * params * tokens,
            "steps": steps,
            "loss/overall": 2.0 - shares,
            "loss/add": 1.5 - shares / 2,
        }
    )


def _items() -> pd.DataFrame:
    rows = [
        (benchmark, f"{skill}-{i}", skill, 1 + i % 3, f"{skill} {i}=", str(i))
        for benchmark, skills in SKILLS.items()
        for skill in skills
        for i in range(ITEMS_A_SKILL)
    ]
    items = pd.DataFrame(
        rows, columns=["benchmark", "item_id", "skill", "level", "prompt", "answer"]
    )
    items.insert(0, "item", items["benchmark"] + "/" + items["item_id"])
    return items.assign(guess_floor=np.where(items["benchmark"] == "choice", 0.25, 0.0))


def _results(llms: pd.DataFrame, items: pd.DataFrame, start: int) -> pd.DataFrame:
    """Every cell differs from its neighbours, so that none can be taken for another."""
    llm, item = (grid.ravel() for grid in np.indices((len(llms), len(items))))
    n_correct = (start + 7 * llm + 3 * item) % 101
    return pd.DataFrame(
        {
            "llm": pd.Categorical(llms["llm"].to_numpy()[llm]),
            "item": pd.Categorical(items["item"].to_numpy()[item]),
            "n_correct": n_correct.astype(np.uint8),
            "greedy_correct": n_correct > 50,
            "gold_nll": (llm + item / 100).astype(np.float32),
        }
    )
