"""``cod-bayes suggest``: what to train or measure next, before the large run."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cod_bayes.cli.options import Flops, Force, Json, Model, Params, Seed, Settings, Tokens, Trials
from cod_bayes.cli.outputs import check_file
from cod_bayes.cli.records import plain
from cod_bayes.cli.session import Session
from cod_bayes.cli.tables import format_flops, format_money, make_table, percent

if TYPE_CHECKING:
    import xarray as xr


def run_suggest(
    context: typer.Context,
    model: Model,
    plan_file: Annotated[
        Path,
        typer.Option(
            "--plan",
            "-p",
            metavar="FILE",
            help="Pilots, and the decision they may improve, in TOML, as configs/allocation.toml.",
        ),
    ],
    flops: Flops = None,
    params: Params = None,
    tokens: Tokens = None,
    trials: Trials = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", metavar="FILE", help="Also draw value and narrowing by price."),
    ] = None,
    settings: Settings = None,
    seed: Seed = 0,
    force: Force = False,
    as_json: Json = False,
) -> None:
    """Rank pilots by their net value to a decision, or by how much they narrow a forecast.

    With candidates in the plan, a pilot is worth what its data would add to the expected utility of
    choosing well. Without, give the target whose forecast shall narrow.
    """
    from cod_bayes.decide.plan import read_plan
    from cod_bayes.decide.suggestion import Decision, suggest
    from cod_bayes.store import load_model

    session = Session.of(context)
    if flops is None and (params is None) != (tokens is None):
        raise typer.BadParameter("--params and --tokens belong together, as 70B and 15T")
    if figure is not None:
        check_file(figure)
    plan = read_plan(plan_file, settings or ())
    fitted = load_model(model, lazy=True)
    context.call_on_close(fitted.tree.close)
    decision = None if plan.candidates.empty else Decision(plan.candidates, plan.values)
    table = suggest(
        fitted,
        plan.pilots,
        decision,
        plan.costs,
        flops=flops,
        params=params,
        tokens=tokens,
        trials=trials,
        force=force,
        random_seed=seed,
    )
    if figure is not None:
        from cod_bayes import plots

        plots.save(plots.pilots(table), figure)
    record = suggestion_record(table)
    if as_json:
        session.show_json({"model": str(model), **record})
        return
    _show(session, record)


def suggestion_record(table: "xr.Dataset") -> dict[str, Any]:
    """Everything that ``cod-bayes suggest`` says, one entry a pilot; NaN becomes null."""
    entries = []
    for name in table["pilot"].values:
        own = table.sel(pilot=name)
        flat = {str(k): plain(v.item()) for k, v in own.data_vars.items() if not v.dims}
        narrowing = {str(b): float(own["narrowing"].sel(benchmark=b))
                     for b in table["benchmark"].values}  # fmt: skip
        entries.append({"pilot": str(name), **flat, "narrowing": narrowing})
    limits = table["narrowing_limit"].to_series()
    attrs = dict(table.attrs)
    return {
        "recommended": attrs["recommended"] or None,
        "reason": attrs["reason"],
        "choice": attrs["choice"] or None,
        "value_of_law": attrs.get("value_of_law"),
        "value_of_law_se": attrs.get("value_of_law_se"),
        "target": {k: plain(attrs[f"target_{k}"]) for k in ("flops", "params", "tokens")},
        "narrowing_limit": {str(b): float(v) for b, v in limits.items()},
        "pilots": entries,
        "notes": json.loads(attrs["notes"]),
    }


def _show(session: Session, record: dict[str, Any]) -> None:
    decides = record["choice"] is not None
    benchmarks = list(record["narrowing_limit"])
    headers = ["FLOP", "price"]
    headers += ["worth ± MC error", "net"] if decides else ["narrowing per price"]
    table = make_table(session, ["pilot"], [*headers, "narrowing", *benchmarks])
    order = "net_value" if decides else "narrowing_per_price"
    entries = sorted(record["pilots"], key=lambda e: _rank(e[order]), reverse=True)
    for entry in entries:
        cells = [
            format_flops(entry["flops"]) if entry["flops"] else "",
            format_money(entry["price"]),
        ]
        if decides:
            known = entry["evsi"] is not None
            worth = f"{format_money(entry['evsi'])} ± {format_money(entry['evsi_se'])}"
            cells += [worth if known else "not affordable", format_money(entry["net_value"])]
        else:
            cells += [f"{100 * _rank(entry['narrowing_per_price'], 0.0):.3g}"]
        cells += [percent(entry["mean_narrowing"])]
        cells += [percent(entry["narrowing"][b]) for b in benchmarks]
        mark = " *" if entry["pilot"] == record["recommended"] else ""
        table.add_row(entry["pilot"] + mark, *cells)
    limits = [percent(record["narrowing_limit"][b]) for b in benchmarks]
    mean = sum(record["narrowing_limit"].values()) / len(benchmarks)
    to_know = [""]
    if decides:
        se = format_money(record["value_of_law_se"])
        to_know = [f"{format_money(record['value_of_law'])} ± {se}", ""]
    table.add_row("to know the law", "", "", *to_know, percent(mean), *limits)
    at = format_flops(record["target"]["flops"])
    session.show_table(
        f"Pilots: worth in the plan's currency; by how many % the intervals at {at} FLOP narrow",
        table,
    )
    session.show()
    if decides:
        session.show(f"Without a pilot the choice is {record['choice']}.")
    choice = record["recommended"]
    says = f"{choice}: {record['reason']}." if choice else f"No pilot: {record['reason']}."
    session.show(says)
    for note in record["notes"]:
        session.note(f"note: {note}")


def _rank(value: float | None, missing: float = -math.inf) -> float:
    return missing if value is None else value
