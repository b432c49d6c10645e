# %% [markdown]
# # 05b · BatchNorm and the DCGAN: what does a layer do that looks at the whole batch?
#
# *About 50 minutes. You need: [chapter 05](05_convolutions_by_hand.ipynb).*
#
# **Question.** What keeps the numbers inside a deep net in range, what is its derivative, and what does it do to a GAN?
#
# BatchNorm's backward pass is easy to get wrong, so it is derived line by line. Then both players make digits of 28 x 28
# pixels, and you walk through the space that they come from.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.data import BatchStream, load
from scratchgan.exercises import check, solved
from scratchgan.initializers import normal
from scratchgan.layers import BatchNorm, Dense, LeakyReLU, Residual, Sequential
from scratchgan.models import dcgan
from scratchgan.plots import BLUE, GREEN, GREY, ORANGE, VERMILLION, animation_html, figure, image_grid

rng = np.random.default_rng(5)

# %% [markdown]
# ## Predict
#
# Write your answers down.
#
# 1. $D$ has BatchNorm, and is in training mode. You show it the same image twice, among different other images. Does it
#    say the same?
# 2. All numbers in front of a BatchNorm are multiplied by 10, and 5 is added. How much larger does the loss's gradient
#    with respect to them get: ten times, not at all, a tenth?
# 3. A trained $G$ gets the code half-way between two codes. What does it draw: both digits on top of each other, a blur,
#    a digit?
#
# ## Numbers that shrink
#
# A dense layer of 128 units with weights from $\mathcal N(0, 0.02^2)$, as a DCGAN has them at first, adds up 128 products,
# each about 0.02 times as large as its input: the sum is about $0.02\sqrt{128} = 0.23$ times as large. (Independent terms
# add up like the root of their number.) A rectifier takes another part away. Six such layers in a row:

# %%
x = rng.standard_normal((64, 128)).astype(np.float32)


def sizes(block):
    """The standard deviation behind each of six blocks, on top of each other."""
    found, y = [], x
    for _ in range(6):
        y = block().forward(y, train=True)[0]
        found.append(float(y.std()))
    return found


dense = lambda: Dense(128, 128, bias=False, init=normal(0.02), rng=rng)
plain = sizes(lambda: Sequential([dense(), LeakyReLU(0.2)]))
normed = sizes(lambda: Sequential([dense(), BatchNorm(128), LeakyReLU(0.2)]))
print("plain:         ", "   ".join(f"{v:.1e}" for v in plain))
print("with BatchNorm:", "   ".join(f"{v:.1e}" for v in normed))

# %% [markdown]
# Behind six plain layers hardly anything is left of the input, and as little of the gradient on its way back. One could
# choose each layer's weights with care. Or one can bring the numbers back to size, whatever the weights are.
#
# ## BatchNorm
#
# Four samples, one channel: $1, 3, 5, 7$. Their mean is 4. Without it they are $-3, -1, 1, 3$. The mean of the squares of
# these, the variance, is $(9 + 1 + 1 + 9)/4 = 5$. Divided by its root: $-1.34, -0.45, 0.45, 1.34$, with mean 0 and variance
# 1. That is all that **BatchNorm** does, for each channel by itself, over the batch *and all positions*; and it lets the
# net choose another mean $\beta$ and another spread $\gamma$ if it wants them. Write $m(v)$ for the mean of $v$, a number
# for each channel. With $x_c = x - m(x)$ and $r = 1/\sqrt{m(x_c^2) + \varepsilon}$ (a small $\varepsilon$, so that a channel
# of equal numbers does not divide by 0),
#
# $$\hat x = r\,x_c \quad\text{(Norm.1)}, \qquad y = \gamma\,\hat x + \beta \quad\text{(Norm.2)} .$$
#
# Why does it help? Its authors' reason was that with every step of training, what a layer puts out changes its mean and
# its size, and every layer behind it has to follow ("internal covariate shift", Ioffe & Szegedy 2015). Others have since
# found that not to be it (Santurkar et al. 2018 put the shift back in behind the BatchNorm, and training was still
# better), and hold that the loss becomes smoother. That it helps nobody disputes; why is still discussed.

