"""Every attack there is: one per result and arena."""

from __future__ import annotations

from antiscale.certify import on_cloning, on_policies, on_search, on_verification
from antiscale.certify.check import Check

_ALL = (*on_policies.CHECKS, *on_cloning.CHECKS, *on_verification.CHECKS, *on_search.CHECKS)

CHECKS: dict[str, Check] = {check.key: check for check in _ALL}


def of_label(label: str) -> list[str]:
    """The keys of a result's checks."""
    return [key for key, check in CHECKS.items() if check.label == label]
