"""Every attack there is: one per result and arena."""

from string import ascii_lowercase

from antiscale.certify import t1_policies as t1_policies
from antiscale.certify import t4_cloning as t4_cloning
from antiscale.certify import t5_cloning_upper as t5_cloning_upper
from antiscale.certify import t5_weighted as t5_weighted
from antiscale.certify import t6_verifier as t6_verifier
from antiscale.certify import t7_verification as t7_verification
from antiscale.certify import t8_limits as t8_limits
from antiscale.certify import t9_separation as t9_separation
from antiscale.certify import t10_search as t10_search
from antiscale.certify import t13_pass_at_k as t13_pass_at_k
from antiscale.certify.check import LISTED, Check

# The groups of results in the order of a ledger's rows.
_GROUPS = ("T1", "T2", "T3", "T11", "T4", "T5", "T6", "T7", "T8", "T9", "T12", "T10", "T13")


def _place(check: Check) -> tuple[int, str]:
    return _GROUPS.index(check.label.rstrip(ascii_lowercase)), check.label


CHECKS: dict[str, Check] = {check.key: check for check in sorted(LISTED, key=_place)}


def of_label(label: str) -> list[str]:
    """The keys of a result's checks."""
    return [key for key, check in CHECKS.items() if check.label == label]
