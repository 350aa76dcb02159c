"""The fitted model that git keeps: small, readable without this package, and right."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import cod_bayes as cb

REFERENCE = Path(__file__).parents[1] / "models" / "reference"
TARGET = "68.5B"


def test_it_is_small() -> None:
    assert sum(file.stat().st_size for file in REFERENCE.iterdir()) < 2e6


def test_it_reads_without_the_package() -> None:
    tree = xr.load_datatree(REFERENCE / "fit.nc")
    assert tree["law/posterior/log_hazard"].dims == ("chain", "draw", "scale", "cluster")
    assert "nutpie" in tree.attrs["provenance"]


def test_it_forecasts_the_embedded_study_without_being_forced() -> None:
    truth = cb.load_truth("paper-ladder-sim").sel(llm=TARGET)
    forecast = cb.predict(cb.load_model(REFERENCE), flops=float(truth["flops"]))
    interval = forecast["summary"].to_dataset()["interval"].isel(target=0).sel(ci_prob=0.9)
    actual = truth["score"].sel(benchmark=interval["benchmark"])
    covered = (interval.sel(ci_bound="lower") <= actual) & (
        actual <= interval.sel(ci_bound="upper")
    )
    # Eight 90 % intervals miss three or more targets once in twenty-six honest studies.
    assert int(covered.sum()) >= 6
    assert float((interval.sel(ci_bound="upper") - interval.sel(ci_bound="lower")).max()) < 0.5


@pytest.mark.parametrize("flops", [4e23, 3.8e24])
def test_its_card_names_what_it_forecasts(flops: float) -> None:
    fitted = cb.load_model(REFERENCE)
    medians = cb.predict(fitted, flops=flops, explain=False)["summary"]["median"]
    card = (REFERENCE / "card.md").read_text()
    assert all(str(name) in card for name in medians["benchmark"].values)
    assert np.isfinite(medians).all()
