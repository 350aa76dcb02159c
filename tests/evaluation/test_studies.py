"""Simulated studies: what a case of another ladder knows of the first."""

import numpy as np
import pytest

from cod_bayes.cluster import cluster_items
from cod_bayes.config import ClusterConfig
from cod_bayes.evaluation import studies
from cod_bayes.evaluation.studies import FIRST_SEED, load_study, simulate_paper_case
from cod_bayes.simulate import ANNEALED, DENSE, MIXTURE_OF_EXPERTS

KEPT = ClusterConfig(algorithm="kept")


@pytest.fixture(scope="module", autouse=True)
def two_benchmarks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(studies, "PAPER_BENCHMARKS", studies.PAPER_BENCHMARKS[:2])
        yield


@pytest.fixture(scope="module")
def first(two_benchmarks):
    return simulate_paper_case("logis", "seed-3", max_items=200)


@pytest.mark.parametrize("family", [MIXTURE_OF_EXPERTS, ANNEALED], ids=lambda f: f.name)
def test_another_ladder_bears_the_first_ones_labels(first, family):
    case = simulate_paper_case("logis", "seed-3", family=family, max_items=200)
    labels = cluster_items(first.evals)["label"].values
    assert len(set(labels)) > 3
    np.testing.assert_array_equal(cluster_items(case.evals, KEPT)["label"], labels)
    assert (cluster_items(case.evals)["label"].values != labels).any()
    assert case.targets["target_llm"].item() not in first.targets["target_llm"].values
    assert not (case.truth.values == first.truth.values).any()


def test_the_first_ladder_keeps_nothing(first):
    assert "kept_label" not in first.evals.coords
    assert simulate_paper_case.__kwdefaults__["family"] == DENSE


def test_truth_by_item_is_the_targets(first):
    by_benchmark = first.item_truth.groupby(first.evals["benchmark"]).mean()
    names = first.truth["benchmark"].values
    np.testing.assert_allclose(by_benchmark.sel(benchmark=names), first.truth.values[:, 0])


@pytest.mark.parametrize("name", ["paper-moe", "paper-continued"])
def test_what_is_reported_is_not_what_was_developed_on(name):
    reported, developed = load_study(name), load_study(f"{name}-development")
    assert (reported.name, developed.name) == (name, f"{name}-development")
    seeds = [{int(case.removeprefix("seed-")) for case in s.cases} for s in (reported, developed)]
    assert min(seeds[0]) == FIRST_SEED
    assert max(seeds[1]) < FIRST_SEED
    assert reported.make == developed.make
