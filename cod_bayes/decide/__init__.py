"""Decisions: from draws of scores to what a choice costs, gains and risks."""

from cod_bayes.decide.allocation import Risk, allocate, find_efficient
from cod_bayes.decide.costs import Costs, Hardware
from cod_bayes.decide.measures import (
    compute_cvar,
    compute_evpi,
    compute_expected_regret,
    compute_p_best,
    compute_p_reach,
    compute_quantile_regret,
    compute_var,
)
from cod_bayes.decide.plan import Plan, read_plan
from cod_bayes.decide.required_compute import find_compute
from cod_bayes.decide.values import PointValue, ThresholdValue, value_scores

__all__ = [
    "Costs",
    "Hardware",
    "Plan",
    "PointValue",
    "Risk",
    "ThresholdValue",
    "allocate",
    "compute_cvar",
    "compute_evpi",
    "compute_expected_regret",
    "compute_p_best",
    "compute_p_reach",
    "compute_quantile_regret",
    "compute_var",
    "find_compute",
    "find_efficient",
    "read_plan",
    "value_scores",
]
