"""The scripts of tinyladder that forecast, judge, draw and describe, on an invented study."""

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import norm

import cod_bayes as cb
from cod_bayes import datasets
from cod_bayes.fitted import FittedModel
from cod_bayes.validation import validate_evals

from .loading import TINYLADDER, tinyladder_modules

SIZES = np.geomspace(2.8e10, 6.3e13, 10)
STABLE, ANNEALED = {"stable": (0.94, 0.97, 1.0)}, {"annealed": (1.1,)}
FLOORS = {
    "arithmetic": 0.0, "products": 0.0, "strings": 0.0, "recall": 0.0, "lists": 0.0,
    "calendar": 0.0, "logic": 0.5, "choice": 0.25, "grammar": 0.5,
}  # fmt: skip
LEVELS = np.arange(1, 200) / 200


@pytest.fixture
def scripts() -> Iterator[dict[str, ModuleType]]:
    """The scripts by name."""
    with tinyladder_modules("describe", "forecast", "score", "figures") as modules:
        yield modules


def make_run(name: str, flops: float, **rest: object) -> dict[str, object]:
    usual = {"role": "ladder", "family": "alpha", "mixture": "balanced", "seed": 0}
    return {"run": name, "flops": flops, **usual, **rest}


LADDER = [make_run(f"size{i}", flops) for i, flops in enumerate(SIZES)]
ANCHORS = [
    make_run(f"beta{i}", 2 * SIZES[i], role="anchor", family="beta", size=SIZES[i])
    for i in (5, 7, 9)
]
SEEDS = [make_run(f"size{i}-seed{s}", SIZES[i], seed=s) for i in (3, 5, 7) for s in (1, 2)]
NUMERIC = [make_run(f"numeric{i}", SIZES[i], mixture="numeric") for i in (2, 4, 6, 7, 8)]
TARGET = [make_run("target", 7.1948e14, role="target")]


def invent(
    runs: list[dict[str, object]], phases: dict[str, tuple[float, ...]], n_items: int
) -> xr.Dataset:
    """Evaluations of the shape of tinyladder's: items emerge one after another, with some luck."""
    rows = [
        {**run, "phase": phase, "share": share, "checkpoint": round(1000 * share)}
        for run in runs
        for phase, shares in phases.items()
        for share in shares
    ]
    llms = pd.DataFrame(rows)
    llms["size"] = llms.get("size", llms["flops"]).fillna(llms["flops"])
    rng = np.random.default_rng(5)
    names = np.repeat(list(FLOORS), n_items)
    floor = np.repeat(list(FLOORS.values()), n_items)
    hardness = np.sort(rng.normal(13.0, 1.6, (len(FLOORS), n_items))).ravel()
    hardness += np.repeat(np.linspace(-1, 1.5, len(FLOORS)), n_items)
    luck = {run: rng.normal(0, 0.5, len(names)) for run in llms["run"].unique()}
    power = np.log10(llms["flops"] * llms["share"]) + 0.2 * (llms["phase"] == "annealed")
    push = np.array([luck[run] for run in llms["run"]]) + power.to_numpy()[:, None]
    rate = floor + (1 - floor) / (1 + np.exp(-2.5 * (push - hardness)))
    items = [f"{name}/{i % n_items}" for i, name in enumerate(names)]
    params = np.sqrt(llms["size"] / 6 / 18)
    return xr.Dataset(
        {
            "n_trials": (("llm", "item"), np.full(rate.shape, 100, np.uint32)),
            "n_correct": (("llm", "item"), rng.binomial(100, rate).astype(np.uint32)),
        },
        coords={
            "llm": [f"{r.run}@{r.checkpoint}" for r in llms.itertuples()],
            **{n: ("llm", llms[n].to_numpy()) for n in ("run", "checkpoint", "phase", "role")},
            **{n: ("llm", llms[n].to_numpy()) for n in ("family", "mixture", "seed")},
            "params_total": ("llm", params),
            "params_active": ("llm", params),
            "tokens": ("llm", llms["flops"] * llms["share"] / params / 6),
            "flops": ("llm", llms["flops"] * llms["share"]),
            "item": items,
            "item_id": ("item", [item.partition("/")[2] for item in items]),
            "benchmark": ("item", names),
            "n_questions": ("item", np.ones(len(items), int)),
            "guess_floor": ("item", floor),
            "metric": ("item", ["exact match"] * len(items)),
        },
        attrs={"flop_convention": "exact", "decoding": "sampled", "sources": "[]"},
    )


def load_invented(name: str, n_items: int = 12) -> xr.Dataset:
    """What ``load_dataset`` gives, of the same names and structure."""
    runs = {
        "tinyladder": LADDER + ANCHORS,
        "tinyladder-annealed": LADDER + ANCHORS,
        "tinyladder-seeds": LADDER + SEEDS,
        "tinyladder-numeric": NUMERIC,
    }
    phases = ANNEALED if name == "tinyladder-annealed" else STABLE
    return validate_evals(invent(runs[name], phases, n_items))


