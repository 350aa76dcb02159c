"""Rows of a table -> one row for each (llm, benchmark, item), with counts.

Three kinds of tables are told apart by their columns:

items    ``llm, benchmark, item_id, n_trials, n_correct``: a row per llm and item
trials   ``llm, benchmark, item_id, correct``: a row per attempt
scores   ``llm, benchmark, score`` and ``n_questions`` or ``standard_error``: no items
"""

import numpy as np
import pandas as pd

from cod_bayes.errors import DataError, join_faults
from cod_bayes.ingest.frames import FILE, ROW, place

_NEEDS = {
    "items": ("llm", "benchmark", "item_id", "n_trials", "n_correct"),
    "trials": ("llm", "benchmark", "item_id", "correct"),
    "scores": ("llm", "benchmark", "score"),
}
_KEY = ["llm", "benchmark", "item_id"]
# The label of the one item that stands for a benchmark known by its score alone.
SCORE_ITEM = "score"
_TRUE, _FALSE = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")


def count_rows(table: pd.DataFrame) -> pd.DataFrame:
    """Count trials and successes.

    Returns
    -------
    pd.DataFrame
        Columns ``llm, benchmark, item_id, n_trials, n_correct, n_questions`` and, where the
        table has them, ``guess_floor`` and ``metric``; a row per (llm, item).

    Raises
    ------
    DataError
        For missing columns or values, counts that are not numbers, or an item twice.
    """
    kind = _kind(table)
    _check_labels(table, [name for name in _NEEDS[kind] if name in ("llm", "benchmark", "item_id")])
    if kind == "trials":
        return _from_trials(table)
    counted = table.assign(n_questions=1) if kind == "items" else _from_scores(table)
    faults = _number_faults(counted, ("n_trials", "n_correct"))
    if faults:
        raise DataError(join_faults("the table", faults))
    _check_once(counted)
    return counted


def _kind(table: pd.DataFrame) -> str:
    found = set(table.columns)
    for kind, needed in _NEEDS.items():
        if found.issuperset(needed):
            return kind
    listed = ", ".join(name for name in table.columns if name not in (FILE, ROW)) or "none of them"
    needs = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in _NEEDS.items())
    raise DataError(
        f"the table lacks columns. Found, of the names known here: {listed}. Needed, one of: "
        f"{needs} (with n_questions or standard_error). If yours have other names, map them: "
        "columns={'llm': 'model', 'n_correct': 'passes'}; a table of one benchmark may leave "
        "that column out and give benchmark='NAME'"
    )


def _from_trials(table: pd.DataFrame) -> pd.DataFrame:
    lowered = table["correct"].astype("string").str.strip().str.lower()
    wrong = np.flatnonzero(~lowered.isin([*_TRUE, *_FALSE]).to_numpy(dtype=bool))
    if wrong.size:
        raise DataError(
            f"correct is neither 0/1 nor true/false in {wrong.size} rows "
            f"(first: {table['correct'].iloc[wrong[0]]!r}, {place(table, int(wrong[0]))}). "
            "A graded answer needs a threshold first; counts go into n_trials and n_correct"
        )
    constant = [name for name in table.columns if name not in (*_KEY, "correct")]
    grouped = table.assign(n_correct=lowered.isin(_TRUE).astype(int)).groupby(_KEY, sort=False)
    counted = grouped[constant].first()
    counted["n_trials"] = grouped.size()
    counted["n_correct"] = grouped["n_correct"].sum()
    return counted.assign(n_questions=1).reset_index()


def _from_scores(table: pd.DataFrame) -> pd.DataFrame:
    """Score and size -> as many trials as questions, rounded to whole successes."""
    size = "n_questions" if "n_questions" in table else "standard_error"
    if size not in table:
        raise DataError(
            "a table of scores also needs n_questions (how many questions a score averages) or "
            "standard_error (of the score); without either, nothing says how sure a score is"
        )
    faults = _number_faults(table, ("score", size))
    if faults:
        raise DataError(join_faults("the table", faults))
    score = table["score"].astype(float)
    wrong = np.flatnonzero(~score.between(0, 1).to_numpy())
    if wrong.size:
        raise DataError(
            f"score must lie in [0, 1]; {wrong.size} do not (first: {score.iloc[wrong[0]]:g}, "
            f"{place(table, int(wrong[0]))}). Divide percentages by 100"
        )
    questions = table[size].astype(float)
    if size == "standard_error":
        questions = _effective_questions(table, score, questions)
    questions = questions.round()
    wrong = np.flatnonzero(~(questions >= 1).to_numpy())
    if wrong.size:
        raise DataError(
            f"n_questions must be at least 1; it is {questions.iloc[wrong[0]]:g} in "
            f"{place(table, int(wrong[0]))} ({wrong.size} in all)"
        )
    return table.assign(
        item_id=SCORE_ITEM,
        n_trials=questions,
        n_correct=(score * questions).round(),
        n_questions=questions.groupby(table["benchmark"]).transform("median").round(),
    )


def _effective_questions(
    table: pd.DataFrame, score: "pd.Series[float]", standard_error: "pd.Series[float]"
) -> "pd.Series[float]":
    """Invert the binomial standard error: n = s (1 - s) / se^2."""
    variance = standard_error**2
    known = ((variance > 0) & (score > 0) & (score < 1)).to_numpy()
    wrong = np.flatnonzero(~known)
    if wrong.size:
        raise DataError(
            f"a standard error of {standard_error.iloc[wrong[0]]:g} at a score of "
            f"{score.iloc[wrong[0]]:g} does not tell the number of questions "
            f"({place(table, int(wrong[0]))}; {wrong.size} in all). Give n_questions instead"
        )
    return score * (1 - score) / variance


def _check_labels(table: pd.DataFrame, names: list[str]) -> None:
    faults = []
    for name in names:
        empty = np.flatnonzero((table[name].isna() | (table[name] == "")).to_numpy(dtype=bool))
        if empty.size:
            faults.append(
                f"{name} is empty in {empty.size} rows (first: {place(table, int(empty[0]))}); "
                "every row names its llm, benchmark and item"
            )
    if faults:
        raise DataError(join_faults("the table", faults))


def _number_faults(table: pd.DataFrame, names: tuple[str, ...]) -> list[str]:
    faults = []
    for name in names:
        numbers = pd.to_numeric(table[name], errors="coerce").astype(float)
        wrong = np.flatnonzero(~np.isfinite(numbers.to_numpy()))
        if wrong.size:
            value = table[name].iloc[wrong[0]]
            shown = "empty" if pd.isna(value) else f"{value!r}"
            faults.append(
                f"{name} is not a number in {wrong.size} rows (first: {shown}, "
                f"{place(table, int(wrong[0]))}); fill it in or leave the rows out"
            )
    return faults


def _check_once(counted: pd.DataFrame) -> None:
    again = counted.duplicated(_KEY).to_numpy()
    if not again.any():
        return
    second = int(np.flatnonzero(again)[0])
    key = counted[_KEY].iloc[second]
    first = int(np.flatnonzero((counted[_KEY] == key).all(axis=1).to_numpy())[0])
    raise DataError(
        f"item '{key['benchmark']}/{key['item_id']}' occurs more than once for llm "
        f"{key['llm']!r} ({place(counted, first)} and {place(counted, second)}; "
        f"{int(again.sum())} surplus rows in all). Keep one row an item: "
        "table.drop_duplicates(['llm', 'benchmark', 'item_id']), or sum the counts of repeats"
    )
