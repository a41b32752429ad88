"Mapping: weights to conductances, activations to voltages, currents to activations."

from . import Input, Module, Parameter
from ..messages import absent as _absent

__getattr__ = _absent(__name__)
