"""Forecasters behind one protocol: ours, and those it is compared with."""

from cod_bayes.methods.protocol import Method, describe_targets
from cod_bayes.methods.registry import METHODS, Variant, load_method, parse_variant

__all__ = ["METHODS", "Method", "Variant", "describe_targets", "load_method", "parse_variant"]
