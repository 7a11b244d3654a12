"""Sweeps: from a configuration to rows, exponents, certified gaps and words."""
