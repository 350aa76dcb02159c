"""Data, posteriors and fits made by hand, whose truth is known without sampling."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import xarray as xr

from cod_bayes.config import SamplerConfig
from cod_bayes.fitted import FittedModel
from cod_bayes.inference import Compiled

CHAINS = 2


def make_evals(
    n_trials: np.ndarray,
    n_correct: np.ndarray,
    *,
    benchmark: str = "B",
    guess_floor: float = 0.0,
    n_questions: int = 1,
    roles: list[str] | None = None,
) -> xr.Dataset:
    """Counts, shape (llm, item), with the coordinates that the package asks for."""
    n_llms, n_items = np.shape(n_trials)
    flops = np.geomspace(1e19, 1e23, n_llms)
    params = np.sqrt(flops / 120)
    names = [f"m{i}" for i in range(n_llms)]
    ids = [str(i) for i in range(n_items)]
    return xr.Dataset(
        {
            "n_trials": (("llm", "item"), np.asarray(n_trials, np.uint32)),
            "n_correct": (("llm", "item"), np.asarray(n_correct, np.uint32)),
        },
        coords={
            "llm": names,
            "params_total": ("llm", params),
            "params_active": ("llm", params),
            "tokens": ("llm", 20 * params),
            "flops": ("llm", flops),
            "family": ("llm", ["f"] * n_llms),
            "seed": ("llm", [0] * n_llms),
            "run": ("llm", names),
            "checkpoint": ("llm", [0] * n_llms),
            "phase": ("llm", ["annealed"] * n_llms),
            "role": ("llm", roles or ["ladder"] * n_llms),
            "item": [f"{benchmark}/{i}" for i in ids],
            "item_id": ("item", ids),
            "benchmark": ("item", [benchmark] * n_items),
            "n_questions": ("item", [n_questions] * n_items),
            "guess_floor": ("item", [guess_floor] * n_items),
            "metric": ("item", ["accuracy"] * n_items),
        },
        attrs={"flop_convention": "6ND", "decoding": "sampled", "sources": "[]"},
    )


def make_rows(
    n_correct: np.ndarray,
    n_trials: int | np.ndarray = 4000,
    *,
    n_questions: float = 40.0,
    guess_floor: float = 0.0,
) -> xr.Dataset:
    """Rows as the law is fitted to, counts of shape (cluster, llm), in compute alone."""
    n_rows, n_llms = np.shape(n_correct)
    return xr.Dataset(
        {
            "n_trials": (("cluster", "llm"), np.broadcast_to(n_trials, (n_rows, n_llms)).copy()),
            "n_correct": (("cluster", "llm"), np.asarray(n_correct)),
            "n_questions": ("cluster", np.full(n_rows, n_questions)),
            "guess_floor": ("cluster", np.full(n_rows, guess_floor)),
            "used": ("cluster", np.ones(n_rows, dtype=bool)),
            "mixed": ("cluster", np.ones(n_rows, dtype=bool)),
            "log_scale": (("scale", "llm"), np.linspace(-8.0, 0.0, n_llms)[None]),
        },
        coords={
            "cluster": [f"B/{i}" for i in range(n_rows)],
            "llm": [f"m{i}" for i in range(n_llms)],
            "scale": ["compute"],
        },
    )


def make_law(n_draws: int, n_rows: int = 1, n_scales: int = 1, **values: Any) -> xr.Dataset:
    """Draws of a law; each of ``values`` is a number, or an array over draws or (draw, row).

    The defaults have next to no spread of their own: what varies is what the caller lets vary.
    """
    defaults = {
        "log_hazard": 0.0,
        "slope": 0.5,
        "ceiling": 0.95,
        "floor": 0.0,
        "frailty": 0.5,
        "luck_sd": 1e-6,
        "residual_sd": 1e-6,
        "item_dispersion": 1e-9,
    }
    assert set(values) <= set(defaults)
    variables = {}
    for name, default in defaults.items():
        value = np.asarray(values.get(name, default), float)
        if name in ("log_hazard", "slope", "ceiling", "floor"):
            value = value[:, None] if value.shape == (n_draws,) else value
            value = np.broadcast_to(value, (n_draws, n_rows)).reshape(CHAINS, -1, n_rows)
            dims: tuple[str, ...] = ("chain", "draw", "cluster")
        else:
            value = np.broadcast_to(value, n_draws).reshape(CHAINS, -1)
            dims = ("chain", "draw")
        if name in ("log_hazard", "slope"):
            value = np.repeat(value[:, :, None], n_scales, axis=2)
            dims = ("chain", "draw", "scale", "cluster")
        variables[name] = (dims, value)
    return xr.Dataset(
        variables,
        coords={
            "chain": np.arange(CHAINS),
            "draw": np.arange(n_draws // CHAINS),
            "scale": ["compute"] if n_scales == 1 else ["params", "tokens"],
            "cluster": [f"B/{i}" for i in range(n_rows)],
        },
    )


def make_map(n_draws: int, share: float, centre: float = 0.0, **values: Any) -> xr.Dataset:
    """Draws of one benchmark's map; each of ``values`` is a number or an array over draws."""
    defaults = {"offset": 0.0, "slope": 1.0, "scatter_sd": 1e-9}
    assert set(values) <= set(defaults)
    draws = {
        name: (
            ("chain", "draw"),
            np.broadcast_to(values.get(name, default), n_draws).reshape(CHAINS, -1),
        )
        for name, default in defaults.items()
    }
    return xr.Dataset({**draws, "centre": centre, "share": share})