# %% [markdown]
# ### Exercise 05b.batchnorm_forward
# For images. Which axes does the mean run over?

# %%
def batchnorm_forward(x, gamma, beta, eps):
    """x (N, H, W, J), J channels; gamma, beta (J,); eps a number.  Returns y, of the shape of x.

    >>> four = np.array([1.0, 3, 5, 7]).reshape(2, 2, 1, 1)
    >>> batchnorm_forward(four, np.array([2.0]), np.array([10.0]), 0.0).ravel().round(2).tolist()
    [7.32, 9.11, 10.89, 12.68]
    """
    # BEGIN SOLUTION
    xc = x - x.mean(axis=(0, 1, 2))
    return gamma * xc / np.sqrt((xc**2).mean(axis=(0, 1, 2)) + eps) + beta
    # END SOLUTION


check("05b.batchnorm_forward", batchnorm_forward)

# %% [markdown]
# ## Its derivative, in full
#
# Let $x$ move by $tx$. Three things move.
#
# **The mean.** $x_c$ moves by $tx - m(tx)$.
#
# **The variance.** $m(x_c^2)$ moves by
# $2\,m\big(x_c\,(tx - m(tx))\big) = 2\,m(x_c\,tx) - 2\,m(x_c)\,m(tx) = 2\,m(x_c\,tx)$, because $m(x_c) = 0$.
#
# **The factor.** $r = (\dots)^{-1/2}$, so $tr = -\tfrac12 (\dots)^{-3/2} \cdot 2\,m(x_c\,tx)$, and with
# $\hat x = r\,x_c$
#
# $$tr = -r^3\,m(x_c\,tx) = -r^2\,m(\hat x\,tx) . \qquad\text{(Norm.3)}$$
#
# Together, by the product rule on $\hat x = r\,x_c$, and because
# $tr\,x_c = -r^2\,m(\hat x\,tx)\,x_c = -r\,m(\hat x\,tx)\,\hat x$:
#
# $$t\hat x = r\,\big(tx - m(tx)\big) + tr\,x_c = P\,tx, \qquad P\,v = r\,\big(v - m(v) - \hat x\,m(\hat x\,v)\big) .
#   \qquad\text{(Norm.4)}$$
#
# Now backwards. With $g = \gamma\,dy$, the loss moves by $\langle g, P\,tx\rangle$, so $dx = P^\top g$. Each of the
# three parts of $P$ is symmetric. For the second, with $M$ entries a channel,
# $\langle g, m(v)\rangle = M\,m(g)\,m(v) = \langle m(g), v\rangle$. For the third,
# $\langle g, \hat x\,m(\hat x v)\rangle = M\,m(\hat x g)\,m(\hat x v) = \langle \hat x\,m(\hat x g), v\rangle$. Hence
# $P^\top = P$:
#
# $$dx = r\,\big(g - m(g) - \hat x\,m(\hat x\,g)\big), \quad g = \gamma\,dy, \qquad d\gamma = \sum dy\,\hat x, \qquad
#   d\beta = \sum dy . \qquad\text{(Norm.5)}$$
#
# ### Exercise 05b.batchnorm_backward

# %%
def batchnorm_backward(dy, xhat, gamma, r):
    """dy, xhat (N, J); gamma, r (J,).  Returns dx (N, J), dgamma (J,), dbeta (J,).

    >>> dy, xhat = np.array([[4.0], [0], [0], [0]]), np.array([[-1.0], [-1], [1], [1]])
    >>> dx, dgamma, dbeta = batchnorm_backward(dy, xhat, np.array([2.0]), np.array([0.5]))
    >>> dx.ravel().tolist(), dgamma.tolist(), dbeta.tolist()
    ([2.0, -2.0, 0.0, 0.0], [-4.0], [4.0])
    """
    # BEGIN SOLUTION
    g = gamma * dy
    dx = r * (g - g.mean(axis=0) - xhat * (xhat * g).mean(axis=0))
    return dx, (dy * xhat).sum(axis=0), dy.sum(axis=0)
    # END SOLUTION


