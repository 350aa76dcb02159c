"""What does the cut between law and mapping cost? One benchmark, both ways.

The product fits the law and the mapping apart. Here one model holds both: every cluster's realised
rate on every small model is a parameter, the law is its prior, its counts are binomial, and the
mapping starts from the same realised rates. Forecasts of the target from the two are compared.

Run ``uv run python examples/cut_versus_joint.py --benchmark BBH``.
"""

import argparse
import sys
from dataclasses import replace

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

import cod_bayes as cb
from cod_bayes.inference import check_gate, compile_model, sample
from cod_bayes.law.curves import compute_log_hazard, compute_score, load_curve, shift_logit
from cod_bayes.law.data import add_scales, build_rows, select_runs
from cod_bayes.law.model import build_law, compute_spread
from cod_bayes.mapping import FORMS, build_mapping_data

TARGET_FLOPS = 3.8e24


def main() -> None:
    """Fit both ways and print the two forecasts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmark", default="BBH")
    name = parser.parse_args().benchmark
    config = cb.Config.from_mapping({}, (f'data.benchmarks = ["{name}"]',))
    evals = cb.load_dataset("paper-ladder-sim")
    evals = evals.isel(llm=np.flatnonzero(evals["role"].values == "ladder"))
    fitted = cb.fit(evals, config, random_seed=1)
    forecast = cb.predict(fitted, flops=TARGET_FLOPS, force=True)
    apart = forecast["predictions"]["score_by_forecaster"].sel({"forecaster": "cod"})
    joint, gate = forecast_jointly(evals, fitted, name, config)
    for label, draws in (("cut", apart.values.ravel()), ("joint", joint)):
        low, median, high = 100 * np.quantile(draws, [0.05, 0.5, 0.95])
        line = f"{name} {label:5s}: median {median:.2f}, 90 % ETI [{low:.2f}, {high:.2f}]"
        sys.stdout.write(f"{line}, sd {100 * draws.std():.2f}\n")
    sys.stdout.write(f"joint fit: {gate}\n")


def forecast_jointly(
    evals: xr.Dataset, fitted: cb.FittedModel, name: str, config: cb.Config
) -> tuple[np.ndarray, dict[str, object]]:
    """One model of law and mapping; a new run's full score for every draw."""
    evals = evals.isel(item=np.flatnonzero(evals["benchmark"].values == name))
    label = fitted.group("clusters")["label"].sel(item=evals["item"].values).values
    table = fitted.group("cluster_table")
    used = table["cluster"].values[table["in_subset"].values]
    groups = {str(row): np.flatnonzero(label == int(row.split("/")[1])) for row in used}
    ladder = select_runs(evals, "ladder")
    reference = {"compute": float(ladder["flops"].max())}
    rows = add_scales(build_rows(ladder, groups), ladder, ("compute",), reference)
    rows["mixed"] = xr.zeros_like(rows["mixed"])
    in_subset = np.isin(label, [int(row.split("/")[1]) for row in used])
    points = build_mapping_data(ladder, {name: in_subset}, FORMS["rest"])
    data = points.isel(benchmark=0)

    weights = (rows["n_questions"] / rows["n_questions"].sum()).values
    centre, share = float(data["centre"]), float(data["share"])
    new_scale = np.array([np.log(TARGET_FLOPS / reference["compute"])])
    curve, maps = load_curve(config.law.curve), config.mapping.priors
    with build_law(rows, config.law) as model:
        law = _rates(model, curve, rows["log_scale"].values)
        n_questions = rows["n_questions"].values[:, None]
        spread = compute_spread(law, n_questions, model["item_dispersion"], model["residual_sd"])
        # The counts' beta-binomial, opened: its beta is a parameter, its binomial the likelihood.
        n, k = rows["n_trials"].values, rows["n_correct"].values
        alpha, beta = law / spread, (1 - law) / spread
        realised = pm.Beta("realised", alpha + k, beta + n - k, shape=k.shape)
        subset = pt.dot(weights, realised)
        offset = pm.Normal("offset", maps.offset_mean.build("om"), maps.offset_sd.build("os"))
        slope_mean, slope_sd = maps.log_slope_mean.build("sm"), maps.log_slope_sd.build("ss")
        slope = pt.exp(pm.Normal("log_map_slope", slope_mean, slope_sd))
        scatter = maps.scatter_sd.build("scatter_sd")
        line = centre + offset + slope * (pm.math.logit(subset) - centre)
        response = pm.Normal("response", line, scatter, shape=data.sizes["llm"])
        pm.Binomial(
            "response_correct",
            n=data["response_trials"].values,
            logit_p=response,
            observed=data["response_correct"].values,
        )
        fresh = pm.Normal("fresh", shape=2)
        target = _rates(model, curve, new_scale[None, :], luck=model["luck_sd"] * fresh[0])[:, 0]
        target_spread = compute_spread(
            target, n_questions[:, 0], model["item_dispersion"], model["residual_sd"]
        )
        run = pm.Beta("run", target / target_spread, (1 - target) / target_spread)
        at = pt.dot(weights, run)
        logit = centre + offset + slope * (pm.math.logit(at) - centre) + scatter * fresh[1]
        pm.Deterministic("full", share * at + (1 - share) * pm.math.sigmoid(logit))
    sampler = replace(config.sampler, draws=3000)
    tree = sample(compile_model(model), sampler, random_seed=2)
    return tree["posterior"]["full"].values.ravel(), check_gate(tree, sampler)


def _rates(model: pm.Model, curve, log_scale: np.ndarray, luck=None):  # type: ignore[no-untyped-def]
    """The law's rates with luck, dims (cluster, llm or target)."""
    hazard = compute_log_hazard(
        model["log_hazard"][:, :, None], model["slope"][:, :, None], log_scale[:, None, :], pt
    )
    law = compute_score(
        hazard, model["ceiling"][:, None], model["floor"][:, None], model["frailty"], curve, pt
    )
    return shift_logit(law, (model["luck"] if luck is None else luck), pt)


if __name__ == "__main__":
    main()
