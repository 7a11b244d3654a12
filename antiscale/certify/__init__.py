"""The falsifier: attack every result of paper_bounds.md with exact truths.

`checks` lists how each result is attacked: which instances, and the truth that the bound must not
cross, which shares no code with the bound. `attack` is one round, `run` many of them, `ledger`
what all runs found.
"""

from antiscale.certify.attack import Found as Found
from antiscale.certify.attack import attack as attack
from antiscale.certify.attack import minimise as minimise
from antiscale.certify.check import SLACK as SLACK
from antiscale.certify.check import Check as Check
from antiscale.certify.checks import CHECKS as CHECKS
