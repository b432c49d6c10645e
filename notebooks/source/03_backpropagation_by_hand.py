# %% [markdown]
# # 03 · Backpropagation by hand
#
# *About 58 minutes. You need: chapter 02, matrices, the chain rule.*
#
# **Question.** How does a network learn, without a framework?
#
# It computes a number that says how wrong it is, the loss $L$; it finds out how $L$ depends on each of its weights; and it
# moves every weight a little to the side on which $L$ is smaller. The second step is the one that frameworks do for you. Here you
# do it: first with single numbers, then with layers, and at the end of the first half your own functions train a network.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check, solved
from scratchgan.plots import BLACK, BLUE, GREY, ORANGE, VERMILLION, figure

rng = np.random.default_rng(3)

# %% [markdown]
# ## One number at a time
#
# The smallest network that has everything in it: one input $x$, one hidden unit, one output $y$. The hidden unit is a weighted input
# $u = wx + b$ with a bend, $a = u$ if $u$ is positive and $a = 0.2\,u$ otherwise. The output is $y = ka + x$; the input is
# used a second time there. The output should be $c$, so $e = y - c$ is the error and $L = e^2$ the loss. The weights $w$, $b$ and
# $k$ can be moved.
#
# ## Predict
#
# Take $x = 2$, $w = -1.5$, $b = 1$, $k = 3$ and $c = 3$.
#
# 1. Compute $u$, $a$, $y$, $e$ and $L$ on paper. In which direction has $k$ to move to make $L$ smaller? And $b$?
# 2. Later: $x$ is a batch $(64, 100)$ and goes through a layer with a weight matrix $W$ of shape $(100, 10)$ and a bias $b$. Which
#    shapes have the derivatives of $L$ with respect to $x$, $W$ and $b$?
#
# **Forward** is plain arithmetic. **Backward** starts at the loss and asks of one quantity after the other: *if this moves by a
# little, how many times as much does $L$ move?* Write $du$ for the answer, the derivative $\partial L/\partial u$. (In calculus, $du$ is
# often a small change. In this course it is always the derivative of the loss by $u$; a small change of $u$ will be $tu$.) Each line needs
# only the line before it and one derivative from school:

# %%
def forward(x, w, b, k, c):
    u = w * x + b
    a = u if u > 0 else 0.2 * u
    y = k * a + x
    e = y - c
    return u, a, y, e, e**2


def backward(x, w, b, k, c):
    u, a, y, e, L = forward(x, w, b, k, c)
    de = 2 * e                             # L = e^2
    dy = de                                # e = y - c
    dk = dy * a                            # y = k a + x: k is multiplied by a,
    da = dy * k                            #              a by k,
    dx = dy * 1                            #              and x by 1; there will be more to come for x
    du = da * (1 if u > 0 else 0.2)        # the bend
    dw = du * x                            # u = w x + b
    db = du
    dx = dx + du * w                       # x is used a second time: what both ways give is added
    return {"dx": dx, "dw": dw, "db": db, "dk": dk, "du": du, "da": da, "dy": dy, "de": de}


example = {"x": 2.0, "w": -1.5, "b": 1.0, "k": 3.0, "c": 3.0}
u, a, y, e, L = forward(**example)
back = backward(**example)
print(f"forward:  u = {u:.2f}  a = {a:.2f}  y = {y:.2f}  e = {e:.2f}  L = {L:.2f}")
print("backward: " + "  ".join(f"{name} = {value:.2f}" for name, value in back.items()))
for name in "wbk":                         # believe nothing: move one number by 0.001 and compute L again
    moved = forward(**{**example, name: example[name] + 0.001})[-1]
    print(f"L changes by {(moved - L) / 0.001:.2f} times the change of {name}")

# %% draw
# alt: The little network as a graph from left to right: x and w meet in a product, b is added, a bend follows, a product with k, a sum with x, c is subtracted,
#   and the result is squared.  Above each edge stands the value on the way forward, below it the derivative on the way back: from 1 at L to -5.28 at w.
fig = figure(9.6, 3.9)
axes = fig.add_axes((0, 0, 1, 0.9))
spots = {"×": (1.6, 2), "+": (3.1, 2), "bend": (4.6, 2), "× ": (6.1, 2), "+ ": (7.6, 2), "−": (9.1, 2), "²": (10.6, 2)}
for sign, (across, up) in spots.items():
    axes.text(across, up, sign, ha="center", va="center", fontsize=8 if sign == "bend" else 12, bbox={"boxstyle": "circle", "facecolor": "white"})
