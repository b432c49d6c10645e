# %% [markdown]
# # 03b · Optimisers: which way, and how far?
#
# *About 38 minutes. You need: chapter 03.*
#
# **Question.** The gradient is right. How does one get down the valley quickly?
#
# Gradient descent, (Descent.1), has one number to choose, the learning rate, and in chapter 03 ten times too much of it made the loss
# explode. The rules that are used in practice choose the step better. There are two ideas, *momentum* and *scaling*, and Adam, which
# trains nearly every GAN of this course, is both of them with one correction. Here each is derived, and then they race.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check, solved
from scratchgan.plots import BLACK, BLUE, GREEN, ORANGE, PURPLE, figure

# %% [markdown]
# ## Why one learning rate is not enough
#
# Take the simplest valley, with two weights and a loss that is steep along one and flat along the other:
#
# $$L(w) = \tfrac12\left(w_1^2 + 50\,w_2^2\right), \qquad g = \frac{\partial L}{\partial w} = (w_1,\; 50\,w_2).$$
#
# (The gradient is called $g$ here: one letter is shorter than $dw$, and optimisers do not care where it comes from.) A step of gradient descent
# multiplies $w_1$ by $1 - \mathrm{lr}$ and $w_2$ by $1 - 50\,\mathrm{lr}$. With $\mathrm{lr} = 0.03$ these are $0.97$ and $-0.5$: along the flat axis it crawls, along the
# steep one it jumps from side to side. With $\mathrm{lr} = 0.05$ the second factor is $-1.5$, and every step is worse than the one
# before. The steep direction sets the limit, the flat one pays for it.
#
# In a network there is a second nuisance. The gradient is computed from a batch, drawn by chance, and so it is the gradient that we want plus
# noise. Gradient descent with such gradients is called **stochastic** gradient descent, SGD.
#
# ## Predict
#
# 1. The gradients of one weight in many steps are $+1, -1, +1, -1, \dots$, those of another are $+1, +1, +1, \dots$. Suppose that each
#    step follows a *mean* of the latest gradients. How far does each weight get?
# 2. A running mean $m$ starts at 0 and takes in a tenth of each new gradient, $m \leftarrow 0.9\,m + 0.1\,g$. All gradients are 1. What is $m$ after
#    the first step? After the second? What should it be?
# 3. Somebody multiplies the loss by 1,000. What does gradient descent do then? And a rule that divides the gradient by its own size?

# %% [markdown]
# ## Momentum: follow the mean
#
# What jumps to and fro cancels in a mean, what persists remains. So move along a **running mean** $m$ of the gradients, which starts at 0
# and forgets slowly:
#
# $$m \leftarrow \beta\, m + (1-\beta)\, g, \qquad\text{(Momentum.1)}$$
# $$w \leftarrow w - \mathrm{lr}\; m. \qquad\text{(Momentum.2)}$$
#
# With $\beta = 0.9$, if all gradients are 1, $m$ goes to 1, and the weight moves as it would without momentum. If they are $+1, -1, +1, \dots$, then $m$ ends up
# going to and fro between $\pm(1-\beta)/(1+\beta) = \pm 0.053$. That answers the first prediction: the first weight hardly leaves its place, and
# the other one gets on at full speed. So the learning rate may be larger, and the flat direction gets on. (Many texts
# write $m \leftarrow \beta m + g$, as does the package, (SGD.1). That $m$ is $1/(1-\beta)$ times ours; with a learning rate $1 - \beta$ times ours, the
# steps are the same.)
#
# ### Exercise 03b.momentum_step

# %%
def momentum_step(w, g, m, lr, beta):
    """w, g and m are arrays of one shape.  Returns the new w and the new m.

    >>> w, m = momentum_step(np.array([1.0]), np.array([2.0]), np.array([0.0]), 0.5, 0.75)
    >>> w.tolist(), m.tolist()
    ([0.75], [0.5])
    """
    # BEGIN SOLUTION
    m = beta * m + (1 - beta) * g
    return w - lr * m, m
    # END SOLUTION


check("03b.momentum_step", momentum_step)

# %% [markdown]
# ## RMSProp: divide by the usual size
#
# The other idea: measure how large the gradient of each weight *usually* is, and divide by it. Then every weight moves by about $\mathrm{lr}$ per step, on
# the steep axis and on the flat one. The usual size is the root of the running mean $v$ of the squares (the *root mean square*, hence the name; Tieleman
# and Hinton taught it in a lecture in 2012):
#
# $$v \leftarrow \beta\, v + (1-\beta)\, g^2, \qquad\text{(RMSProp.1)}$$
# $$w \leftarrow w - \mathrm{lr}\; \frac{g}{\sqrt{v} + \varepsilon}. \qquad\text{(RMSProp.2)}$$
#
# All of this is done entry by entry: $v$ has the shape of $w$. The small number $\varepsilon$, often $10^{-8}$, prevents a division by zero. If the loss is multiplied by 1,000, so is
# $g$, and so is $\sqrt v$: the steps do not change. There is a price: near the bottom gradients become small, but the steps do not,
# since they are divided by ever smaller sizes. So RMSProp keeps hopping around the bottom, at a distance of about $\mathrm{lr}$.
#
# ### Exercise 03b.rmsprop_step

