import json

import numpy as np
import pytest
import xarray as xr

from cod_bayes.cluster import cluster_items, keep_labels
from cod_bayes.config import ClusterConfig, Config
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.methods import describe_targets, load_method, parse_variant
from cod_bayes.methods.cod_point import CodPoint, CodPointWithoutMap
from tests.invented import make_evals

N_ITEMS = (20, 20, 10)
# equal items leave no distance to estimate a bandwidth from but that between clusters
CONFIG = Config(cluster=ClusterConfig(quantile=0.6))


def make_study(n_zero=10, n_llms=8, n_trials=100, **about):
    """Two clusters that follow the paper's law, an oscillating one, and items never solved."""
    flops = np.geomspace(1e19, 1e23, n_llms) / 1e18
    curves = [
        np.exp(-20 * flops**-0.4 - 0.02),
        np.exp(-300 * flops**-0.5),
        np.where(np.arange(n_llms) % 2, 0.3, 0.5),
        np.zeros(n_llms),
    ]
    rates = np.repeat(curves, [*N_ITEMS, n_zero], axis=0).T
    n_correct = np.rint(rates * n_trials).astype(np.uint32)
    return make_evals(np.full(rates.shape, n_trials), n_correct, **about)


@pytest.fixture(scope="module")
def targets():
    giant = make_study(n_llms=2).isel(llm=[-1, -1])
    return describe_targets(giant.assign_coords(flops=("llm", [1e23, 1e25])))


def notes_of(draws):
    return json.loads(draws.attrs["notes"])


def test_the_subset_is_the_clusters_that_follow_the_law(targets):
    method = CodPoint(draws=0, map="none")
    fitted = method.fit(make_study(), CONFIG)
    np.testing.assert_array_equal(fitted.subset_of["B"], np.arange(40))
    score = method.predict(fitted, targets)
    assert score.attrs["draws_are"] == "least-squares"
    assert score.sizes["draw"] == 1
    at = 1e25 / 1e18
    expected = (np.exp(-20 * at**-0.4 - 0.02) + np.exp(-300 * at**-0.5)) / 2
    assert score.values[0, 0, 1] == pytest.approx(expected, abs=0.02)


def test_the_map_brings_in_the_items_outside_the_subset(targets):
    evals = make_study()
    plain, mapped = (CodPoint(draws=0, map=form) for form in ("none", "quartic"))
    with_map = mapped.predict(mapped.fit(evals, CONFIG), targets)
    subset = mapped.predict_subset(mapped.fit(evals, CONFIG), targets["flops"].values)["B"]
    without = plain.predict(plain.fit(evals, CONFIG), targets)
    np.testing.assert_allclose(without.values[:, 0], subset)
    full = evals["n_correct"].isel(llm=-1).mean().item() / 100
    assert with_map.values[0, 0, 0] == pytest.approx(full, abs=0.03)  # a ladder run's compute
    assert with_map.values[0, 0, 0] < without.values[0, 0, 0] - 0.05


def test_thresholds_can_be_lifted(targets):
    evals = make_study()
    everything = CodPoint(draws=0, thresholds=False).fit(evals, CONFIG)
    np.testing.assert_array_equal(everything.subset_of["B"], np.arange(50))
    lifted = CodPoint(draws=0, min_a=0.0, min_b=0.0, max_c=100.0).fit(evals, CONFIG)
    np.testing.assert_array_equal(lifted.subset_of["B"], np.arange(50))
    strict = CodPoint(draws=0, min_b=0.45).fit(evals, CONFIG)
    np.testing.assert_array_equal(strict.subset_of["B"], np.arange(20, 40))


def test_without_map_every_item_counts(targets):
    method = CodPointWithoutMap(draws=0)
    fitted = method.fit(make_study(n_zero=50), CONFIG)
    np.testing.assert_array_equal(fitted.subset_of["B"], np.arange(100))
    assert fitted.labels.attrs["algorithm"] == "k-means"
    score = method.predict(fitted, targets).values[0, 0, 1]
    assert 0.35 < score < 0.45  # the half that is never solved stays at nothing


def test_draws_surround_the_point_and_repeat_with_the_seed(targets):
    evals = make_study()
    evals["n_correct"] = np.minimum(
        evals["n_correct"] + np.random.default_rng(3).integers(0, 8, (8, 1)), 100
    ).astype(np.uint32)
    method = CodPoint(draws=15, map="cubic")
    fitted = method.fit(evals, CONFIG, random_seed=4)
    draws = method.predict(fitted, targets, random_seed=5)
    assert draws.dims == ("draw", "benchmark", "target")
    assert draws.attrs["draws_are"] == "residual bootstrap"
    assert notes_of(draws) == []
    again = method.predict(method.fit(evals, CONFIG, random_seed=4), targets, random_seed=5)
    xr.testing.assert_identical(draws, again)
    assert (draws.std("draw") > 0).all()
    assert ((draws >= 0) & (draws <= 1)).all()
    subset = method.predict_subset(fitted, targets["flops"].values, random_seed=5)["B"]
    assert subset.shape == (15, 2)


