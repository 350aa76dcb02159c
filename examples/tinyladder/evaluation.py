"""Evaluate a model on every item as the paper does: 100 samples, greedy, and the key's loss.

An answer is right exactly if it equals the key, so a sample is right with the probability ``P``
of the key's tokens under the sampling rule, and the number of right answers among ``n``
independent samples is Binomial(n, P). Both follow from one pass over prompt and key. Drawing the
count from that binomial is the same as sampling ``n`` answers and marking them, only far
cheaper (``tests/examples/test_tinyladder_torch.py`` does both).
"""

from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from benchmarks import Item, make_items
from corpus import draw_documents, draw_rows, encode
from model import Transformer
from skills import END, SKILLS
from torch import Tensor

N_SAMPLES = 100
TOP_P = 0.7
_BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """What a model scored on each item, arrays of shape (item,), and its validation losses."""

    pass_probability: npt.NDArray[np.float64]
    n_correct: npt.NDArray[np.uint8]
    greedy_correct: npt.NDArray[np.bool_]
    gold_nll: npt.NDArray[np.float32]  # nats of the whole key, its end included
    losses: dict[str, float]  # nats a token: "overall" (the run's own mixture), then each skill


def evaluate(model: Transformer, mixture: str, seed: str) -> Evaluation:
    """Evaluate on all items; ``seed`` names the draws of the sampled counts."""
    items = make_items()
    # by length, so that little padding is computed
    order = np.argsort([len(item.prompt + item.answer) for item in items], kind="stable")
    batches = np.split(order, range(_BATCH, len(items), _BATCH))
    keys = [score_keys(model, [items[i] for i in batch]) for batch in batches]
    place = np.argsort(order)
    probability, greedy, nll = (
        torch.cat(parts).numpy()[place] for parts in zip(*keys, strict=True)
    )
    rng = np.random.default_rng(Random(seed).getrandbits(64))
    return Evaluation(
        pass_probability=probability,
        n_correct=rng.binomial(N_SAMPLES, probability).astype(np.uint8),
        greedy_correct=greedy,
        gold_nll=nll.astype(np.float32),
        losses=measure_losses(model, mixture),
    )


@torch.no_grad()
def score_keys(model: Transformer, items: list[Item]) -> tuple[Tensor, Tensor, Tensor]:
    """Pass probability of a sample, whether greedy decoding is right, and nats of the key.

    Each of shape (item,). Sampling is at temperature 1 from the nucleus: the fewest most likely
    tokens that together hold at least ``TOP_P``.
    """
    tokens = torch.from_numpy(encode([END + i.prompt + i.answer + END for i in items]))
    first = torch.tensor([len(item.prompt) for item in items])[:, None]
    length = torch.tensor([len(item.answer) + 1 for item in items])[:, None]
    position = torch.arange(tokens.shape[1] - 1)
    item_of, at = ((position >= first) & (position < first + length)).nonzero(as_tuple=True)
    log_probability = model(tokens[:, :-1])[item_of, at].double().log_softmax(-1)
    gold = tokens[:, 1:][item_of, at][:, None]
    of_gold = log_probability.gather(-1, gold)[:, 0]
    in_nucleus, mass = find_nucleus(log_probability.exp(), TOP_P)
    sampled = of_gold.where(in_nucleus.gather(-1, gold)[:, 0], -torch.inf) - mass.log()
    missed = (log_probability.argmax(-1) != gold[:, 0]).double()

    def sum_by_item(of_token: Tensor) -> Tensor:
        return torch.zeros(len(items), dtype=torch.double).index_add(0, item_of, of_token)

    probability = sum_by_item(sampled).exp().clamp(max=1.0)
    return probability, sum_by_item(missed) == 0, -sum_by_item(of_gold)


def find_nucleus(probability: Tensor, top_p: float) -> tuple[Tensor, Tensor]:
    """Which tokens the nucleus holds, shape (..., token), and its mass, shape (...)."""
    ranked, order = probability.sort(dim=-1, descending=True, stable=True)
    kept = ranked.cumsum(-1) - ranked < top_p
    in_nucleus = torch.zeros_like(kept).scatter(-1, order, kept)
    return in_nucleus, (probability * in_nucleus).sum(-1)


def measure_losses(model: Transformer, mixture: str, rows: int = 128) -> dict[str, float]:
    """Validation loss in nats a token: of unseen rows of the mixture, and of each skill alone."""
    text = torch.from_numpy(draw_rows(mixture, "validation", rows))
    losses = {"overall": _mean_loss(model, text, torch.ones_like(text[:, 1:]))}
    for skill in SKILLS:
        documents = draw_documents(skill, "validation", rows)
        text = torch.from_numpy(encode([END + a + b + END for a, b in documents]))
        length = torch.tensor([len(prompt + answer) + 1 for prompt, answer in documents])
        losses[skill] = _mean_loss(model, text, torch.arange(text.shape[1] - 1) < length[:, None])
    return losses


@torch.no_grad()
def _mean_loss(model: Transformer, text: Tensor, counted: Tensor) -> float:
    logits = model(text[:, :-1])
    losses = F.cross_entropy(logits.flatten(0, 1), text[:, 1:].flatten(), reduction="none")
    weight = counted.flatten().double()
    return float((losses * weight).sum() / weight.sum())
