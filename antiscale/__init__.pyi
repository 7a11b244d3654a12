# The public names: `antiscale/__init__.py` loads each from here on first use.
import antiscale.ball.optimum as _optimum
import antiscale.ball.pessimist as _pessimist
import antiscale.models.chains as _chains
import antiscale.models.families as _families
import antiscale.models.traces as _traces
import antiscale.rewards as _rewards
import antiscale.rollouts.diagnosis as _diagnosis

from . import bounds as bounds
from . import learners as learners
from . import rewards as rewards
from . import search as search
from .ball.optimum import chi2_ball_optimum as chi2_ball_optimum
from .ball.optimum import chi2_ball_optimum_average as chi2_ball_optimum_average
from .ball.pessimist import chi2_ball_pessimist as chi2_ball_pessimist
from .catalogue import theorems as theorems
from .core.errors import InputError as InputError
from .core.version import __version__ as __version__
from .grids.run import sweep as sweep
from .models import families as families
from .models.chains import TokenChain as TokenChain
from .models.measures import anticoncentration as anticoncentration
from .models.measures import coverage as coverage
from .models.measures import heterogeneity as heterogeneity
from .models.measures import mean_return as mean_return
from .models.measures import sharpness as sharpness
from .models.traces import TraceModel as TraceModel
from .rollouts.diagnosis import diagnose as diagnose
from .sweeps.config import SweepConfig as SweepConfig
from .sweeps.separation import separation as separation

# Names of earlier versions, which still work.
BallOptimum = _optimum.BallOptimum
Diagnosis = _diagnosis.Diagnosis
Pessimist = _pessimist.Pessimist
bilevel_return = _traces.bilevel_return
geometric_chain = _chains.geometric_chain
load_class = _rewards.load_class
load_family = _families.load_family
planted_chain = _chains.planted_chain
