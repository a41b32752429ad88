"Crossbars: arrays of devices that multiply."

from . import Merging, Passive, Program, Tile
from .Crossbar import Crossbar, init_crossbar, simulate_matmul
from .Devices import Devices
from .Scheme import Scheme
from ...messages import absent as _absent

__getattr__ = _absent(__name__)
