"""The theorem's bounds, T3 to T13, in NumPy float64.

Nothing here is shared with the simulation that is held against these numbers. Each function
broadcasts over leading axes and names its label in paper_bounds.md.
"""

from antiscale.bounds.constants import constants as constants
from antiscale.bounds.t3_anticoncentration import above_mean as above_mean
from antiscale.bounds.t3_anticoncentration import cantelli as cantelli
from antiscale.bounds.t3_anticoncentration import conditioned_ratio as conditioned_ratio
from antiscale.bounds.t3_anticoncentration import window_mass as window_mass
from antiscale.bounds.t4_blocks import BlockPrior as BlockPrior
from antiscale.bounds.t4_blocks import hardest_block_prior as hardest_block_prior
from antiscale.bounds.t4_blocks import vf_lower_blocks as vf_lower_blocks
from antiscale.bounds.t4_cloning import FORMS as FORMS
from antiscale.bounds.t4_cloning import GRID_STEPS as GRID_STEPS
from antiscale.bounds.t4_cloning import Prior as Prior
from antiscale.bounds.t4_cloning import hardest_prior as hardest_prior
from antiscale.bounds.t4_cloning import vf_lower as vf_lower
from antiscale.bounds.t4_cloning import vf_lower_in_probability as vf_lower_in_probability
from antiscale.bounds.t4_spread import LargestSpread as LargestSpread
from antiscale.bounds.t4_spread import hardest_centre as hardest_centre
from antiscale.bounds.t4_spread import largest_spread as largest_spread
from antiscale.bounds.t4_spread import vf_lower_over_ball as vf_lower_over_ball
from antiscale.bounds.t5_cloning_upper import mle_upper as mle_upper
from antiscale.bounds.t5_cloning_upper import sft_upper as sft_upper
from antiscale.bounds.t5_cloning_upper import sft_upper_in_probability as sft_upper_in_probability
from antiscale.bounds.t5_coverage import clone_coverage_upper as clone_coverage_upper
from antiscale.bounds.t5_weighted import weighted_lower as weighted_lower
from antiscale.bounds.t5_weighted import weighted_upper as weighted_upper
from antiscale.bounds.t6_verifier import noisy_unseen_mass as noisy_unseen_mass
from antiscale.bounds.t6_verifier import unseen_mass as unseen_mass
from antiscale.bounds.t6_verifier import unseen_mass_in_probability as unseen_mass_in_probability
from antiscale.bounds.t6_verifier import verifier_error as verifier_error
from antiscale.bounds.t6_verifier import wrong_verdict as wrong_verdict
from antiscale.bounds.t7_verification import VB_LEARNERS as VB_LEARNERS
from antiscale.bounds.t7_verification import vb_upper as vb_upper
from antiscale.bounds.t7_verification import vb_upper_terms as vb_upper_terms
from antiscale.bounds.t7_wrong_class import Tolerance as Tolerance
from antiscale.bounds.t7_wrong_class import vb_upper_wrong_class as vb_upper_wrong_class
from antiscale.bounds.t7_wrong_class import wrong_class_tolerance as wrong_class_tolerance
from antiscale.bounds.t8_limits import best_expected as best_expected
from antiscale.bounds.t8_limits import vb_lower_fast as vb_lower_fast
from antiscale.bounds.t8_limits import vb_lower_noisy as vb_lower_noisy
from antiscale.bounds.t8_limits import vb_lower_slow as vb_lower_slow
from antiscale.bounds.t9_separation import certified_from as certified_from
from antiscale.bounds.t9_separation import certified_gap as certified_gap
from antiscale.bounds.t9_separation import gap_exponent as gap_exponent
from antiscale.bounds.t9_separation import vb_exponent as vb_exponent
from antiscale.bounds.t9_separation import vf_exponent as vf_exponent
from antiscale.bounds.t9_separation import vf_exponent_any_expert as vf_exponent_any_expert
from antiscale.bounds.t10_allocation import allocation_upper as allocation_upper
from antiscale.bounds.t10_attempts import revision_accuracy as revision_accuracy
from antiscale.bounds.t10_attempts import self_correction_accuracy as self_correction_accuracy
from antiscale.bounds.t10_over_optimisation import turning_point as turning_point
from antiscale.bounds.t10_pessimism import score_pessimism_loss as score_pessimism_loss
from antiscale.bounds.t10_search import best_of_n_chi2 as best_of_n_chi2
from antiscale.bounds.t10_search import best_of_n_kl as best_of_n_kl
from antiscale.bounds.t10_search import best_of_n_upper as best_of_n_upper
from antiscale.bounds.t10_search import roc_accuracy as roc_accuracy
from antiscale.bounds.t10_search import tries_needed as tries_needed
from antiscale.bounds.t10_search import vote_error as vote_error
from antiscale.bounds.t10_search import wrong_verifier_loss as wrong_verifier_loss
from antiscale.bounds.t12_misspecified import MisspecifiedValues as MisspecifiedValues
from antiscale.bounds.t12_misspecified import misspecified_values as misspecified_values
from antiscale.bounds.t13_pass_at_k import pass_at_k_crossing as pass_at_k_crossing
from antiscale.bounds.t13_pass_at_k import per_budget_optimum as per_budget_optimum