ways = [
    ("w", example["w"], back["dw"], (0.1, 2), (1.6, 2)), ("x", example["x"], back["du"] * example["w"], (1.6, 0.2), (1.6, 2)),
    ("b", example["b"], back["db"], (3.1, 3.8), (3.1, 2)), ("k", example["k"], back["dk"], (6.1, 3.8), (6.1, 2)),
    ("x", example["x"], back["dy"], (7.6, 0.2), (7.6, 2)), ("c", example["c"], -back["de"], (9.1, 3.8), (9.1, 2)),
    ("wx", example["w"] * example["x"], back["du"], (1.6, 2), (3.1, 2)), ("u", u, back["du"], (3.1, 2), (4.6, 2)),
    ("a", a, back["da"], (4.6, 2), (6.1, 2)), ("ka", example["k"] * a, back["dy"], (6.1, 2), (7.6, 2)),
    ("y", y, back["dy"], (7.6, 2), (9.1, 2)), ("e", e, back["de"], (9.1, 2), (10.6, 2)), ("L", L, 1.0, (10.6, 2), (12.0, 2)),
]
for name, value, derivative, start, stop in ways:
    axes.annotate("", stop, start, arrowprops={"arrowstyle": "->", "color": BLACK, "shrinkA": 9, "shrinkB": 15})
    flat = start[1] == stop[1]
    at = ((start[0] + stop[0]) / 2, 2) if flat else (start[0], (1.35 * start[1] + 0.65 * stop[1]) / 2)
    shift = (0, 0.28) if flat else (0.1, 0.2)
    place = {"ha": "center" if flat else "left", "va": "center", "fontsize": 10}
    axes.text(at[0] + shift[0], at[1] + shift[1], f"${name}$ = {value:.4g}", color=BLUE, **place)
    axes.text(at[0] + shift[0], at[1] - shift[1], f"{derivative:.4g}", color=VERMILLION, weight="bold", **place)
axes.set(xlim=(-0.3, 12.4), ylim=(-0.1, 4.1))
axes.axis("off")
fig.suptitle("Blue: values, forward.  Red and bold: the derivative of L, backward; x gets 3.96 and -4.4, together -0.44", fontsize=11)
fig

# %% [markdown]
# Read the red numbers from right to left. Three rules are all there is:
#
# - at a **sum**, the derivative is passed on unchanged to both ($b$ and $wx$ both get $-2.64$);
# - at a **product**, each factor gets it times *the other* factor ($k$ gets $-4.4 \cdot (-0.4) = 1.76$). That is why forward
#   has to keep its numbers;
# - where a number is **used twice**, what comes back is added: $dx = 3.96 - 4.4 = -0.44$.
#
# And the first prediction: $dk = 1.76$ is positive, so $L$ grows with $k$, and $k$ has to become smaller. $db = -2.64$ is negative: $b$ has
# to become larger. That is learning: move each weight *against* its derivative, by a small multiple of it. The multiple is the **learning
# rate**, $\mathrm{lr}$:
#
# $$w \leftarrow w - \mathrm{lr}\; dw. \qquad\text{(Descent.1)}$$
#
# This is **gradient descent**. Do it 20 times:

# %%
weights = dict(example)
path = []
for step in range(21):
    path.append(forward(**weights)[-1])
    derivatives = backward(**weights)
    for name in "wbk":
        weights[name] -= 0.02 * derivatives["d" + name]
print("L after 0, 1, 2, 3 and 20 steps: " + "  ".join(f"{path[step]:.4f}" for step in (0, 1, 2, 3, 20)))

# %% [markdown]
# ### Exercise 03.graph_backward
# Another graph, in which one number is again used twice. Draw it first.

