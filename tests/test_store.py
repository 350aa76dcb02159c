import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from invented import with_groups

from cod_bayes.card import write_card
from cod_bayes.config import Config
from cod_bayes.errors import ConfigError, ModelFileError
from cod_bayes.fitted import FittedModel
from cod_bayes.prediction import predict
from cod_bayes.schema import SCHEMA_VERSION
from cod_bayes.store import check_free, load_model, save_model, thin_model

FILES = {"fit.nc", "config.toml", "provenance.json", "card.md"}


@pytest.fixture(scope="module")
def thin(small_fit):
    """Twenty draws a chain: quick to write, and failed at the gate."""
    return thin_model(small_fit, 20)


@pytest.fixture
def stored(thin, tmp_path):
    return save_model(thin, tmp_path / "models" / "small")


def median_of(fitted):
    return predict(fitted, flops=3.8e24, force=True)["summary/median"].values


def assert_same_groups(loaded, saved):
    assert set(loaded.tree.groups) == set(saved.tree.groups)
    for path in saved.tree.groups:
        before, after = saved.group(path), loaded.group(path)
        assert set(after.variables) == set(before.variables), path
        for name, variable in before.variables.items():
            where = f"{path}/{name}"
            assert after[name].dims == variable.dims, where
            if variable.dtype.kind == "f" and "draw" in variable.dims:
                np.testing.assert_allclose(after[name], variable, rtol=1e-6, err_msg=where)
            else:
                np.testing.assert_array_equal(after[name], variable, err_msg=where)


def test_what_is_saved_is_loaded(stored, thin):
    loaded = load_model(stored)
    assert_same_groups(loaded, thin)
    assert loaded.config == thin.config
    assert loaded.tree.attrs["notes"] == thin.tree.attrs["notes"]
    assert loaded.passed == thin.passed
    np.testing.assert_allclose(median_of(loaded), median_of(thin), rtol=1e-5)


def test_the_folder_holds_four_files_and_nothing_stands_beside_it(stored):
    assert {file.name for file in stored.iterdir()} == FILES
    assert [entry.name for entry in stored.parent.iterdir()] == ["small"]
    assert stored.stat().st_mode & 0o055 == 0o055  # others may read it


def test_xarray_alone_reads_the_fit(stored):
    tree = xr.load_datatree(stored / "fit.nc")
    assert tree["law/posterior/slope"].dtype == np.float32
    assert tree["clusters/label"].dtype.kind == "i"
    assert list(tree["clusters"]["benchmark"].values) == ["SUMS", "READ"]
    assert json.loads(tree.attrs["provenance"])["schema_version"] == SCHEMA_VERSION


def test_settings_and_provenance_are_written_out(stored, thin):
    assert Config.from_toml(stored / "config.toml") == thin.config
    assert json.loads((stored / "provenance.json").read_text()) == thin.provenance


def test_provenance_survives_the_round_trip(stored, thin):
    assert thin.provenance["thinned_to"] == 20
    assert load_model(stored).provenance == thin.provenance


def test_a_fit_is_saved_again_as_it_was_loaded(stored, tmp_path):
    loaded = load_model(stored)
    again = load_model(save_model(loaded, tmp_path / "again"))
    xr.testing.assert_identical(again.tree, loaded.tree)


def test_saving_changes_nothing_in_the_fit(thin, tmp_path):
    before = thin.tree.copy(deep=True)
    save_model(thin, tmp_path / "model")
    xr.testing.assert_identical(thin.tree, before)


def test_a_model_is_not_replaced_unless_forced(stored, thin):
    with pytest.raises(ModelFileError, match=r"exists already; .* replace it .--force, force=True"):
        save_model(thin, stored)
    (stored / "card.md").write_text("old")
    assert save_model(thin, stored, force=True) == stored
    assert (stored / "card.md").read_text() == write_card(thin)
    assert {file.name for file in stored.iterdir()} == FILES
    assert [entry.name for entry in stored.parent.iterdir()] == ["small"]


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_what_is_no_model_is_not_replaced_at_all(thin, tmp_path, kind):
    path = tmp_path / "thesis"
    if kind == "folder":
        path.mkdir()
        (path / "chapter.txt").write_text("years of work")
    else:
        path.write_text("years of work")
    with pytest.raises(ModelFileError, match=r"it is no model of this package, so it is not repl"):
        save_model(thin, path, force=True)
    kept = path / "chapter.txt" if kind == "folder" else path
    assert kept.read_text() == "years of work"


def test_a_free_name_is_checked_before_anything_is_computed(stored, tmp_path):
    assert check_free(tmp_path / "new") == tmp_path / "new"
    assert check_free(str(stored), force=True) == stored
    with pytest.raises(ModelFileError, match="exists already"):
        check_free(stored)


