"""Costs against a calculation by hand."""

import numpy as np
import pytest

from cod_bayes.decide import Costs, Hardware
from cod_bayes.errors import ConfigError

# 1e15 operations a second at 40 % are 1.44e18 an hour
CLUSTER = Hardware(gpus=100, peak_flops=1e15, utilisation=0.4)


def test_hours_days_and_money_by_hand():
    costs = Costs(gpu_hour=2.5, hardware=CLUSTER)
    assert CLUSTER.compute_gpu_hours(1.44e22) == pytest.approx(10_000)
    assert CLUSTER.compute_days(1.44e22) == pytest.approx(10_000 / 2400)
    assert costs.price_training([1.44e22, 2.88e22]) == pytest.approx([25_000, 50_000])


def test_serving_costs_two_operations_a_parameter_and_token():
    costs = Costs(gpu_hour=2.5, inference_tokens=1e12, hardware=CLUSTER)
    assert costs.price_inference(7.2e9) == pytest.approx(2.5 * 1e4)  # 1.44e22 operations
    assert Costs(hardware=CLUSTER).price_inference(7e9) == 0


def test_a_run_meets_the_deadline_and_the_budget_less_its_reserve():
    flops = np.array([1.44e22, 2.88e22])
    assert Costs(hardware=CLUSTER).is_feasible(flops).all()
    assert Costs(deadline=5, hardware=CLUSTER).is_feasible(flops).tolist() == [True, False]
    tight = Costs(gpu_hour=1, budget=25_000, reserve=5_000, hardware=CLUSTER)
    assert tight.is_feasible(flops).tolist() == [True, True]
    tighter = Costs(gpu_hour=1, budget=25_000, reserve=5_001, hardware=CLUSTER)
    assert tighter.is_feasible(flops).tolist() == [True, False]


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Hardware(gpus=0), "Hardware.gpus must be positive; got 0"),
        (lambda: Hardware(utilisation=40), "Hardware.utilisation is a share within (0, 1]"),
        (lambda: Costs(gpu_hour=-1), "Costs.gpu_hour must be positive; got -1"),
        (lambda: Costs(deadline=float("inf")), "Costs.deadline must be positive; got inf"),
        (lambda: Costs(reserve=-5), "Costs.reserve must not be negative; got -5"),
        (lambda: Costs(budget=10, reserve=10), "leaves nothing of the budget (10)"),
    ],
)
def test_what_is_no_cost_is_refused(make, says):
    with pytest.raises(ConfigError) as fault:
        make()
    assert says in str(fault.value)
