"""The pictures of a run and of a game; every figure says in its title what to notice.

    grids      images side by side; one class a row              `save_grid`, `labelled_grid`
    training   losses, D(x) and D(G(z)) step by step             `curves`, `save_curves`
    norms      the gradient's norm by layer, step by step        `gradient_norms`, `norms_of_log`
    density    the game on points, seen whole                    `save_density`
    surfaces   where G's loss pushes each generated point        `surface`, `fake_gradient`
    turns      one step of training, sub-step by sub-step         `play_turn`
    latent     from one z to another                             `interpolate_latent`, `interpolation`
    copies     samples beside the training images nearest them   `nearest_images`, `neighbours`
    phase      a vector field and the paths in it                `phase_portrait`
    translations  what a CycleGAN makes of images, and back      `save_translations`
    film       how samples change, as a GIF                      `save_gif`
    player     the same for notebooks, with buttons              `animation_html`

What is called save_... writes a PNG or GIF; what returns a Figure is written by `save_figure`, and shown by a notebook
where it is a cell's last value.  matplotlib and Pillow are imported inside the functions, so that
`import scratchgan` stays fast.
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
from .grids import GAP, image_grid, labelled_grid, save_grid
from .latent import interpolate_latent, interpolation
from .norms import gradient_norms, norms_of_log
from .phase import phase_portrait
from .player import Animation, animation_html
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
    "nearest_images",
    "neighbours",
    "norms_of_log",
    "open_frames",
    "phase_portrait",
    "play_turn",
    "running_mean",
    "save_curves",
    "save_density",
    "save_figure",
    "save_gif",
    "save_grid",
    "save_points",
    "save_translations",
    "surface",
]
