"""Watching a large run in training: its checkpoints in a predictive band, and an alarm for drift.

================  ================================================================================
checkpoints       a run's evals -> empirical logits along training
law_path          the fitted law along a run
structure         the within-run model: means and covariances of a run's checkpoints
trajectories      :func:`learn_trajectories`, from the ladder's own checkpoints
gaussian          conditioning, one step ahead
band              the watched run and its end as one Gaussian
drift             the e-process
judgement, watch  :func:`watch_run`
================  ================================================================================
"""

from cod_bayes.monitor.trajectories import Trajectories, learn_trajectories
from cod_bayes.monitor.watch import watch_run

__all__ = ["Trajectories", "learn_trajectories", "watch_run"]
