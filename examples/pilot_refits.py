"""Is what ``suggest`` promises of a pilot what a refit would show?

By brute force (preposterior simulation): draw a truth from the posterior, simulate the pilot's
data from it, fit the law anew to ladder and pilot, and look at what is then believed. ``suggest``
learns the same from one regression over all draws. Compared are the value of the pilot to the
decision, the expected utility of every candidate given the data, and by how much the forecast
narrows.

Run ``uv run python examples/pilot_refits.py cod-bayes-demo/model --pilot 20B --refits 24``, with a
pilot of one new run. All is by the end-to-end law, whatever leads the model's forecast.
"""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import xarray as xr

import cod_bayes as cb
from cod_bayes.decide import compute_evsi, compute_narrowing, compute_variance_share, read_plan
from cod_bayes.decide.candidates import Candidates, describe_candidates, draw_outcome
from cod_bayes.decide.information import regress_utility
from cod_bayes.decide.pilots import NewRun
from cod_bayes.decide.plan import Plan
from cod_bayes.law.evaluate import stack_draws
from cod_bayes.law.sampling import sample_law
from cod_bayes.runs import draw_scores
from cod_bayes.schema import LLM, N_CORRECT, N_TRIALS
from cod_bayes.stages import Stages, load_stages
from cod_bayes.targets import describe_runs

SEED = 0


@dataclass(frozen=True)
class Beliefs:
    """Of one state of knowledge: utilities (candidate,), and the target's score.

    ``variance`` is that of one new run's score by benchmark, at the candidate of index ``target``.
    """

    utility: np.ndarray
    variance: np.ndarray
    passed: bool = True


