"""Train one run: constant rate after a warm-up, then an annealed continuation. Resumable."""

import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from corpus import CONTEXT, draw_rows
from model import Architecture, Transformer
from skills import ALPHABET

ANNEALED_SHARE = 0.1  # of the stable phase's steps, added after it
_TRAJECTORY = (0.1, 0.15, 0.2, 0.3, 0.4, 0.6, 0.8)
_ADJACENT = (0.94, 0.97, 1.0)  # pooled by the method as one model's adjacent checkpoints
_SAVE_EVERY_S = 120.0


@dataclass(frozen=True)
class Run:
    """All that determines a run's weights."""

    name: str
    layers: int
    width: int
    tokens: int
    role: str = "ladder"
    family: str = "alpha"
    mixture: str = "balanced"
    seed: int = 0

    @property
    def architecture(self) -> Architecture:
        """The model's shape."""
        return Architecture(self.layers, self.width, len(ALPHABET), CONTEXT, self.family)

    @property
    def rows(self) -> int:
        """Rows of a step: the batch grows as the square root of the tokens."""
        return 8 * max(2, round(2 * (self.tokens / 1.3e6) ** 0.5))

    @property
    def tokens_per_step(self) -> int:
        """Tokens of one step's rows."""
        return self.rows * CONTEXT

    @property
    def steps(self) -> int:
        """Steps of the stable phase."""
        return round(self.tokens / self.tokens_per_step)

    @property
    def annealed_steps(self) -> int:
        """Steps of the annealed continuation."""
        return round(ANNEALED_SHARE * self.steps)

    @property
    def peak_rate(self) -> float:
        """Learning rate of the stable phase, inversely proportional to the width."""
        return 0.2 / self.width

    def checkpoints(self) -> dict[int, str]:
        """Step to phase of every checkpoint that is kept; the last stable three are adjacent."""
        kept = {round(f * self.steps): "stable" for f in (*_TRAJECTORY, *_ADJACENT)}
        return kept | {self.steps + self.annealed_steps: "annealed"}

    def rate(self, step: int) -> float:
        """Learning rate of a step: 2 % warm-up, constant, then linear to zero."""
        if step >= self.steps:
            return self.peak_rate * (1 - (step - self.steps) / self.annealed_steps)
        return self.peak_rate * min(1.0, (step + 1) / (0.02 * self.steps))


def train(run: Run, folder: Path, compiled: bool = True, threads: int = 1) -> None:
    """Train a run to its end, from where its folder stands.

    Writes ``<folder>/<run>/step-<step>.pt`` (weights of a kept checkpoint), ``state.pt`` (to
    resume from) and ``log.jsonl`` (a line a minute or so: step, phase, tokens, FLOP, mean loss).
    """
    torch.set_num_threads(threads)
    torch.manual_seed(run.seed)
    home = folder / run.name
    home.mkdir(parents=True, exist_ok=True)
    model = Transformer(run.architecture)
    optimiser = _make_optimiser(model, run)
    first = _resume(home, model, optimiser)
    forward = torch.compile(model) if compiled else model
    kept, losses, saved, started = run.checkpoints(), [], time.monotonic(), time.monotonic()
    last = max(kept)
    for step in range(first, last):
        for group in optimiser.param_groups:
            group["lr"] = run.rate(step)
        losses.append(_take_step(run, step, model, forward, optimiser))
        done = step + 1
        if done in kept:
            _write(home / f"step-{done}.pt", model.state_dict())
        if done in kept or time.monotonic() - saved > _SAVE_EVERY_S:
            state = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
            _write(home / "state.pt", {"step": done, **state})
            seconds = time.monotonic() - started
            _log(home, run, done, sum(losses) / len(losses), seconds)
            losses, saved = [], time.monotonic()


def load_checkpoints(run: Run, folder: Path) -> Iterator[tuple[int, str, Transformer]]:
    """Step, phase and model of each kept checkpoint of a finished run, first to last.

    Raises
    ------
    FileNotFoundError
        If the run is not finished.
    """
    for step, phase in sorted(run.checkpoints().items()):
        path = folder / run.name / f"step-{step}.pt"
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: train the run {run.name!r} to its end")
        model = Transformer(run.architecture)
        model.load_state_dict(torch.load(path, weights_only=True))
        yield step, phase, model.eval()


def _make_optimiser(model: Transformer, run: Run) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        model.parameters(), lr=run.peak_rate, betas=(0.9, 0.98), weight_decay=0.01, fused=True
    )


def _take_step(
    run: Run,
    step: int,
    model: Transformer,
    forward: torch.nn.Module,
    optimiser: torch.optim.Optimizer,
) -> float:
    rows = torch.from_numpy(draw_rows(run.mixture, f"train/{run.seed}/{step}", run.rows))
    logits = forward(rows[:, :-1], torch.bfloat16)
    loss = F.cross_entropy(logits.flatten(0, 1), rows[:, 1:].flatten())
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return loss.item()


def _resume(home: Path, model: Transformer, optimiser: torch.optim.Optimizer) -> int:
    path = home / "state.pt"
    if not path.exists():
        return 0
    state = torch.load(path, weights_only=True)
    model.load_state_dict(state["model"])
    optimiser.load_state_dict(state["optimiser"])
    return state["step"]


def _write(path: Path, value: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(value, partial)
    os.replace(partial, path)


def _log(home: Path, run: Run, step: int, loss: float, seconds: float) -> None:
    tokens = step * run.tokens_per_step
    line = {
        "step": step,
        "phase": "stable" if step <= run.steps else "annealed",
        "tokens": tokens,
        "flops": tokens * run.architecture.flops_per_token,
        "loss": round(loss, 5),
        "seconds": round(seconds, 1),
    }
    with (home / "log.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
