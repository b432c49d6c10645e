r"""ACGAN: D also classifies (Odena, Olah & Shlens 2017).

Method    G gets noise and a label.  D is not told the label; it has a second output, a guess at it.

    (Acgan.1)   L_S = E[log P(S = real | X_real)] + E[log P(S = fake | X_fake)]        the source: equation 2
    (Acgan.2)   L_C = E[log P(C = c | X_real)] + E[log P(C = c | X_fake)]              the class: equation 3

          D is trained to maximise L_S + L_C, G to maximise L_C - L_S.  In this package's signs: (Auxiliary.1-3) with
          K = 10 labels, no continuous codes, w_K = 1, and labels on real samples too.
Nets      DCGAN's.
Trouble   G is paid for images that are easy to classify, not for all that a class has: it tends to the typical.
"""

from __future__ import annotations

from ..gan import GAN
from .dcgan import dcgan


def acgan(
    image_size: int = 28,
    channels: int = 1,
    latent_dim: int = 64,
    width: int = 32,
    seed: int = 0,
    *,
    classes: int = 10,
    **options,
) -> GAN:
    """The paper's GAN in the size of this package's recipes; `options` as for `models.dcgan`, and go before."""
    return dcgan(
        image_size,
        channels,
        latent_dim,
        width,
        seed=seed,
        **{"condition": "auxiliary", "classes": classes, "dense": 256, **options},
    )
