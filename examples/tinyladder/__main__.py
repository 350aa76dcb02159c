"""Train: ``python examples/tinyladder RUN... [--folder runs/tinyladder]``."""

import argparse
from pathlib import Path

from plan import plan_runs
from training import train


def main() -> None:
    """Train the named runs, one after the other, from where each stands."""
    runs = plan_runs()
    parser = argparse.ArgumentParser(prog="tinyladder", description=__doc__)
    parser.add_argument("runs", nargs="+", choices=list(runs))
    parser.add_argument("--folder", type=Path, default=Path("runs/tinyladder"))
    arguments = parser.parse_args()
    for name in arguments.runs:
        train(runs[name], arguments.folder)


if __name__ == "__main__":
    main()