check("05b.batchnorm_backward", batchnorm_backward)

# %% [markdown]
# The package's version serves every normalisation: they differ only in which entries $m$ is taken over. This is $P$:

# %%
from scratchgan.layers.norm import Normalisation

print(inspect.getsource(Normalisation.project))

# %% [markdown]
# What if mean and variance are taken for constants, $dx = r\,g$? The net still runs, and the shapes fit. Compare both
# with central differences. The first row is your function.

# %%
layer = BatchNorm(3, dtype=np.float64)
layer.params["gamma"][...] = 1.5, 0.7, 2.0
points, target = rng.standard_normal((8, 3)) * 3 + 1, rng.standard_normal((8, 3))
loss = lambda x: float(np.sum((layer.forward(x, train=True)[0] - target)**2))
y, cache = layer.forward(points, train=True)
dy = 2 * (y - target)
by_differences = np.array([(loss(points + 1e-5 * one) - loss(points - 1e-5 * one)) / 2e-5
                           for one in np.eye(24).reshape(24, 8, 3)]).reshape(8, 3)
backward = solved("05b.batchnorm_backward")
by_hand = backward(dy, cache.xhat, layer.params["gamma"], cache.r)[0]
constants = cache.r * layer.params["gamma"] * dy
scale = np.abs(by_differences).max()
print("largest error, as a share of the largest gradient:")
for name, dx in (("(Norm.5)", by_hand), ("taken for constants", constants)):
    print(f"  {name:<22}{np.abs(dx - by_differences).max() / scale:.1e}")
print("sum of dx in each channel:       ", by_hand.sum(axis=0).round(6) + 0)
print("sum of dx times xhat, likewise:  ", (by_hand * cache.xhat).sum(axis=0).round(4) + 0)

# %% [markdown]
# **Read it.** The two subtracted terms take out of $g$ whatever is constant over the batch, and whatever goes along
# with $\hat x$: the two sums above are 0 (the second one but for $\varepsilon$). They must be: adding a constant to a
# channel of $x$ does not change $\hat x$, and neither does stretching it. A loss cannot depend on what cannot be seen
# behind the layer.
#
# ### Exercise 05b.after_stretching
# Stretching does not change the loss. Does it change the loss's *gradient*? Each channel of $x$ is replaced by $a x + b$,
# with $a > 0$ (take $\varepsilon = 0$). The loss is the same number, $L(a x + b) = L(x)$, for every $x$. At $x$ the
# gradient was $dx$. What is it at $a x + b$?

# %%
def after_stretching(dx, a, b):
    """dx (N, J), the gradient at x; a, b (J,).  Returns the gradient at a x + b, (N, J).

    >>> after_stretching(np.array([[6.0], [-6.0]]), np.array([3.0]), np.array([100.0])).tolist()
    [[2.0], [-2.0]]
    """
    # BEGIN SOLUTION
    return dx / a
    # END SOLUTION


check("05b.after_stretching", after_stretching)

# %%
stretched, its_cache = layer.forward(10 * points + 5, train=True)
its_dx = layer.backward(2 * (stretched - target), its_cache)
print(f"loss at x: {loss(points):.6f}   at 10 x + 5: {loss(10 * points + 5):.6f}")
print(f"gradient at x, over that at 10 x + 5: {np.linalg.norm(by_hand) / np.linalg.norm(its_dx):.3f}")

# %% [markdown]
# The answer to prediction 2 is a tenth, with the same loss (but for $\varepsilon$). (In (Norm.5), $r$ is a tenth, and $\hat x$ and $g$ are what they were.) It has a
# consequence: weights in front of a BatchNorm that have grown ten times as large feel a tenth of the gradient, so for
# plain gradient descent a hundredth of the relative step. They cannot blow up, but they learn ever more slowly.
#
# ## "Why does an output depend on its batch-mates?"
#
# Because $m(x)$ and $r$ are made of them. The same digit, among 200 different sets of 15 others, through a fresh DCGAN
# discriminator. (DCGAN is the GAN with convolutions of chapter 05. $C(x)$ is $D$'s logit.)

