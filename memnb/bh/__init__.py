"Behaviour: devices, crossbars and converters."

from . import Converter, Quantize, crossbar, memristor, nonideality
from .Converter import ADC, DAC
from .crossbar import Scheme
from .StochasticParameter import StochasticParameter, unpack_parameters
from ..messages import absent as _absent

__getattr__ = _absent(__name__)
