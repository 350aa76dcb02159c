"""The pool of both forecasters: whose draws it has, and where its variance comes from."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import cod_bayes as cb
from cod_bayes.decide import PointValue
from cod_bayes.errors import ConfigError
from cod_bayes.pool import pool_draws, pool_variance_shares
from cod_bayes.runs import draw_scores, expect_scores
from cod_bayes.stages import load_stages

TARGET = {"flops": 4e24}


def lead_by(fitted, lead, weight=0.7):
    """The same fit, with another lead."""
    config = replace(
        fitted.config, forecast=replace(fitted.config.forecast, lead=lead, end_to_end_weight=weight)
    )
    clusters = fitted.group("clusters")
    tree = fitted.tree.copy()
    tree["clusters"] = xr.DataTree(
        clusters.assign(headline=("benchmark", np.full(clusters.sizes["benchmark"], lead)))
    )
    return cb.FittedModel(tree, config, fitted.provenance)


def test_each_draw_is_one_members_for_all_targets(rng):
    draws = {"end-to-end": np.zeros((20_000, 3)), "cod": np.ones((20_000, 3))}
    pooled = pool_draws(draws, "A", 0.7, 5)
    assert (pooled == pooled[:, :1]).all()
    assert pooled.mean() == pytest.approx(0.3, abs=0.02)
    assert not np.array_equal(pooled, pool_draws(draws, "B", 0.7, 5))


def test_shares_are_those_of_the_mixtures_variance(rng):
    draws = {
        "end-to-end": rng.normal([[0.5, 0.6]], 0.05, (100_000, 2)),
        "cod": rng.normal([[0.7, 0.6]], 0.10, (100_000, 2)),
    }
    shares = {"end-to-end": np.array([[1.0, 0.0]] * 2), "cod": np.array([[0.25, 0.75]] * 2)}
    split = pool_variance_shares(shares, draws, 0.7)
    pooled = pool_draws(draws, "A", 0.7, 1)
    within = 0.7 * 0.05**2 + 0.3 * 0.10**2
    between = np.array([0.7 * 0.3 * 0.2**2, 0.0])
    np.testing.assert_allclose(pooled.var(axis=0), within + between, rtol=0.03)
    expected = np.stack(
        [
            (0.7 * 0.05**2 + 0.3 * 0.25 * 0.10**2) / (within + between),
            0.3 * 0.75 * 0.10**2 / (within + between),
            between / (within + between),
        ],
        axis=1,
    )
    np.testing.assert_allclose(split, expected, atol=0.01)


def test_a_forecast_led_by_the_pool(small_fit):
    forecast = cb.predict(lead_by(small_fit, "pool"), **TARGET, force=True, random_seed=3)
    predictions = forecast["predictions"].to_dataset()
    assert predictions["forecaster"].values.tolist() == ["cod", "end-to-end", "pool"]
    score = predictions["score"].transpose("benchmark", ...)
    of_members = predictions["score_by_forecaster"].transpose("forecaster", "benchmark", ...)
    is_member = (score.values == of_members.values[:2]).any(axis=0)
    assert is_member.all()
    whole = (score.values == of_members.values[1]).mean()
    assert whole == pytest.approx(0.7, abs=0.1)
    shares = forecast["summary/variance_share"]
    assert shares["source"].values[-1] == "which forecaster"
    np.testing.assert_allclose(shares.sum("source"), 1.0)


def test_its_weight_decides_between_the_two(small_fit):
    members = cb.predict(small_fit, **TARGET, force=True, random_seed=3)
    by = members["predictions/score_by_forecaster"]
    for weight, name in ((1.0, "end-to-end"), (0.0, "cod")):
        fitted = lead_by(small_fit, "pool", weight)
        score = cb.predict(fitted, **TARGET, force=True, random_seed=3)["predictions/score"]
        np.testing.assert_array_equal(score, by.sel(forecaster=name).transpose(*score.dims))


def test_decisions_are_made_on_the_pools_draws(small_fit):
    fitted = lead_by(small_fit, "pool")
    table = cb.allocate(
        fitted,
        pd.DataFrame(TARGET, index=[0]),
        [PointValue("SUMS", 1.0)],
        force=True,
        random_seed=3,
    )
    median = cb.predict(fitted, **TARGET, force=True, random_seed=3)["summary/median"]
    assert table["median"].item() == pytest.approx(median.sel(benchmark="SUMS").item())


def test_expected_scores_and_new_runs_are_of_one_member(small_fit):
    at = np.array([[1.5]])
    both = {}
    for lead in ("end-to-end", "cod", "pool"):
        stages = load_stages(lead_by(small_fit, lead))
        both[lead] = (
            draw_scores(stages, at, random_seed=5)["SUMS"],
            expect_scores(stages, at, random_seed=5)["SUMS"],
        )
    drawn_of_cod, expected_of_cod = (both["pool"][i] == both["cod"][i] for i in (0, 1))
    np.testing.assert_array_equal(drawn_of_cod, expected_of_cod)
    assert 0 < drawn_of_cod.mean() < 1


def test_a_weight_is_a_probability():
    with pytest.raises(ConfigError, match="end_to_end_weight"):
        cb.Config.from_mapping({"forecast": {"end_to_end_weight": 1.5}})
