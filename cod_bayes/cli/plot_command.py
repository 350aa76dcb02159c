"""``cod-bayes plot``: figures of a fitted model."""

from pathlib import Path
from typing import Annotated

import typer

from cod_bayes.cli.figures import (
    BY_BENCHMARK,
    FROM_EVALS,
    Kind,
    default_target,
    draw_forecast,
    draw_others,
)
from cod_bayes.cli.options import Flops, Force, Model, Params, Seed, Tokens
from cod_bayes.cli.outputs import check_file, make_folder
from cod_bayes.cli.session import Session
from cod_bayes.cli.tables import format_flops


def run_plot(
    context: typer.Context,
    model: Model,
    kinds: Annotated[
        list[Kind] | None,
        typer.Option("--kind", help="What to draw; may be repeated. Default: forecast."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            metavar="PATH",
            help="A folder, or for a single figure a file (.png, .pdf or .svg).",
        ),
    ] = Path("figures"),
    benchmarks: Annotated[
        list[str] | None,
        typer.Option("--benchmark", metavar="NAME", help="Which benchmarks; default: all."),
    ] = None,
    flops: Flops = None,
    params: Params = None,
    tokens: Tokens = None,
    evals_file: Annotated[
        Path | None,
        typer.Option(
            "--evals", metavar="FILE", help="The data that were fitted; difficulty needs them."
        ),
    ] = None,
    truth_file: Annotated[
        Path | None,
        typer.Option("--truth", metavar="FILE", help="True scores, to stand in the forecast."),
    ] = None,
    suffix: Annotated[
        str, typer.Option("--format", help="Format of figures in a folder: png, pdf or svg.")
    ] = "png",
    seed: Seed = 0,
    force: Force = False,
) -> None:
    """Draw the forecast, the clusters, the mapping or the items' difficulty.

    The forecast reaches to the target; without one, to the horizon up to which clusters were
    judged. Three kinds are counterparts of the COD paper's figures: interpolation (the mapping by
    polynomials and splines), algorithms (items in two dimensions, by clustering algorithm) and loss
    (score against validation loss).
    """
    if (params is None) != (tokens is None):
        raise typer.BadParameter("--params and --tokens belong together, as 70B and 15T")
    kinds = list(dict.fromkeys(kinds or [Kind.FORECAST]))
    of_data = [kind.value for kind in kinds if kind in FROM_EVALS]
    if of_data and evals_file is None:
        raise typer.BadParameter(
            f"--kind {of_data[0]} shows what a fitted model does not hold: give --evals evals.nc"
        )
    if suffix not in ("png", "pdf", "svg"):
        raise typer.BadParameter(f"{suffix!r} is none of png, pdf, svg", param_hint="--format")
    is_file = output.suffix.lower() in (".png", ".pdf", ".svg")
    many = sum(kind in BY_BENCHMARK for kind in kinds)
    if is_file and (len(kinds) > 1 or (many and len(benchmarks or ()) != 1)):
        raise typer.BadParameter(
            f"several figures do not fit into {output}; name a folder, or one --kind and, where it "
            "draws a figure a benchmark, one --benchmark"
        )
    if is_file:
        check_file(output)
    else:
        make_folder(output)

    from cod_bayes import plots
    from cod_bayes.evals_file import read_dataset, read_evals
    from cod_bayes.store import load_model

    session = Session.of(context)
    fitted = load_model(model)
    evals = read_evals(evals_file) if evals_file else None
    given = {"flops": flops, "params": params, "tokens": tokens}
    target = {name: value for name, value in given.items() if value is not None}
    for kind in kinds:
        if kind is Kind.FORECAST:
            if not target:
                target = default_target(fitted)
                session.note(
                    f"note: no target given; drawn to {format_flops(target['flops'])} FLOP"
                )
            truth = read_dataset(truth_file) if truth_file else None
            figure = draw_forecast(
                fitted,
                target,
                evals=evals,
                truth=truth,
                benchmarks=benchmarks,
                force=force,
                random_seed=seed,
            )
            figures = iter([(kind.value, figure)])
        else:
            figures = draw_others(kind, fitted, evals, benchmarks)
        for name, figure in figures:
            path = output if is_file else output / f"{name}.{suffix}"
            session.show(str(plots.save(figure, path)))
