from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from invented import make_evals, make_law, make_rows

from cod_bayes.config import ClassConfig, Config, ForecastConfig, MappingConfig
from cod_bayes.law.curves import CURVES
from cod_bayes.schema import CLASSES
from cod_bayes.subset import choose_headline, join_laws, tabulate_clusters

N_ITEMS = 100
GROUPS = (40, 30, 20)  # ten items belong to no cluster
CONFIG = replace(Config(), forecast=ForecastConfig(lead="cod"))


def table_of(in_subset, sizes=GROUPS, name="B"):
    """A table of clusters, of which some are extrapolatable."""
    n = len(sizes)
    return xr.Dataset(
        {
            "n_items": ("cluster", np.array(sizes, int)),
            "in_subset": ("cluster", np.array(in_subset, bool)),
        },
        coords={
            "cluster": [f"{name}/{i}" for i in range(n)],
            "cluster_benchmark": ("cluster", np.full(n, name)),
        },
    )


def labels_of(name="B"):
    return xr.Dataset({"n_clusters": ("benchmark", [3])}, coords={"benchmark": [name]})


def evals_of(n_items=N_ITEMS, n_trials=50):
    n_trials = np.full((3, n_items), n_trials)
    return make_evals(n_trials, n_trials // 3)


def headline(table, config=CONFIG, evals=None):
    chosen = choose_headline(evals_of() if evals is None else evals, labels_of(), table, config)
    return chosen.sel(benchmark="B")


def test_cod_leads_where_the_subset_is_large_enough():
    chosen = headline(table_of([True] * 3))
    assert chosen["headline"].item() == "cod"
    assert chosen["headline_reason"].item() == "the predictable subset is large enough"
    assert chosen["share_in_subset"].item() == pytest.approx(0.9)
    assert chosen["has_subset"].item()
    assert chosen["n_clusters"].item() == 3


def test_what_is_asked_for_leads_where_it_can():
    whole = replace(Config(), forecast=ForecastConfig(lead="end-to-end"))
    chosen = headline(table_of([True] * 3), whole)
    assert chosen["headline"].item() == "end-to-end"
    assert chosen["headline_reason"].item() == "it was asked for (forecast.lead)"
    assert chosen["has_subset"].item()
    both = headline(table_of([True] * 3), Config())
    assert both["headline"].item() == "pool"
    without = headline(table_of([False] * 3), Config())
    assert "extrapolatable" in without["headline_reason"].item()


def mapped(**settings):
    return replace(CONFIG, mapping=MappingConfig(**settings))


@pytest.mark.parametrize(
    ("table", "config", "evals", "reason", "has_subset"),
    [
        (
            table_of([True, True, False]),
            CONFIG,
            None,
            "only 2 of 3 clusters are extrapolatable",
            True,
        ),
        (table_of([False] * 3), CONFIG, None, "only 0 of 3 clusters are extrapolatable", False),
        (
            table_of([False, True, True]),
            mapped(min_clusters=2, min_share=0.6),
            None,
            "only 50% of the items lie in extrapolatable clusters",
            True,
        ),
        (table_of([], ()), CONFIG, None, "fewer than 3 difficulty clusters were found", False),
        (
            table_of([], ()),
            CONFIG,
            evals_of(n_trials=1),
            "fewer than 8 trials an item: clusters would be noise",
            False,
        ),
        (
            table_of([], ()),
            CONFIG,
            evals_of(n_items=1, n_trials=1000),
            "there are no items, only the benchmark's score",
            False,
        ),
    ],
    ids=["clusters", "none", "share", "unclustered", "trials", "score"],
)
def test_the_end_to_end_law_leads_for_a_stated_reason(table, config, evals, reason, has_subset):
    chosen = headline(table, config, evals)
    assert chosen["headline"].item() == "end-to-end"
    assert chosen["headline_reason"].item() == reason
    assert chosen["has_subset"].item() is has_subset


def test_without_a_map_all_clusters_count():
    chosen = headline(table_of([False] * 3), mapped(form="none"))
    assert chosen["headline"].item() == "cod"
    assert chosen["share_in_subset"].item() == pytest.approx(0.9)


def test_untried_items_do_not_count_as_few_trials():
    evals = evals_of()
    evals["n_trials"][:, :60], evals["n_correct"][:, :60] = 0, 0
    assert headline(table_of([True] * 3), evals=evals)["headline"].item() == "cod"


LADDER = evals_of(n_items=3)
REFERENCE = {"compute": 1e23}


def tabulate(rows, draws, config=None):
    return tabulate_clusters(
        LADDER, labels_of(), rows, draws, CURVES["frailty"], config or ClassConfig(), REFERENCE
    )


def as_tree(law):
    return xr.DataTree.from_dict({"posterior": law})


def test_the_table_judges_fitted_rows_and_passes_flat_ones_by():
    rates = np.linspace(0.1, 0.7, 3) * np.ones((4, 1))
    rows = make_rows((4000 * rates).astype(int)).assign(
        flat=("cluster", [False, True, False, False])
    )
    rows["n_questions"][:] = [40, 30, 20, 10]
    fitted = ["B/0", "B/2", "B/3"]
    law = make_law(
        4, 3, log_hazard=np.tile([0.0, -9.0, 9.0], (4, 1)), slope=np.full((4, 3), 0.4)
    ).assign_coords(cluster=fitted)
    table = tabulate({"B": rows}, {"law/B": as_tree(law)})
    assert list(table["cluster"].values) == ["B/0", "B/1", "B/2", "B/3"]
    assert list(table["cluster_benchmark"].values) == ["B"] * 4
    extrapolatable, other, non_emergent = CLASSES
    assert list(table["chosen_class"].values) == [extrapolatable, other, other, non_emergent]
    np.testing.assert_array_equal(table["in_subset"], [True, False, False, False])
    np.testing.assert_array_equal(table["n_items"], [40, 30, 20, 10])
    np.testing.assert_allclose(table["probability"].sum("class"), 1)
    np.testing.assert_allclose(table["mean_rate"], rates, atol=1e-3)


def test_a_benchmark_of_flat_rows_needs_no_draws():
    rows = make_rows(np.full((3, 3), 3000)).assign(flat=("cluster", [True] * 3))
    table = tabulate({"B": rows}, {})
    assert set(table["chosen_class"].values) == {"non-extrapolatable"}
    assert not table["in_subset"].any()


def test_the_probability_that_is_asked_of_a_cluster_is_a_setting():
    rows = make_rows(np.full((1, 3), 1000)).assign(flat=("cluster", [False]))
    law = make_law(10, log_hazard=np.where(np.arange(10) < 7, 0.0, 9.0), slope=0.4)
    draws = {"law/B": as_tree(law)}
    for limit, expected in ((0.7, True), (0.71, False)):
        table = tabulate({"B": rows}, draws, ClassConfig(min_probability=limit))
        assert table["in_subset"].item() is expected


def test_no_clusters_make_an_empty_table_with_every_column():
    rows = make_rows(np.full((1, 3), 1000)).assign(flat=("cluster", [True]))
    full, empty = tabulate({"B": rows}, {}), tabulate({}, {})
    assert empty.sizes["cluster"] == 0
    assert set(empty.data_vars) == set(full.data_vars)
    assert {n: empty[n].dims for n in empty} == {n: full[n].dims for n in full}


def test_laws_of_benchmarks_are_laid_side_by_side(rng):
    laws = {
        f"law/{name}": xr.DataTree.from_dict(
            {
                "posterior": make_law(6, n, frailty=rng.gamma(2, size=6)).assign_coords(
                    cluster=[f"{name}/{i}" for i in range(n)]
                ),
                "sample_stats": xr.Dataset(
                    {"diverging": (("chain", "draw"), np.zeros((2, 3), bool))}
                ),
            }
        )
        for name, n in (("A", 2), ("B", 3))
    }
    joined = join_laws(laws)
    posterior = joined["posterior"].to_dataset()
    assert list(posterior["cluster"].values) == ["A/0", "A/1", "B/0", "B/1", "B/2"]
    assert posterior["slope"].dims == ("chain", "draw", "scale", "cluster")
    for name in ("A", "B"):
        xr.testing.assert_equal(
            posterior["frailty"].sel(benchmark=name, drop=True),
            laws[f"law/{name}"]["posterior/frailty"],
        )
    assert joined["sample_stats/diverging"].dims == ("benchmark", "chain", "draw")