def test_a_targets_results_do_not_reach_the_forecast(targets):
    evals = make_study()
    giant = evals.isel(llm=[-1]).assign_coords(
        llm=["giant"], run=("llm", ["giant"]), role=("llm", ["target"])
    )
    giant["n_correct"] = giant["n_trials"] * 7
    poisoned = xr.concat([evals, giant], dim="llm", coords="minimal", compat="override")
    method = CodPoint(draws=3)
    honest, wild = (method.predict(method.fit(data, CONFIG), targets) for data in (evals, poisoned))
    xr.testing.assert_identical(honest, wild)


def test_anchors_reach_the_map_alone(targets):
    evals = make_study(roles=["ladder"] * 7 + ["anchor"])
    with_anchor, without = CodPoint(draws=0), CodPoint(draws=0, anchors=False)
    fits = [method.fit(evals, CONFIG) for method in (with_anchor, without)]
    subsets = [with_anchor.predict_subset(fit, targets["flops"].values)["B"] for fit in fits]
    np.testing.assert_array_equal(*subsets)
    scores = [with_anchor.predict(fit, targets).values for fit in fits]
    assert abs(scores[0] - scores[1]).max() > 1e-6


@pytest.mark.parametrize(
    ("evals", "settings", "note"),
    [
        (make_study(), {"min_b": 5.0}, "none of 3 clusters is extrapolatable"),
        (make_study().isel(item=slice(8)), {}, "no difficulty cluster that 4 runs or more tried"),
    ],
)
def test_where_there_is_no_forecast_a_note_says_why(evals, settings, note, targets):
    method = CodPoint(draws=4, **settings)
    fitted = method.fit(evals, CONFIG)
    draws = method.predict(fitted, targets)
    assert draws.shape == (4, 1, 2)
    assert np.isnan(draws).all()
    assert notes_of(draws) == [f"B: {note}"]
    assert fitted.subset_of["B"].size == 0


def test_a_benchmark_without_items_has_no_forecast_beside_one_with(targets):
    single = make_study().isel(item=[0])
    single = single.assign_coords(item=["S/0"], benchmark=("item", ["S"]))
    both = xr.concat([make_study(), single], dim="item", coords="minimal", compat="override")
    for name in ("cod-point", "cod-point-nomap"):
        method = load_method(name)
        method = type(method)(draws=2)
        draws = method.predict(method.fit(both.assign_attrs(make_study().attrs), CONFIG), targets)
        assert np.isnan(draws.sel(benchmark="S")).all()
        assert np.isfinite(draws.sel(benchmark="B")).all()
        assert notes_of(draws) == ["S: there are no items, only the benchmark's score"]


def test_few_trials_are_remarked_on(targets):
    method = CodPoint(draws=1)
    draws = method.predict(method.fit(make_study(n_trials=4), CONFIG), targets)
    assert "fewer than 8 trials" in notes_of(draws)[0]


def test_kept_labels_reach_the_method(targets):
    evals = make_study()
    labels = cluster_items(evals).assign(label=("item", np.repeat([0, 1], 30)))
    config = Config(cluster=ClusterConfig(algorithm="kept"))
    fitted = CodPoint(draws=0, thresholds=False).fit(keep_labels(labels, evals), config)
    np.testing.assert_array_equal(fitted.labels["label"], labels["label"])


def test_data_without_items_or_runs_are_refused():
    with pytest.raises(DataError, match="cod-point needs items"):
        CodPoint().fit(make_study().isel(item=[0]))
    with pytest.raises(DataError, match=r"4 ladder runs or more.*this study has 3"):
        CodPoint().fit(make_study().isel(llm=slice(3)))


def test_variants_are_written_as_text():
    variant = parse_variant("cod-point[map=spline, rmse=0.01, law=f2, cluster.algorithm=dbscan]")
    assert variant.method == CodPoint(map="spline", rmse=0.01, law="f2")
    assert variant.configure(Config()).cluster.algorithm == "dbscan"
    assert parse_variant("cod-point-nomap").method == CodPointWithoutMap()
    with pytest.raises(ConfigError, match="no point map 'sextic'"):
        parse_variant("cod-point[map=sextic]")
    with pytest.raises(ConfigError, match="no law 'f9'"):
        parse_variant("cod-point[law=f9]")
    with pytest.raises(ConfigError, match="rmse above 0"):
        parse_variant("cod-point[rmse=0]")