def with_groups(fitted: FittedModel, **groups: xr.Dataset) -> FittedModel:
    """The same fit with some groups replaced; ``__`` in a name stands for a slash."""
    tree = xr.DataTree.from_dict(
        {
            path: node.to_dataset(inherit=False)
            for path, node in fitted.tree.subtree_with_keys
            if path != "." and path not in {name.replace("__", "/") for name in groups}
        }
        | {name.replace("__", "/"): group for name, group in groups.items()}
    )
    tree.attrs = fitted.tree.attrs
    return FittedModel(tree, fitted.config, fitted.provenance)


@dataclass
class StubSampler:
    """In place of compiling and sampling: draws of no worth, with every variable's own dims.

    It records what it was asked for; ``verdicts`` says whether the gate passes, call by call.
    """

    calls: list[dict[str, Any]] = field(default_factory=list)
    models: list[Any] = field(default_factory=list)

    def compile_model(self, model: Any, adaptation: str = "diag") -> Compiled:
        self.models.append(model)
        return Compiled(model, adaptation, 0.25)

    def sample(
        self,
        compiled: Compiled,
        config: SamplerConfig,
        *,
        random_seed: int,
        data: Mapping[str, np.ndarray] | None = None,
        progress: Any = None,
    ) -> xr.DataTree:
        self.calls.append({"seed": random_seed, "data": data, "config": config})
        rng = np.random.default_rng(random_seed)
        model = compiled.program
        variables = {}
        for variable in model.free_RVs + model.deterministics:
            dims = model.named_vars_to_dims.get(variable.name, ())
            shape = [len(model.coords[d]) for d in dims]
            size = (config.chains, config.draws, *shape)
            variables[variable.name] = (("chain", "draw", *dims), 0.1 + rng.gamma(9, 0.03, size))
        coords = {d: list(v) for d, v in model.coords.items()}
        stats = {
            "diverging": (("chain", "draw"), np.zeros((config.chains, config.draws), bool)),
            "energy": (("chain", "draw"), rng.normal(size=(config.chains, config.draws))),
        }
        posterior = xr.Dataset(variables, coords=coords)
        if "ceiling" in posterior:  # a law: its rows rise and go on rising
            posterior["ceiling"] = 1 - posterior["ceiling"].clip(0, 1) / 5
            posterior["floor"] = posterior["floor"].clip(0, 1) / 5
        if progress is not None:
            progress(1.0)
        tree = xr.DataTree.from_dict({"posterior": posterior, "sample_stats": xr.Dataset(stats)})
        tree.attrs["sampling_seconds"] = 0.5
        return tree
