"""Stage c: from the predictable subset's score to the full set's."""

from cod_bayes.mapping.curves import FORMS, NO_MAP, MapForm, compute_full, load_form
from cod_bayes.mapping.data import build_mapping_data
from cod_bayes.mapping.model import build_mapping

__all__ = [
    "FORMS",
    "NO_MAP",
    "MapForm",
    "build_mapping",
    "build_mapping_data",
    "compute_full",
    "load_form",
]
