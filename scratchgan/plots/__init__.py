"""Figures of training; the title of every figure says what to look for.

    grids      images side by side; one class per row            `save_grid`, `labelled_grid`
    training   losses, D(x) and D(G(z)) at every step            `curves`, `save_curves`
    norms      the gradient norm of each layer at every step     `gradient_norms`, `norms_of_log`
    density    GANs on points in 1-D and 2-D                     `save_density`
    surfaces   where G's loss pushes each generated point        `surface`, `fake_gradient`
    turns      one training step in six sub-steps                `play_turn`
    latent     interpolation between latent vectors              `interpolate_latent`, `interpolation`
    copies     samples next to their nearest training images     `nearest_images`, `neighbours`
    phase      a vector field and its trajectories               `phase_portrait`
    translations  images, CycleGAN translations and back         `save_translations`
    rows       images of any size in rows with names             `save_rows`
    paired     given, output, truth and rivals, row by row       `paired_rows`, `save_pairs`
    plane      how real outputs look, and how near to the truth  `perception_distortion`, `save_plane`
    film       how samples change, as a GIF                      `save_gif`
    player     the same for notebooks, with buttons              `animation_html`
    text       the door for names: no formulas, cut to fit       `words`, `heading`
    style      the user's settings of matplotlib, kept apart     `drawing`

Functions named save_... write a PNG or GIF.  The others return a Figure: write it with `save_figure`, or make it the
last value of a notebook cell.  matplotlib and Pillow are imported inside the functions, so that `import scratchgan`
stays fast.
"""

from .base import (
    BLACK,
    BLUE,
    DPI,
    FAKE,
    GREEN,
    GREY,
    ORANGE,
    ORDERED,
    PURPLE,
    REAL,
    SKY,
    VERMILLION,
    YELLOW,
    figure,
    save_figure,
)
from .copies import nearest_images, neighbours
from .density import PointCloud, kernel_density, save_density, save_points
from .film import open_frames, save_gif
from .grids import GAP, image_grid, labelled_grid, labelled_pages, save_grid
from .latent import interpolate_latent, interpolation
from .norms import gradient_norms, norms_of_log
from .paired import paired_rows, save_pairs
from .phase import phase_portrait
from .plane import perception_distortion, save_plane
from .player import Animation, animation_html
from .rows import save_rows
from .surfaces import fake_gradient, surface
from .training import curves, running_mean, save_curves
from .translations import save_translations
from .turns import Turn, play_turn

__all__ = [
    "BLACK",
    "BLUE",
    "DPI",
    "FAKE",
    "GAP",
    "GREEN",
    "GREY",
    "ORANGE",
    "ORDERED",
    "PURPLE",
    "REAL",
    "SKY",
    "VERMILLION",
    "YELLOW",
    "Animation",
    "PointCloud",
    "Turn",
    "animation_html",
    "curves",
    "fake_gradient",
    "figure",
    "gradient_norms",
    "image_grid",
    "interpolate_latent",
    "interpolation",
    "kernel_density",
    "labelled_grid",
    "labelled_pages",
    "nearest_images",
    "neighbours",
    "norms_of_log",
    "open_frames",
    "paired_rows",
    "perception_distortion",
    "phase_portrait",
    "play_turn",
    "running_mean",
    "save_curves",
    "save_density",
    "save_figure",
    "save_gif",
    "save_grid",
    "save_pairs",
    "save_plane",
    "save_points",
    "save_rows",
    "save_translations",
    "surface",
]
