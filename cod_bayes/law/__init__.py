"""Stage b: the hierarchical performance-compute law of difficulty clusters."""

from cod_bayes.law.classes import classify_rows, find_flat
from cod_bayes.law.curves import CURVES, Curve, compute_score, load_curve
from cod_bayes.law.data import build_rows, choose_scale, pad_rows, select_runs
from cod_bayes.law.evaluate import evaluate_rows
from cod_bayes.law.model import build_law

__all__ = [
    "CURVES",
    "Curve",
    "build_law",
    "build_rows",
    "choose_scale",
    "classify_rows",
    "compute_score",
    "evaluate_rows",
    "find_flat",
    "load_curve",
    "pad_rows",
    "select_runs",
]
