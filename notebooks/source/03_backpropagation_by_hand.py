# %% [markdown]
# # 03 · Backpropagation by hand
#
# *About 75 minutes. You need: chapter 02, matrices, the chain rule.*
#
# **Question.** How does a network learn, without a framework?
#
# A framework records what you compute and differentiates the record. Here there is no record: every layer says itself how
# its output moves when its input moves. That is a few lines for each kind of layer, and once they are written there is
# nothing left to believe.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLUE, ORANGE, figure

rng = np.random.default_rng(3)

# %% [markdown]
# ## What a gradient is
#
# Let $L$ be a number that a network computes. Write $dv = \partial L/\partial v$ for *any* array $v$ on the way, an array of
# the shape of $v$. It answers one question: if I change $v$ by a little $t v$, how does $L$ change?
#
# $$t L = \sum_i dv_i \; tv_i = \langle dv, tv \rangle .$$
#
# Two directions of thinking about the same layer $y = f(x)$:
#
# | | goes | question |
# |---|---|---|
# | **tangent** | forward | $x$ moves by $tx$: how does $y$ move? $\;ty = J\,tx$ |
# | **backward** | backward | $L$ depends on $y$ by $dy$: how does it depend on $x$? $\;dx = J^\top dy$ |
#
# They are adjoint to each other: $\langle dy, ty\rangle = \langle dy, J\,tx\rangle = \langle J^\top dy, tx\rangle = \langle dx, tx\rangle$.
# Both sides are the change of $L$. This identity is a test that needs no differences, and it derives the backward pass of
# every linear layer.

# %% [markdown]
# ## A dense layer
#
# $$y = xW + b, \qquad x\,(N, D_i),\quad W\,(D_i, D_o),\quad b\,(D_o,),\quad y\,(N, D_o). \qquad\text{(Dense.1)}$$
#
# Move everything a little: $ty = tx\,W + x\,tW + tb$. The change of $L$ is $\langle dy, ty\rangle$; collect what multiplies
# each of the three movements.
#
# - $\langle dy,\; tx\,W\rangle = \sum_{n,j} dy_{nj} \sum_i tx_{ni} W_{ij} = \sum_{n,i} tx_{ni} \sum_j dy_{nj} W_{ij}$, so
#   $dx = dy\,W^\top$ (Dense.2)
# - $\langle dy,\; x\,tW\rangle = \sum_{i,j} tW_{ij} \sum_n x_{ni}\, dy_{nj}$, so $dW = x^\top dy$ (Dense.3), *summed over the batch*,
#   because all samples use the same $W$
# - $\langle dy, tb\rangle = \sum_j tb_j \sum_n dy_{nj}$, so $db = \sum_n dy_n$ (Dense.4)
#
# There is no $1/N$ anywhere: losses average, layers only sum.

# %% [markdown]
# ## Predict
#
# $x$ is $(64, 100)$ and $W$ is $(100, 10)$. What are the shapes of $dx$, $dW$ and $db$? You can answer without any formula:
# a gradient has the shape of what it is the gradient of.

# %% [markdown]
# ### Exercises 03.dense_forward and 03.dense_backward

# %%
def dense_forward(x, W, b):
    """x (N, Di), W (Di, Do), b (Do,).  Returns y (N, Do)."""
    # BEGIN SOLUTION
    return x @ W + b
    # END SOLUTION


def dense_backward(dy, x, W):
    """dy (N, Do), x (N, Di), W (Di, Do).  Returns dx, dW, db."""
    # BEGIN SOLUTION
    return dy @ W.T, x.T @ dy, dy.sum(axis=0)
    # END SOLUTION


print(check("03.dense_forward", dense_forward))
check("03.dense_backward", dense_backward)

# %% [markdown]
# The package's layer is the same three lines, plus the names under which `families.Bilinear` finds them. From them it makes
# all four passes, for dense layers and convolutions alike.

# %%
from scratchgan.layers import Dense

print(inspect.getsource(Dense.apply), inspect.getsource(Dense.adjoint), inspect.getsource(Dense.weight_grad), sep="\n")

# %% [markdown]
# ## An activation
#
# LeakyReLU works number by number, $y = \max(x, s x)$ with a slope $0 \le s < 1$. A number that moves alone carries its
# derivative alone:
#
# $$dx = \phi'(x)\, dy, \qquad \phi'(x) = \begin{cases} 1 & x > 0\\ s & x \le 0.\end{cases}$$
#
# Note *where* the derivative is taken: at $x$, the input of the forward pass, which therefore has to be kept. At $x = 0$
# there is no derivative; the convention is $s$.

# %% [markdown]
# ### Exercise 03.leaky_relu_backward

# %%
def leaky_relu_backward(dy, x, slope):
    """dy and x of one shape, slope a number.  Returns dx."""
    # BEGIN SOLUTION
    return np.where(x > 0, dy, slope * dy)
    # END SOLUTION


check("03.leaky_relu_backward", leaky_relu_backward)

# %% [markdown]
# ## Layers one after another
#
# The chain rule needs no new formula: the $dx$ of a layer is the $dy$ of the layer before it. `Sequential` goes through its
# layers in reverse order.

# %%
from scratchgan.layers import Sequential

print(inspect.getsource(Sequential.backward))

