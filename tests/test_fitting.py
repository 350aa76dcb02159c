"""The joined stages: one real fit, and many whose sampler is a stand-in."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from invented import StubSampler, make_evals

from cod_bayes.config import (
    ClusterConfig,
    Config,
    DataConfig,
    ForecastConfig,
    LawConfig,
    MappingConfig,
)
from cod_bayes.errors import DataError
from cod_bayes.fitting import fit
from cod_bayes.inference import GATE_FIELDS
from cod_bayes.law.sampling import AUXILIARY, ROWS_STEP
from cod_bayes.prediction import predict
from cod_bayes.schema import CLASSES, SCHEMA_VERSION

RISING = np.linspace(0.1, 0.8, 8)


@pytest.fixture
def stub(monkeypatch):
    """No compiling and no sampling: a fit takes a second, and its draws mean nothing."""
    sampler = StubSampler()
    monkeypatch.setattr("cod_bayes.inference.attempts._graphs", {})
    monkeypatch.setattr("cod_bayes.fitting.compile_model", sampler.compile_model)
    for name in ("compile_model", "sample"):
        monkeypatch.setattr(f"cod_bayes.inference.attempts.{name}", getattr(sampler, name))
    return sampler


@pytest.fixture(scope="session")
def finals(small_evals):
    """The small data without earlier checkpoints."""
    evals = small_evals[0]
    last = evals["checkpoint"].groupby(evals["run"]).max()
    keep = evals["checkpoint"].values == last.sel(run=evals["run"].values).values
    return evals.isel(llm=np.flatnonzero(keep))


def with_model(evals, name, role, share, flops=1e25):
    """The data and one more language model, which solves this share of every item's trials."""
    extra = evals.isel(llm=[-1]).assign_coords(
        llm=[name], run=("llm", [name]), role=("llm", [role]), flops=("llm", [flops])
    )
    extra["n_correct"] = (extra["n_trials"] * share).astype(np.uint32)
    return xr.concat([evals, extra], dim="llm", data_vars="minimal", coords="minimal",
                     compat="override").assign_attrs(evals.attrs)  # fmt: skip


def steps(*rates, n_trials=50, per_group=12, name="B", rng=None):
    """A benchmark of groups of alike items, each with its own rates over eight models."""
    rng = rng or np.random.default_rng(8)
    rate = np.repeat(np.array(rates), per_group, axis=0).T
    trials = np.full(rate.shape, n_trials)
    return make_evals(trials, rng.binomial(trials, rate), benchmark=name)


def same_draws(first, second):
    for group in ("clusters", "cluster_table", "scores", "law/posterior", "end_to_end/posterior"):
        xr.testing.assert_identical(first.group(group), second.group(group))


# ------------------------------------------------------------------ the real fit


def test_a_fit_has_every_stages_group(small_fit):
    assert set(small_fit.tree.children) == {
        "clusters", "cluster_table", "scores", "law", "end_to_end", "mapping", "diagnostics",
    }  # fmt: skip
    for stage in ("law", "end_to_end", "mapping"):
        assert set(small_fit.tree[stage].children) == {
            "posterior", "sample_stats", "constant_data"
        }  # fmt: skip


def test_the_laws_draws_have_their_dims(small_fit):
    posterior = small_fit.group("law/posterior")
    draws = ("chain", "draw")
    for name in ("log_hazard", "slope"):
        assert posterior[name].dims == (*draws, "scale", "cluster")
    for name in ("ceiling", "floor"):
        assert posterior[name].dims == (*draws, "cluster")
    for name in ("frailty", "luck_sd", "residual_sd", "item_dispersion"):
        assert set(posterior[name].dims) == {"benchmark", *draws}
    assert not set(AUXILIARY) & set(posterior)
    assert (posterior.sizes["chain"], posterior.sizes["draw"]) == (2, 300)
    assert not any("padding" in str(c) for c in posterior["cluster"].values)
    whole = small_fit.group("end_to_end/posterior")
    assert list(whole["cluster"].values) == ["SUMS", "READ"]
    assert whole["frailty"].dims == draws


