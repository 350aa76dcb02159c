"""Figures for a paper or a talk: each takes a forecast, a fitted model or data, and draws.

========================  ====================================================================
:func:`forecast`          fan chart: score against compute, with the forecast's credible bands
:func:`clusters`          difficulty clusters' pass rates and laws, the excluded ones visible
:func:`mapping`           the full set's score against the predictable subset's, with its band
:func:`difficulty`        pass rates, items x llms, by cluster
:func:`save`              write a figure as PNG, PDF or SVG
========================  ====================================================================
"""

from cod_bayes.plots.difficulty_map import difficulty
from cod_bayes.plots.fan_chart import forecast
from cod_bayes.plots.files import save
from cod_bayes.plots.mapping_band import mapping
from cod_bayes.plots.trajectories import clusters

__all__ = ["clusters", "difficulty", "forecast", "mapping", "save"]