@pytest.mark.parametrize("fault", [OSError(28, "No space left on device"), KeyboardInterrupt()])
@pytest.mark.parametrize("occupied", [True, False])
def test_an_interruption_leaves_what_was_there(stored, thin, monkeypatch, fault, occupied):
    path = stored if occupied else stored.with_name("new")
    before = {file.name: file.read_bytes() for file in stored.iterdir()}

    def fail(fitted):
        raise fault

    monkeypatch.setattr("cod_bayes.store.write_card", fail)
    expected = ModelFileError if isinstance(fault, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        save_model(thin, path, force=True)
    assert [entry.name for entry in stored.parent.iterdir()] == ["small"]
    assert {file.name: file.read_bytes() for file in stored.iterdir()} == before


def test_a_failed_renaming_leaves_the_old_model(stored, thin, monkeypatch):
    rename = type(stored).rename

    def fail_at_the_last(self, target):
        if target == stored:
            raise OSError(13, "Permission denied")
        return rename(self, target)

    monkeypatch.setattr(type(stored), "rename", fail_at_the_last)
    with pytest.raises(ModelFileError, match="Permission denied"):
        save_model(thin, stored, force=True)
    assert [entry.name for entry in stored.parent.iterdir()] == ["small"]


def test_a_path_that_cannot_be_written_is_named(thin, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ModelFileError, match=r"cannot write .*file/model: "):
        save_model(thin, tmp_path / "file" / "model")


def test_no_model_is_no_model(tmp_path):
    with pytest.raises(ModelFileError, match=r"holds no fit\.nc: .* cod-bayes fit evals\.nc -o"):
        load_model(tmp_path)
    with pytest.raises(ModelFileError, match=r"holds no fit\.nc"):
        load_model(tmp_path / "nothing")


def test_a_truncated_fit_is_damaged(stored):
    file = stored / "fit.nc"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(ModelFileError, match=r"cannot be read as netCDF .* damaged or foreign"):
        load_model(stored)


def test_a_file_of_another_kind_is_foreign(stored):
    (stored / "fit.nc").write_text("not a netCDF file")
    with pytest.raises(ModelFileError, match="cannot be read as netCDF"):
        load_model(stored)


def test_netcdf_of_another_origin_is_foreign(stored):
    (stored / "fit.nc").unlink()
    xr.Dataset({"x": ("t", [1.0, 2.0])}).to_netcdf(stored / "fit.nc")
    with pytest.raises(
        ModelFileError, match="it lacks the groups /clusters, /cluster_table, /scores"
    ):
        load_model(stored)


def of_provenance(fitted, provenance):
    tree = fitted.tree.copy()
    tree.attrs = {**fitted.tree.attrs}
    if provenance is None:
        del tree.attrs["provenance"]
    else:
        tree.attrs["provenance"] = json.dumps(provenance)
    return FittedModel(tree, fitted.config, provenance or {})


def test_another_schema_version_is_refused(thin, tmp_path):
    newer = of_provenance(thin, {**thin.provenance, "schema_version": SCHEMA_VERSION + 1})
    path = save_model(newer, tmp_path / "newer")
    with pytest.raises(
        ModelFileError,
        match=f"schema version {SCHEMA_VERSION + 1}; this version of cod-bayes reads",
    ):
        load_model(path)


def test_a_fit_that_says_nothing_of_its_origin_is_refused(stored):
    tree = xr.load_datatree(stored / "fit.nc")
    del tree.attrs["provenance"]
    (stored / "fit.nc").unlink()
    tree.to_netcdf(stored / "fit.nc")
    with pytest.raises(ModelFileError, match="does not say where it comes from"):
        load_model(stored)


def test_settings_must_stand_beside_the_fit(stored):
    (stored / "config.toml").write_text("draws = [broken")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_model(stored)
    (stored / "config.toml").unlink()
    with pytest.raises(ModelFileError, match=r"config\.toml is missing"):
        load_model(stored)


def test_thinning_keeps_every_so_many_th_draw(small_fit):
    thin = thin_model(small_fit, 30)
    for path in ("law/posterior", "end_to_end/posterior", "mapping/posterior", "law/sample_stats"):
        assert thin.group(path).sizes["draw"] == 30
    np.testing.assert_array_equal(
        thin.tree["law/posterior/luck_sd"], small_fit.tree["law/posterior/luck_sd"][..., ::10]
    )
    xr.testing.assert_identical(thin.group("clusters"), small_fit.group("clusters"))
    assert small_fit.group("law/posterior").sizes["draw"] == 300
    assert "thinned_to" not in small_fit.provenance


def test_thinning_never_keeps_more_than_it_was_asked(small_fit):
    assert thin_model(small_fit, 7).group("law/posterior").sizes["draw"] <= 7
    assert thin_model(small_fit, 10_000).group("law/posterior").sizes["draw"] == 300


def test_the_card_names_what_leads_and_what_failed(small_fit):
    card = write_card(small_fit)
    diagnostics = small_fit.group("diagnostics")
    for fit in diagnostics["fit"].values:
        (row,) = (line for line in card.splitlines() if line.startswith(f"| {fit} |"))
        failed = not diagnostics["passed"].sel(fit=fit)
        assert row.endswith("| **no** |" if failed else "| yes |")
    assert not diagnostics["passed"].all()
    sums = small_fit.group("clusters").sel(benchmark="SUMS")
    share, leads, why = (sums[n].item() for n in ("share_in_subset", "headline", "headline_reason"))
    assert f"| SUMS | {sums['n_clusters'].item()} | {share:.0%} | {leads} | {why} |" in card
    assert "Ladder: 8 models, 3.99e+19 to 1.41e+23 FLOP" in card
    assert "Anchors: anchor-34.4B, anchor-72.7B." in card
    assert "When not to use it" in card


def test_the_card_of_a_passed_fit_names_no_failure(small_fit):
    diagnostics = small_fit.group("diagnostics")
    good = with_groups(small_fit, diagnostics=diagnostics.assign(passed=("fit", [True] * 4)))
    assert "**no**" not in write_card(good)


def test_the_card_needs_no_anchor(small_fit):
    scores = small_fit.group("scores")
    alone = with_groups(
        small_fit, scores=scores.isel(llm=np.flatnonzero(scores["role"].values == "ladder"))
    )
    assert "Anchors: none." in write_card(replace(alone, provenance={}))
