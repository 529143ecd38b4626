"""Array types of training. In docstrings n is the number of texts, k the number of labels."""

from typing import Any, TypeAlias

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

FloatArray: TypeAlias = NDArray[np.float64]
IntArray: TypeAlias = NDArray[np.intp]
Matrix: TypeAlias = "sp.csr_array[Any, tuple[int, int]]"
