"""Training data: toy densities with a known p(x), digits, emoji, photographs, downloads, the user's own images.

`load` takes a name or a path; `BatchStream` yields batches, `PairedStream` batches of pairs.  This file only lists the public names.
"""

from .catalogue import load, names
from .dataset import Dataset, check_batch, resize_images
from .degrade import Degradation
from .densities import Density
from .download import DownloadError, load_download
from .holes import draw_holes, with_holes
from .kinds import Data
from .limits import DataError
from .own import load_path
from .paired import Paired, PairedStream, pair_up
from .paired_own import pairs_from_folders, pairs_from_npz, pairs_side_by_side
from .stream import BatchStream
from .textures import whole_textures
from .toy import TOY, checkerboard, gaussian_mixture_1d, grid, ring, spirals, two_moons

__all__ = [
    "TOY",
    "BatchStream",
    "Data",
    "DataError",
    "Dataset",
    "Degradation",
    "Density",
    "DownloadError",
    "Paired",
    "PairedStream",
    "check_batch",
    "checkerboard",
    "draw_holes",
    "gaussian_mixture_1d",
    "grid",
    "load",
    "load_download",
    "load_path",
    "names",
    "pair_up",
    "pairs_from_folders",
    "pairs_from_npz",
    "pairs_side_by_side",
    "resize_images",
    "ring",
    "spirals",
    "two_moons",
    "whole_textures",
    "with_holes",
]