# %%
def rmsprop_step(w, g, v, lr, beta, eps):
    """w, g and v are arrays of one shape.  Returns the new w and the new v.

    >>> w, v = rmsprop_step(np.array([1.0]), np.array([2.0]), np.array([0.0]), 0.5, 0.75, 1.0)
    >>> w.tolist(), v.tolist()
    ([0.5], [1.0])
    """
    # BEGIN SOLUTION
    v = beta * v + (1 - beta) * g**2
    return w - lr * g / (np.sqrt(v) + eps), v
    # END SOLUTION


check("03b.rmsprop_step", rmsprop_step)

# %% [markdown]
# ## A mean that starts at zero
#
# The second prediction: if all gradients are 1, then $m$ is 0.1 after the first step and $0.9 \cdot 0.1 + 0.1 = 0.19$ after the second. It should
# be 1. The running mean started at 0 and has not forgotten it: it is *biased* towards 0. To see by how much, write out the recursion. After $t$
# steps,
#
# $$m_t = (1-\beta)\left(g_t + \beta\, g_{t-1} + \beta^2 g_{t-2} + \dots + \beta^{t-1} g_1\right). \qquad\text{(Bias.1)}$$
#
# In a true mean the weights add up to 1. Here they add up to $(1-\beta)(1 + \beta + \dots + \beta^{t-1})$, a geometric series, and that is $1 - \beta^t$: 0.1, 0.19,
# 0.271, ... So divide by it:
#
# $$\hat m_t = \frac{m_t}{1 - \beta^t}, \qquad\text{(Bias.2)}$$
#
# and the weights add up to 1, from the first step on. Does it matter? For $v$ it does. With $\beta = 0.999$, after the first step $v = 0.001\,g^2$, so
# $g/\sqrt v = 31.6$: the first step of RMSProp is 31.6 times as long as intended, at the moment at which the weights are at their most random.
#
# ### Exercise 03b.unbiased_mean

# %%
def unbiased_mean(gradients, beta):
    """gradients (T, n), the oldest first.  Returns their running mean (n,) after all T of them, without the bias.

    >>> unbiased_mean(np.array([[4.0, 0.0], [1.0, 3.0]]), 0.5)
    array([2., 2.])
    """
    # BEGIN SOLUTION
    mean = np.zeros(len(gradients[0]))
    for g in gradients:
        mean = beta * mean + (1 - beta) * g
    return mean / (1 - beta ** len(gradients))
    # END SOLUTION


check("03b.unbiased_mean", unbiased_mean)

# %% [markdown]
# ## Adam: both
#
# Kingma and Ba (2015) put the parts together: the direction is that of momentum, the scale that of RMSProp, and both means are unbiased.
#
# $$w \leftarrow w - \mathrm{lr}\; \frac{\hat m}{\sqrt{\hat v} + \varepsilon}. \qquad\text{(Adam.4)}$$
#
# Each mean has a memory of its own: $\beta_1$ for $m$ and $\beta_2$ for $v$. Adam's first step is $\mathrm{lr}$ times the sign of the gradient, whatever
# its size: $\hat m = g$ and $\hat v = g^2$. Later steps are shorter where gradients contradict each other ($\hat m$ is small against $\sqrt{\hat v}$),
# so near the bottom Adam slows down where RMSProp hops.
#
# You can write Adam down with the function that you have just written, called twice. It is not how one does it: all old gradients would have to be kept.
# The version that carries only $m$, $v$ and the count $t$ along is an exercise of chapter 04.
#
# ## The race
#
# The same start for all four, and for each the learning rate that suits it: of 0.006, 0.012, 0.024, ..., 0.768 the one with the smallest loss after 100 steps.

# %%
step_momentum, step_rmsprop = solved("03b.momentum_step"), solved("03b.rmsprop_step")
mean_of = solved("03b.unbiased_mean")


def descend(rule, gradient, w, lr, steps, beta=0.9, beta2=0.99, eps=1e-8):
    """The weights after 0, 1, ... `steps` steps."""
    path, history, m, v = [w], [], np.zeros_like(w), np.zeros_like(w)
    for step in range(steps):
        g = gradient(w)
        history.append(g)
        if rule == "SGD":
            w = w - lr * g
        elif rule == "momentum":
            w, m = step_momentum(w, g, m, lr, beta)
        elif rule == "RMSProp":
            w, v = step_rmsprop(w, g, v, lr, beta, eps)
        else:                                                    # Adam
            past = np.array(history)
            w = w - lr * mean_of(past, beta) / (np.sqrt(mean_of(past**2, beta2)) + eps)
        path.append(w)
    return np.array(path)


