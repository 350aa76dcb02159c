"""COD as a method gives the draws of the forecast itself."""

import numpy as np
import pytest

from cod_bayes.methods import describe_targets
from cod_bayes.methods.cod import Cod
from cod_bayes.prediction import predict


@pytest.fixture(scope="module")
def targets(small_evals):
    return describe_targets(
        small_evals[0].isel(llm=[-1, -1]).assign_coords(flops=("llm", [1e25, 3e25]))
    )


@pytest.mark.parametrize(("lead", "of"), [("clusters", "cod"), ("headline", None)])
def test_its_draws_are_those_of_predict(lead, of, small_fit, targets):
    draws = Cod(lead=lead).predict(small_fit, targets, random_seed=3)
    forecast = predict(
        small_fit,
        flops=[1e25, 3e25],
        params=targets["params_active"].values,
        tokens=targets["tokens"].values,
        explain=False,
        force=True,
        random_seed=3,
    )
    predictions = forecast["predictions"]
    expected = predictions["score_by_forecaster"].sel(forecaster=of) if of else predictions["score"]
    assert draws.dims == ("draw", "benchmark", "target")
    np.testing.assert_array_equal(
        draws.values[: expected.sizes["draw"]],
        expected.isel(chain=0).transpose("draw", "benchmark", "target").values,
    )
    assert draws.sizes["draw"] == expected.sizes["chain"] * expected.sizes["draw"]
    assert draws.attrs["passed"] == small_fit.passed


def test_it_says_why_a_benchmark_has_no_forecast(small_fit, targets):
    draws = Cod().predict(small_fit, targets, random_seed=3)
    missing = draws.isnull().all(("draw", "target"))
    for name in draws["benchmark"].values[missing.values]:
        assert f"{name}: " in draws.attrs["notes"]
