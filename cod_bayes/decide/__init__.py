"""Decisions: from draws of scores to what a choice costs, gains and risks.

What fits anew stands apart, since its imports take seconds: :mod:`~cod_bayes.decide.comparison` of
ensembles, and the :mod:`~cod_bayes.decide.influence` of each small model.
"""

from cod_bayes.decide.allocation import Risk, allocate, find_efficient
from cod_bayes.decide.costs import Costs, Hardware
from cod_bayes.decide.ensembles import Ensemble, EnsemblePlan, read_ensembles
from cod_bayes.decide.information import compute_evsi, compute_narrowing, compute_variance_share
from cod_bayes.decide.measures import (
    compute_cvar,
    compute_evpi,
    compute_expected_regret,
    compute_p_best,
    compute_p_reach,
    compute_quantile_regret,
    compute_var,
)
from cod_bayes.decide.pilots import NewRun, Remeasure
from cod_bayes.decide.plan import Plan, read_plan
from cod_bayes.decide.required_compute import find_compute
from cod_bayes.decide.suggestion import Decision, suggest
from cod_bayes.decide.values import PointValue, ThresholdValue, value_scores

__all__ = [
    "Costs",
    "Decision",
    "Ensemble",
    "EnsemblePlan",
    "Hardware",
    "NewRun",
    "Plan",
    "PointValue",
    "Remeasure",
    "Risk",
    "ThresholdValue",
    "allocate",
    "compute_cvar",
    "compute_evpi",
    "compute_evsi",
    "compute_expected_regret",
    "compute_narrowing",
    "compute_p_best",
    "compute_p_reach",
    "compute_quantile_regret",
    "compute_var",
    "compute_variance_share",
    "find_compute",
    "find_efficient",
    "read_ensembles",
    "read_plan",
    "suggest",
    "value_scores",
]
