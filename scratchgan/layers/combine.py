"""Layers whose parts share one input: branches side by side, and a branch with a shortcut around it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core import Cache, Layer, ShapeError, add, below


class _Branches(Layer):
    """What `Concat` and `Residual` share: every child gets the same x, so dx is the sum of the children's dx."""

    def forward_all(self, x, train, rng):
        """(cache, the children's outputs), the children's caches in `cache.parts`."""
        self.check_input(x)
        cache = Cache(self, x, train)
        made = [child.forward(x, train=train, rng=rng) for _, child in self.children()]
        cache.parts = [part for _, part in made]
        cache.couples = any(part.couples for part in cache.parts)
        return cache, [y for y, _ in made]

    def backward_all(self, dys, cache, param_grads, input_grad):
        """Sum of the children's dx."""
        dx = _sum(
            child.backward(dy, part, param_grads=param_grads, input_grad=input_grad)
            for (_, child), part, dy in self._with(cache, dys)
        )
        return dx if input_grad else None  # an empty Sequential returns dy even without input_grad

    def tangent_all(self, tx, cache):
        """The children's ty."""
        return [child.tangent(tx, part, below(cache.tparams, name)) for (name, child), part, _ in self._with(cache)]

    def tangent_backward_all(self, tdys, cache, input_grad):
        """Sum of the children's tdx."""
        tdx = _sum(
            child.tangent_backward(tdy, part, input_grad=input_grad)
            for (_, child), part, tdy in self._with(cache, tdys)
        )
        return tdx if input_grad else None

    def kink_distance(self, cache):
        """The smallest kink distance of the children."""
        return min((child.kink_distance(part) for (_, child), part, _ in self._with(cache)), default=np.inf)

    def check_children(self):
        """Raise TypeError unless each child is a Layer, ValueError if the same layer object occurs twice."""
        for name, child in self.children():
            if not isinstance(child, Layer):
                raise TypeError(f"{type(self).__name__}: branch {name!r} must be a Layer, got {type(child).__name__}")
        ids = [id(part) for _, part in self.walk()]
        if len(set(ids)) != len(ids):
            raise ValueError(f"{type(self).__name__}: the same layer object occurs twice; build a second layer instead")
        self.set_path("")

    def _with(self, cache, values=None):
        """Each child with its name, its cache and its entry of `values`."""
        return zip(self.children(), cache.parts, values or [None] * len(cache.parts), strict=True)


class Concat(_Branches):
    r"""Several layers applied to the same input; their outputs are concatenated along the last axis (channels).

    Symbols   x of any shape that all branches accept   y_j the output of branch j   y (..., C_0 + C_1 + ...)

    Forward   (Concat.1)   y = [y_0, y_1, ...],   y_j = branch_j(x)
    Backward  (Concat.2)   dx = sum_j branch_j's dx for its own part of dy
    Tangent   (Concat.3)   ty = [ty_0, ty_1, ...];   tdx = sum_j branch_j's tdx for its own part of tdy
    Why       x feeds every branch, so the gradients from all branches add up.

    Arguments: a list of layers; `Sequential([])` passes x on unchanged (a skip connection).  Their parameters have the
    paths "0.W", "1.W", ...
    Errors    ShapeError if the outputs differ in any axis but the last.
    """

    def __init__(self, branches: Sequence[Layer]):
        super().__init__()
        self.branches = list(branches)
        if not self.branches:
            raise ValueError("Concat needs at least one branch")
        self.check_children()
        self.output_shape(None)

    def children(self):
        """The branches, named by their position."""
        return [(str(j), branch) for j, branch in enumerate(self.branches)]

    def forward(self, x, *, train, rng=None):
        """(Concat.1)."""
        cache, ys = self.forward_all(x, train, rng)
        cache.ends = np.cumsum([y.shape[-1] for y in ys])
        y = np.concatenate(ys, axis=-1)
        cache.y_shape = y.shape
        return y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(Concat.2)."""
        cache.begin_backward(self, dy)
        return self.backward_all(_cut(dy, cache), cache, param_grads, input_grad)

    def tangent(self, tx, cache, tparams=None):
        """(Concat.3)."""
        cache.begin_tangent(self, tx, tparams)
        tys = self.tangent_all(tx, cache)
        if all(ty is None for ty in tys):
            return None
        ty = np.zeros(cache.y_shape, cache.x.dtype)
        for target, value in zip(np.split(ty, cache.ends[:-1], axis=-1), tys, strict=True):
            if value is not None:
                target[...] = value
        return ty

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(Concat.3)."""
        cache.begin_tangent_backward(self, tdy)
        return self.tangent_backward_all(_cut(tdy, cache), cache, input_grad)

    def output_shape(self, shape, batch="N"):
        """The common shape of the branches' outputs, with their last entries added."""
        shapes = [branch.output_shape(shape, batch) for branch in self.branches]
        known = [(j, s) for j, s in enumerate(shapes) if s is not None]
        for j, s in known:
            first, other = known[0]
            if not s:
                raise ShapeError(f"{self.label}: branch {j} gives one number per sample, which has no last axis")
            if len(s) != len(other) or any(a != b for a, b in zip(s[:-1], other[:-1]) if None not in (a, b)):
                raise ShapeError(
                    f"{self.label} joins outputs that differ in the last axis only; for {shape}, branch "
                    f"{first} gives {other} and branch {j} gives {s}"
                )
        if len(known) < len(shapes):
            return None
        last = [s[-1] for _, s in known]
        return (*known[0][1][:-1], None if None in last else sum(last))

    def describe(self):
        return repr(self.branches)


