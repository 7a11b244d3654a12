"""The theorem's bounds, T4 to T7, T9 and T12, in NumPy float64.

Nothing here is shared with the simulation that is held against these numbers. Each function
broadcasts over leading axes and names its label in paper_bounds.md.
"""

from antiscale.bounds.cloning_lower import FORMS as FORMS
from antiscale.bounds.cloning_lower import GRID_STEPS as GRID_STEPS
from antiscale.bounds.cloning_lower import BlockPrior as BlockPrior
from antiscale.bounds.cloning_lower import Prior as Prior
from antiscale.bounds.cloning_lower import hardest_block_prior as hardest_block_prior
from antiscale.bounds.cloning_lower import hardest_prior as hardest_prior
from antiscale.bounds.cloning_lower import vf_lower as vf_lower
from antiscale.bounds.cloning_lower import vf_lower_blocks as vf_lower_blocks
from antiscale.bounds.cloning_upper import mle_upper as mle_upper
from antiscale.bounds.cloning_upper import sft_upper as sft_upper
from antiscale.bounds.misspecified import MisspecifiedValues as MisspecifiedValues
from antiscale.bounds.misspecified import misspecified_values as misspecified_values
from antiscale.bounds.separation import certified_from as certified_from
from antiscale.bounds.separation import certified_gap as certified_gap
from antiscale.bounds.separation import gap_exponent as gap_exponent
from antiscale.bounds.separation import vb_exponent as vb_exponent
from antiscale.bounds.separation import vf_exponent as vf_exponent
from antiscale.bounds.verification import VB_LEARNERS as VB_LEARNERS
from antiscale.bounds.verification import vb_upper as vb_upper
from antiscale.bounds.verification import vb_upper_terms as vb_upper_terms
from antiscale.bounds.verifier import noisy_unseen_mass as noisy_unseen_mass
from antiscale.bounds.verifier import unseen_mass as unseen_mass
from antiscale.bounds.verifier import verifier_error as verifier_error
from antiscale.bounds.verifier import wrong_verdict as wrong_verdict