def test_rows_are_the_sums_over_their_items_final_checkpoints(small_fit, finals):
    constants = small_fit.group("law/constant_data")
    labels = small_fit.group("clusters")["label"].values
    ladder = finals.isel(llm=np.flatnonzero(finals["role"].values == "ladder"))
    for row in constants["cluster"].values:
        name, label = row.split("/")
        items = np.flatnonzero((ladder["benchmark"].values == name) & (labels == int(label)))
        counted = ladder["n_correct"].isel(item=items).sum("item")
        assert list(constants["llm"].values) == list(ladder["llm"].values)
        np.testing.assert_array_equal(constants["n_correct"].sel(cluster=row), counted)
        assert (constants["n_trials"].sel(cluster=row) == 100 * items.size).all()
        assert constants["n_questions"].sel(cluster=row) == items.size
    assert constants["reference"].item() == ladder["flops"].max()
    assert constants["log_scale"].max() == 0


def test_clusters_and_their_table(small_fit):
    clusters, table = small_fit.group("clusters"), small_fit.group("cluster_table")
    assert clusters["label"].dims == ("item",)
    assert set(clusters["headline"].values) <= {"cod", "end-to-end"}
    for name, n in zip(clusters["benchmark"].values, clusters["n_clusters"].values, strict=True):
        assert (table["cluster_benchmark"].values == name).sum() == n
    assert set(table["chosen_class"].values) <= set(CLASSES)
    np.testing.assert_allclose(table["probability"].sum("class"), 1)


def test_scores_are_the_mean_pass_rates(small_fit, finals):
    scores = small_fit.group("scores")
    assert set(scores["role"].values) == {"ladder", "anchor"}
    assert scores.sizes["llm"] == 10
    rate = (finals["n_correct"] / finals["n_trials"]).groupby("benchmark").mean("item")
    for benchmark in ("SUMS", "READ"):
        for llm in scores["llm"].values:
            ours = scores["score"].sel(benchmark=benchmark, llm=llm)
            assert ours.item() == pytest.approx(rate.sel(benchmark=benchmark, llm=llm).item())
    assert ((scores["score_se"] > 0) & (scores["score_se"] < 0.01)).all()


def test_the_gate_speaks_about_every_fit(small_fit):
    diagnostics = small_fit.group("diagnostics")
    assert list(diagnostics["fit"].values) == ["end-to-end", "law/SUMS", "law/READ", "mapping"]
    assert {*GATE_FIELDS, "worst_rhat", "passed", "attempts"} <= set(diagnostics)
    assert (diagnostics["attempts"] == 1).all()
    # One graph for all laws, perhaps compiled by an earlier fit of this process; one for the map.
    assert (diagnostics["compile_seconds"] > 0).values.tolist()[1:] == [False, False, True]


def test_provenance_says_where_a_fit_comes_from(small_fit):
    about = small_fit.provenance
    assert about["schema_version"] == SCHEMA_VERSION
    assert about["random_seed"] == 1
    assert about["flop_convention"] == "compute-per-token x tokens"
    assert {"pymc", "nutpie", "cod-bayes"} <= set(about["versions"])
    assert json.loads(small_fit.tree.attrs["provenance"]) == about
    assert json.loads(small_fit.tree.attrs["notes"]) == []


# ------------------------------------------------------------------ with a stand-in


def test_nothing_of_a_target_enters_a_fit(stub, finals, small_config):
    alone = fit(finals, small_config, random_seed=3)
    calls = stub.calls.copy()
    beside = fit(with_model(finals, "giant", "target", 0.9), small_config, random_seed=3)
    same_draws(alone, beside)
    assert "giant" not in beside.group("scores")["llm"].values
    for before, after in zip(calls, stub.calls[len(calls) :], strict=True):
        assert before["seed"] == after["seed"]
        for name, values in (before["data"] or {}).items():
            np.testing.assert_array_equal(values, after["data"][name])


