"""Every fault of evaluation data is named, all at once; remarks on valid ones."""

import re
from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from cod_bayes.errors import CodBayesError, DataError
from cod_bayes.simulate import BenchmarkSpec, simulate_evals
from cod_bayes.validation import ladder_notes, validate_evals

BENCHMARKS = (BenchmarkSpec("easy", 30, difficulty=-1.0), BenchmarkSpec("hard", 20))


@pytest.fixture
def evals() -> xr.Dataset:
    """Make valid data: 8 ladder llms and one anchor on two benchmarks."""
    return simulate_evals(BENCHMARKS, n_trials=20, n_checkpoints=1, anchors=1, random_seed=3)[0]


def with_cell(name: str, value: float) -> Callable[[xr.Dataset], xr.Dataset]:
    """Change the count of llm '411M' on item 'easy/4'."""

    def change(evals: xr.Dataset) -> xr.Dataset:
        changed = evals[name].astype(float)
        changed.loc[{"llm": "411M", "item": "easy/4"}] = value
        return evals.assign({name: changed})

    return change


def with_coord(dim: str, name: str, value: object) -> Callable[[xr.Dataset], xr.Dataset]:
    """Change the third value of a coordinate."""

    def change(evals: xr.Dataset) -> xr.Dataset:
        values = evals[name].values.astype(object)
        values[2] = value
        kind = str if isinstance(value, str) else float
        return evals.assign_coords({name: (dim, values.astype(kind))})

    return change


def twins(evals: xr.Dataset) -> xr.Dataset:
    """Append a copy of the first llm under another label; its run is its own, as by default."""
    copy = evals.isel(llm=[0]).assign_coords(llm=["copy"], run=("llm", ["copy"]))
    return xr.concat([evals, copy], dim="llm", coords="minimal", compat="equals", join="outer")


def with_loss(value: float = 1.5, dim: str = "loss_domain") -> Callable[[xr.Dataset], xr.Dataset]:
    """Add validation losses; that of llm '411M' on 'sums' is ``value``."""

    def change(evals: xr.Dataset) -> xr.Dataset:
        losses = np.full((evals.sizes["llm"], 2), 1.5, np.float32)
        losses[2, 1] = value
        return evals.assign(loss=(("llm", dim), losses)).assign_coords({dim: ["overall", "sums"]})

    return change


