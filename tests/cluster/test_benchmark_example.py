import runpy
from pathlib import Path

EXAMPLE = Path(__file__).parents[2] / "examples" / "benchmark_clustering.py"


def test_the_benchmark_prints_a_row_for_each_size(capsys):
    runpy.run_path(str(EXAMPLE))["main"](["--items", "60", "90", "--trials", "10"])
    rows = capsys.readouterr().out.splitlines()
    assert len(rows) == 4
    assert all(row.endswith("| labels equal |") for row in rows[2:])