def test_a_ladder_model_does_enter(stub, finals, small_config):
    """The check above can fail: the same model in the ladder changes the law's data."""
    fit(finals, small_config, random_seed=3)
    fit(with_model(finals, "giant", "ladder", 0.9), small_config, random_seed=3)
    lengths = {int(call["data"]["tried"].sum()) for call in stub.calls if call["data"]}
    assert lengths == {8, 9}


def test_an_anchor_enters_the_map_alone(stub, finals, small_config):
    fitted = fit(with_model(finals, "giant", "anchor", 0.9), small_config, random_seed=3)
    assert "giant" in fitted.group("mapping/constant_data")["llm"].values
    assert "giant" not in fitted.group("law/constant_data")["llm"].values
    assert {call["data"]["n_correct"].shape[1] for call in stub.calls if call["data"]} == {8}


def test_all_laws_share_one_graph(stub, finals, small_config):
    fitted = fit(finals, small_config)
    assert len(stub.models) == 2
    laws = [call["data"] for call in stub.calls if call["data"]]
    assert len(laws) == 3
    (shape,) = {data["n_trials"].shape for data in laws}
    assert shape[0] % ROWS_STEP == 0
    used = [int(data["used"].sum()) for data in laws]
    n_clusters = fitted.group("clusters")["n_clusters"].values
    assert used == [2, *n_clusters]


def test_adding_a_benchmark_changes_no_others_seed(stub, finals, small_config):
    fit(finals, small_config, random_seed=3)
    both = {call["seed"] for call in stub.calls}
    stub.calls.clear()
    fit(finals, replace(small_config, data=DataConfig(benchmarks=("READ",))), random_seed=3)
    alone = {call["seed"] for call in stub.calls}
    assert len(both) == 4
    assert alone < both
    stub.calls.clear()
    fit(finals, small_config, random_seed=4)
    assert not both & {call["seed"] for call in stub.calls}


def test_a_benchmark_may_be_chosen(stub, finals, small_config):
    chosen = replace(small_config, data=DataConfig(benchmarks=("READ",)))
    fitted = fit(finals, chosen)
    assert list(fitted.group("scores")["benchmark"].values) == ["READ"]
    with pytest.raises(DataError, match=r"names MATH, which the data do not hold; they hold SUMS"):
        fit(finals, replace(small_config, data=DataConfig(benchmarks=("MATH",))))


def test_the_ladder_may_be_chosen_by_pattern(stub, finals, small_config):
    fitted = fit(finals, replace(small_config, data=DataConfig(ladder=("*M", "1.9B"))))
    names = fitted.group("law/constant_data")["llm"].values
    assert list(names) == ["122M", "238M", "411M", "652M", "973M", "1.9B"]
    assert fitted.group("scores").sizes["llm"] == 8  # with both anchors
    with pytest.raises(DataError, match=r"no ladder model matches data\.ladder = \['gpt\*'\]"):
        fit(finals, replace(small_config, data=DataConfig(ladder=("gpt*",))))


def test_clusters_of_another_fit_are_reused(stub, finals, small_config):
    first = fit(finals, small_config)
    labels = first.group("clusters")
    other = finals.copy(deep=True)
    other["n_correct"] = other["n_correct"][:, ::-1].copy(data=other["n_correct"].values[:, ::-1])
    again = fit(other, small_config, clusters=labels)
    xr.testing.assert_identical(again.group("clusters")["label"], labels["label"])
    with pytest.raises(DataError, match=r"1 of 300 items have no label .*first: 'SUMS/0+'"):
        fit(finals, small_config, clusters=labels.isel(item=slice(1, None)))


def test_clusters_may_be_reused_for_fewer_items(stub, finals, small_config):
    labels = fit(finals, small_config).group("clusters")
    keep = ~((labels["label"].values == 1) & (finals["benchmark"].values == "SUMS"))
    fitted = fit(finals.isel(item=np.flatnonzero(keep)), small_config, clusters=labels)
    rows = fitted.group("cluster_table")["cluster"].values
    assert "SUMS/0" in rows
    assert "SUMS/1" not in rows
    assert np.isfinite(predict(fitted, flops=1e25, force=True)["summary/median"]).all()


def test_progress_names_every_stage(stub, finals, small_config):
    seen = []
    fit(finals, small_config, progress=lambda stage, share: seen.append((stage, share)))
    stages = list(dict.fromkeys(stage for stage, _ in seen))
    assert stages == ["cluster", "compile", "end-to-end", "law/SUMS", "law/READ", "mapping"]
    assert all(0 <= share <= 1 for _, share in seen)
    assert {stage for stage, share in seen if share == 1} == set(stages)


def test_a_failed_gate_is_sampled_again_longer_and_thinned_back(
    stub, finals, small_config, monkeypatch
):
    verdicts = iter([False, False, True, True, False, False, False, True])

    def verdict(tree, config):
        values = dict.fromkeys(GATE_FIELDS, 1.0)
        return {**values, "worst_rhat": "x", "passed": next(verdicts), "limit": config.draws}

    monkeypatch.setattr("cod_bayes.inference.attempts.check_gate", verdict)
    patient = replace(small_config, sampler=replace(small_config.sampler, max_attempts=3))
    fitted = fit(finals, patient)
    diagnostics = fitted.group("diagnostics")
    assert list(diagnostics["attempts"].values) == [3, 1, 3, 1]
    assert list(diagnostics["passed"].values) == [True, True, False, True]
    asked = [(call["config"].draws, call["config"].tune) for call in stub.calls]
    ladder = [(300, 400), (600, 800), (1200, 1600)]
    assert asked == [*ladder, ladder[0], *ladder, ladder[0]]
    assert [call["config"].target_accept for call in stub.calls[:3]] == pytest.approx(
        [0.95, 0.975, 0.9875]
    )
    assert (diagnostics["limit"] == 300).all()  # the gate itself is never eased
    for group in ("law/posterior", "end_to_end/posterior", "mapping/posterior"):
        assert fitted.group(group).sizes["draw"] == 300
    assert diagnostics["sampling_seconds"].values.tolist() == [1.5, 0.5, 1.5, 0.5]


def test_flat_clusters_are_not_fitted(stub, small_config):
    evals = steps(RISING, RISING / 2, RISING / 3, np.full(8, 0.95))
    config = replace(small_config, cluster=ClusterConfig(min_cluster_size=5, quantile=0.3))
    fitted = fit(evals, config)
    table = fitted.group("cluster_table")
    flat = table["mean_rate"].values.min(axis=1) > 0.8
    assert flat.sum() == 1
    assert list(table["chosen_class"].values[flat]) == ["non-extrapolatable"]
    assert not table["in_subset"].values[flat].any()
    assert fitted.group("law/posterior").sizes["cluster"] == table.sizes["cluster"] - 1
    assert fitted.group("law/constant_data").sizes["cluster"] == table.sizes["cluster"]


def test_a_saturated_benchmark_falls_back(stub, small_config):
    evals = steps(*(np.full(8, p) for p in (0.95, 0.7, 0.45, 0.2)))
    config = replace(small_config, cluster=ClusterConfig(min_cluster_size=5, quantile=0.3))
    fitted = fit(evals, config)
    assert fitted.group("clusters")["headline"].item() == "end-to-end"
    assert "law" not in fitted.tree.children
    assert "mapping" not in fitted.tree.children
    assert np.isfinite(predict(fitted, flops=1e25, force=True)["summary/median"]).all()


def test_without_a_map_every_item_is_in_a_row(stub, finals, small_config):
    fitted = fit(finals, replace(small_config, mapping=MappingConfig(form="none")))
    table = fitted.group("cluster_table")
    assert {"SUMS/unclustered", "READ/unclustered"} <= set(table["cluster"].values)
    assert table["n_items"].sum() == 300
    assert "mapping" not in fitted.tree.children
    assert set(fitted.group("clusters")["headline"].values) == {"cod"}
    assert np.isfinite(predict(fitted, flops=1e25, force=True)["summary/median"]).all()