# %%
def graph_backward(x, w, b, c):
    """L = (x q - c)^2 with q = w x + b; all are numbers.  Returns dx, dw, db.

    >>> graph_backward(2.0, 1.0, -1.0, 1.0)
    (6.0, 8.0, 4.0)
    """
    # BEGIN SOLUTION
    q = w * x + b
    de = 2 * (x * q - c)
    dq = de * x
    return de * q + dq * w, dq * x, dq
    # END SOLUTION


check("03.graph_backward", graph_backward)

# %% [markdown]
# ## Many numbers at a time
#
# A layer takes arrays and returns arrays. Then $dv$ has the shape of $v$ and holds $\partial L/\partial v_i$ for each entry: a
# **gradient**. Let all entries of $v$ move a little, by an array $tv$ of the same shape, the **tangent** of $v$. To first order $L$ moves by
#
# $$\sum_i dv_i\; tv_i = \langle dv, tv\rangle.$$
#
# The angle brackets say just that: multiply two arrays entry by entry, and add everything up.
#
# **With numbers.** Take $y_1 = x_1 x_2$ and $y_2 = x_1 + 3x_2$ at $x = (2, 5)$. Four derivatives say how two outputs depend on two
# inputs; the table of them, a row for each output, is the **Jacobian** $J$:
#
# $$J = \begin{pmatrix} \partial y_1/\partial x_1 & \partial y_1/\partial x_2\\ \partial y_2/\partial x_1 & \partial y_2/\partial x_2\end{pmatrix}
# = \begin{pmatrix} 5 & 2\\ 1 & 3\end{pmatrix}.$$
#
# There are two directions in which one can go through it:
#
# | | goes | question |
# |---|---|---|
# | **tangent** | forward | $x$ moves by $tx$: how does $y$ move? $\;ty = J\,tx$, a sum over the inputs |
# | **backward** | backward | $L$ depends on $y$ by $dy$: how on $x$? $\;dx = J^\top dy$, a sum over the outputs |
#
# If $x$ moves by $tx = (1, 0.1)$, then $y$ moves by $ty = (5 + 0.2,\; 1 + 0.3) = (5.2, 1.3)$. If the loss depends on $y$ by
# $dy = (10, -1)$, then on $x$ by $dx = (50 - 1,\; 20 - 3) = (49, 17)$. Now the change of $L$ can be computed at either end:

# %%
J, tx, dy = np.array([[5.0, 2.0], [1.0, 3.0]]), np.array([1.0, 0.1]), np.array([10.0, -1.0])
ty, dx = J @ tx, J.T @ dy
print(f"<dy, ty> = {np.sum(dy * ty):.1f}    <dx, tx> = {np.sum(dx * tx):.1f}")

# %% [markdown]
# $$\langle dy, ty\rangle = \langle dy, J\,tx\rangle = \langle J^\top dy, tx\rangle = \langle dx, tx\rangle.$$
#
# $J$ and $J^\top$ are **adjoint** to each other: a map may change sides in the brackets if it is transposed. Nobody writes down the
# Jacobian of a layer with a million weights. But this identity is enough to *derive* the backward pass of every
# linear layer: write down $\langle dy, ty\rangle$, and sort it by what has moved.

# %% [markdown]
# ## A dense layer
#
# $$y = xW + b, \qquad x\,(N, D_i),\quad W\,(D_i, D_o),\quad b\,(D_o,),\quad y\,(N, D_o). \qquad\text{(Dense.1)}$$
#
# A batch of $N$ samples, each a row of $x$, and all with the same $W$ and $b$. Move everything a little. By the product rule
# $ty = tx\,W + x\,tW + tb$. The change of $L$ is $\langle dy, ty\rangle$; collect what multiplies each of the three movements.
#
# - $\langle dy,\; tx\,W\rangle = \sum_{n,j} dy_{nj} \sum_i tx_{ni} W_{ij} = \sum_{n,i} tx_{ni} \sum_j dy_{nj} W_{ij}$, so
#   $dx = dy\,W^\top$ (Dense.2)
# - $\langle dy,\; x\,tW\rangle = \sum_{i,j} tW_{ij} \sum_n x_{ni}\, dy_{nj}$, so $dW = x^\top dy$ (Dense.3), *summed over the batch*,
#   because all samples use the same $W$
# - $\langle dy, tb\rangle = \sum_j tb_j \sum_n dy_{nj}$, so $db = \sum_n dy_n$ (Dense.4)
#
# There is no $1/N$ in them: losses average, layers only sum. And the second prediction needs no formula: a gradient has the
# shape of what it is the gradient of, so $dx$ is $(64, 100)$, $dW$ is $(100, 10)$ and $db$ is $(10,)$.

