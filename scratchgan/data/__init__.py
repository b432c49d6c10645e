"""Training data: toy densities with a known p(x), digits, emoji, photographs, downloads, the user's own images.

`load` takes a name or a path; `BatchStream` yields batches.  This file only lists the public names.
"""

from .catalogue import load, names
from .dataset import Dataset, check_batch, resize_images
from .densities import Density
from .download import DownloadError, load_download
from .kinds import Data
from .limits import DataError
from .own import load_path
from .stream import BatchStream
from .textures import whole_textures
from .toy import TOY, checkerboard, gaussian_mixture_1d, grid, ring, spirals, two_moons

__all__ = [
    "TOY",
    "BatchStream",
    "Data",
    "DataError",
    "Dataset",
    "Density",
    "DownloadError",
    "check_batch",
    "checkerboard",
    "gaussian_mixture_1d",
    "grid",
    "load",
    "load_download",
    "load_path",
    "names",
    "resize_images",
    "ring",
    "spirals",
    "two_moons",
    "whole_textures",
]