@pytest.mark.parametrize("lead", ["cod", "end-to-end"])
@pytest.mark.parametrize("form", ["rest", "monotone"])
def test_every_map_leads_to_a_forecast(stub, finals, small_config, form, lead):
    config = replace(
        small_config,
        mapping=MappingConfig(form=form, min_clusters=1, min_share=0.0),
        law=LawConfig(classes=replace(small_config.law.classes, min_probability=0.0)),
        forecast=ForecastConfig(lead=lead),
    )
    predictions = predict(fit(finals, config), flops=1e25, force=True)["predictions"].to_dataset()
    assert set(predictions["headline"].values) == {lead}
    both = predictions["score_by_forecaster"]
    assert np.isfinite(both).all()
    xr.testing.assert_equal(predictions["score"], both.sel(forecaster=lead, drop=True))


def test_one_trial_an_item_is_fitted_end_to_end(stub, small_config):
    fitted = fit(steps(RISING, RISING / 2, RISING / 3, n_trials=1), small_config)
    clusters = fitted.group("clusters")
    assert clusters["headline"].item() == "end-to-end"
    assert clusters["headline_reason"].item().startswith("fewer than 8 trials an item")
    assert "law" not in fitted.tree.children
    assert "mapping" not in fitted.tree.children
    assert list(fitted.group("diagnostics")["fit"].values) == ["end-to-end"]
    assert fitted.group("cluster_table").sizes["cluster"] == 0
    forecast = predict(fitted, flops=1e25, trials=1, force=True)
    assert np.isfinite(forecast["summary/median"]).all()


def test_a_score_without_items_is_fitted_end_to_end(stub, small_config):
    trials = np.full((8, 1), 1000)
    evals = make_evals(trials, (trials * RISING[:, None]).astype(int), n_questions=1000)
    fitted = fit(evals, small_config)
    assert "no items" in fitted.group("clusters")["headline_reason"].item()
    assert fitted.group("end_to_end/constant_data")["n_questions"].item() == 1000
    assert any("scores without items" in n for n in json.loads(fitted.tree.attrs["notes"]))


def test_a_ladder_without_anchors_is_enough(stub, finals, small_config):
    alone = finals.isel(llm=np.flatnonzero(finals["role"].values == "ladder"))
    config = replace(
        small_config,
        law=LawConfig(classes=replace(small_config.law.classes, min_probability=0.0)),
    )
    fitted = fit(alone, config)
    assert "anchor_sd" not in fitted.group("mapping/posterior")
    assert np.isfinite(predict(fitted, flops=1e25, force=True)["summary/median"]).all()


def test_a_subset_may_hold_the_whole_benchmark(stub, small_config):
    evals = steps(RISING, RISING / 2, RISING / 3)
    labels = xr.Dataset(
        {"label": ("item", np.repeat([0, 1, 2], 12)), "n_clusters": ("benchmark", [3])},
        coords={"item": evals["item"].values, "benchmark": ["B"]},
    )
    config = replace(
        small_config,
        law=LawConfig(classes=replace(small_config.law.classes, min_probability=0.0)),
    )
    fitted = fit(evals, config, clusters=labels)
    assert fitted.group("clusters")["share_in_subset"].item() == 1
    assert fitted.group("clusters")["headline"].item() == "cod"
    assert np.isfinite(predict(fitted, flops=1e25, force=True)["summary/median"]).all()


def test_items_that_a_run_did_not_try_are_left_out(stub, finals, small_config):
    gaps = finals.copy(deep=True)
    for name in ("n_trials", "n_correct"):
        gaps[name][0, :20] = 0
    fitted = fit(gaps, small_config)
    rates = gaps["n_correct"][0, 20:150] / gaps["n_trials"][0, 20:150]
    score = fitted.group("scores")["score"].sel(benchmark="SUMS", llm="122M")
    assert score.item() == pytest.approx(float(rates.mean()), abs=1e-3)


def test_a_law_that_the_ladder_cannot_carry_is_refused_before_anything_is_sampled(stub, finals):
    with pytest.raises(DataError, match="cannot tell parameters from tokens"):
        fit(finals, Config(law=LawConfig(scale="params-tokens")))
    assert stub.models == []
