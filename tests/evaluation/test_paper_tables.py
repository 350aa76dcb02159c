"""The paper's tables: every row is a method that exists, and the numbers are those of its cells."""

import numpy as np
import pandas as pd
import pytest

from cod_bayes.errors import ConfigError
from cod_bayes.evaluation.paper_tables import (
    TABLES,
    group_by_studies,
    list_methods,
    tabulate_paper,
)
from cod_bayes.evaluation.scores import score_forecast
from cod_bayes.evaluation.studies import STUDIES
from cod_bayes.methods import parse_variant
from cod_bayes.methods.summary import LEVELS


@pytest.mark.parametrize("method", list_methods())
def test_every_row_is_a_method_that_exists(method):
    variant = parse_variant(method)
    assert variant.label == method


def test_every_table_has_its_baseline_among_its_rows():
    for table in TABLES.values():
        assert table.baseline in table.rows
        assert len(set(table.rows.values())) == len(table.rows)


def test_every_table_finds_its_methods_on_its_studies():
    groups = group_by_studies()
    assert sum(groups, ()) == ("paper-logis", "paper-exp", "paper-moe", "paper-continued")
    for table in TABLES.values():
        assert set(table.rows.values()) <= set(groups[table.studies])
        assert set(table.studies) <= set(STUDIES)
    kept = [m for studies, methods in groups.items() for m in methods if "=kept" in m]
    assert len(kept) == 2  # labels are kept on the two further ladders alone
    assert group_by_studies(("A6",)) == {("paper-continued",): list_methods(("A6",))}


def test_an_unknown_table_is_named():
    with pytest.raises(ConfigError, match="no paper table 7; there are 1, 2, 3"):
        list_methods(("7",))


def test_errors_are_averaged_by_benchmark_and_compared_in_pairs():
    """The full law errs by 2 points, f1 by 5, f2 made no forecast on B."""
    table = TABLES["4"]
    errors = dict(zip(table.rows.values(), (0.05, 0.03, 0.04, 0.02), strict=True))
    rows = []
    for method, error in errors.items():
        for seed in range(4):
            for benchmark in "AB":
                none = benchmark == "B" and method == table.rows["f2, without c"]
                quantiles = np.full(LEVELS.size, np.nan if none else 0.5 + error)
                about = {"study": "s", "case": f"seed-{seed}", "seed": seed, "method": method}
                about |= {"benchmark": benchmark, "target": "t", "passed": 1, "seconds": 1.0}
                rows.append(about | score_forecast(quantiles, 0.5))
    found = tabulate_paper(pd.DataFrame(rows), "4")
    assert list(found.index) == list(table.rows)
    assert found.loc["f1, without g", ["A", "B", "mean", "max"]].tolist() == pytest.approx([5] * 4)
    assert found.loc["f1, without g", "difference"] == pytest.approx(3)
    assert found.loc["f, the full law", "difference"] == 0
    assert np.isnan(found.loc["f2, without c", "B"])
    assert found.loc["f2, without c", ["n", "n_asked"]].tolist() == [4, 8]
