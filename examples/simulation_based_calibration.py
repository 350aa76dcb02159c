"""Simulation-based calibration of the law, the end-to-end law and the mapping.

Parameters and data are drawn from each model's prior, the model is fitted to the data, and the rank
of every true value among the posterior's draws is kept: if the sampler and the model agree, ranks
are uniform. Designs are stated in ``cod_bayes/evaluation/sbc_problems.py``.

Run ``uv run python examples/simulation_based_calibration.py --refits 200 --jobs 2``. Every ten
refits are written, so it can be stopped and continued; figures and a table of judgements go to the
output folder.
"""

import argparse
from pathlib import Path

from cod_bayes import plots
from cod_bayes.evaluation.simulation_based import judge, run_sbc

MODELS = ("law", "end-to-end", "mapping")


def main() -> None:
    """Refit, judge, draw."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS)
    parser.add_argument("--refits", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("sbc"))
    options = parser.parse_args()
    for name in options.models:
        table = run_sbc(
            name,
            options.refits,
            folder=options.output,
            n_jobs=options.jobs,
            random_seed=options.seed,
        )
        refits = table.drop_duplicates("refit")
        print(
            f"\n{name}: {len(refits)} refits, {(~refits['passed']).sum()} failed their gate, "
            f"{refits['seconds'].mean():.1f} s each"
        )
        for which, verdicts in judge(table).groupby("refits", sort=False):
            outside = verdicts[~verdicts["inside"]]
            print(f"{which} refits: {len(outside)} of {len(verdicts)} outside a 95 % envelope")
            if len(outside):
                print(outside.to_string(index=False))
        figure = plots.sbc(table, name=name)
        print(plots.save(figure, options.output / f"sbc_{name.replace('-', '_')}.png"))


if __name__ == "__main__":
    main()
