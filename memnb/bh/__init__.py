"Behaviour: devices, crossbars and converters."

from . import Quantize, crossbar, memristor, nonideality
from .crossbar import Scheme
from .StochasticParameter import StochasticParameter, unpack_parameters
