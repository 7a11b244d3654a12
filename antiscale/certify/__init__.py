"""The falsifier: attack every result of paper_bounds.md with exact truths.

`certify` runs the attack and gives one summary per result; `checks` says how each result is
attacked, `truths` computes what it speaks of, sharing no code with the bounds.
"""

from antiscale.certify.attack import Found as Found
from antiscale.certify.attack import attack as attack
from antiscale.certify.attack import minimise as minimise
from antiscale.certify.checks import CHECKS as CHECKS
from antiscale.certify.checks import SLACK as SLACK
