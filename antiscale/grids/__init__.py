"""Grids of sweeps: axes in, one row for each point and learner out."""