# %% [markdown]
# Look at what is *not* in there. No layer remembers anything: what a pass needs later is in the `cache` that its own forward
# returned. A discriminator is shown a real batch and then a fake one before either is sent back; a layer that kept "its"
# input would have lost the first. (In one popular implementation it does, and $D$'s weight gradient is off by 90 %.) And
# gradients *add up* in `layer.grads`: that is how the gradient of real plus fake comes out.

# %% [markdown]
# ## Is it right? Differences
#
# $$\frac{L(v + h e_i) - L(v - h e_i)}{2h} = \frac{\partial L}{\partial v_i} + \frac{h^2}{6} L''' + \dots$$
#
# A *central* difference is wrong by the order of $h^2$; a one-sided one by $h$. So make $h$ tiny? No: $L$ itself is only known
# up to rounding, about $\varepsilon |L|$, and that is divided by $2h$.

# %% [markdown]
# ### Exercise 03.central_difference

# %%
def central_difference(f, x, h):
    """f: array (n,) -> number; x (n,); h the step.  Returns the gradient (n,)."""
    # BEGIN SOLUTION
    gradient = np.zeros_like(x)
    for i in range(len(x)):
        step = np.zeros_like(x)
        step[i] = h
        gradient[i] = (f(x + step) - f(x - step)) / (2 * h)
    return gradient
    # END SOLUTION


check("03.central_difference", central_difference)

# %% [markdown]
# Which $h$ is best, and why is everything checked in float64? One picture answers both.

# %%
steps = np.logspace(-14, 0, 57)
point, exact = 0.7, np.cos(0.7)
fig = figure(7, 3.6)
axes = fig.subplots()
for dtype, colour in ((np.float64, BLUE), (np.float32, ORANGE)):
    x = dtype(point)
    central = [abs((np.sin(x + dtype(h)) - np.sin(x - dtype(h))) / dtype(2 * h) - exact) + 1e-17 for h in steps]
    one_sided = [abs((np.sin(x + dtype(h)) - np.sin(x)) / dtype(h) - exact) + 1e-17 for h in steps]
    axes.loglog(steps, central, color=colour, label=f"central, {dtype.__name__}")
    axes.loglog(steps, one_sided, color=colour, linestyle=":", label=f"one-sided, {dtype.__name__}")
    print(f"{dtype.__name__}: smallest error {min(central):.0e} at h = {steps[np.argmin(central)]:.0e}")
axes.axvline(1e-5, color="gray", linewidth=1)
axes.set(xlabel="h", ylabel="error of the derivative of sin at 0.7", ylim=(1e-13, 3),
         title="Large h: the curve bends.  Small h: rounding.  1e-5 sits in the valley")
axes.legend(fontsize=8)
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# In float32 the bottom of the valley is about six orders of magnitude higher, and somewhere else: too high
# to tell a wrong derivative from rounding. So the checker converts everything to float64 first.
#
# ## The checker
#
# `gradcheck.check` does this for every parameter and the input of any layer or net, and more: it replaces all parameters
# by random ones (a BatchNorm with $\gamma = 1$, $\beta = 0$ hides mistakes), stays away from kinks (a difference across the
# corner of a ReLU is no derivative), and checks the tangent passes as well.

# %%
from scratchgan.gradcheck import check as gradcheck
from scratchgan.layers import LeakyReLU

net = Sequential([Dense(4, 5, rng=rng), LeakyReLU(0.2), Dense(5, 1, rng=rng)])
report = gradcheck(net, rng.standard_normal((3, 4)))
print(f"{len(report.rows)} derivatives, largest error {report.max_error:.1e}, ok: {report.ok}")

# %% [markdown]
# And does it notice a mistake? Here is a dense layer whose weight gradient is divided by $N$, as if a loss were hidden in it.
# Predict which rows of the report will be wrong before you run the cell.

# %%
class Averaging(Dense):
    def weight_grad(self, x, dy):
        return super().weight_grad(x, dy) / len(x)


report = gradcheck(Averaging(4, 3, rng=rng), rng.standard_normal((5, 4)))
for row in report.rows:
    print(f"{row.step:<36}{row.array:<10}{row.error:>10.1e}   {'' if row.error < 1e-7 else 'WRONG'}")

# %% [markdown]
# ## Four passes
#
# The rows say `backward`, `tangent`, `tangent_backward`, `adjoint`. The last pass is new: how does the *gradient* move when
# the input moves? Put a dot on every line of backward and apply the product rule. For the dense layer,
#
# $$t(dx) = t(dy)\,W^\top + dy\,tW^\top, \qquad t(dW) = tx^\top dy + x^\top\,t(dy).$$
#
# That is a second derivative, and it will make gradient penalties possible in chapter 08. No more theory is needed for it
# than the product rule.
#
# ## What can go wrong
#
# - **"It learns, so the gradient is right."** A gradient with one term missing often still goes downhill, only worse. Many
#   a wrong GAN learns something (chapter 13).
# - **A check at one entry, in float32, with a tolerance of 1e-2** passes many wrong layers.
# - **"Why does an output depend on its batch-mates?"** Because of BatchNorm: chapter 05.
#
# ## Sources
#
# Goodfellow, Bengio & Courville 2016, *Deep learning*, section 6.5. `scratchgan/families.py` writes the four passes once for
# every kind of layer; `scratchgan/gradcheck/` is the checker.
