"""Test-time search without sampling: the exact laws of its strategies, with verifiers that err.

Nothing is finetuned here: traces are drawn from a given policy and checked. Each law is a finite
sum (or, for Gaussian scores, a quadrature to rounding) in NumPy float64; `search_curves` sets them
on one axis of tokens. Their bounds are T10a to T10n.
"""

from antiscale.search.config import SearchConfig as SearchConfig
from antiscale.search.curves import SearchResult as SearchResult
from antiscale.search.curves import search_curves as search_curves
from antiscale.search.laws.allocation import Allocation as Allocation
from antiscale.search.laws.allocation import allocate as allocate
from antiscale.search.laws.best_of import best_of_n as best_of_n
from antiscale.search.laws.best_of import select as select
from antiscale.search.laws.combined import combined_auc as combined_auc
from antiscale.search.laws.combined import several as several
from antiscale.search.laws.correlated import correlated as correlated
from antiscale.search.laws.hard_cap import capped_best_of_n as capped_best_of_n
from antiscale.search.laws.hard_cap import capped_success as capped_success
from antiscale.search.laws.passes import pass_at_k as pass_at_k
from antiscale.search.laws.passes import pass_at_n as pass_at_n
from antiscale.search.laws.pessimism import pessimism as pessimism
from antiscale.search.laws.rejection import until_accepted as until_accepted
from antiscale.search.laws.revision import revise as revise
from antiscale.search.laws.score_laws import ScoreLaw as ScoreLaw
from antiscale.search.laws.self_correction import SelfVerifier as SelfVerifier
from antiscale.search.laws.self_correction import self_correct as self_correct
from antiscale.search.laws.single_trace import forced_trace as forced_trace
from antiscale.search.laws.verifiers import by_score as by_score
from antiscale.search.laws.verifiers import gaussian as gaussian
from antiscale.search.laws.verifiers import rates as rates
from antiscale.search.laws.verifiers import roc as roc
from antiscale.search.laws.votes import majority_vote as majority_vote
from antiscale.search.laws.votes import weighted_vote as weighted_vote
