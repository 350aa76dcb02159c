import numpy as np
import pytest

from cod_bayes import plots
from cod_bayes.errors import DataError

from .reading import headline, legend_labels, words
from .study import ANCHOR_FLOPS, FLOPS, Study


def shown(figure):
    return figure.axes[0].get_images()[0].get_array()


def test_every_item_and_model_is_shown_once(study: Study):
    own = study.evals.isel(item=study.evals["benchmark"].values == "Code")
    rates = shown(plots.difficulty(study.evals, study.fitted, benchmark="Code"))
    expected = (own["n_correct"] / own["n_trials"]).values
    assert rates.shape == (len(FLOPS) + len(ANCHOR_FLOPS), own.sizes["item"])
    np.testing.assert_allclose(np.sort(rates, axis=1), np.sort(expected, axis=1))


def test_items_stand_by_cluster_then_by_mean_pass_rate(study: Study):
    rates = shown(plots.difficulty(study.evals, study.fitted, benchmark="Code"))
    assert (rates[:, :9] == 0).all()  # the zero-performance items come first
    labels = study.fitted.tree["clusters"]["label"].values[
        study.evals["benchmark"].values == "Code"
    ]
    first = rates[: len(FLOPS), 9 : 9 + (labels == 0).sum()].mean(axis=0)
    assert (np.diff(first) >= -1e-12).all()


def test_clusters_outliers_and_zeros_are_named(study: Study):
    figure = plots.difficulty(study.evals, study.fitted, benchmark="Code")
    assert {
        "zero on every model",
        "outliers",
        "in the predictable subset",
        "set aside: non-emergent",
        "set aside: non-extrapolatable",
    } == set(legend_labels(figure))
    strip = next(axes for axes in figure.axes if words(axes))
    assert set(words(strip)) <= {*"0123456", "zero", "outliers"}
    assert len(strip.patches) == 9  # seven clusters, zeros and outliers
    assert headline(figure).startswith("Code")


def test_models_stand_by_rising_compute_with_anchors_above(study: Study):
    figure = plots.difficulty(study.evals, study.fitted, benchmark="Code")
    names = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert names[-1].startswith("anchor-B")
    assert [name.split()[0] for name in names[: len(FLOPS)]] == list(
        study.evals["llm"].values[: len(FLOPS)]
    )


def test_without_a_fit_items_stand_by_mean_pass_rate(study: Study):
    figure = plots.difficulty(study.evals, benchmark="Code")
    assert (np.diff(shown(figure)[: len(FLOPS)].mean(axis=0)) >= -1e-12).all()
    assert not figure.legends


def test_pairs_that_were_not_tried_are_blank(study: Study):
    evals = study.evals.copy(deep=True)
    first = np.flatnonzero(evals["benchmark"].values == "Code")[0]
    for name in ("n_trials", "n_correct"):
        evals[name][3, first] = 0
    rates = shown(plots.difficulty(evals, study.fitted, benchmark="Code"))
    assert np.ma.getmaskarray(np.ma.masked_invalid(rates)).sum() == 1


def test_the_benchmark_must_be_known(study: Study):
    with pytest.raises(DataError, match="Algebra, Code, Choice"):
        plots.difficulty(study.evals)
    with pytest.raises(DataError, match="'Chess'"):
        plots.difficulty(study.evals, benchmark="Chess")
    own = study.evals.isel(item=study.evals["benchmark"].values == "Code")
    assert headline(plots.difficulty(own)).startswith("Code")


def test_items_without_a_label_are_refused(study: Study):
    renamed = study.evals.assign_coords(item=[f"x{i}" for i in range(study.evals.sizes["item"])])
    with pytest.raises(DataError, match="no cluster label"):
        plots.difficulty(renamed, study.fitted, benchmark="Code")
