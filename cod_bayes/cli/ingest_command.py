"""``cod-bayes ingest``: tables of results -> evaluation data."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cod_bayes.cli.options import Json, parse_columns
from cod_bayes.cli.outputs import check_file
from cod_bayes.cli.records import evals_record
from cod_bayes.cli.session import Session
from cod_bayes.cli.tables import evals_table, format_flops

if TYPE_CHECKING:
    import xarray as xr


def run_ingest(
    context: typer.Context,
    paths: Annotated[
        list[Path],
        typer.Argument(
            metavar="PATH...", help="Tables (CSV, Parquet, JSONL), or a folder of them."
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where the data go.")
    ] = Path("evals.nc"),
    llms: Annotated[
        Path | None,
        typer.Option(
            "--llms",
            metavar="FILE",
            help="What is known of the llms, TOML or CSV; default: llms.toml or llms.csv beside "
            "the table.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            "--column",
            metavar="NAME=COLUMN",
            help="The table's own name of a column, as llm=model; role= ignores a column.",
        ),
    ] = None,
    benchmark: Annotated[
        str | None, typer.Option(help="Name of the benchmark, for tables without that column.")
    ] = None,
    flop_convention: Annotated[
        str | None, typer.Option(help="How compute was counted, where the llms give flops.")
    ] = None,
    decoding: Annotated[str | None, typer.Option(help="How answers were sampled, a label.")] = None,
    as_json: Json = False,
) -> None:
    """Read tables of evaluation results, check them, and write evals.nc.

    A row is an item of an llm (llm, benchmark, item_id, n_trials, n_correct), one attempt
    (... correct), or a score without items (llm, benchmark, score, n_questions).
    """
    from cod_bayes.evals_file import write_evals
    from cod_bayes.ingest import read_logs, read_table

    columns = parse_columns(column or ())
    check_file(output)
    if len(paths) == 1:
        evals = read_logs(
            paths[0],
            llms,
            columns=columns,
            benchmark=benchmark,
            flop_convention=flop_convention,
            decoding=decoding,
        )
    else:
        evals = read_table(
            paths,
            llms,
            columns=columns,
            benchmark=benchmark,
            flop_convention=flop_convention,
            decoding=decoding,
        )
    write_evals(evals, output)
    show_evals(Session.of(context), evals, output, as_json=as_json)


def show_evals(session: Session, evals: "xr.Dataset", output: Path, *, as_json: bool) -> None:
    """Show what was written, and what bounds a forecast from it."""
    record = evals_record(evals)
    if as_json:
        session.show_json({"output": str(output), **record})
    else:
        llms = ", ".join(f"{count} {role}" for role, count in record["n_llms"].items())
        lowest, highest = map(format_flops, record["ladder_flops"])
        title = (
            f"{output}: {record['n_items']:,} items; llms: {llms}; ladder from {lowest} to "
            f"{highest} FLOP ({record['flop_convention']})"
        )
        session.show_table(title, evals_table(session, record))
    for note in record["notes"]:
        session.note(f"note: {note}")
    session.note(f"next: cod-bayes fit {output}")