# %% [markdown]
# ### Exercises 03.dense_forward and 03.dense_backward

# %%
def dense_forward(x, W, b):
    """x (N, Di), W (Di, Do), b (Do,).  Returns y (N, Do).

    >>> dense_forward(np.array([[2.0, 3.0]]), np.array([[1.0], [10.0]]), np.array([0.5]))
    array([[32.5]])
    """
    # BEGIN SOLUTION
    return x @ W + b
    # END SOLUTION


def dense_backward(dy, x, W):
    """dy (N, Do), x (N, Di), W (Di, Do).  Returns dx, dW, db.

    >>> dx, dW, db = dense_backward(np.array([[2.0]]), np.array([[3.0, 4.0]]), np.array([[1.0], [10.0]]))
    >>> dx.tolist(), dW.tolist(), db.tolist()
    ([[2.0, 20.0]], [[6.0], [8.0]], [2.0])
    """
    # BEGIN SOLUTION
    return dy @ W.T, x.T @ dy, dy.sum(axis=0)
    # END SOLUTION


print(check("03.dense_forward", dense_forward))
check("03.dense_backward", dense_backward)

# %% [markdown]
# ## An activation
#
# The bend of the first example is called LeakyReLU: $y = \max(x, s x)$ with a slope $0 \le s < 1$, number by number. A number that moves
# alone carries its derivative alone:
#
# $$dx = \phi'(x)\, dy, \qquad \phi'(x) = \begin{cases} 1 & x > 0\\ s & x \le 0.\end{cases} \qquad\text{(LeakyReLU.1)}$$
#
# Here $\phi$ stands for the function and $\phi'$ for its slope. Note *where* the slope is taken: at $x$, the input of the
# forward pass, which therefore has to be kept. At $x = 0$ there is no derivative; the convention is $s$.

# %% [markdown]
# ### Exercise 03.leaky_relu_backward

# %%
def leaky_relu_backward(dy, x, slope):
    """dy and x of one shape, slope a number.  Returns dx.

    >>> leaky_relu_backward(np.array([5.0, 5.0]), np.array([3.0, -3.0]), 0.2)
    array([5., 1.])
    """
    # BEGIN SOLUTION
    return np.where(x > 0, dy, slope * dy)
    # END SOLUTION


check("03.leaky_relu_backward", leaky_relu_backward)

# %% [markdown]
# ## Your functions train a network
#
# Layers one after another need no new formula: the $dx$ of a layer is the $dy$ of the layer before it, as in the graph. Here is a network
# of three dense layers with bends between them, out of your three functions; only the bend on the way forward, `np.maximum`, needs none. (`solved` takes yours if they
# are right, and the package's where they are not yet, and says which.) It shall learn $c = \sin 2x$ from 80 points; the loss is the mean
# of $(y - c)^2$, so $dy = 2(y - c)/N$. There is the $1/N$.

# %%
layer_forward, layer_backward = solved("03.dense_forward"), solved("03.dense_backward")
bend_backward = solved("03.leaky_relu_backward")
inputs = np.linspace(-2, 2, 80)[:, None]
targets = np.sin(2 * inputs)


def net_forward(net, x):
    kept = []                                                   # the input and output of each dense layer
    for i, (W, b) in enumerate(net):
        y = layer_forward(x, W, b)
        kept.append((x, y))
        x = np.maximum(y, 0.2 * y) if i < len(net) - 1 else y
    return x, kept


def net_backward(net, dy, kept):
    gradients = []
    for i in reversed(range(len(net))):                         # from the last layer to the first
        x, y = kept[i]
        if i < len(net) - 1:
            dy = bend_backward(dy, y, 0.2)
        dy, dW, db = layer_backward(dy, x, net[i][0])
        gradients.insert(0, (dW, db))
    return dy, gradients