def main() -> None:
    """Print the comparison for one pilot."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--plan", type=Path, default=Path("configs/allocation.toml"))
    parser.add_argument("--pilot", default="20B")
    parser.add_argument("--refits", type=int, default=20)
    asked = parser.parse_args()
    fitted, plan = cb.load_model(asked.model), read_plan(asked.plan)
    pilot = next(p for p in plan.pilots if p.name == asked.pilot)
    if not isinstance(pilot, NewRun) or pilot.seeds > 1:
        parser.error("the pilot must be one new run")
    options, _ = describe_candidates(fitted, plan.candidates, plan.costs)
    start = time.perf_counter()
    stages = let_whole_lead(load_stages(fitted))
    promised = promise(fitted, stages, options, plan, pilot)
    seconds = time.perf_counter() - start
    chosen = np.random.default_rng(SEED).choice(len(promised.data), asked.refits, replace=False)
    start = time.perf_counter()
    seen = [refit(fitted, stages, options, plan, pilot, int(draw)) for draw in chosen]
    report(promised, chosen, seen, seconds, time.perf_counter() - start)


def let_whole_lead(stages: Stages) -> Stages:
    """The end-to-end law leads every benchmark: it is what a refit is quick for."""
    leads = xr.full_like(stages.clusters["headline"], "end-to-end")
    return replace(stages, clusters=stages.clusters.assign(headline=leads))


@dataclass(frozen=True)
class Promise:
    """What one regression over all draws says of the pilot, and what is believed before it."""

    data: np.ndarray
    utility: np.ndarray
    before: Beliefs
    narrowing: np.ndarray
    evsi: tuple[float, float]


def promise(
    fitted: cb.FittedModel, stages: Stages, options: Candidates, plan: Plan, pilot: NewRun
) -> Promise:
    """As :func:`cod_bayes.suggest` does it."""
    data = pilot.simulate(fitted, stages, SEED)
    utility, scores = ask(stages, options, plan)
    evsi = compute_evsi(utility, data)
    before = Beliefs(utility.mean(axis=0), scores.var(axis=0))
    share = compute_variance_share(scores, data)
    return Promise(data, utility, before, compute_narrowing(share), (evsi.value, evsi.se))


def ask(stages: Stages, options: Candidates, plan: Plan) -> tuple[np.ndarray, np.ndarray]:
    """Utilities (draw, candidate), and scores at the last candidate (draw, benchmark)."""
    runs = [draw_outcome(stages, options, plan.values, random_seed=SEED, run=f"ask {i}").utility
            for i in range(8)]  # fmt: skip
    last = options.runs["log_scale"].values[:, -1:]
    scores = draw_scores(stages, last, random_seed=SEED, run="target")
    return np.mean(runs, axis=0), np.concatenate(list(scores.values()), axis=1)


def refit(
    fitted: cb.FittedModel,
    stages: Stages,
    options: Candidates,
    plan: Plan,
    pilot: NewRun,
    draw: int,
) -> Beliefs:
    """Beliefs after the pilot's data, simulated from one draw, were added to the ladder's."""
    data = add_run(fitted, stages, pilot, draw)
    tree, gate = sample_law(data, fitted.config, random_seed=draw)
    posterior = stack_draws(tree["posterior"].to_dataset())
    names = [name for name in stages.whole.data_vars if name in posterior]
    utility, scores = ask(replace(stages, whole=posterior[names]), options, plan)
    return Beliefs(utility.mean(axis=0), scores.var(axis=0), bool(gate["passed"]))


def add_run(fitted: cb.FittedModel, stages: Stages, pilot: NewRun, draw: int) -> xr.Dataset:
    """The ladder's counts with the pilot's beside them."""
    ladder = fitted.group("end_to_end/constant_data").load()
    about = {n: getattr(pilot, n) for n in ("flops", "params", "tokens") if getattr(pilot, n)}
    runs, _ = describe_runs(fitted, **about)
    log_scale = runs["log_scale"].values
    scores = draw_scores(
        stages, log_scale, trials=pilot.trials, random_seed=SEED, run=f"pilot {pilot.name}, seed 0"
    )
    count = (ladder["n_questions"].values * pilot.trials).astype(np.int64)
    score = np.array([scores[str(name)][draw, 0] for name in ladder["cluster"].values])
    new = xr.Dataset(
        {
            N_TRIALS: (("cluster", LLM), count[:, None]),
            N_CORRECT: (("cluster", LLM), np.rint(score * count).astype(np.int64)[:, None]),
            "log_scale": (("scale", LLM), log_scale),
        },
        coords={"cluster": ladder["cluster"], "scale": ladder["scale"], LLM: ["pilot"]},
    )
    by_run = [N_TRIALS, N_CORRECT, "log_scale"]
    rest = ladder.drop_vars([*by_run, LLM, "reference"])
    used = xr.ones_like(ladder["mixed"])
    return xr.concat([ladder[by_run], new], dim=LLM).merge(rest).assign(used=used)


def report(
    promised: Promise, chosen: np.ndarray, seen: list[Beliefs], seconds: float, of_refits: float
) -> None:
    """Print promise and refits side by side."""
    after = np.array([beliefs.utility for beliefs in seen])
    foretold = regress_utility(promised.data, promised.utility, promised.data[chosen])
    now = promised.before.utility.max()
    gain, gain_foretold = after.max(axis=1) - now, foretold.max(axis=1) - now
    difference = foretold - after
    variance = np.mean([beliefs.variance for beliefs in seen], axis=0)
    narrowing = 1 - np.sqrt(variance / promised.before.variance)
    n = len(seen)
    lines = [
        f"{n} refits, {sum(b.passed for b in seen)} passed the gate",
        f"worth of the pilot, all draws: {promised.evsi[0]:.0f} ± {promised.evsi[1]:.0f} (MC)",
        f"worth on the refits' data: {gain_foretold.mean():.0f} by regression, "
        f"{gain.mean():.0f} ± {gain.std(ddof=1) / np.sqrt(n):.0f} by refits",
        f"same candidate chosen: {int((after.argmax(1) == foretold.argmax(1)).sum())} of {n}",
        "expected utility of a candidate, regression less refit: bias "
        f"{difference.mean():.0f} ± {difference.mean(1).std(ddof=1) / np.sqrt(n):.0f}, RMSE "
        f"{np.sqrt((difference**2).mean()):.0f}, beside a spread of the refits' of "
        f"{after.std(axis=0, ddof=1).mean():.0f}",
        f"narrowing, mean over benchmarks: {100 * promised.narrowing.mean():.1f} % promised, "
        f"{100 * narrowing.mean():.1f} % seen",
        f"seconds: {seconds:.1f} for all draws, {of_refits:.0f} for the refits "
        f"({of_refits / n / seconds:.0f} times as long for each as for the whole regression)",
    ]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
