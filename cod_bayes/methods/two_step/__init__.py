"""Forecasts in two steps: from scale to a loss, from the loss to the score.

``data`` makes the tables that both steps are fitted to. ``steps`` has the laws and their
least-squares fits, ``point`` the bootstrap of both; ``model`` is the PyMC model of both, with
``priors``, and ``sampling`` draws from it. ``method`` is what :mod:`cod_bayes.methods.ladder` and
:mod:`cod_bayes.methods.flp` have in common.
"""
