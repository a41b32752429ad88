"Explorers: sliders beside pictures, for objects of your own."

from .Accuracy import accuracy
from .Array import array
from .Converter import converter
from .Device import device
from .Effects import effects
from .Explorer import Explorer, use_style
from .Inputs import inputs
from .Library import library
from .Mapping import mapping
from .Pulses import pulses
from .Tuning import tuning
from ..messages import absent as _absent

__getattr__ = _absent(__name__)
