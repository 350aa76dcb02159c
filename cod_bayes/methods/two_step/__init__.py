"""Forecasts in two steps: from scale to a loss, from the loss to the score.

``data`` makes the tables that both steps are fitted to. ``steps`` has the laws and their
least-squares fits, ``point`` the bootstrap of both; ``model`` is the PyMC model of both, with
``priors``, ``line`` its second step for FLP, and ``sampling`` draws from it. ``method`` is what
:mod:`cod_bayes.methods.ladder` and :mod:`cod_bayes.methods.flp` have in common.

For :mod:`cod_bayes.methods.flp_m`, ``domains`` tabulates the losses of several domains, ``network``
goes from them to the scores, and ``network_point`` fits and bootstraps both.
"""
