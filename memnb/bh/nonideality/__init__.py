"What makes real crossbars differ from ideal ones, as effects that compose."

from . import (
    CircuitNoise,
    DeviceFaults,
    Endurance,
    FiniteConductanceStates,
    Noise,
    NonLinear,
    Retention,
    Temperature,
    endurance_retention_models,
)
from .Age import age, age_of
from .DeviceFaults import Faults
from .endurance_retention_models.conductance_drift import Drift
from .FiniteConductanceStates import FiniteStates
from .Measured import measured_effects
from .Noise import ProgrammingError, ReadNoise, TelegraphNoise
from .NonIdeality import NonIdeality, add_effects, apply_nonidealities, remove_effects
from .Temperature import TemperatureDependence
from ...messages import absent as _absent

__getattr__ = _absent(__name__)
