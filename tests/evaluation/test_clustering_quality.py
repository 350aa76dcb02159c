"""Measures of clusterings: the subset's error is the one made by hand; parts are found again."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from cod_bayes.cluster import cluster_items
from cod_bayes.config import ClusterConfig, Config
from cod_bayes.errors import ConfigError, DataError
from cod_bayes.evaluation import studies
from cod_bayes.evaluation.clustering_quality import (
    measure_clustering,
    measure_clusterings,
    tabulate_clusterings,
)
from cod_bayes.evaluation.studies import Study, simulate_paper_case
from cod_bayes.methods import parse_variant

KMEANS = "cod-point[cluster.algorithm=k-means, draws=0]"


@pytest.fixture(scope="module")
def case():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies, "PAPER_BENCHMARKS", studies.PAPER_BENCHMARKS[:2])
        return simulate_paper_case("logis", "seed-3", max_items=150)


@pytest.fixture(scope="module")
def rows(case):
    return measure_clustering(case, parse_variant(KMEANS), Config()).set_index("benchmark")


def test_what_describes_clusters_is_theirs(case, rows):
    labels = cluster_items(case.evals, ClusterConfig(algorithm="k-means"))
    for name in ("iad", "outlier_rate", "n_clusters"):
        np.testing.assert_array_equal(rows[name], labels[name])
    assert rows["share"].between(0, 1).all()


def test_the_extrapolation_error_is_the_subsets(case, rows):
    variant = parse_variant(KMEANS)
    fitted = variant.method.fit(case.evals, variant.configure(Config()))
    subset = fitted.subset_of["MATH"]
    assert 0 < len(subset) < 150
    assert (subset >= 150).all()  # places in the data, of which MATH is the second half
    forecast = variant.method.predict_subset(fitted, case.targets["flops"].values)["MATH"]
    true = case.item_truth.values[subset].mean()
    assert rows.loc["MATH", "ee"] == pytest.approx(100 * abs(forecast.item() - true))
    assert rows.loc["MATH", "share"] == len(subset) / 150
    assert rows.loc["MATH", "ee"] < 25


def test_no_subset_no_error(case):
    variant = parse_variant("cod-point[min_b=50.0, draws=0]")
    rows = measure_clustering(case, variant, Config())
    assert rows["ee"].isna().all()
    assert (rows["share"] == 0).all()


def test_what_cannot_be_measured_is_refused(case):
    with pytest.raises(ConfigError, match="predictable subset; got 'last-value'"):
        measure_clustering(case, parse_variant("last-value"), Config())
    with pytest.raises(DataError, match="take a simulated study"):
        measure_clustering(replace(case, item_truth=None), parse_variant(KMEANS), Config())


def test_parts_are_found_again(case, tmp_path):
    made = []

    def make(name):
        made.append(name)
        return case

    study = Study("mine", "one case", ("seed-3",), make)
    lines = []
    tables = [
        measure_clusterings([study], [KMEANS], folder=tmp_path, report=lines.append)
        for _ in range(2)
    ]
    assert made == ["seed-3"]
    pd.testing.assert_frame_equal(*tables)
    assert set(tables[0]["study"]) == {"mine"}
    assert lines[0] == f"mine · seed-3 · clusters of {KMEANS}: done"
    assert len(list((tmp_path / "clusters" / "parts").glob("*.parquet"))) == 1


def test_means_and_worst_errors():
    about = {"iad": 0.2, "outlier_rate": 0.1, "n_clusters": 9, "share": 0.5}
    errors = {(1, "A"): 1.0, (1, "B"): 3.0, (2, "A"): 5.0, (2, "B"): np.nan}
    rows = [
        {"method": method, "seed": seed, "benchmark": benchmark, "ee": ee + more} | about
        for method, more in (("y", 0.0), ("x", 1.0))
        for (seed, benchmark), ee in errors.items()
    ]
    table = tabulate_clusterings(pd.DataFrame(rows))
    assert list(table.index) == ["y", "x"]
    assert table.loc["y", ["iad", "ee", "ee_max", "n", "n_asked"]].tolist() == pytest.approx(
        [0.2, 3.0, 4.0, 3, 4]
    )
    assert table.loc["x", "ee"] == pytest.approx(4.0)
    # seed means 2 and 5
    assert table.loc["x", "ee_se"] == pytest.approx(1.5)
