import numpy as np
import pytest

from cod_bayes.methods import load_method, parse_variant
from cod_bayes.methods.bank_gibbs import GibbsConfig
from cod_bayes.methods.item_parametric import ItemLevel
from methods.item_worlds import draw_forecast, simulate

SMALL = ItemLevel(
    gibbs=GibbsConfig(draws=50, tune=50, chains=1, max_attempts=1),
)


def test_normal_items_are_forecast(rng):
    evals, truth = simulate(rng, n_items=100)
    draws = draw_forecast(evals, SMALL).values[:, 0, 0]
    assert abs(np.median(draws) - truth) < 0.1


def test_it_is_registered_and_set_by_text():
    assert load_method("item-level") == ItemLevel()
    assert parse_variant("item-level[stray=0.2]").method.stray == pytest.approx(0.2)