# %%
digits = load("mnist-5k")
STEPS = 800
gan = dcgan(image_size=28, channels=1, latent_dim=64, width=16, dense=128, ema_decay=0.99, lr_g=1e-3, lr_d=1e-3,
            lr_schedule="linear", total_steps=STEPS, seed=0)
one = digits.images[:1]
logits = {True: [], False: []}
batches = [np.concatenate([one, digits.images[rng.choice(len(digits.images), 15, replace=False)]]) for _ in range(200)]
for mode in (True, False):                                     # training first: it gathers the running statistics
    for batch in batches:
        logits[mode].append(float(gan.D.forward(batch, train=mode)[0][0, 0]))
print(f"standard deviation of C(x) over the batches: training {np.std(logits[True]):.1e}, "
      f"evaluation {np.std(logits[False]):.1e}")

# %% draw
# alt: Histogram of the logit of one digit over 200 batches.  In training mode the answers spread widely, in a heap; in
#   evaluation mode a single vertical line, the same answer for all.
fig = figure(7.5, 3.4)
axes = fig.subplots()
axes.hist(logits[True], bins=25, color=BLUE, alpha=0.7, label="training: this batch's mean and variance")
axes.axvline(logits[False][0], color=ORANGE, linewidth=3, label="evaluation: running ones, the same answer for all")
axes.set(xlabel="C(x), the logit of one and the same digit", ylabel="how often, of 200 batches",
         title="In training an answer depends on who else is in the batch")
