"Studies of whole models: many chips, many configurations, what they cost, where errors come from."

from .Budget import Budget, error_budget
from .Energy import Assumptions, Cost, energy
from .Grid import sampled
from .Ledger import delete, names
from .Recipe import Recipe
from .Results import Results
from .Run import LivePlot, load, run
from .Search import AccuracyAndEnergy, search
from .Time import over_time
from .Trial import Accuracy
from ..messages import absent as _absent

__getattr__ = _absent(__name__)