def new_net(sizes, rng):
    return [[np.sqrt(2 / Di) * rng.standard_normal((Di, Do)), np.zeros(Do)] for Di, Do in zip(sizes, sizes[1:])]


def train(lr, steps=1000, seed=0):
    net, losses = new_net([1, 20, 20, 1], np.random.default_rng(seed)), []
    for step in range(steps + 1):
        y, kept = net_forward(net, inputs)
        losses.append(float(np.mean((y - targets) ** 2)))
        _, gradients = net_backward(net, 2 * (y - targets) / len(y), kept)
        for layer, (dW, db) in zip(net, gradients):             # (Descent.1)
            layer[0] = layer[0] - lr * dW
            layer[1] = layer[1] - lr * db
    return net, losses


net, losses = train(lr=0.03)
print("the loss after 0, 100, 300 and 1,000 steps: " + "  ".join(f"{losses[step]:.4f}" for step in (0, 100, 300, 1000)))

# %% draw
# alt: Left: the loss of the network against the training step, on a logarithmic axis, falls from about 0.5 to a few thousandths.
#   Right: the sine curve to be learned, and the network's output before training, far from it, and after training, on it.
fig = figure(9.2, 3.4)
left, right = fig.subplots(1, 2)
left.semilogy(losses, color=BLUE)
left.set(xlabel="step of gradient descent", ylabel="loss", title="The loss falls to less than a hundredth")
left.grid(alpha=0.3)
right.plot(inputs, targets, color=BLACK, linewidth=4, alpha=0.3, label="to be learned")
right.plot(inputs, net_forward(train(0.03, steps=0)[0], inputs)[0], color=ORANGE, linestyle="--", label="before")
right.plot(inputs, net_forward(net, inputs)[0], color=BLUE, label="after 1,000 steps")
right.set(xlabel="$x$", ylabel="$y$", title="At the end the net lies on the curve")
right.legend(fontsize=9, loc="lower right", bbox_to_anchor=(0.87, 0))
fig.tight_layout()
fig

# %% [markdown]
# That answers the question. No framework, some 30 lines, and each layer goes forward and back by functions that you wrote.
#
# ### Change a knob, predict first
# `lr` is the size of the step. What will the loss do with a tenth of it, 0.003? And with ten times as much, 0.3? Say it, then change the
# number and run the cell.

# %%
LR = 0.003                                                       # <- the knob
with np.errstate(all="ignore"):
    _, tried = train(LR)
print(f"lr = {LR}: the loss after 0, 10, 100 and 1,000 steps: " + "  ".join(f"{tried[step]:.3g}" for step in (0, 10, 100, 1000)))

# %% [markdown]
# With a tenth the loss falls as well, but more slowly: after 1,000 steps it is still above 0.05. With 0.3 it *explodes*, to infinity and then to
# `nan`. The derivative is right, but it holds for small moves only: the step is so long that it jumps across the valley, up
# the other slope, where the derivative is larger still. How to get long steps where the valley is flat and short ones where it is
# steep is the question of the next notebook, [03b](03b_optimisers.ipynb).

# %% [markdown]
# ## The same in the package
#
# The package's layer is the same three lines, plus the names by which the rest of the package finds them. (`matmul` is a
# product of matrices, with one of them transposed if so said.)

# %%
from scratchgan.layers import Dense

print(inspect.getsource(Dense.affine), inspect.getsource(Dense.adjoint), inspect.getsource(Dense.weight_grad), sep="\n")

# %% [markdown]
# One more thing is as in your code: no layer remembers anything. What the way back needs is in `kept`, which that very way forward has
# returned (the package calls it the `cache`). A discriminator is shown a real batch and then a fake one before either is sent
# back; a layer that kept "its" input would have lost the first. The gradients of both batches are *added*: the weights have
# been used twice.