axes.legend(fontsize=9, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
fig.tight_layout()
fig

# %% [markdown]
# That answers prediction 1: no. The other direction is the gradient. In training, the loss of *one* image reaches *all*
# images of its batch, through $m(g)$ and $m(\hat x g)$. In evaluation mode, it does not:

# %%
batch = digits.images[:6]
reach = {}
for mode in (True, False):
    y, cache = gan.D.forward(batch, train=mode)
    only_the_first = np.zeros_like(y)
    only_the_first[0] = 1
    dx = gan.D.backward(only_the_first, cache, param_grads=False)
    lengths = np.sqrt((dx**2).sum(axis=(1, 2, 3)))
    reach[mode] = lengths / lengths[0]
    print(f"{'training' if mode else 'evaluation':<12}|dL/dx| of each image, over the first's:", reach[mode].round(3))

# %% [markdown]
# ## Two modes, two derivatives
#
# Evaluation uses running means of both, gathered while training. With a share $\mu$ of the new one (0.1 here) and $M$
# entries a channel, each training step does
#
# $$\text{mean} \leftarrow (1-\mu)\,\text{mean} + \mu\,m(x), \qquad
#   \text{var} \leftarrow (1-\mu)\,\text{var} + \mu\,\tfrac{M}{M-1}\,m(x_c^2) , \qquad\text{(BatchNorm.2)}$$
#
# (with $M/(M-1)$, because the mean of a batch lies in the middle of *this* batch, so that distances from it come out a
# little too small), and evaluation takes them for $m(x)$ and $m(x_c^2)$:
#
# $$\hat x = (x - \text{mean}) \,/ \sqrt{\text{var} + \varepsilon} . \qquad\text{(BatchNorm.3)}$$
#
# They are constants there: they do not move with $x$. That is another function, with another gradient.
#
# ### Exercise 05b.evaluation_backward
# Which terms of (Norm.5) are left?

# %%
def evaluation_backward(dy, x, gamma, mean, var, eps):
    """dy, x (N, J); gamma (J,); the running mean and var (J,).  Returns dx (N, J), dgamma (J,), dbeta (J,).

    >>> one = np.ones(1)
    >>> dx, dgamma, dbeta = evaluation_backward(np.ones((1, 1)), 7 * np.ones((1, 1)), 3 * one, one, 4 * one, 0.0)
    >>> float(dx[0, 0]), float(dgamma[0]), float(dbeta[0])
    (1.5, 3.0, 1.0)
    """
    # BEGIN SOLUTION
    r = 1 / np.sqrt(var + eps)
    return gamma * r * dy, (dy * (x - mean) * r).sum(axis=0), dy.sum(axis=0)
    # END SOLUTION


check("05b.evaluation_backward", evaluation_backward)

# %% [markdown]
# So $dx = r\,g$ is right in its place, and a classic mistake in the other. A layer must remember, for each call, in which
# mode it ran. That is what the `cache` is for.
#
# **A batch of one.** A channel with one number has variance 0, and nothing to be compared with: the layer refuses. But an
# image has many positions, and the statistics run over those as well:

# %%
three = BatchNorm(3, dtype=np.float64)
image, row = 5 * rng.standard_normal((1, 7, 7, 3)), rng.standard_normal((1, 3))
print(f"one image of 7 x 7: standard deviation {image.std():.4f} before, {three.forward(image, train=True)[0].std():.4f} after")
try:
    three.forward(row, train=True)
except ValueError as error:
    print("one row of 3 numbers:", error)

# %% [markdown]
# **And in $D$?** Real samples and fakes go through as two batches, each normalised by its own statistics. What all
# fakes of a batch have in common in a channel's mean and size is subtracted and divided out before the next layer sees
# it. It is also why a gradient penalty, which is about *one* sample's slope, has no meaning with BatchNorm in $D$
# (chapter 08).
#
# ## When nets get deeper: residual blocks
#
# BatchNorm is one way to keep signals alive. Another is the **residual block** (He et al. 2016), which you will meet in
# chapter 10 and in most large GANs since: lead $x$ around a few layers, the *branch* $f$, and add it again,
#
# $$y = x + f(x) \quad\text{(Residual.1)}, \qquad dx = dy + f'(x)^\top dy \quad\text{(Residual.2)} .$$
#
# The backward pass is one line of chapter 03: $x$ is used twice, so its two gradients add up. The first term is $dy$
# itself, through no weight at all. However small the branch's weights are, the gradient arrives; at first each block
# does almost nothing, and learns what to add. Twelve layers deep, with the same small weights as above:

# %%
gradient = {}
for name, block in (("plain", lambda: Sequential([dense(), LeakyReLU(0.2)])),
                    ("residual", lambda: Residual(Sequential([dense(), LeakyReLU(0.2)])))):
    deep = Sequential([block() for _ in range(12)])
    y, cache = deep.forward(x, train=True)
    gradient[name] = float(np.linalg.norm(deep.backward(np.ones_like(y), cache)) / np.linalg.norm(np.ones_like(y)))
    print(f"{name:<10}|dx| / |dy| through twelve blocks: {gradient[name]:.1e}")

# %% [markdown]
# ## A DCGAN on digits
#
# Everything is there. $G$ and $D$ on 28 x 28 pixels, narrow ones, so that they train in less than a minute:

# %%
print(gan.G, gan.D, sep="\n")

# %%
stream = BatchStream(digits, 32, rng=np.random.default_rng(0))
rows, names = [digits.images[::420][:12]], ["real"]
for step in range(STEPS + 1):
    if step in (0, 200, 400, STEPS):
        rows.append(gan.sample(12, seed=3))
        names.append(f"{step:,}")
    if step < STEPS:
        gan.train_step(stream.next())
contrast = {name: float(np.mean(row.std(axis=(1, 2, 3)))) for name, row in zip(names, rows, strict=True)}
print("standard deviation of the pixels of an image:", "   ".join(f"{n}: {c:.2f}" for n, c in contrast.items()))

# %% draw
# alt: Five rows of twelve grey digits of 28 x 28 pixels.  The first row is real.  Below, twelve codes after 0, 200, 400
#   and 800 steps: flat grey, a grey texture, strokes, and shapes of which many can be read as digits.
grid = image_grid(np.concatenate(rows), columns=12)
fig = figure(9, 4.2)
axes = fig.subplots()
axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)))
side = grid.shape[0] / len(rows)
axes.set_yticks(side / 2 + side * np.arange(len(rows)), names)
axes.set(xticks=[], xlabel="the same twelve codes z in every row but the first", ylabel="training steps",
         title="From grey to strokes to digits: each column is one code")
