import numpy as np
import pytest

from cod_bayes.methods.bank_curves import GridConfig, build_bank
from cod_bayes.methods.bank_shares import NormalPriors, NormalShares, build_bumps
from cod_bayes.priors import normal

BANK = build_bank(GridConfig(), np.zeros(1), np.linspace(-8, 0, 5), normal(-0.4, 0.8, ""))


def test_bumps_are_distributions_that_cover_every_curve():
    bumps = build_bumps(BANK, (2.0, 0.7), 20.0)
    assert np.asarray(bumps.curves.sum(axis=0)) == pytest.approx(1.0)
    assert (bumps.curves.max(axis=1).toarray() > 0).all()
    assert bumps.prior.sum() == pytest.approx(20.0)


def test_bumps_prior_mean_is_near_the_banks_shares():
    bumps = build_bumps(BANK, (2.0, 0.7), 20.0)
    mean = bumps.compute_share(bumps.prior / bumps.prior.sum())
    for values in BANK.coordinates:
        expected, found = BANK.share @ values, mean @ values
        spread = np.sqrt(BANK.share @ (values - expected) ** 2)
        assert found == pytest.approx(expected, abs=0.3 * spread)
    for ceiling in np.unique(BANK.ceiling):
        of_ceiling = BANK.ceiling == ceiling
        assert mean[of_ceiling].sum() == pytest.approx(BANK.share[of_ceiling].sum(), abs=1e-6)


def test_each_bump_has_one_ceiling_and_one_frailty():
    curves = build_bumps(BANK, (2.0, 0.7), 20.0).curves.toarray()
    for values in (BANK.ceiling, BANK.frailty):
        assert ((curves > 0) * values[:, None]).max(axis=0) == pytest.approx(
            np.where(curves > 0, values[:, None], np.inf).min(axis=0)
        )


def test_normal_shares_have_the_moments_they_are_given():
    fine = GridConfig(n_slopes=24, level_step=0.3)
    bank = build_bank(fine, np.zeros(1), np.linspace(-8, 0, 5), normal(-0.4, 0.8, ""))
    shares = NormalShares(bank, NormalPriors(), stray=0.0)
    share = shares.compute_share(np.array([-1.0, np.log(1.5), -0.5, np.log(0.4), 0.3, 0.0]))
    ease, slope = bank.coordinates
    assert share.sum() == pytest.approx(1)
    assert share @ ease == pytest.approx(-1.0, abs=0.05)
    assert share @ slope == pytest.approx(-0.5, abs=0.05)
    assert np.sqrt(share @ (ease + 1) ** 2) == pytest.approx(1.5, rel=0.05)
    correlation = share @ ((ease + 1) * (slope + 0.5)) / (1.5 * 0.4)
    assert correlation == pytest.approx(np.tanh(0.3), abs=0.04)


def test_strays_may_be_anywhere():
    theta = NormalPriors().moments[0]
    share = NormalShares(BANK, NormalPriors(), stray=0.2).compute_share(theta)
    assert (share >= 0.2 * BANK.share).all()
