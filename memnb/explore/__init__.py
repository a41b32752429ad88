"Explorers: sliders beside pictures, for objects of your own."

from .Explorer import Explorer, use_style
from .Mapping import mapping
