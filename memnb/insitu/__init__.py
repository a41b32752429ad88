"Training on the chip: weights that are changed by pulses on the crossbars that hold them."

from .AGAD import AGAD
from .ChoppedTikiTaka import ChoppedTikiTaka
from .InSituSGD import InSituSGD
from .MixedPrecision import MixedPrecision
from .PulsedSGD import PulsedSGD
from .TikiTaka import TikiTaka
from .TikiTaka2 import TikiTaka2
from .Update import Pulses, Update
from ..messages import absent as _absent

__getattr__ = _absent(__name__)