SCALE = 1                                                        # <- the knob, for later
steepness = SCALE * np.array([1.0, 50.0])
valley_gradient = lambda w: steepness * w
valley_loss = lambda path: 0.5 * (steepness * path**2).sum(axis=-1)
start = np.array([-4.0, 1.0])
suits = {"SGD": 0.024, "momentum": 0.384, "RMSProp": 0.048, "Adam": 0.384}
paths = {}
with np.errstate(all="ignore"):
    for rule, lr in suits.items():
        paths[rule] = descend(rule, valley_gradient, start, lr, 100)
        print(f"{rule:<9} lr {lr:<6} loss after 10, 30, 100 steps: "
              + "  ".join(f"{valley_loss(paths[rule])[step]:9.2g}" for step in (10, 30, 100)))

# %% draw
# alt: Left: four paths of 100 steps from one start into a long valley, whose lines of equal loss are drawn.  SGD creeps along the floor and stops short of the middle;
#   momentum and Adam swing and arrive.  Right: their losses against the step on a logarithmic axis; those of momentum and Adam end lowest, that of SGD highest.
looks = {"SGD": (BLACK, "o"), "momentum": (BLUE, "s"), "RMSProp": (ORANGE, "^"), "Adam": (GREEN, "D")}
fig = figure(10, 4)
left, right = fig.subplots(1, 2)
across, up = np.meshgrid(np.linspace(-4.6, 2.2, 120), np.linspace(-1.3, 1.3, 120))
left.contour(across, up, 0.5 * (across**2 + 50 * up**2), levels=[0.05, 0.5, 2, 5, 10, 20, 35], colors="0.8")
for rule, (colour, marker) in looks.items():
    left.plot(*paths[rule].T, color=colour, marker=marker, markersize=3, linewidth=1, label=rule)
    right.semilogy(valley_loss(paths[rule]), color=colour, marker=marker, markersize=4, markevery=10, label=rule)
left.set(xlabel="$w_1$", ylabel="$w_2$", xlim=(-4.6, 2.2), ylim=(-1.3, 1.3), title="SGD creeps, momentum and Adam swing")
right.set(xlabel="step", ylabel="loss", title="Momentum and Adam end lowest, SGD highest")
right.legend(fontsize=9)
right.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# Momentum and Adam overshoot and come back; that costs some steps and gains many. RMSProp overshoots nothing: each weight walks about $\mathrm{lr}$ per step towards the
# middle, and hops there. Its learning rate has to be small, for the sake of the end, and so its start is the slowest of the four.
#
# ### Change a knob, predict first
# Set `SCALE` to 10, so that the loss and its gradient are ten times as large, and run the last two cells again, with the same learning rates. Who notices?
#
# SGD explodes: its factor along the steep axis becomes $1 - 500 \cdot 0.024 = -11$. Momentum explodes as well. The paths of RMSProp and
# Adam do not change at all: a factor in the gradient cancels in the quotient (only their losses are ten times as large). That is the third
# prediction, and it is one reason why the same learning rate serves Adam for many networks.
#
# ## A network
#
# A valley of two weights is a caricature. So here is the network of chapter 03 with its 481 weights, the curve $\sin 2x$ to be learned, and 300 steps. The
# gradient comes from your functions of chapter 03 if you paste them here, and from the package's otherwise.

# %%
# paste your dense_forward, dense_backward and leaky_relu_backward of chapter 03 here

layer_forward, layer_backward = solved("03.dense_forward"), solved("03.dense_backward")
bend_backward = solved("03.leaky_relu_backward")
inputs = np.linspace(-2, 2, 80)[:, None]
targets = np.sin(2 * inputs)
SIZES = [(1, 20), (20, 20), (20, 1)]


def net_loss(w):
    """The loss of the net whose weights stand in w, one after another, and its gradient, in the same order."""
    layers, at = [], 0
    for Di, Do in SIZES:
        layers.append((w[at : at + Di * Do].reshape(Di, Do), w[at + Di * Do : at + Di * Do + Do]))
        at += Di * Do + Do
    x, kept = inputs, []
    for W, b in layers:
        y = layer_forward(x, W, b)
        kept.append((x, y))
        x = np.maximum(y, 0.2 * y)
    dy, gradient = 2 * (y - targets) / len(y), []
    for (W, b), (x, out) in zip(layers[::-1], kept[::-1]):
        if out is not y:
            dy = bend_backward(dy, out, 0.2)
        dy, dW, db = layer_backward(dy, x, W)
        gradient = [dW.ravel(), db, *gradient]
    return float(np.mean((y - targets) ** 2)), np.concatenate(gradient)


