"""A network with one hidden layer, from components of the losses to the scores of all benchmarks.

With ``z`` a checkpoint's components (they fall as losses rise), ``h`` hidden units shared by all
benchmarks, and ``g`` a benchmark's guess floor::

    h_j     = tanh(bias_j + sum_c weight_jc z_c)
    logit_k = offset_k + sum_j output_kj h_j
    score_k = g_k + (1 - g_k) expit(logit_k)
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from cod_bayes.priors import Prior, _prior, normal

type Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class NetworkPriors:
    """Normal priors of a network's parameters: to least squares, their weight decay."""

    weight: Prior = _prior(
        normal(0.0, 1.0, "a unit turns over about the ladder's own range of losses")
    )
    bias: Prior = _prior(normal(0.0, 1.0, "and somewhere within it, or little beyond"))
    output: Prior = _prior(
        normal(0.0, 2.0, "a unit moves a score's odds by up to e^4, rarely more")
    )
    offset: Prior = _prior(normal(0.0, 2.0, "a score in mid-ladder: 2 % to 98 % above chance"))


@dataclass(frozen=True)
class Network:
    """Parameters; leading dims may be draws.

    weight
        Shape (..., hidden, component).
    bias
        Shape (..., hidden).
    output
        Shape (..., benchmark, hidden).
    offset
        Shape (..., benchmark).
    """

    weight: Array
    bias: Array
    output: Array
    offset: Array

    @classmethod
    def unpack(cls, flat: Array, shape: tuple[int, int, int]) -> "Network":
        """From a vector (..., parameter); ``shape`` is (component, hidden, benchmark)."""
        n_components, n_hidden, n_benchmarks = shape
        sizes = [n_hidden * n_components, n_hidden, n_benchmarks * n_hidden]
        weight, bias, output, offset = np.split(flat, np.cumsum(sizes), axis=-1)
        above = flat.shape[:-1]
        return cls(
            weight.reshape(*above, n_hidden, n_components),
            bias,
            output.reshape(*above, n_benchmarks, n_hidden),
            offset,
        )


def compute_rates(network: Network, z: Array, floor: Array) -> Array:
    """Scores, shape (..., benchmark, point), of components ``z``, shape (..., point, component)."""
    hidden = np.tanh(network.bias[..., None] + network.weight @ np.swapaxes(z, -1, -2))
    logit = network.offset[..., None] + network.output @ hidden
    rates: Array = floor[:, None] + (1 - floor[:, None]) / (1 + np.exp(-logit))
    return rates


def _jacobian(network: Network, z: Array, floor: Array) -> Array:
    """Derivatives of the rates, shape (benchmark, point, parameter)."""
    hidden = np.tanh(network.bias[:, None] + network.weight @ z.T)
    risen = 1 / (1 + np.exp(-(network.offset[:, None] + network.output @ hidden)))
    slope = (1 - floor[:, None]) * risen * (1 - risen)
    n_benchmarks, n_points = slope.shape
    own = np.eye(n_benchmarks)
    inner = network.output[:, :, None] * (1 - hidden**2)  # (benchmark, hidden, point)
    parts = [
        np.einsum("khp,pc->kphc", inner, z),
        np.einsum("khp->kph", inner),
        np.einsum("kl,hp->kplh", own, hidden),
        np.broadcast_to(own[:, None, :], (n_benchmarks, n_points, n_benchmarks)),
    ]
    flat = [part.reshape(n_benchmarks, n_points, -1) for part in parts]
    jacobian: Array = slope[:, :, None] * np.concatenate(flat, axis=2)
    return jacobian


@dataclass(frozen=True)
class Task:
    """What a network is fitted to.

    z
        Shape (point, component).
    floor
        Shape (benchmark,).
    weight
        Of each score in the sum of squares, shape (benchmark, point); over the variance of errors.
    """

    z: Array
    floor: Array
    weight: Array


def decay_of(priors: NetworkPriors, shape: tuple[int, int, int]) -> tuple[Array, Array]:
    """Means and standard deviations that the parameters are drawn to, shapes (parameter,)."""
    n_components, n_hidden, n_benchmarks = shape
    sizes = (n_hidden * n_components, n_hidden, n_benchmarks * n_hidden, n_benchmarks)
    parts = (priors.weight, priors.bias, priors.output, priors.offset)
    mean, sd = (
        np.concatenate([np.full(n, p.parameters[k]) for n, p in zip(sizes, parts, strict=True)])
        for k in ("mean", "sd")
    )
    return mean, sd


def fit_network(
    task: Task,
    score: Array,
    priors: NetworkPriors,
    shape: tuple[int, int, int],
    starts: list[Array],
) -> Array:
    """Penalised least squares: the best of the minima reached from ``starts``, a flat vector."""
    mean, sd = decay_of(priors, shape)
    root = np.sqrt(task.weight)

    def residuals(flat: Array) -> Array:
        error = root * (compute_rates(Network.unpack(flat, shape), task.z, task.floor) - score)
        return np.concatenate([error.ravel(), (flat - mean) / sd])

    def jacobian(flat: Array) -> Array:
        rows = root[:, :, None] * _jacobian(Network.unpack(flat, shape), task.z, task.floor)
        return np.concatenate([rows.reshape(-1, len(flat)), np.diag(1 / sd)])

    # a refit starts where it ends, all but a residual's worth: a bootstrap needs no more digits
    tolerance = 1e-5 if len(starts) > 1 else 1e-3
    fits = [
        least_squares(residuals, start, jac=jacobian, method="lm", ftol=tolerance, xtol=tolerance)
        for start in starts
    ]
    best: Array = min(fits, key=lambda fit: fit.cost).x
    return best


def draw_starts(
    priors: NetworkPriors, shape: tuple[int, int, int], n: int, rng: np.random.Generator
) -> list[Array]:
    """Starts of the fit: draws of the priors."""
    mean, sd = decay_of(priors, shape)
    return list(mean + sd * rng.standard_normal((n, len(sd))))


def count_parameters(
    flat: Array, task: Task, priors: NetworkPriors, shape: tuple[int, int, int]
) -> float:
    """Effective number of parameters: the trace of the linearised fit's hat matrix."""
    _, sd = decay_of(priors, shape)
    rows = np.sqrt(task.weight)[:, :, None] * _jacobian(
        Network.unpack(flat, shape), task.z, task.floor
    )
    rows = rows.reshape(-1, len(flat))
    information = rows.T @ rows
    return float(np.trace(np.linalg.solve(information + np.diag(1 / sd**2), information)))
