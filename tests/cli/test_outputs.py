import pytest

from cod_bayes.cli.outputs import check_file, check_writable, make_folder
from cod_bayes.errors import DataError


def test_folders_that_do_not_exist_yet_are_fine(tmp_path):
    assert check_writable(tmp_path / "a" / "b" / "c") == tmp_path / "a" / "b" / "c"
    assert not (tmp_path / "a").exists()


def test_a_file_where_a_folder_should_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="is a file, not a folder"):
        check_writable(tmp_path / "file" / "model")
    with pytest.raises(DataError, match="cannot make the folder"):
        make_folder(tmp_path / "file" / "figures")
    with pytest.raises(DataError, match="it is a file"):
        make_folder(tmp_path / "file")


def test_a_folder_that_takes_nothing_is_refused(tmp_path, monkeypatch):
    def refuse(*arguments, **settings):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.mkdtemp", refuse)
    with pytest.raises(DataError, match=r"nothing can be written in .* \(Permission denied\)"):
        check_writable(tmp_path / "model")


def test_a_folder_is_no_file(tmp_path):
    with pytest.raises(DataError, match="is a folder; name a file in it"):
        check_file(tmp_path)


def test_the_folder_of_a_file_is_made(tmp_path):
    check_file(tmp_path / "deep" / "down" / "evals.nc")
    assert (tmp_path / "deep" / "down").is_dir()


def test_asking_leaves_nothing_behind(tmp_path):
    check_writable(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []
