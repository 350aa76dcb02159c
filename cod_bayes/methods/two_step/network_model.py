"""The laws of the components and the network as one PyMC model, and draws of it."""

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from cod_bayes.config import SamplerConfig
from cod_bayes.inference import compile_once, sample_until_passed
from cod_bayes.law.model import compute_spread
from cod_bayes.methods.two_step.domains import Components, DomainData
from cod_bayes.methods.two_step.network import Array, Network, NetworkPriors, compute_rates
from cod_bayes.methods.two_step.network_point import share_runs
from cod_bayes.priors import Prior, _prior, lognormal, normal
from cod_bayes.schema import BENCHMARK, N_CORRECT, N_TRIALS

if TYPE_CHECKING:
    import pymc as pm

# Graphs are padded to multiples of these, so that studies of like size share a compiled graph.
BENCHMARKS_STEP, RUNS_STEP, POINTS_STEP = 4, 4, 16
COMPONENT, HIDDEN, COLUMN, RUN, POINT = "component", "hidden", "column", "run", "point"
# The network's parameters are means to its rates: networks that differ give the same rates.
PARAMETERS = ("weight", "first_weight", "other_weight", "bias", "output", "offset")


@dataclass(frozen=True)
class NetworkModelPriors:
    """Priors of the model beside the network's own; components vary by about one, or less."""

    level: Prior = _prior(
        normal(0.0, 3.0, "the largest run's component, a few spreads from the mean")
    )
    slope: Prior = _prior(
        normal(0.0, 0.5, "a ladder of e^6 in compute spans about three spreads, or fewer")
    )
    law_noise: Prior = _prior(lognormal(0.05, 1.0, "runs depart from a loss law by a few percent"))
    residual_sd: Prior = _prior(
        lognormal(0.15, 0.7, "a run's own departure from the network, logit")
    )
    item_dispersion: Prior = _prior(
        lognormal(0.06, 0.8, "item-by-model noise: about sixteen trials' worth of information")
    )


def network_arrays(data: DomainData, components: Components) -> dict[str, np.ndarray]:
    """The model's data, padded with runs, points and benchmarks that say nothing."""
    n_runs, n_points, n_benchmarks = len(data.design), len(data.run), len(data.benchmarks)
    runs, points = (-n_runs % RUNS_STEP), (-n_points % POINTS_STEP)
    benchmarks = -n_benchmarks % BENCHMARKS_STEP
    both = ((0, benchmarks), (0, points))
    return {
        "design": np.pad(data.design, ((0, runs), (0, 0))),
        "final_z": np.pad(components.project(data.final_losses), ((0, runs), (0, 0))),
        "known": np.pad(np.ones(n_runs), (0, runs)),
        "z": np.pad(components.project(data.losses), ((0, points), (0, 0))),
        "share": np.pad(share_runs(data), both),
        N_TRIALS: np.pad(data.n_trials.astype(int), both),
        N_CORRECT: np.pad(data.n_correct.astype(int), both),
        "floor": np.pad(data.floor, (0, benchmarks)),
        "n_questions": np.pad(data.n_questions, (0, benchmarks), constant_values=1.0),
    }