def first_weights(seed):
    draws = np.random.default_rng(seed)
    return np.concatenate([part for Di, Do in SIZES for part in
                           (np.sqrt(2 / Di) * draws.standard_normal(Di * Do), np.zeros(Do))])


def race(rule, lr, seed=0, steps=300):
    path = descend(rule, lambda w: net_loss(w)[1], first_weights(seed), lr, steps)
    return [net_loss(w)[0] for w in path]


rates = {"SGD": 0.032, "momentum": 0.256, "RMSProp": 0.002, "Adam": 0.016}
curves = {rule: race(rule, lr) for rule, lr in rates.items()}
for rule, curve in curves.items():
    print(f"{rule:<9} lr {rates[rule]:<6} loss after 10, 100, 300 steps: " + "  ".join(f"{curve[step]:.5f}" for step in (10, 100, 300)))

# %% draw
# alt: The loss of one network against the step for four optimisers, on a logarithmic axis.  All start at about 0.5; after 300 steps SGD is near 0.02, RMSProp near 0.01,
#   momentum and Adam at about a ten-thousandth.
fig = figure(8, 3.8)
axes = fig.subplots()
for rule, (colour, marker) in looks.items():
    axes.semilogy(curves[rule], color=colour, marker=marker, markersize=4, markevery=25, linewidth=1.2, label=rule)
axes.set(xlabel="step", ylabel="loss", title="Momentum and Adam end more than ten times lower than SGD and RMSProp")
axes.legend(fontsize=9)
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# The losses of Adam and of SGD leap up now and then, and come down again; on the whole they fall. The learning rates are again those that suit: of 0.001, 0.002, 0.004 and so on, with half and with twice as much the median loss of five starts is larger. On
# this small problem momentum keeps up with Adam, given the right learning rate. The difference shows when nobody has looked for it. Here are five starts
# with four times and with ten times as much as suits:

# %%
wide = {}
with np.errstate(all="ignore"):
    for rule, lr in rates.items():
        for factor in (4, 10):
            wide[rule, factor] = [race(rule, factor * lr, seed)[-1] for seed in range(5)]
        print(f"{rule:<9}" + "   ".join(f"{factor:>2} times as much: " + " ".join(f"{value:7.2g}" for value in wide[rule, factor])
                                         for factor in (4, 10)))

# %% [markdown]
# (`nan` is what remains of an explosion.) SGD and momentum explode with four times too much, on nearly every start. RMSProp and Adam do not explode with ten times too much: what they divide by has the latest
# gradient in it, so no weight can move farther in a step than $\mathrm{lr}/\sqrt{1-\beta}$, which is $3.2\,\mathrm{lr}$ for $\beta = 0.9$.
#
# ## What is different in a GAN
#
# - **Less momentum.** Radford et al. (2016) use $\beta_1 = 0.5$ instead of Adam's usual 0.9, and so does this course. A player who goes on in yesterday's
#   direction, while the opponent has moved, overshoots: momentum makes a game oscillate (chapter 07).
# - **A learning rate that falls.** RMSProp hops around the bottom at a distance of about $\mathrm{lr}$, and in noise every rule does. So let
#   $\mathrm{lr}$ fall towards 0 at the end. The package's schedule `"linear"` keeps it for the first half of all steps and then lowers it
#   along a straight line.
# - **Two learning rates**, one for each player: chapter 04.
#
# The package's RMSProp is your function, except that it changes the arrays in place:

# %%
from scratchgan.kernels import updates

print(inspect.getsource(updates.rmsprop_update))

# %% [markdown]
# ## What can go wrong
#
# - **The mean of a batch, divided once more.** Adam hides it: a gradient that is 64 times too small gives the same steps. It comes out when
#   somebody changes to SGD.
# - **A fresh start.** Whoever loads weights, but not $m$, $v$ and $t$, goes on with other steps than before. Checkpoints of this package hold all three.
# - **$\varepsilon$ in the wrong place.** $\sqrt{v} + \varepsilon$ and $\sqrt{v + \varepsilon}$ differ greatly where $v$ is small: with $\varepsilon = 10^{-8}$ and $v = 0$, $10^{-8}$ against $10^{-4}$.
# - **"Adam needs no learning rate."** It needs one; it only forgives more.
#
# ## Sources
#
# Tieleman & Hinton 2012 for RMSProp. Kingma & Ba 2015 for Adam, algorithm 1. Sutskever et al. 2013 for momentum in deep learning. Radford et al. 2016 for
# $\beta_1 = 0.5$. `scratchgan/optim.py` has all of them, with (SGD.1), (RMSProp.1) and (Adam.1) as here.