fig.tight_layout()
fig

# %% [markdown]
# (The samples come from the moving average of $G$'s weights, which lags behind by some hundred steps.) Some of them are no
# digits: eight hundred steps with 32 images each are few. What matters here: every number in these
# pictures came through the passes derived in this notebook and the last.
#
# ## Walking through the space of codes
#
# $G$ is defined for *every* $z$, not only for those it was trained on. What lies between two digits? Two ways lead from
# $z_0$ to $z_1$. With the share $a$ of the way, from 0 to 1, they are the straight line and the great circle:
#
# $$z(a) = (1-a)\,z_0 + a\,z_1 \quad\text{(Latent.1)}, \qquad
#   z(a) = \ell(a)\,\frac{\sin((1-a)\omega)\,\frac{z_0}{|z_0|} + \sin(a\omega)\,\frac{z_1}{|z_1|}}{\sin\omega}
#   \quad\text{(Latent.2)},$$
#
# with the angle $\omega$ between them and $\ell(a) = (1-a)|z_0| + a|z_1|$. They differ in length. The great circle's is
# $\ell(a)$, between the lengths of the two ends. For the straight line, and independent $z_0, z_1 \sim \mathcal N(0, I)$
# of $K$ numbers each, $\mathbb E\,\langle z_0, z_1\rangle = 0$, so
#
# $$\mathbb E\,|z(a)|^2
#   = (1-a)^2\,\mathbb E|z_0|^2 + a^2\,\mathbb E|z_1|^2 = \big((1-a)^2 + a^2\big)\,K , \qquad\text{(Latent.3)}$$
#
# half of $K$ in the middle. Noise of many numbers hardly ever has such a small norm: with $K = 64$ its norm is $8 \pm 0.7$,
# and half-way it is $8/\sqrt 2 = 5.7$. There $G$ was hardly ever trained. Left the straight line, right the great circle,
# and below both lengths:

# %%
from scratchgan.plots import interpolation

# alt: Five pairs of codes, nine pictures for each from one digit to the other: left on the straight line, right on the
#   great circle.  Below, the length of z against t: red curves sag to about 70 per cent in the middle, below the grey band
#   that holds 99 per cent of the noise; blue ones run straight from end to end, within the band.
interpolation(gan, pairs=5, steps=9, seed=4)

# %% [markdown]
# To the eye the left side is hardly worse than the right. So measure it, on 300 pairs. The contrast is the standard
# deviation of an image's pixels.

# %%
from scratchgan.plots import interpolate_latent

z0, z1 = np.random.default_rng(12).standard_normal((2, 300, 64)).astype(np.float32)
norm, ink, walks = {}, {}, {}
for kind in ("linear", "spherical"):
    path = interpolate_latent(z0, z1, 9, kind)
    walks[kind] = gan.generate(path.reshape(-1, 64)).reshape(300, 9, 784)
    norm[kind], ink[kind] = np.linalg.norm(path, axis=2).mean(axis=0), walks[kind].std(axis=2).mean(axis=0)
    print(f"{kind:<10} in the middle, over the ends: |z| {2 * norm[kind][4] / (norm[kind][0] + norm[kind][8]):.2f}, "
          f"contrast {2 * ink[kind][4] / (ink[kind][0] + ink[kind][8]):.3f}")

