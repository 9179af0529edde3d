"""Layers, activations and losses as functions, under torch.nn.functional's names and signatures.

The mathematics is in ops/; in functions/ are PyTorch's arguments, warnings and rarely used options.
"""

from gradc.nn.functions.activations import *
from gradc.nn.functions.alignment import *
from gradc.nn.functions.attention import *
from gradc.nn.functions.classification import *
from gradc.nn.functions.convolution import *
from gradc.nn.functions.distances import *
from gradc.nn.functions.dropouts import *
from gradc.nn.functions.embeddings import *
from gradc.nn.functions.images import *
from gradc.nn.functions.layers import *
from gradc.nn.functions.losses import *
from gradc.nn.functions.normalization import *
from gradc.nn.functions.padding import *
from gradc.nn.functions.pooling import *
from gradc.nn.functions.sampling import *
