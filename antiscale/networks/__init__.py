"""Trained policies: a small transformer, cloning against verification, beside the exact theory.

Needs the extra `networks` (Equinox and Optax).
"""