def load_invented_target(name: str = "tinyladder", n_items: int = 12) -> xr.Dataset:
    return invent(TARGET, ANNEALED if name == "tinyladder-annealed" else STABLE, n_items)


@pytest.fixture
def invented(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package's data sets, replaced."""
    monkeypatch.setattr(cb, "load_dataset", load_invented, raising=False)
    monkeypatch.setattr(datasets, "load_target", load_invented_target, raising=False)


def make_frozen() -> dict[str, object]:
    """A forecast file's content: a normal a benchmark, the first without COD."""
    held = np.clip(norm(0.6, 0.1).ppf(LEVELS), 0, 1).round(5).tolist()
    row = {"leads": "cod", "quantiles": {"cod": held, "end-to-end": held, "headline": held}}
    alone = {"leads": "end-to-end", "quantiles": {**row["quantiles"], "cod": None}}
    benchmarks = dict.fromkeys(FLOORS, row) | {"arithmetic": alone}
    variants = {
        f"{phase} {how} anchors": {
            "phase": phase,
            "anchors": how == "with",
            "dataset": dataset,
            "flops": 7.1948e14 if phase == "stable" else 7.9144e14,
            "passed": how == "with",
            "benchmarks": benchmarks,
        }
        for phase, dataset in (("stable", "tinyladder"), ("annealed", "tinyladder-annealed"))
        for how in ("with", "without")
    }
    return {
        "written": "2026-01-01T00:00:00+00:00",
        "git_commit": "abc",
        "levels": LEVELS.tolist(),
        "target_flops": {"stable": 7.1948e14, "annealed": 7.9144e14},
        "variants": variants,
    }


@pytest.mark.parametrize("z", [-2.5, -1.0, 0.0, 0.3, 2.0])
def test_crps_of_a_normals_quantiles_is_its_closed_form(
    scripts: dict[str, ModuleType], z: float
) -> None:
    mean, sd = 0.4, 0.07
    exact = sd * (z * (2 * norm.cdf(z) - 1) + 2 * norm.pdf(z) - 1 / np.sqrt(np.pi))
    quantiles = norm(mean, sd).ppf(LEVELS)
    found = scripts["score"].compute_crps(quantiles, LEVELS, mean + z * sd)
    assert found == pytest.approx(exact, rel=0.015)


def test_crps_of_a_point_is_its_absolute_error(scripts: dict[str, ModuleType]) -> None:
    crps = scripts["score"].compute_crps(np.full(199, 0.3), LEVELS, 0.5)
    assert crps == pytest.approx(0.2, abs=1e-9)


def test_judging_counts_the_truths_within_each_interval(scripts: dict[str, ModuleType]) -> None:
    score = scripts["score"]
    truths = [0.26, 0.5, 0.74, 0.2, 0.94, 0.96, 0.05, 0.04]  # of a uniform on (0, 1)
    judged = pd.DataFrame([score.judge(LEVELS, LEVELS, truth) for truth in truths])
    assert score.count_covered(judged["covers_0.5"].to_numpy(), 0.5) == "3 of 8 (4.0 ± 1.4)"
    assert score.count_covered(judged["covers_0.9"].to_numpy(), 0.9) == "6 of 8 (7.2 ± 0.8)"
    assert judged["error"][0] == pytest.approx(0.24)


def test_a_frozen_forecast_is_scored_against_the_final_checkpoint(
    scripts: dict[str, ModuleType],
    invented: None,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    score = scripts["score"]
    path, output = tmp_path / "forecast.json", tmp_path / "score.json"
    path.write_text(json.dumps(make_frozen()))
    score.main(["--forecast", str(path), "--output", str(output)])
    printed = capsys.readouterr()
    held = json.loads(output.read_text())
    assert "never committed" in printed.out
    assert not printed.err
    assert output.with_suffix(".md").read_text() in printed.out
    counts = {(row["variant"], row["forecaster"]): row["n"] for row in held["summary"]}
    for variant in make_frozen()["variants"]:
        assert counts[variant, "cod"] == counts[variant, "end-to-end, where COD is"] == 8
        assert counts[variant, "end-to-end"] == counts[variant, "headline"] == 9
    assert len(counts) == 4 * 4
    row = next(r for r in held["rows"] if r["benchmark"] == "logic")
    evals = load_invented_target()
    of_logic = evals.isel(item=evals["benchmark"].values == "logic")
    rate = (of_logic["n_correct"] / of_logic["n_trials"]).mean("item")
    assert row["truth"] == pytest.approx(float(rate[-1]))
    assert row["adjacent_mean"] == pytest.approx(float(rate.mean()))
    assert {r["adjacent_mean"] for r in held["rows"] if "annealed" in r["variant"]} == {None}


def test_scoring_refuses_a_file_that_is_not_the_frozen_one(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    path = tmp_path / "forecast.json"
    path.write_text("{}")
    found = scripts["forecast"].compute_sha256(path)
    assert scripts["score"].check_seal(path, found)["forecast_sha256"] == found
    with pytest.raises(SystemExit, match="it is not the frozen forecast"):
        scripts["score"].check_seal(path, "0" * 64)


def test_a_target_of_another_compute_is_remarked_on(
    scripts: dict[str, ModuleType], invented: None
) -> None:
    frozen = make_frozen()
    truth = scripts["score"].read_truth(frozen)
    assert not scripts["score"].find_mismatches(frozen, truth)
    frozen["target_flops"] = {"stable": 7e14, "annealed": 7.9144e14}
    (warning,) = scripts["score"].find_mismatches(frozen, truth)
    assert warning.startswith("the stable target was trained with 7.195e+14 FLOP")


def test_a_forecast_is_not_replaced_unasked_and_never_reads_the_target(
    scripts: dict[str, ModuleType], tmp_path: Path
) -> None:
    forecast = scripts["forecast"]
    path = tmp_path / "first.json"
    forecast.check_free(path, force=False)
    forecast.write_atomically(path, "{}")
    assert [entry.name for entry in tmp_path.iterdir()] == ["first.json"]
    forecast.check_free(path, force=True)
    with pytest.raises(SystemExit, match="is there"):
        forecast.check_free(path, force=False)
    assert "load_target" not in (TINYLADDER / "forecast.py").read_text()


def test_what_is_frozen_of_a_variant_is_what_predict_gives(
    scripts: dict[str, ModuleType], small_fit: FittedModel
) -> None:
    forecast = scripts["forecast"]
    drawn, fault = forecast.predict_marked(small_fit, 3.8e24, seed=1)
    assert bool(fault) != small_fit.passed
    variant = forecast.summarise(small_fit, drawn, fault)
    assert variant["estimand"] == "one new run's score in 100 trials"
    for name, row in variant["benchmarks"].items():
        scores = drawn["predictions"]["score"].isel(target=0).sel(benchmark=name)
        headline = row["quantiles"]["headline"]
        assert headline == row["quantiles"][row["leads"]]
        assert headline[99] == pytest.approx(float(scores.median()), abs=2e-5)
        assert (np.diff(headline) >= 0).all()
    frozen = {"levels": forecast.LEVELS.tolist(), "variants": {"stable with anchors": variant}}
    text = forecast.to_json(frozen)
    assert json.loads(text) == frozen
    assert text.count("\n") < 100
    assert "SUMS" in forecast.tabulate(frozen)


def test_the_digest_tells_data_apart_and_not_their_layout(scripts: dict[str, ModuleType]) -> None:
    digest = scripts["forecast"].digest_evals
    evals = load_invented("tinyladder", 3)
    assert digest(evals) == digest(evals.transpose("item", "llm"))
    other = evals.copy(deep=True)
    other["n_correct"][0, 0] += 1
    assert digest(evals) != digest(other)
    without = scripts["forecast"].drop_anchors(evals)
    assert set(without["role"].values) == {"ladder"}
    assert digest(evals) != digest(without)


def test_items_zero_on_the_ladder_and_solved_by_the_target_are_counted(
    scripts: dict[str, ModuleType],
) -> None:
    ladder = load_invented("tinyladder", 1).isel(llm=[2, 5, 8])
    target = load_invented_target("tinyladder", 1).isel(llm=[2])
    ladder["n_correct"][:], ladder["n_correct"][1, 3] = 0, 1
    target["n_correct"][0] = [50, 49, 11, 100, 10, 0, 99, 100, 100]
    found = scripts["describe"].count_zeros(ladder, target.isel(item=slice(None, None, -1)))
    assert found["zero"].sum() == 8
    assert found["above"].tolist() == [True, True, True, False, False, False, True, True, True]
    assert found["solved"].tolist() == [True, False, False, False, False, False, True, True, True]
    table = scripts["describe"].describe_zeros(ladder, target)
    assert table.iloc[-1].tolist() == ["all", 9, 8, 6, 4]


def test_items_are_classed_by_their_rates(scripts: dict[str, ModuleType]) -> None:
    rates = {
        "never": [0, 0, 0, 0, 0],
        "trivial": [0.9, 0.95, 1, 1, 1],
        "emergent": [0.5, 0.5, 0.5, 0.7, 0.9],  # by guessing one of two
        "oscillating": [0, 0.2, 0.5, 0.2, 0.4],
        "none": [0, 0.1, 0.2, 0.3, 0.4],
    }
    floor = np.array([0, 0, 0.5, 0, 0])
    found = scripts["describe"].classify_items(np.array(list(rates.values())).T, floor)
    for name, member in found.items():
        assert member.tolist() == [key == name for key in rates]


def test_only_falls_beyond_sampling_noise_count(
    scripts: dict[str, ModuleType], rng: np.random.Generator
) -> None:
    find = scripts["describe"].find_falls
    correct = np.array([[50, 50, 0, 100], [45, 20, 0, 100], [60, 50, 100, 99]])
    trials = np.full(correct.shape, 100)
    assert find(correct, trials).tolist() == [
        [False, True, False, False],
        [False, False, False, False],
    ]
    constant = rng.binomial(100, 0.3, (2, 100_000))
    assert find(constant, np.full(constant.shape, 100)).mean() < 0.004


def test_spreads_are_those_of_the_scores(scripts: dict[str, ModuleType]) -> None:
    describe = scripts["describe"]
    evals = load_invented("tinyladder-seeds")
    table = describe.tabulate_scores(evals)
    seeds = describe.describe_seeds(table).set_index("benchmark")
    assert list(seeds.columns) == ["size3", "size5", "size7", "pooled", "sampling"]
    assert list(seeds.index) == [*FLOORS, "all"]
    final = evals.sel(llm=["size5@1000", "size5-seed1@1000", "size5-seed2@1000"])
    final = final.isel(item=final["benchmark"].values == "recall")
    score = (final["n_correct"] / 100).mean("item")
    assert seeds.loc["recall", "size5"] == pytest.approx(100 * float(score.std(ddof=1)), abs=0.006)
    near = describe.describe_checkpoints(table[table["seed"] == 0]).set_index("benchmark")
    assert (near["largest of a run"][:-1] >= near["pooled"][:-1]).all()


def test_the_sampling_sd_is_that_of_repeated_sampling(
    scripts: dict[str, ModuleType], rng: np.random.Generator
) -> None:
    evals = load_invented("tinyladder", 40).isel(llm=[20])
    rate = rng.uniform(size=evals.sizes["item"])
    tables = []
    for _ in range(200):
        evals["n_correct"][0] = rng.binomial(100, rate)
        tables.append(scripts["describe"].tabulate_scores(evals))
    by_benchmark = pd.concat(tables).groupby("benchmark")
    expected = by_benchmark["score"].std()
    np.testing.assert_allclose(by_benchmark["sampling_sd"].mean(), expected, rtol=0.3)


def test_columns_of_a_table_have_equal_decimals(scripts: dict[str, ModuleType]) -> None:
    table = pd.DataFrame({"name": ["a", "b", "c"], "x": [1.0, 2.25, np.nan], "n": [1, 2, 3]})
    assert scripts["describe"].to_markdown(table).splitlines() == [
        "| name | x | n |",
        "| --- | --- | --- |",
        "| a | 1.00 | 1 |",
        "| b | 2.25 | 2 |",
        "| c |  | 3 |",
    ]


def test_everything_is_described(
    scripts: dict[str, ModuleType], invented: None, capsys: pytest.CaptureFixture[str]
) -> None:
    scripts["describe"].main(["--target"])
    printed = capsys.readouterr().out
    assert printed.count("| all |") == 6
    assert "largest run (size9)" in printed
    assert "target at least 0.5" in printed
    scripts["describe"].main([])
    assert "target" not in capsys.readouterr().out


def test_every_llm_is_drawn_in_one_series(scripts: dict[str, ModuleType]) -> None:
    figures = scripts["figures"]
    tables = [scripts["describe"].tabulate_scores(load_invented(name)) for name in figures.VIEWS]
    series = figures.split_series(figures.gather(tables))
    counts = {name: len(rows) / len(FLOORS) for name, rows in series.items()}
    counted = "ladder 10, adjacent 20, annealed 10, seeds 6, anchors 3, numeric 5"
    assert ", ".join(f"{name} {count:g}" for name, count in counts.items()) == counted


def test_figures_draw_the_target_only_when_asked(
    scripts: dict[str, ModuleType], invented: None, tmp_path: Path
) -> None:
    path = tmp_path / "forecast.json"
    path.write_text(json.dumps(make_frozen()))
    figures = scripts["figures"]
    figures.main(["--target", "--forecast", str(path), "--folder", str(tmp_path)])
    assert sorted(entry.name for entry in tmp_path.glob("*.png")) == [
        "tinyladder.png",
        "tinyladder_forecast.png",
    ]
    table = scripts["describe"].tabulate_scores(load_invented("tinyladder"))
    for figure in (figures.draw_scores(table), figures.draw_forecast(table, make_frozen())):
        assert len(figure.axes) == len(FLOORS)
        (legend,) = figure.legends
        named = {text.get_text() for text in legend.get_texts()}
        assert "blind guessing" in named
        assert not any("target" in name for name in named)
