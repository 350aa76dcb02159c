"""The model card: what was fitted, on what, how it went, and when not to use it."""

from cod_bayes.fitted import FittedModel
from cod_bayes.schema import BENCHMARK, LLM


def write_card(fitted: FittedModel) -> str:
    """A Markdown page for people who find the model's directory."""
    about = fitted.provenance
    scores = fitted.group("scores")
    ladder = scores.isel({LLM: scores["role"].values == "ladder"})
    flops = ladder["flops"].values
    anchors = scores[LLM].values[scores["role"].values == "anchor"]
    scales = ", ".join(str(s) for s in fitted.group("end_to_end/constant_data")["scale"].values)
    lines = [
        "# A fitted model of cod-bayes",
        "",
        f"Fitted {about.get('created', 'at an unknown time')} in {about.get('fit_seconds')} s, "
        f"seed {about.get('random_seed')}.",
        "",
        f"- Ladder: {ladder.sizes[LLM]} models, {flops.min():.3g} to {flops.max():.3g} FLOP "
        f"({about.get('flop_convention')}).",
        f"- Anchors: {', '.join(map(str, anchors)) or 'none'}.",
        f"- Law: {fitted.config.law.curve}, in {scales}. Map: {fitted.config.mapping.form}.",
        f"- Sampler: {about.get('sampler')}, {fitted.config.sampler.draws} draws a chain.",
        "",
        "## Benchmarks",
        "",
        "| benchmark | clusters | items in the subset | leads | because |",
        "|---|---|---|---|---|",
        *_benchmark_rows(fitted),
        "",
        "## Did the sampler converge?",
        "",
        "| fit | R-hat | bulk ESS | tail ESS | divergent | E-BFMI | passed |",
        "|---|---|---|---|---|---|---|",
        *_gate_rows(fitted),
        "",
        "## When not to use it",
        "",
        "- For a target with other tokens per parameter, data or schedule than the ladder's line, "
        "unless the law stands in params and tokens.",
        "- For another metric, decoding or prompt than the small models were measured with.",
        "- Where a fit above did not pass: its intervals mean nothing.",
        f"- Far beyond {fitted.config.law.classes.horizon:g} times the largest ladder run: "
        "clusters were judged up to there.",
    ]
    return "\n".join(lines) + "\n"


def _benchmark_rows(fitted: FittedModel) -> list[str]:
    clusters = fitted.group("clusters")
    return [
        f"| {name} | {int(row['n_clusters'])} | {float(row['share_in_subset']):.0%} "
        f"| {row['headline'].item()} | {row['headline_reason'].item()} |"
        for name in clusters[BENCHMARK].values
        for row in [clusters.sel({BENCHMARK: name})]
    ]


def _gate_rows(fitted: FittedModel) -> list[str]:
    gates = fitted.group("diagnostics")
    return [
        f"| {fit} | {float(row['rhat']):.4f} | {float(row['ess_bulk']):.0f} "
        f"| {float(row['ess_tail']):.0f} | {float(row['divergent_share']):.3%} "
        f"| {float(row['ebfmi']):.2f} | {'yes' if row['passed'] else '**no**'} |"
        for fit in gates["fit"].values
        for row in [gates.sel(fit=fit)]
    ]
