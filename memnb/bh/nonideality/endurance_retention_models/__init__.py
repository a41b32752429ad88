"Empirical models of what cycles and time do to conductances."

from .conductance_drift import model_conductance_drift
from .empirical_metal_oxide_RRAM import OperationMode, model_endurance_retention, scale_p_0
