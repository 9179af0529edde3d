"""Modules, layers, losses and their functions: torch.nn."""

from gradc.nn import functional, init, modules, parallel, utils
from gradc.nn.activations import *
from gradc.nn.attention import *
from gradc.nn.cells import *
from gradc.nn.containers import *
from gradc.nn.convolution import *
from gradc.nn.dictionary import *
from gradc.nn.embeddings import *
from gradc.nn.images import *
from gradc.nn.layers import *
from gradc.nn.lazy import *
from gradc.nn.losses import *
from gradc.nn.margins import *
from gradc.nn.module import Module
from gradc.nn.normalization import *
from gradc.nn.padding import *
from gradc.nn.parallel import *
from gradc.nn.parameter import Buffer, Parameter, UninitializedBuffer, UninitializedParameter
from gradc.nn.pooling import *
from gradc.nn.rectifiers import *
from gradc.nn.recurrent import *
from gradc.nn.transformer import *