class Residual(_Branches):
    r"""A shortcut around a branch.  (He et al. 2016, equation 1.)

    Symbols   x, y, branch(x), all of the same shape

    Forward   (Residual.1)   y = x + branch(x)
    Backward  (Residual.2)   dx = dy + branch's dx
    Tangent   (Residual.3)   ty = tx + branch's ty;   tdx = tdy + branch's tdx

    Arguments: a layer, usually a Sequential.  The paths of its parameters begin with "branch.".
    Errors    ShapeError if the branch changes the shape.
    """

    def __init__(self, branch: Layer):
        super().__init__()
        self.branch = branch
        self.check_children()
        self.output_shape(None)

    def children(self):
        """The branch."""
        return [("branch", self.branch)]

    def forward(self, x, *, train, rng=None):
        """(Residual.1)."""
        cache, (y,) = self.forward_all(x, train, rng)
        cache.y_shape = x.shape
        return x + y, cache

    def backward(self, dy, cache, *, param_grads=True, input_grad=True):
        """(Residual.2)."""
        cache.begin_backward(self, dy)
        dx = self.backward_all([dy], cache, param_grads, input_grad)
        return dy + dx if input_grad else None

    def tangent(self, tx, cache, tparams=None):
        """(Residual.3)."""
        cache.begin_tangent(self, tx, tparams)
        return add(tx, self.tangent_all(tx, cache)[0])

    def tangent_backward(self, tdy, cache, *, input_grad=True):
        """(Residual.3)."""
        cache.begin_tangent_backward(self, tdy)
        tdx = self.tangent_backward_all([tdy], cache, input_grad)
        return add(tdy, tdx) if input_grad else None

    def output_shape(self, shape, batch="N"):
        """The shape of the input, which the branch must keep."""
        made = self.branch.output_shape(shape, batch)
        if shape is None or made is None:
            return made if shape is None else shape
        if len(made) != len(shape) or any(a != b for a, b in zip(made, shape) if None not in (a, b)):
            raise ShapeError(
                f"{self.label} adds its branch to x: the branch must keep the shape {tuple(shape)}, it gives {made}"
            )
        return shape

    def describe(self):
        return repr(self.branch)


def _cut(dy, cache):
    """Each branch's part of dy, as a contiguous array."""
    return dy if dy is None else [np.ascontiguousarray(part) for part in np.split(dy, cache.ends[:-1], axis=-1)]


def _sum(parts):
    """The sum of the parts, where None stands for zero."""
    total = None
    for part in parts:
        total = add(total, part)
    return total
