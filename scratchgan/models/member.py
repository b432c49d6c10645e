"""A member of the family: the nets and the game of a base model, with the method of one paper.

With lsgan = Member("lsgan", dcgan, METHOD), these two build the same GAN:

    lsgan(28, 1, lr_g=2e-4)
    dcgan(28, 1, **{**METHOD, "lr_g": 2e-4})
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, NamedTuple

from ..checks import one_of
from ..gan import GAN
from .training import game


class Constant(NamedTuple):
    """One constant of a method: where its value comes from, and why ours is another, if it is.

    key      an option of the builder, or a few words for what no option sets
    paper    its value in the paper;   code    in the authors' code;   "not stated" where we do not know it
    ours     the value here: that of the option with this name
    why      the reason for a difference; "" if there is none
    """

    key: str
    paper: str
    code: str
    ours: object
    why: str = ""


class Member:
    """A builder.  Called with the size of the data and options of its base, which override the method.

    name     its key in MODELS
    base     the builder whose nets and options it uses: dcgan, mlp_gan, cyclegan or paired
    method   the options that the member fixes: {option: value}
    doc      the docstring of its file, for `help`
    constants    where its numbers come from

    Raises ValueError for an option that the base does not have.
    """

    def __init__(
        self,
        name: str,
        base: Callable[..., Any],
        method: Mapping[str, Any],
        doc: str | None = None,
        constants: Sequence[Constant] = (),
    ):
        self.name, self.base, self.method = name, base, MappingProxyType(dict(method))
        self.constants = tuple(constants)
        self.__doc__ = doc
        check_options(name, base, method)

    def __call__(self, *size: int, **overrides) -> GAN:
        """Build the GAN.  `size`: image_size and channels of images; `overrides`: options of the base."""
        check_options(self.name, self.base, overrides)
        return self.base(*size, **{**self.method, **overrides})

    def __repr__(self) -> str:
        return f"<{self.name}: {self.base.__name__} with {', '.join(f'{k}={v!r}' for k, v in self.method.items())}>"


def base_of(builder: Callable[..., Any]) -> Callable[..., Any]:
    """The builder of the nets: a member's base, or the builder itself if it is a base."""
    return builder.base if isinstance(builder, Member) else builder


def method_of(builder: Callable[..., Any]) -> Mapping[str, Any]:
    """What a member fixes; nothing for a base."""
    return builder.method if isinstance(builder, Member) else {}


def options_of(builder: Callable[..., Any]) -> Mapping[str, Any]:
    """{option: default} of a base or of a member's base, and of `training.game` if the base passes these on."""
    return _options(base_of(builder))


@cache
def _options(base: Callable[..., Any]) -> Mapping[str, Any]:
    parameters = inspect.signature(base).parameters.values()
    options = {p.name: p.default for p in parameters if p.kind is not p.VAR_KEYWORD}
    if len(options) < len(parameters):
        shared = inspect.signature(game).parameters.values()
        given = ("G", "D", "latent_dim", "data_shape", "make")  # passed by the base itself
        options |= {p.name: p.default for p in shared if p.name not in (*given, *options)}
    return MappingProxyType(options)


def check_options(name: str, builder: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Raise ValueError, which suggests the nearest option, for an option that the builder does not have."""
    for option in options:
        one_of(name, "option", option, options_of(builder))
