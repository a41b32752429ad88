"Device models: the physics of memristors, over whole arrays."

from . import fitted, laws, published, statistical, window
from .Data_Driven import Data_Driven
from .Data_Driven2021 import Data_Driven2021
from .JART import JART
from .Limiter import Limiter, Transistor
from .LinearIonDrift import LinearIonDrift
from .Library import MeasuredDevice, library
from .measured import Measured, from_data
from .Memristor import Memristor
from .Stanford_PKU import Stanford_PKU
from .TEAM import TEAM
from .VTEAM import VTEAM
from .Yakopcic import Yakopcic
from .response import fit_pulses, fit_retention
from ...messages import absent as _absent

__getattr__ = _absent(__name__)