# %% [markdown]
# ## Is it right? Differences
#
# We moved $w$ by 0.001 above and looked at $L$. That is a test for every gradient. Call the move $h$, and move to both
# sides. With $\delta_i$ the array that is 1 at entry $i$ and 0 elsewhere, Taylor's series gives
#
# $$\frac{L(v + h\,\delta_i) - L(v - h\,\delta_i)}{2h} = \frac{\partial L}{\partial v_i} + \frac{h^2}{6}\frac{\partial^3 L}{\partial v_i^3} + \dots \qquad\text{(Difference.1)}$$
#
# A *central* difference is wrong by the order of $h^2$; a one-sided one by $h$. So make $h$ tiny? No: $L$ itself is only known
# up to rounding, about $\varepsilon |L|$, where $\varepsilon$ is the distance from 1 to the next number that the computer has, and that is divided by $2h$.

# %% [markdown]
# ### Exercise 03.central_difference
# Note that $f$ may depend on all entries at once; and whoever called you wants $x$ back as it was.

# %%
def central_difference(f, x, h):
    """f: array (n,) -> number; x (n,), which is left as it was; h the step.  Returns the gradient (n,).

    >>> central_difference(lambda x: float(x[0] * x[1]), np.array([2.0, 5.0]), 0.5)
    array([5., 2.])
    """
    # BEGIN SOLUTION
    gradient = np.zeros(len(x))
    for i in range(len(x)):
        step = np.zeros(len(x))
        step[i] = h
        gradient[i] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient
    # END SOLUTION


check("03.central_difference", central_difference)

# %% [markdown]
# Use it at once: are the gradients of your network right? Here for the 20 weights of its first layer, before training.

# %%
difference = solved("03.central_difference")
untrained = new_net([1, 20, 20, 1], np.random.default_rng(0))


def loss_of(first):
    changed = [[first.reshape(1, 20), untrained[0][1]], *untrained[1:]]
    return float(np.mean((net_forward(changed, inputs)[0] - targets) ** 2))


y, kept = net_forward(untrained, inputs)
_, gradients = net_backward(untrained, 2 * (y - targets) / len(y), kept)
by_hand, by_difference = gradients[0][0].ravel(), difference(loss_of, untrained[0][0].ravel(), 1e-5)
print(f"largest entry {np.abs(by_hand).max():.4f}, largest disagreement {np.abs(by_hand - by_difference).max():.0e}")

# %% [markdown]
# Which $h$ is best, and why is everything checked in float64 (numbers with 16 digits) although nets are often trained in float32 (with
# 7)? One picture answers both.

# %%
steps = np.logspace(-14, 0, 57)
point, exact = 0.7, np.cos(0.7)
errors = {}
for dtype in (np.float64, np.float32):
    x = dtype(point)
    central = [abs((np.sin(x + dtype(h)) - np.sin(x - dtype(h))) / dtype(2 * h) - exact) + 1e-17 for h in steps]
    one_sided = [abs((np.sin(x + dtype(h)) - np.sin(x)) / dtype(h) - exact) + 1e-17 for h in steps]
    errors[dtype.__name__] = np.array([central, one_sided])
    print(f"{dtype.__name__}: smallest error {min(central):.0e} at h = {steps[np.argmin(central)]:.0e}")

# %% draw
# alt: Error of the derivative of the sine against the step h, both axes logarithmic, for central and one-sided differences in float64 and float32.  Each curve is a
#   valley: straight on the right, ragged on the left.  The valley of the central difference in float64 is the deepest, and the line h = 1e-5 stands in it.
fig = figure(8, 4)
axes = fig.subplots()
for (name, (central, one_sided)), colour, marker in zip(errors.items(), (BLUE, ORANGE), "os"):
    axes.loglog(steps, central, color=colour, marker=marker, markersize=3, label=f"central, {name}")
    axes.loglog(steps, one_sided, color=colour, linestyle=":", linewidth=2, label=f"one-sided, {name}")
axes.axvline(1e-5, color=GREY, linewidth=1)
axes.text(1.2e-5, 3e-13, "$h = 10^{-5}$", color=GREY)
axes.set(xlabel="$h$", ylabel="error of the derivative of sin at 0.7", ylim=(1e-13, 3),
         title="Large h: the curve bends.  Small h: rounding.  In float64, 1e-5 is in the valley")
