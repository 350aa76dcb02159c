from functools import partial

import numpy as np
import pytest

from cod_bayes.law.least_squares import PointLaw, is_extrapolatable
from cod_bayes.mapping.point import fit_point_map
from cod_bayes.methods.point_pipeline import (
    BenchmarkScores,
    Settings,
    bootstrap_pipeline,
    fit_pipeline,
    shift_rate,
)

FLOPS = np.geomspace(4e19, 1.4e23, 8)
TARGET = np.array([4e24])
# two that can be extrapolated, one whose ceiling is too low
LAWS = PointLaw(np.log([[40.0], [200.0], [40.0]]), np.array([[0.5], [0.5], [0.5]]),
                np.array([[0.1], [0.0], [1.5]]), np.zeros((3, 1)))  # fmt: skip
SIZES = np.array([30.0, 10.0, 60.0])
SETTINGS = Settings("f", is_extrapolatable, None)
MAPPED = Settings("f", is_extrapolatable, partial(fit_point_map, form="spline"))


def make_scores(shift=0.0, n_anchors=0):
    """Scores on the laws, moved by ``shift`` (cluster, run) on the angle."""
    of_anchors = LAWS(np.geomspace(3e23, 1e24, 2)[:n_anchors])
    rates = np.hstack([shift_rate(LAWS(FLOPS), shift), of_anchors])
    full = SIZES @ rates / SIZES.sum()
    return BenchmarkScores(FLOPS, rates, full, SIZES, np.zeros(3))


def test_a_shift_moves_the_angle_and_stops_at_the_ends():
    assert np.arcsin(np.sqrt(shift_rate(np.array(0.3), np.array(0.1)))) == pytest.approx(
        np.arcsin(np.sqrt(0.3)) + 0.1
    )
    moved = shift_rate(np.array([0.0, 0.99, 0.01]), np.array([0.0, 1.0, -1.0]))
    np.testing.assert_allclose(moved, [0, 1, 0], atol=1e-15)


def test_the_subset_is_what_meets_the_thresholds_weighted_by_size():
    point = fit_pipeline(make_scores(), SETTINGS)
    np.testing.assert_allclose(point.weights, [0.75, 0.25, 0.0])
    expected = 0.75 * LAWS(TARGET)[0] + 0.25 * LAWS(TARGET)[1]
    np.testing.assert_allclose(point.score_subset(TARGET), expected, atol=1e-4)
    np.testing.assert_allclose(point.shifts, 0, atol=1e-3)
    np.testing.assert_array_equal(point.score_full(expected), expected)


def test_the_map_leads_from_subset_to_full_score():
    point = fit_pipeline(make_scores(n_anchors=2), MAPPED)
    scores = make_scores(n_anchors=2)
    subset = point.weights @ scores.rates
    np.testing.assert_allclose(point.score_full(subset), scores.full, atol=0.02)
    # anchors above the ladder's line lift the map where they stand
    lifted = scores.full + 0.1 * (np.arange(10) > 7)
    bent = BenchmarkScores(FLOPS, scores.rates, lifted, SIZES, np.zeros(3))
    at = subset[-1]
    assert fit_pipeline(bent, MAPPED).score_full(at) > point.score_full(at) + 0.03


def test_nothing_extrapolatable_gives_nothing():
    assert fit_pipeline(make_scores(), Settings("f", lambda laws: laws.b > 9, None)) is None


def test_a_checkpoints_luck_is_kept_together_across_clusters(rng):
    """Luck that all clusters share must not average out over them."""
    luck = rng.normal(0, 0.05, 8)
    point = fit_pipeline(make_scores(luck[None, :]), SETTINGS)
    of_clusters = np.corrcoef(point.shifts)
    assert of_clusters[0, 1] > 0.8
    shared = [point.score_subset(TARGET, run).item() for run in range(8)]
    apart = rng.permuted(point.shifts, axis=1)
    unshared = np.std([point.weights @ apart[:, run] for run in range(8)])
    assert np.std(shared) > 0
    assert np.std(point.weights @ point.shifts) > unshared


def test_residuals_are_centred_and_widened_for_three_parameters(rng):
    scores = make_scores(rng.normal(0, 0.05, (3, 8)))
    point = fit_pipeline(scores, SETTINGS)
    np.testing.assert_allclose(point.shifts.mean(axis=1), 0, atol=1e-12)
    column = PointLaw(*(v[:, None] for v in (point.laws.log_a, point.laws.b, point.laws.c,
                                            point.laws.floor)))  # fmt: skip
    raw = np.arcsin(np.sqrt(scores.rates)) - np.arcsin(np.sqrt(column(FLOPS)))
    np.testing.assert_allclose(point.shifts.std(axis=1), raw.std(axis=1) * np.sqrt(8 / 5))


@pytest.mark.parametrize("settings", [SETTINGS, MAPPED])
def test_exact_scores_have_replicates_like_the_point(settings, rng):
    scores = make_scores(n_anchors=2)
    point = fit_pipeline(scores, settings)
    for _ in range(3):
        replicate = bootstrap_pipeline(scores, point, settings, rng)
        np.testing.assert_allclose(
            replicate.score_subset(TARGET), point.score_subset(TARGET), atol=2e-3
        )


def test_replicates_spread_with_the_noise(rng):
    spread = []
    for sd in (0.01, 0.05):
        scores = make_scores(rng.normal(0, sd, (1, 8)))
        point = fit_pipeline(scores, SETTINGS)
        drawn = [bootstrap_pipeline(scores, point, SETTINGS, rng) for _ in range(30)]
        spread.append(np.std([one.score_subset(TARGET) for one in drawn]))
    assert 0 < 2 * spread[0] < spread[1]


def test_a_run_that_did_not_try_a_cluster_leaves_no_trace(rng):
    scores = make_scores(rng.normal(0, 0.02, (1, 8)))
    scores.rates[0, 3] = np.nan
    point = fit_pipeline(scores, MAPPED)
    assert point.shifts[0, 3] == 0
    replicate = bootstrap_pipeline(scores, point, MAPPED, rng)
    assert np.isfinite(replicate.score_full(replicate.score_subset(TARGET, 3), 3)).all()
