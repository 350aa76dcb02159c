import numpy as np
import pytest
import xarray as xr
from invented import make_evals

from cod_bayes import plots
from cod_bayes.errors import DataError
from cod_bayes.plots import style

from .reading import legend_labels, lines, titles


@pytest.fixture
def evals(rng: np.random.Generator) -> xr.Dataset:
    """Two ladder runs of three checkpoints, the last annealed, and an anchor of one."""
    rates = np.array([0.1, 0.2, 0.4, 0.3, 0.5, 0.8, 0.6])
    n_correct = rng.binomial(100, np.broadcast_to(rates[:, None], (7, 30)))
    data = make_evals(np.full((7, 30), 100), n_correct, roles=["ladder"] * 6 + ["anchor"])
    loss = np.array([[3.0, 2.5, 2.0, 2.4, 1.9, 1.5, 1.7], [2.0, 1.9, 1.8, 1.7, 1.6, 1.5, 1.4]])
    return data.assign(
        loss=(("llm", "loss_domain"), loss.T),
        gold_nll=(("llm", "item"), np.tile(loss[0][:, None] * 2, 30)),
    ).assign_coords(
        loss_domain=["overall", "code"],
        run=("llm", ["small"] * 3 + ["large"] * 3 + ["other"]),
        checkpoint=("llm", [0, 1, 2, 0, 1, 2, 0]),
        phase=("llm", ["stable", "stable", "annealed"] * 2 + ["stable"]),
        params_active=("llm", [1e6] * 3 + [1e7] * 3 + [1e7]),
        tokens=("llm", [1e7, 2e7, 3e7, 1e8, 2e8, 3e8, 4e8]),
    )


def solid(axes) -> list[np.ndarray]:
    return [line.get_xydata() for line in axes.get_lines() if line.get_linestyle() == "-"]


def test_each_run_is_a_line_through_its_stable_checkpoints(evals: xr.Dataset):
    axes = plots.score_by_loss(evals).axes[0]
    small, large = solid(axes)
    scores = (evals["n_correct"] / evals["n_trials"]).mean("item").values
    np.testing.assert_allclose(small, [[3.0, scores[0]], [2.5, scores[1]]])
    np.testing.assert_allclose(large, [[2.4, scores[3]], [1.9, scores[4]]])


def test_the_order_of_the_data_decides_nothing(evals: xr.Dataset):
    drawn = solid(plots.score_by_loss(evals).axes[0])
    turned = solid(plots.score_by_loss(evals.isel(llm=slice(None, None, -1))).axes[0])
    np.testing.assert_allclose(drawn, turned[::-1])


def test_an_annealed_checkpoint_is_hollow_at_the_end_of_a_dotted_line(evals: xr.Dataset):
    axes = plots.score_by_loss(evals).axes[0]
    hollow = lines(axes, markerfacecolor="white")
    assert [line.get_xdata()[0] for line in hollow] == [2.0, 1.5]
    paths = [line.get_xdata().tolist() for line in lines(axes, linestyle="--", marker="None")]
    assert paths == [[2.5, 2.0], [1.9, 1.5], [1.7]]


def test_size_is_colour_and_family_is_shape(evals: xr.Dataset):
    figure = plots.score_by_loss(evals)
    axes, bar = figure.axes
    small, large = (line.get_color() for line in axes.get_lines() if line.get_linestyle() == "-")
    assert small != large
    assert bar.get_ylabel() == "parameters"
    assert len(lines(axes, marker="D")) == 1
    assert legend_labels(figure) == [
        "small models, stable rate",
        "small models, annealed",
        "anchors, stable rate",
    ]


def test_loss_falls_to_the_right_and_names_its_domain(evals: xr.Dataset):
    axes = plots.score_by_loss(evals, loss="code").axes[0]
    assert axes.xaxis_inverted()
    assert axes.get_xlabel() == "loss on code (nats/token)"
    assert solid(axes)[0][:, 0] == pytest.approx([2.0, 1.9])


def test_the_task_loss_is_the_benchmarks_own(evals: xr.Dataset):
    axes = plots.score_by_loss(evals, loss="task").axes[0]
    assert solid(axes)[0][:, 0] == pytest.approx([6.0, 5.0])
    assert axes.get_xlabel() == "loss of the correct answer (nats)"


def test_each_benchmark_has_a_panel_and_blind_guessing_is_marked(evals: xr.Dataset):
    guessed = evals.assign_coords(
        benchmark=("item", ["B"] * 20 + ["C"] * 10),
        guess_floor=("item", [0.0] * 20 + [0.25] * 10),
    )
    figure = plots.score_by_loss(guessed)
    assert [titles(axes)[0] for axes in figure.axes[:2]] == ["B", "C"]
    assert style.GUESSING in legend_labels(figure)
    assert len(plots.score_by_loss(guessed, "C").axes) == 2


def test_losses_that_were_not_measured_are_refused(evals: xr.Dataset):
    with pytest.raises(DataError, match=r"no loss 'poetry'.*overall, code, task"):
        plots.score_by_loss(evals, loss="poetry")
    bare = evals.drop_vars(["loss", "loss_domain", "gold_nll"])
    with pytest.raises(DataError, match="no loss 'overall'"):
        plots.score_by_loss(bare)
    with pytest.raises(DataError, match="gold_nll"):
        plots.score_by_loss(bare, loss="task")