axes.legend(fontsize=9)
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# In float32 the bottom of the valley is more than a million times higher, and somewhere else; at $h = 10^{-5}$ the error is about 0.001, too
# high to see a small mistake in a derivative. So the checker converts everything to float64 first.
#
# ## The checker
#
# `gradcheck.check` does this for every parameter and the input of any layer or net, and more: it replaces all parameters
# by random ones (zeros and ones, as in a fresh layer, hide mistakes) and stays away from bends (a difference across the
# corner of a ReLU is no derivative).

# %%
from scratchgan.gradcheck import check as gradcheck
from scratchgan.layers import LeakyReLU, Sequential

packaged = Sequential([Dense(4, 5, rng=rng), LeakyReLU(0.2), Dense(5, 1, rng=rng)])
report = gradcheck(packaged, rng.standard_normal((3, 4)))
print(f"{len(report.rows)} derivatives, largest error {report.max_error:.1e}, ok: {report.ok}")

# %% [markdown]
# And does it notice a mistake? Here is a dense layer whose weight gradient is divided by $N$, as if a loss were hidden in it. A report
# has a row for each array and each way to test it:
#
# - `backward`: $dx$, $dW$ and $db$ against differences of the forward pass
# - `tangent`: $ty$ against differences of the forward pass, with $x$ and the parameters moving
# - `tangent_backward`: how $dx$, $dW$ and $db$ *move* when $x$ and the parameters move, against differences *of the backward pass*
# - `adjoint`: $\langle dy, ty\rangle$ against $\langle dx, tx\rangle + \langle dW, tW\rangle + \langle db, tb\rangle$; no differences are needed
#
# The last three come a second time with only $x$ moving, and a third time with only the parameters. **Predict** which rows will be
# wrong before you run the cell.

# %%
class Averaging(Dense):
    def weight_grad(self, x, dy):
        return super().weight_grad(x, dy) / len(x)


report = gradcheck(Averaging(4, 3, rng=rng), rng.standard_normal((5, 4)))
for row in report.rows:
    print(f"{row.step:<36}{row.array:<10}{row.error:>10.1e}   {'' if row.error < 1e-7 else 'WRONG'}")

# %% [markdown]
# Three rows are wrong.
#
# - `backward W` says what is wrong and by how much: with $N = 5$, $dW$ is a fifth of what it should be, and the error is four fifths, 0.8.
# - Both rows of `adjoint` in which the parameters move: $\langle dW, tW\rangle$ is one of their terms. With only $x$ moving, $tW = 0$, and the
#   identity holds: the row `adjoint (x only)` cannot see this mistake.
# - `tangent_backward W` is *right*, and many predict otherwise. That pass has to be the derivative of the backward pass, and it is: both of them are
#   divided by $N$. The derivative of something wrong can be right. So no single test is enough.
#
# ## Four passes
#
# `forward`, `backward` and `tangent` you know. The fourth, `tangent_backward`, asks how the *gradient* moves when the input moves. Write a $t$ on every
# line of backward and apply the product rule. For the dense layer,
#
# $$t(dx) = t(dy)\,W^\top + dy\,tW^\top, \qquad t(dW) = tx^\top dy + x^\top\,t(dy).$$
#
# That is a second derivative, and it will make gradient penalties possible in chapter 08. No more theory is needed for it
# than the product rule.
#
# ## What can go wrong
#
# - **"It learns, so the gradient is right."** A gradient with a part missing may still go downhill, only not so far. Try it: leave the line with `db`
#   out of `train`. The loss falls all the same, but it stays above 0.4 (with it, it comes below 0.01). Many a wrong GAN learns something (chapter 13).
# - **Overwritten, not added.** A number that is used twice gets two contributions. Whoever writes `dx = ...` a second time has lost
#   the first; here $dx$ would be 3.96 instead of $-0.44$, and even its sign would be wrong.
# - **A check at one entry, in float32, with a tolerance of 1 %** passes many wrong layers.
# - **"Why does an output depend on its batch-mates?"** In a dense layer it does not. With BatchNorm it does: chapter 05b.
#
# ## Sources
#
# Goodfellow, Bengio & Courville 2016, *Deep learning*, section 6.5. The graph with numbers on its edges is how Andrej Karpathy teaches it,
# in his *micrograd*. `scratchgan/families.py` writes the four passes once for every kind of layer; `scratchgan/gradcheck/` is the checker.