def build_network_model(
    arrays: dict[str, np.ndarray], hidden: int, network: NetworkPriors, priors: NetworkModelPriors
) -> "pm.Model":
    """Components against compute on final checkpoints; scores against components along the way.

    With ``z_mc`` run m's component c, ``x_ms`` its design, ``t`` a checkpoint and ``k`` a
    benchmark::

        z_mc  ~ Normal(sum_s law_sc x_ms, law_noise_c)          a power law in every domain's loss
        rate  = network(z_t)
        count ~ BetaBinomial(rate_kt, intra-class correlation as the law's)^(1 / checkpoints)

    A run counts once, however many of its checkpoints there are. Units are ordered by their bias,
    and their first weight is positive: a network is the same if two units change places, or one
    changes all its signs, so nothing is lost.

    Parameters
    ----------
    arrays
        From :func:`network_arrays`.
    """
    import pymc as pm
    import pytensor.tensor as pt

    n_columns, n_components = arrays["design"].shape[1], arrays["z"].shape[1]
    coords = {
        COMPONENT: range(n_components),
        HIDDEN: range(hidden),
        COLUMN: range(n_columns),
        RUN: range(len(arrays["design"])),
        POINT: range(len(arrays["z"])),
        BENCHMARK: range(len(arrays["floor"])),
    }
    with pm.Model(coords={name: list(values) for name, values in coords.items()}) as model:
        design = pm.Data("design", arrays["design"], dims=(RUN, COLUMN))
        final_z = pm.Data("final_z", arrays["final_z"], dims=(RUN, COMPONENT))
        known = pm.Data("known", arrays["known"], dims=RUN)
        level = priors.level.build("level", dims=COMPONENT)
        slope = pm.Normal("slope", priors.slope.parameters["mean"], priors.slope.parameters["sd"],
                          shape=(n_columns - 1, n_components))  # fmt: skip
        law = pm.Deterministic(
            "law", pt.concatenate([level[None], slope]), dims=(COLUMN, COMPONENT)
        )
        law_noise = priors.law_noise.build("law_noise", dims=COMPONENT)
        seen = pm.logp(pm.Normal.dist(design @ law, law_noise), final_z)
        pm.Potential("final_components", known * seen.sum(axis=1), dims=RUN)

        z = pm.Data("z", arrays["z"], dims=(POINT, COMPONENT))
        floor = pm.Data("floor", arrays["floor"], dims=BENCHMARK)
        share = pm.Data("share", arrays["share"], dims=(BENCHMARK, POINT))
        n_trials = pm.Data(N_TRIALS, arrays[N_TRIALS], dims=(BENCHMARK, POINT))
        n_correct = pm.Data(N_CORRECT, arrays[N_CORRECT], dims=(BENCHMARK, POINT))
        n_questions = pm.Data("n_questions", arrays["n_questions"], dims=BENCHMARK)
        rate = compute_rates(_build_network(network, hidden, n_components), z, floor, pt)
        rate = pm.Deterministic("rate", 1e-6 + (1 - 2e-6) * rate, dims=(BENCHMARK, POINT))
        spread = compute_spread(
            rate,
            n_questions[:, None],
            priors.item_dispersion.build("item_dispersion"),
            priors.residual_sd.build("residual_sd"),
        )
        counts = pm.BetaBinomial.dist(n=n_trials, alpha=rate / spread, beta=(1 - rate) / spread)
        pm.Potential("count", share * pm.logp(counts, n_correct), dims=(BENCHMARK, POINT))
    return model


def _build_network(priors: NetworkPriors, hidden: int, n_components: int) -> Network:
    """The network's parameters, each network in one of its equal forms."""
    import pymc as pm
    import pytensor.tensor as pt

    first = pm.HalfNormal("first_weight", priors.weight.parameters["sd"], dims=HIDDEN)
    weight = first[:, None]
    if n_components > 1:
        others = pm.Normal("other_weight", priors.weight.parameters["mean"],
                           priors.weight.parameters["sd"],
                           shape=(hidden, n_components - 1))  # fmt: skip
        weight = pt.concatenate([weight, others], axis=1)
    weight = pm.Deterministic("weight", weight, dims=(HIDDEN, COMPONENT))
    bias = pm.Normal("bias", priors.bias.parameters["mean"], priors.bias.parameters["sd"],
                     transform=pm.distributions.transforms.ordered,
                     initval=np.linspace(-1, 1, hidden), dims=HIDDEN)  # fmt: skip
    output = priors.output.build("output", dims=(BENCHMARK, HIDDEN))
    offset = priors.offset.build("offset", dims=BENCHMARK)
    return Network(weight, bias, output, offset)
