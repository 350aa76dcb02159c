"""Tinyladder: train, evaluate and publish a ladder of tiny language models.

python examples/tinyladder plan                     # what there is to train, and its compute
python examples/tinyladder train size0 size1 size2  # resumable, in about two minutes
python examples/tinyladder evaluate size0 size1 size2
python examples/tinyladder publish                  # all runs but the target
python examples/tinyladder publish --target
"""

import argparse
from pathlib import Path

import torch
from plan import plan_runs
from results import evaluate_run, publish
from training import train

_DATA = Path(__file__).parents[2] / "cod_bayes" / "data" / "tinyladder"


def main() -> None:
    """Run one command."""
    runs = plan_runs()
    arguments = _parse(list(runs))
    if arguments.command == "plan":
        for run in runs.values():
            flops = run.tokens * run.architecture.flops_per_token
            print(
                f"{run.name:12} {run.role:7} {run.family:6} {run.mixture:9} layers {run.layers} "
                f"width {run.width:3d}  {run.tokens:10.3e} tokens  {flops:9.3e} FLOP"
            )
    elif arguments.command == "train":
        for name in arguments.runs:
            train(runs[name], arguments.folder, arguments.compiled, arguments.threads)
    elif arguments.command == "evaluate":
        torch.set_num_threads(arguments.threads)
        for name in arguments.runs:
            evaluate_run(runs[name], arguments.folder)
    else:
        chosen = [run for run in runs.values() if (run.role == "target") == arguments.target]
        prefix = "target_" if arguments.target else ""
        for path in publish(chosen, arguments.folder, arguments.out, prefix):
            print(f"{path}  {path.stat().st_size / 1e3:.0f} kB")


def _parse(names: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="tinyladder", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("plan", help="list the runs")
    for verb in ("train", "evaluate"):
        command = commands.add_parser(verb, help=f"{verb} the named runs, in order")
        command.add_argument("runs", nargs="+", choices=names, metavar="RUN")
        command.add_argument("--threads", type=int, default=1)
        if verb == "train":
            command.add_argument("--eager", dest="compiled", action="store_false")
    command = commands.add_parser("publish", help="write the data set's tables")
    command.add_argument("--target", action="store_true", help="the target's, not the others'")
    command.add_argument("--out", type=Path, default=_DATA)
    for command in commands.choices.values():
        command.add_argument("--folder", type=Path, default=Path("runs/tinyladder"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
