"Device models: the physics of memristors, over whole arrays."

from . import window
from .LinearIonDrift import LinearIonDrift
from .Memristor import Memristor
from .VTEAM import VTEAM
