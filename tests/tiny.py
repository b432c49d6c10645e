"""A recipe that trains in a moment."""

from scratchgan.runs.recipe import Recipe


def tiny(**changes):
    """A small MLP on the ring, without pictures and checkpoints on the way; `changes` override."""
    return Recipe(
        **{
            "name": "tiny",
            "model": "mlp",
            "data": "ring",
            "steps": 7,
            "batch_size": 8,
            "latent_dim": 2,
            "hidden": (8,),
            "sample_every": 0,
            "checkpoint_every": 0,
            **changes,
        }
    )
