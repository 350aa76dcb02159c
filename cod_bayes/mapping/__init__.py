"""Stage c: from the predictable subset's score to the full set's."""

from cod_bayes.mapping.curves import compute_full, compute_response_logit
from cod_bayes.mapping.data import build_mapping_data
from cod_bayes.mapping.model import build_mapping

__all__ = ["build_mapping", "build_mapping_data", "compute_full", "compute_response_logit"]
