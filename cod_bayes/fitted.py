"""What a fit leaves behind: posterior draws of all stages, and where they come from."""

from dataclasses import dataclass, field
from typing import Any

import xarray as xr

from cod_bayes.config import Config


@dataclass(frozen=True)
class FittedModel:
    """Posterior draws of all stages, and what they came from.

    tree
        Groups ``clusters``, ``cluster_table``, ``scores``, ``law``, ``end_to_end``, ``mapping``
        (where made) and ``diagnostics``; ``az.summary(fitted.tree["law"])`` works.
    """

    tree: xr.DataTree
    config: Config
    provenance: dict[str, Any] = field(default_factory=dict)

    def group(self, name: str) -> xr.Dataset:
        """One group of the tree as a Dataset."""
        return self.tree[name].to_dataset()

    @property
    def passed(self) -> bool:
        """Whether every sampled posterior passed the gate."""
        return bool(self.group("diagnostics")["passed"].all())
