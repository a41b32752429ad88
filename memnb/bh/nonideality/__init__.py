"What makes real crossbars differ from ideal ones, as effects that compose."

from . import (
    DeviceFaults,
    Endurance,
    FiniteConductanceStates,
    Noise,
    NonLinear,
    Retention,
    Temperature,
    endurance_retention_models,
)
from .NonIdeality import NonIdeality, apply_nonidealities