# %% draw
# alt: Two panels over the share a of the way.  Left the mean length of z: the straight line sags from 8 to 5.7 in the
#   middle, as the dotted root of (Latent.3) does; the great circle is level at 8.  Right the contrast of the pictures: the
#   straight line dips in the middle, the great circle is level, near the dashed line of the real digits.
fig = figure(9.5, 3.6)
left, right = fig.subplots(1, 2)
share = np.linspace(0, 1, 9)
for kind, colour, marker in (("linear", VERMILLION, "o"), ("spherical", BLUE, "s")):
    label = {"linear": "straight line", "spherical": "great circle"}[kind]
    left.plot(share, norm[kind], color=colour, marker=marker, label=label)
    right.plot(share, ink[kind], color=colour, marker=marker, label=label)
left.plot(share, np.sqrt(((1 - share)**2 + share**2) * 64), color=GREY, linestyle=":", label="root of (Latent.3)")
left.set(xlabel="a, share of the way", ylabel="|z(a)|, mean of 300 pairs", ylim=(0, 9.5),
         title="The straight line leaves the shell of noise")
right.axhline(digits.images.reshape(-1, 784).std(axis=1).mean(), color=GREEN, linestyle="--", label="real digits")
right.set(xlabel="a, share of the way", ylabel="contrast of the image", title="There the pictures are a little paler")
for axes in (left, right):
    axes.legend(fontsize=9)
    axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# In this run the straight line loses less than a fifth of the contrast, and the great circle next to nothing. With 64
# numbers in a code the effect is mild.
#
# **Change a knob, predict first.** Half-way on the straight line, codes are 0.7 times as long. What does $G$ draw if they
# are half as long, or not there at all, or twice as long? Say for each of the four rows which has the more contrast and
# which has the more different pictures; then try other lengths.

# %%
LENGTHS = (0.0, 0.5, 1.0, 2.0)                                # change these: noise is multiplied by them
noise = np.random.default_rng(3).standard_normal((300, 64)).astype(np.float32)
stretches = {length: gan.generate(np.float32(length) * noise) for length in LENGTHS}
for length, images in stretches.items():
    print(f"{length:>4} times as long: contrast {images.std(axis=(1, 2, 3)).mean():.2f}, "
          f"difference between images {images.std(axis=0).mean():.2f}")

# %% draw
# alt: Four rows of twelve pictures, codes of 0, 0.5, 1 and 2 times their length.  With 0 all twelve are the same, without
#   strokes; with 0.5 they are alike and pale; with 1 and 2 they are bright and differ.
grid = image_grid(np.concatenate([images[:12] for images in stretches.values()]), columns=12)
fig = figure(9, 3.6)
axes = fig.subplots()
axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)))
side = grid.shape[0] / len(LENGTHS)
axes.set_yticks(side / 2 + side * np.arange(len(LENGTHS)), LENGTHS)
axes.set(xticks=[], xlabel="the same twelve directions in every row", ylabel="times its length",
         title="The shorter the codes, the paler the pictures; at length 0 all are the same")
fig.tight_layout()
fig

# %% [markdown]
# With $z = 0$ all pictures are the same, of course. Shorter codes give paler pictures that differ less; from the usual
# length on, there is hardly a change. Large GANs use this on purpose: they shorten their codes, and get fewer kinds of
# pictures, each of them more typical (the "truncation trick" of Brock et al. 2019).
#
# ## Has it learned digits by heart?
#
# One often reads that a smooth walk shows that $G$ did not learn its images by heart. Careful: $G$ is a continuous
# function, so there can be no jumps, whatever it learned; and a cross-fade between two memorised images is as smooth as
# can be. Two things can be seen, though. Are there *sharp* transitions, where most of the change happens in one step?
# And does the middle of a walk look like a digit, or like two digits on top of each other? Pixels of real digits are
# black or white, mostly; in a cross-fade many are grey.

# %%
circle = walks["spherical"]
steps = np.linalg.norm(np.diff(circle, axis=1), axis=2)
largest = (steps.max(axis=1) / steps.sum(axis=1)).mean()
print(f"of a walk of eight steps, the largest step is {largest:.0%} of the way (even steps: {1 / 8:.1%}, a jump: 100 %)")
fade = (circle[:, :1] + circle[:, -1:]) / 2
grey = {name: float((np.abs(images) < 0.5).mean()) for name, images in
        (("real digits", digits.images), ("ends of a walk", circle[:, [0, 8]]), ("middle of a walk", circle[:, 4]),
         ("cross-fade of the ends", fade))}
