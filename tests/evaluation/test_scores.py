"""Scores against closed forms and brute force; tables against hand counts."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from cod_bayes.errors import DataError
from cod_bayes.evaluation.bootstrap import bootstrap_means, name_clusters
from cod_bayes.evaluation.scores import (
    compare,
    compute_crps,
    compute_interval,
    compute_pit,
    score_forecast,
    tabulate,
)
from cod_bayes.methods.summary import LEVELS, N_QUANTILES, summarise_draws


def make_results(method, errors, seeds, *, benchmarks=None, study="s", **columns):
    """Scored forecasts, all with the same spread, off by ``errors``."""
    rows = []
    benchmarks = benchmarks or [f"B{i}" for i in range(len(errors))]
    spread = stats.norm.ppf(LEVELS, 0.5, 0.02)
    for error, seed, benchmark in zip(errors, seeds, benchmarks, strict=True):
        scored = score_forecast(np.full(N_QUANTILES, np.nan) if error is None else spread, 0.5)
        if error is not None:
            scored = score_forecast(spread + error, 0.5)
        about = {
            "study": study,
            "case": "c",
            "seed": seed,
            "method": method,
            "benchmark": benchmark,
            "target": "t",
            "reason": "why not" if error is None else "",
            "passed": True,
            "seconds": 2.0,
        }
        rows.append(about | scored)
    return pd.DataFrame(rows).assign(**columns)


def test_a_summary_scores_as_the_full_sample_does(rng):
    """CRPS within 0.5 %, coverage within 2 points, at 6000 draws of a skewed law."""
    draws = rng.beta(3, 9, 6000)
    quantiles = summarise_draws(draws)
    truths = rng.beta(3, 9, 3000)
    full = np.array([compute_crps(draws, t) for t in truths[:200]])
    short = np.array([compute_crps(quantiles, t) for t in truths[:200]])
    assert short == pytest.approx(full, rel=0.02, abs=2e-5)
    assert short.mean() == pytest.approx(full.mean(), rel=0.005)
    for percent in (50, 80, 90):
        from_low, to_high = compute_interval(quantiles, percent / 100)
        covered = np.mean((truths >= from_low) & (truths <= to_high))
        low, high = np.quantile(draws, [0.5 - percent / 200, 0.5 + percent / 200])
        of_full = np.mean((truths >= low) & (truths <= high))
        assert covered == pytest.approx(of_full, abs=0.004)
        assert covered == pytest.approx(percent / 100, abs=0.03)


def test_crps_is_the_double_sum(rng):
    sample, truth = rng.normal(size=50), 0.3
    pairs = np.abs(sample[:, None] - sample[None, :]).mean()
    expected = np.abs(sample - truth).mean() - pairs / 2
    assert compute_crps(sample, truth) == pytest.approx(expected, rel=1e-12)


def test_crps_of_a_normal_forecast_is_its_closed_form():
    quantiles = stats.norm.ppf(LEVELS)
    for truth in (-2.5, 0.0, 0.7):
        density, tail = stats.norm.pdf(truth), stats.norm.cdf(truth)
        expected = truth * (2 * tail - 1) + 2 * density - 1 / np.sqrt(np.pi)
        assert float(compute_crps(quantiles, truth)) == pytest.approx(expected, abs=0.004)


def test_scores_of_a_forecast_by_hand():
    sample = (np.arange(N_QUANTILES) + 0.5) / N_QUANTILES  # uniform on 0..1
    inside = score_forecast(sample, 0.6)
    assert inside["median"] == pytest.approx(0.5)
    assert inside["error"] == pytest.approx(-0.1)
    assert inside["absolute_error"] == pytest.approx(0.1)
    assert inside["width_50"] == pytest.approx(0.5)
    assert inside["interval_score_90"] == pytest.approx(0.9)
    assert [inside[f"covered_{q}"] for q in (50, 80, 90)] == [1, 1, 1]
    outside = score_forecast(sample, 0.97)
    assert [outside[f"covered_{q}"] for q in (50, 80, 90)] == [0, 0, 0]
    assert outside["interval_score_90"] == pytest.approx(0.9 + 20 * 0.02)
    assert outside["interval_score_50"] == pytest.approx(0.5 + 4 * 0.22)


def test_the_pit_is_the_middle_of_its_place():
    sample = np.arange(4.0)
    assert compute_pit(sample, -1.0) == pytest.approx(0.1)
    assert compute_pit(sample, 9.0) == pytest.approx(0.9)
    assert compute_pit(sample, 1.5) == pytest.approx(0.5)
    assert compute_pit(sample, 1.0) == pytest.approx(0.4)  # a tie counts half
    assert compute_pit(np.full(10, 0.3), 0.3) == pytest.approx(0.5)


@pytest.mark.parametrize("truth", [0.4, np.nan])
def test_without_forecast_or_truth_there_are_no_scores(truth):
    sample = np.full(N_QUANTILES, np.nan if truth == 0.4 else 0.2)
    scored = score_forecast(sample, truth)
    assert all(np.isnan(value) for value in scored.values())


def test_the_wrong_number_of_quantiles_is_refused():
    with pytest.raises(DataError, match="summarise_draws"):
        score_forecast(np.zeros(10), 0.5)


def test_a_table_counts_and_averages_in_points():
    results = make_results("a", [0.01, -0.03, None], [0, 1, 1])
    row = tabulate(results).iloc[0]
    assert (row["method"], row["n"], row["n_asked"]) == ("a", 2, 3)
    assert row["mae"] == pytest.approx(2.0, abs=1e-6)
    assert row["max_ae"] == pytest.approx(3.0, abs=1e-6)
    assert row["bias"] == pytest.approx(-1.0, abs=1e-6)
    assert row["crps"] == pytest.approx(100 * results["crps"].mean())
    assert row["coverage_50"] == pytest.approx(50.0)
    assert row["width_90"] == pytest.approx(100 * 2 * 1.645 * 0.02, rel=0.01)
    assert (row["share_passed"], row["seconds"], row["resampled"]) == (1.0, 2.0, "seed")


def test_a_method_without_a_forecast_has_a_row_without_scores():
    row = tabulate(make_results("a", [None, None], [0, 1])).iloc[0]
    assert (row["n"], row["n_asked"]) == (0, 2)
    assert np.isnan([row["mae"], row["crps"], row["coverage_90_low"]]).all()


def test_shared_luck_widens_the_error():
    """Errors equal within a seed: the standard error is that of seeds, not of cells."""
    luck = [0.01, 0.05, 0.02, 0.04]
    shared = make_results("a", np.repeat(luck, 10).tolist(), np.repeat(range(4), 10).tolist())
    error = tabulate(shared).iloc[0]["mae_se"]
    assert error == pytest.approx(100 * np.std(luck) / np.sqrt(4), rel=0.05)


def test_with_one_seed_benchmarks_are_resampled():
    row = tabulate(make_results("a", [0.01, 0.02, 0.05], [0, 0, 0])).iloc[0]
    assert row["resampled"] == "benchmark"
    assert row["mae_se"] > 0
    lone = tabulate(make_results("a", [0.01], [0])).iloc[0]
    assert lone["mae"] == pytest.approx(1.0, abs=1e-6)
    assert np.isnan(lone["mae_se"])


def test_perfect_coverage_is_not_called_certain():
    row = tabulate(make_results("a", [0.0] * 20, list(range(20)))).iloc[0]
    assert (row["coverage_90"], row["coverage_90_high"]) == (100.0, 100.0)
    assert row["coverage_90_low"] == pytest.approx(100 * 0.025 ** (1 / 20))


def test_a_study_of_one_seed_lends_its_benchmarks():
    seeds = make_results("a", [0.01, 0.03], [0, 1], study="x")
    real = make_results("a", [0.01, 0.02, 0.05], [0, 0, 0], study="y")
    codes, resampled = name_clusters(pd.concat([seeds, real]))
    assert resampled == "seed, benchmark"
    assert len(set(codes)) == 5


def test_equal_seeds_of_two_studies_are_different_clusters():
    both = [make_results("a", [0.01, 0.03], [0, 1], study=study) for study in ("x", "y")]
    codes, resampled = name_clusters(pd.concat(both))
    assert (len(set(codes)), resampled) == (4, "seed")


def test_differences_are_taken_on_common_cells_only():
    base = make_results("base", [0.02, 0.04, None, 0.06], [0, 1, 2, 3])
    own = make_results("own", [0.01, 0.02, 0.5, None], [0, 1, 2, 3])
    table = compare(pd.concat([base, own]), "base")
    assert table["method"].tolist() == ["own"]
    row = table.iloc[0]
    assert row["n_common"] == 2
    assert row["mae_difference"] == pytest.approx(-1.5, abs=1e-6)
    assert row["mae_difference_low"] == pytest.approx(-2.0, abs=1e-6)
    assert row["mae_difference_high"] == pytest.approx(-1.0, abs=1e-6)
    assert row["crps_difference"] < 0


def test_differences_within_groups():
    results = pd.concat(
        [
            make_results(m, [e, e], [0, 1], study=s)
            for m, s, e in (("a", "x", 0.01), ("b", "x", 0.02), ("a", "y", 0.05), ("b", "y", 0.02))
        ]
    )
    table = compare(results, "a", by=["study"]).set_index("study")["mae_difference"]
    assert table.to_dict() == pytest.approx({"x": 1.0, "y": -3.0}, abs=1e-6)


def test_an_unknown_baseline_and_missing_columns_are_named():
    results = make_results("a", [0.01], [0])
    with pytest.raises(DataError, match="'b'; there are a"):
        compare(results, "b")
    with pytest.raises(DataError, match="lack the columns crps"):
        tabulate(results.drop(columns="crps"))


def test_the_bootstrap_error_of_independent_cells_is_the_textbooks(rng):
    values = rng.normal(size=(400, 1))
    means = bootstrap_means(values, np.arange(400))
    assert means.se[0] == pytest.approx(values.std() / 20, rel=0.1)
    assert means.high[0] - means.low[0] == pytest.approx(3.92 * means.se[0], rel=0.1)