BAD = {
    "passes over trials": (
        with_cell("n_correct", 25),
        r"n_correct exceeds n_trials in 1 cell \(first: llm '411M', item 'easy/4': 25 of 20\)",
    ),
    "negative": (with_cell("n_correct", -1), "n_correct is negative in 1 cell .*'easy/4': -1"),
    "fractional": (with_cell("n_correct", 0.5), "n_correct is fractional in 1 cell .*: 0.5.*rate"),
    "nan count": (with_cell("n_trials", np.nan), "n_trials is not a number in 1 cell"),
    "huge count": (with_cell("n_trials", 1e12), "n_trials is too large"),
    "nan compute": (with_coord("llm", "flops", np.nan), "flops must be positive; it is nan .*411M"),
    "zero compute": (
        with_coord("llm", "flops", 0.0),
        r"flops must be positive; it is 0 .*1 in all",
    ),
    "negative tokens": (with_coord("llm", "tokens", -3.0), "tokens must be positive; it is -3"),
    "active over total": (with_coord("llm", "params_active", 1e15), "params_active exceeds"),
    "role": (with_coord("llm", "role", "fit"), "role 'fit' .*411M.* ladder, anchor, target"),
    "phase": (with_coord("llm", "phase", "cooled"), "phase 'cooled' .* stable, annealed"),
    "seed": (with_coord("llm", "seed", 0.5), "seed must be a whole number .* 0.5 for llm '411M'"),
    "twice llm": (
        with_coord("llm", "llm", "122M"),
        r"1 llm labels occur more than once \(first: '122M'",
    ),
    "twice item": (with_coord("item", "item", "easy/0"), r"1 item labels .*first: 'easy/0'"),
    "floor": (with_coord("item", "guess_floor", 1.0), r"guess_floor must lie in \[0, 1\); it is 1"),
    "questions": (with_coord("item", "n_questions", 0.0), "n_questions must be a whole number"),
    "metrics": (with_coord("item", "metric", "f1"), "'easy' mixes metrics accuracy, f1"),
    "twins": (twins, "nothing tells llms '122M' and 'copy' apart .*different seeds"),
    "idle item": (
        lambda e: e.assign(
            n_trials=e.n_trials.where(e.item != "easy/4", 0),
            n_correct=e.n_correct.where(e.item != "easy/4", 0),
        ),
        r"1 items have no trials .*'easy/4'.*n_trials.sum\('llm'\) > 0",
    ),
    "idle llm": (
        lambda e: e.assign(
            n_trials=e.n_trials.where(e.llm != "411M", 0),
            n_correct=e.n_correct.where(e.llm != "411M", 0),
        ),
        "1 llms have no trials on any item .*'411M'",
    ),
    "single llm": (lambda e: e.isel(llm=[0]), r"the ladder holds 1 llm\(s\) of one compute"),
    "no ladder": (lambda e: e.sel(llm=e.role == "anchor"), "the ladder holds no llm;.*role"),
    "benchmark on one llm": (
        lambda e: e.assign(
            n_trials=e.n_trials.where((e.benchmark != "hard") | (e.llm == "12B"), 0),
            n_correct=e.n_correct.where((e.benchmark != "hard") | (e.llm == "12B"), 0),
        ),
        "'hard' was tried on 1 ladder .*benchmark != 'hard'",
    ),
    "missing": (lambda e: e.drop_vars(["n_trials", "flops"]), "missing n_trials, flops"),
    "dims": (lambda e: e.rename(item="question"), "it has no dim 'item'"),
    "wrong dims": (
        lambda e: e.drop_vars("guess_floor").assign_coords(guess_floor=0.1),
        r"guess_floor has dims \(\); it needs \(item\)",
    ),
    "no labels": (lambda e: e.drop_vars("item"), "dim 'item' has no labels"),
    "empty": (lambda e: e.isel(item=[]), "dim 'item' is empty"),
    "text": (
        lambda e: e.assign(n_correct=e.n_correct.astype(str)),
        "n_correct holds .*not numbers",
    ),
    "negative loss": (
        with_loss(-0.5),
        r"loss must be a number of at least 0; .* 1 cell \(first: llm '411M', 'sums': -0.5\)",
    ),
    "infinite loss": (with_loss(np.inf), "loss must be a number of at least 0; .*: inf.*NaN"),
    "loss by another dim": (with_loss(dim="corpus"), r"loss has dims \(llm, corpus\); it needs"),
    "loss as text": (
        lambda e: with_loss()(e).assign(loss=(("llm", "loss_domain"), [["low"] * 2] * 9)),
        "loss holds .*not numbers",
    ),
    "loss without domains": (
        lambda e: with_loss()(e).drop_vars("loss_domain"),
        "missing loss_domain",
    ),
    "twice a loss": (
        lambda e: with_loss()(e).assign_coords(loss_domain=["sums", "sums"]),
        "1 loss_domain labels occur more than once .*'sums'",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data_are_refused_with_place_and_remedy(name: str, evals: xr.Dataset) -> None:
    damage, message = BAD[name]
    with pytest.raises(DataError, match=f"(?s){message}"):
        validate_evals(damage(evals))


def test_all_faults_are_reported_at_once(evals: xr.Dataset) -> None:
    damaged = with_coord("llm", "flops", 0.0)(with_cell("n_correct", 25)(evals))
    with pytest.raises(DataError, match="2 faults") as caught:
        validate_evals(with_coord("item", "metric", "accuracy")(damaged))
    assert isinstance(caught.value, CodBayesError | ValueError)


def test_valid_data_are_returned_typed_and_in_order(evals: xr.Dataset) -> None:
    valid = validate_evals(evals.transpose("item", "llm").astype(float))
    assert valid["n_correct"].dims == ("llm", "item")
    assert valid["n_correct"].dtype == np.uint32
    assert valid["flops"].dtype == np.float64
    assert valid["llm"].dtype.kind == "U"
    xr.testing.assert_equal(valid, validate_evals(valid))


def test_loss_is_kept_and_may_be_unmeasured(evals: xr.Dataset) -> None:
    valid = validate_evals(with_loss(np.nan)(evals).transpose(..., "llm"))
    assert valid["loss"].dims == ("llm", "loss_domain")
    assert valid["loss"].dtype == np.float64
    assert valid["loss_domain"].values.tolist() == ["overall", "sums"]
    assert int(valid["loss"].isnull().sum()) == 1
    xr.testing.assert_identical(valid, validate_evals(valid))


def test_results_alone_need_no_ladder(evals: xr.Dataset) -> None:
    alone = evals.isel(llm=[-1])
    assert validate_evals(alone, needs_ladder=False).sizes["llm"] == 1
    with pytest.raises(DataError, match="flops must be positive"):
        validate_evals(alone.assign_coords(flops=("llm", [0.0])), needs_ladder=False)


def test_equal_compute_with_another_seed_is_fine(evals: xr.Dataset) -> None:
    doubled = twins(evals)
    seeds = doubled["seed"].values.copy()
    seeds[-1] = 1
    assert validate_evals(doubled.assign_coords(seed=("llm", seeds))).sizes["llm"] == 10


def test_one_checkpoint_of_a_run_twice(evals: xr.Dataset) -> None:
    run = evals["run"].values.copy()
    run[1] = run[0]
    with pytest.raises(DataError, match="'122M' and '238M' both claim checkpoint 0 of run '122M'"):
        validate_evals(evals.assign_coords(run=("llm", run)))


def test_a_target_needs_no_results(evals: xr.Dataset) -> None:
    target = evals.isel(llm=[0]) * np.uint32(0)
    target = target.assign_coords(
        llm=["goal"], run=("llm", ["goal"]), role=("llm", ["target"]), flops=("llm", [1e25])
    )
    joined = xr.concat([evals, target], "llm", coords="minimal", compat="equals", join="outer")
    assert "goal" in validate_evals(joined)["llm"]


def test_sound_ladder_has_no_remarks(evals: xr.Dataset) -> None:
    assert ladder_notes(validate_evals(evals)) == []


@pytest.mark.parametrize(
    ("change", "remark"),
    [
        (lambda e: e.isel(llm=slice(0, 3)), "3 distinct computes"),
        (lambda e: e.isel(llm=slice(0, 2)), "spans 0.48 decades"),
        (lambda e: e.assign(n_correct=e.n_correct * 0), "easy: no item was solved"),
        (lambda e: e.assign(n_correct=e.n_trials), "easy: every item was solved"),
        (lambda e: e.isel(item=slice(0, 5)), "easy: 5 items are too few to cluster"),
        (
            lambda e: e.assign(n_trials=e.n_trials // 20, n_correct=e.n_correct // 20),
            "easy: 1 trial.s. an item",
        ),
        (lambda e: e.assign_coords(phase=("llm", ["annealed"] + ["stable"] * 8)), "mixes annealed"),
        (
            lambda e: e.assign_coords(n_questions=("item", np.full(e.sizes["item"], 500))),
            "easy: scores without items",
        ),
        (
            lambda e: e.assign_coords(
                tokens=("llm", e.tokens.values * np.where(np.arange(9) % 2, 3.0, 1.0))
            ),
            "tokens per parameter vary",
        ),
        (
            lambda e: e.assign(
                n_trials=e.n_trials.where((e.llm != "122M") | (e.item != "easy/0"), 0),
                n_correct=e.n_correct.where((e.llm != "122M") | (e.item != "easy/0"), 0),
            ),
            "easy: 0.4% of the .* cells were not tried",
        ),
    ],
)
def test_remarks(
    change: Callable[[xr.Dataset], xr.Dataset], remark: str, evals: xr.Dataset
) -> None:
    notes = ladder_notes(validate_evals(change(evals)))

    assert any(re.search(remark, note) for note in notes), notes