for name, part in grey.items():
    print(f"  {name:<24}{part:.1%} of the pixels are grey (between -0.5 and 0.5)")

# %% draw
# alt: Three pairs of rows of nine pictures.  In the upper row of each pair the first digit fades out while the last fades
#   in, and in the middle both are there, grey.  In the lower row strokes bend and move, black and white throughout.
weights = np.linspace(0, 1, 9)[:, None]
both = np.concatenate([np.concatenate([(1 - weights) * circle[i, 0] + weights * circle[i, 8], circle[i]]) for i in (1, 4, 5)])
grid = image_grid(both.reshape(-1, 28, 28, 1), columns=9)
fig = figure(8, 5.6)
axes = fig.subplots()
axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)))
side = grid.shape[0] / 6
axes.set_yticks(side / 2 + side * np.arange(6), ["cross-fade", "walk"] * 3)
axes.set(xticks=[], xlabel="from the first code to the second, great circle",
         title="Half-way, a cross-fade has two grey ghosts; a walk has strokes")
fig.tight_layout()
fig

# %% [markdown]
# So this $G$ draws strokes between its digits, and not two ghosts: that answers prediction 3. (Not all of them are digits.)
# It is a hint that it has learned how strokes go. It is no proof that nothing was copied: that takes a comparison with the
# training images, which chapter 12 makes.
#
# The same as a film, along great circles through three codes and back to the start. Press play, or move the slider.

# %%
corners = np.random.default_rng(11).standard_normal((3, 8, 64)).astype(np.float32)       # three codes for 8 walkers
walk = np.concatenate([interpolate_latent(corners[i], corners[(i + 1) % 3], 7)[:, :6] for i in range(3)], axis=1)
frames = []
for moment in range(18):
    picture = image_grid(gan.generate(walk[:, moment]), columns=8)
    picture = np.broadcast_to(picture, (*picture.shape[:2], 3))
    frames.append(np.kron(picture, np.ones((3, 3, 1), np.uint8)))
animation_html(frames, [f"leg {moment // 6 + 1} of 3, a = {moment % 6 / 6:.2f}" for moment in range(18)], interval=300,
               label="Eight walks along great circles between three codes")

# %% [markdown]
# ## What can go wrong
#
# - **"Why does an output depend on its batch-mates?"** BatchNorm in training mode. Draw samples in evaluation mode, as
#   `gan.sample` does.
# - **Forward in one mode, backward with the other's formula.** You saw the size of the error above. The gradient
#   checker finds it, if $\gamma \ne 1$ and $\beta \ne 0$: it draws them at random for that reason.
# - **A batch of one** stops at a dense layer's BatchNorm, and a small one is noisy. With images it runs, and each image is
#   normalised by itself.
# - **A bias before a BatchNorm** does nothing: $m(x)$ takes it out again. Look at the printed nets: `bias=False`.
# - **"$G$ is good in training and bad in evaluation."** The running statistics are still those of long ago: too few steps,
#   or a share $\mu$ that is too small.
# - **Interpolating straight, then blaming $G$** for pale pictures in the middle: they come from codes that it hardly
#   ever saw.
#
# ## Sources
#
# Ioffe & Szegedy 2015, *Batch normalization*. Santurkar, Tsipras, Ilyas & Madry 2018, *How does batch normalization help
# optimization?* Radford, Metz & Chintala 2016 for the DCGAN. He, Zhang, Ren & Sun 2016, *Deep residual learning for image
# recognition*. White 2016, *Sampling generative networks*, for great circles. Brock, Donahue & Simonyan 2019, *Large scale
# GAN training for high fidelity natural image synthesis*. The code is in `scratchgan/layers/norm.py`,
# `scratchgan/layers/combine.py` and `scratchgan/models/dcgan.py`.
