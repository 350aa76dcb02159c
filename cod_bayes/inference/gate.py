"""The gate: may these draws be believed?

R-hat and effective sample sizes after Vehtari et al., arXiv 1903.08008 (rank-normalised, split);
E-BFMI after Betancourt, arXiv 1604.00695.
"""

from typing import Any

import numpy as np
import xarray as xr

from cod_bayes.config import SamplerConfig

GATE_FIELDS = ("rhat", "ess_bulk", "ess_tail", "divergent_share", "ebfmi")


def check_gate(tree: xr.DataTree, config: SamplerConfig) -> dict[str, Any]:
    """Judge a sampled tree by its worst parameter.

    Returns
    -------
    dict
        The worst value of every measure, the parameter it belongs to (``worst_*``), and
        ``passed``.
    """
    import arviz as az

    posterior = tree["posterior"].to_dataset()
    posterior = posterior[[name for name in posterior if _varies(posterior[name]).any()]]
    stats = tree["sample_stats"].to_dataset()
    with np.errstate(invalid="ignore", divide="ignore"):  # stuck chains have an infinite R-hat
        rhat, rhat_at = _worst(az.rhat(posterior), posterior, np.nanmax, np.inf)
        bulk, bulk_at = _worst(az.ess(posterior, method="bulk"), posterior, np.nanmin, 0.0)
        tail, tail_at = _worst(az.ess(posterior, method="tail"), posterior, np.nanmin, 0.0)
    divergent = float(stats["diverging"].mean())
    ebfmi = float(np.min(compute_ebfmi(stats["energy"].transpose("chain", "draw", ...).values)))
    passed = (
        rhat <= config.max_rhat
        and min(bulk, tail) >= config.min_ess
        and divergent <= config.max_divergent_share
        and ebfmi >= config.min_ebfmi
    )
    return {
        "rhat": rhat,
        "worst_rhat": rhat_at,
        "ess_bulk": bulk,
        "worst_ess_bulk": bulk_at,
        "ess_tail": tail,
        "worst_ess_tail": tail_at,
        "divergent_share": divergent,
        "ebfmi": ebfmi,
        "passed": bool(passed),
    }


def compute_ebfmi(energy: np.ndarray) -> np.ndarray:
    """Estimated Bayesian fraction of missing information, one a chain (axis 0)."""
    moves: np.ndarray = np.square(np.diff(energy, axis=1)).mean(axis=1) / energy.var(axis=1, ddof=1)
    return moves


def describe_failures(gate: dict[str, Any], config: SamplerConfig) -> list[str]:
    """Say which measure failed, on which parameter, and what to try."""
    failures = []
    if not gate["rhat"] <= config.max_rhat:
        failures.append(
            f"R-hat {gate['rhat']:.3f} > {config.max_rhat} at {gate['worst_rhat']}: "
            "the chains disagree; sample longer (sampler.tune, sampler.draws)"
        )
    for kind in ("bulk", "tail"):
        if not gate[f"ess_{kind}"] >= config.min_ess:
            failures.append(
                f"{kind} ESS {gate[f'ess_{kind}']:.0f} < {config.min_ess:.0f} at "
                f"{gate[f'worst_ess_{kind}']}: raise sampler.draws"
            )
    if not gate["divergent_share"] <= config.max_divergent_share:
        failures.append(
            f"{gate['divergent_share']:.2%} of the draws diverged (at most "
            f"{config.max_divergent_share:.2%}): raise sampler.target_accept"
        )
    if not gate["ebfmi"] >= config.min_ebfmi:
        failures.append(
            f"E-BFMI {gate['ebfmi']:.2f} < {config.min_ebfmi}: heavy tails; use tighter priors"
        )
    return failures


def _varies(variable: xr.DataArray) -> xr.DataArray:
    """Elements that vary over draws; one that never does (a floor of 0) is no unknown."""
    varies: xr.DataArray = (variable != variable.isel(chain=0, draw=0)).any(("chain", "draw"))
    return varies


def _worst(
    values: xr.Dataset, posterior: xr.Dataset, extreme: Any, failed: float
) -> tuple[float, str]:
    """The worst value of a measure and where; a measure that failed, as on NaN, is the worst."""
    worst, where = None, ""
    for name, measured in values.data_vars.items():
        variable = measured.fillna(failed).where(_varies(posterior[name]))
        value = float(extreme(variable.values))
        if worst is None or extreme([value, worst]) != worst:
            worst = value
            spot = np.unravel_index(int(np.nanargmax(variable.values == value)), variable.shape)
            labels = [str(variable[d].values[i]) for d, i in zip(variable.dims, spot, strict=True)]
            where = f"{name}[{', '.join(labels)}]" if labels else str(name)
    return (float("nan") if worst is None else worst), where
