# %% [markdown]
# # 09 · Conditional GANs: how do I ask for a seven?
#
# *About 85 minutes, in two sittings: a good place to stop is marked. With pencil and paper, plan more. You need:
# chapters 01 to 04, and one idea each of 05 (features of an image) and 08 (that a distance of distributions is a
# number). Softmax is derived here.*
#
# The generator of chapter 00 draws digits, but it draws what it likes. You can throw noise at it until a seven comes
# out. That is not asking.
#
# **Question.** Who must be told what, so that a generator does what it is asked to?
#
# There are three answers in use for data with labels: put the label *beside* the features, make it a *direction*
# among them, or let $D$ *guess* it. A fourth, InfoGAN, has no labels at all. All four are a few lines on top of the
# game that you know.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLUE, FAKE, GREEN, GREY, ORANGE, figure, image_grid

# %% [markdown]
# ## One game for each label
#
# Let $l$ be a label, one of $0, \dots, K-1$, and $\pi_l$ its share in the data. Real samples with the label $l$ have
# the density $p(x|l)$. Both players are told a label: $G(z|l)$ makes a fake, of density $q(x|l)$, and $D(x|l)$ is the
# probability that $x$ is real, *given that a sample with the label $l$ was asked for*:
#
# $$\min_G \max_D \; \mathbb E_{x,l}\big[\log D(x|l)\big] + \mathbb E_{z,l}\big[\log(1 - D(G(z|l)\,|\,l))\big].
#   \qquad\text{(Conditional.1)}$$
#
# In a step of training the real samples come with their own labels, and the fakes are made for the same labels. So
# $\pi_l$ is the same on both sides, and the value of the game is a sum over labels:
#
# $$V = \sum_l \pi_l \int \big[\,p(x|l) \log D(x|l) + q(x|l) \log(1 - D(x|l))\,\big]\,dx .$$
#
# $D$ may be chosen freely at each *pair* $(x, l)$. Chapter 02 maximised a weighted sum of $\log D$ and $\log (1-D)$:
# the best $D$ is the first weight, divided by the sum of both. Here the weights are $\pi_l\, p(x|l)$ and $\pi_l\,
# q(x|l)$, and $\pi_l$ cancels:
#
# $$D^*(x|l) = \frac{p(x|l)}{p(x|l) + q(x|l)}, \qquad
#   V = \sum_l \pi_l \big(2\,\mathrm{JSD}(p(\cdot|l), q(\cdot|l)) - \log 4\big).$$
#
# The second formula is the identity of chapter 01, once for each label. $V$ reaches its least value, $-\log 4$, only
# if $q(x|l) = p(x|l)$ for *every* label: $G$ must obey.
#
# *With numbers.* At some $x$ let $p(x|0) = 0.6$, $p(x|1) = 0.2$, and let $G$ have exchanged the two: $q(x|0) = 0.2$,
# $q(x|1) = 0.6$, with $\pi_0 = \pi_1 = \frac12$. A $D$ that is told says $0.6/0.8 = 0.75$ for the label 0 and $0.2/0.8
# = 0.25$ for the label 1: it has noticed.
#
# **Now hide the label from $D$.** Then $D(x)$ is one number for all labels, the sum goes inside the integral, and
#
# $$V = \int \Big[ \Big(\sum_l \pi_l\, p(x|l)\Big) \log D(x) +
#   \Big(\sum_l \pi_l\, q(x|l)\Big) \log(1-D(x)) \Big]\,dx .$$
#
# In the example both mixtures are $\frac12\cdot 0.6 + \frac12\cdot 0.2 = 0.4$, and $D = 0.4/0.8 = \frac12$: nothing to
# notice. Only the mixtures $p(x) = \sum_l \pi_l\,p(x|l)$ and $q(x) = \sum_l \pi_l\,q(x|l)$ are left. Who asked for what
# has disappeared from the game.

# %% [markdown]
# ## Predict
#
# Two labels on a line, equally frequent: label 0 is $\mathcal N(-1, 0.5^2)$, label 1 is $\mathcal N(1, 0.5^2)$. Three
# generators:
#
# - one **obeys**,
# - one **ignores** the label and always makes the mixture of both,
# - one **swaps** the labels: asked for 0 it makes 1, and the reverse.
#
# Each meets the best $D$ that is told the label, and the best $D$ that is not. In which of the six cases has $G$
# reached $-\log 4$, so that it has nothing left to learn?

# %%
from scratchgan.theory import js, mixture

zero, one, both = mixture([-1.0], [0.5]), mixture([1.0], [0.5]), mixture([-1.0, 1.0], [0.5, 0.5], [0.5, 0.5])
print(f"-log 4 = {-np.log(4):.4f}\n{'G':<10}{'V, D is told':>14}{'V, D is not':>14}")
for name, q0, q1 in (("obeys", zero, one), ("ignores", both, both), ("swaps", one, zero)):
    # 2 JSD - log 4, once for each label, and once for the mixtures
    told = sum(0.5 * (2 * js(p, q).value - np.log(4)) for p, q in ((zero, q0), (one, q1)))
    not_told = 2 * js(both, both).value - np.log(4)            # in all three cases q(x) is the mixture
    print(f"{name:<10}{told:>14.4f}{not_told:>14.4f}")

# %% [markdown]
# In four of the six. A $D$ that is told wants obedience and nothing less; a $D$ that is not told is content with all
# three. **Feeding the label to $G$ alone does nothing**: $G$ can use it or not, and nobody minds.

# %% [markdown]
# ### Exercise 09.conditional_d
# Both best discriminators, from tables of densities.

# %%
def conditional_d(p, q, share):
    """p, q (K, M): densities of the K labels at M points, real and fake; share (K,): of each label, sums to 1.

    Returns D* that is told the label, (K, M), and D* that is not, (M,).

    >>> told, not_told = conditional_d(np.array([[0.6], [0.2]]), np.array([[0.2], [0.6]]), np.array([0.5, 0.5]))
    >>> np.round(told, 2).tolist(), np.round(not_told, 2).tolist()
    ([[0.75], [0.25]], [0.5])
    """
    # BEGIN SOLUTION
    return p / (p + q), share @ p / (share @ p + share @ q)
    # END SOLUTION


check("09.conditional_d", conditional_d)

# %% [markdown]
# ## How $G$ is told
#
# $G$ gets noise and, beside it, the label as a **one-hot** row: $K$ numbers, a 1 at the label and 0 elsewhere. Why
# not the label itself, one number? Because the first layer would multiply it by a weight: 8 would be twice as much as
# 4, and 7 would have to be something between 6 and 8. A one-hot row times a matrix *picks a row* of the matrix. So
# every label has a vector of its own, free to be anything.
#
# $$[z, \text{one-hot}(l)] \begin{pmatrix} W_z \\ W_l \end{pmatrix} = z W_z + (\text{row number } l \text{ of } W_l).$$

# %%
from scratchgan.models.conditional import ConditionalGAN, one_hot

rng = np.random.default_rng(0)
z, labels, W = rng.standard_normal((4, 3)), np.array([1, 0, 1, 2]), rng.standard_normal((3 + 3, 5))
whole = np.concatenate([z, one_hot(labels, 3)], axis=1) @ W
print("largest difference:", np.abs(whole - (z @ W[:3] + W[3:][labels])).max())
print(inspect.getsource(ConditionalGAN.with_codes))

# %% [markdown]
# ### Exercise 09.g_input

# %%
def g_input(z, labels, K):
    """z (N, Z): noise; labels (N,): whole numbers in 0..K-1, not all of which need occur.

    Returns noise and one-hot labels, (N, Z + K).

    >>> g_input(np.array([[0.5, -1.0]]), np.array([1]), 3).tolist()
    [[0.5, -1.0, 0.0, 1.0, 0.0]]
    """
    # BEGIN SOLUTION
    return np.concatenate([z, np.eye(K)[labels]], axis=1)
    # END SOLUTION


check("09.g_input", g_input)

# %% [markdown]
# ## How $D$ is told, 1: the label beside the features
#
# A discriminator of images first makes *features*: the numbers that its convolutions give, one row $\phi$ for each
# image (chapter 05). Its last layer makes the logit of them, $C$. The first idea is the same as for $G$ (Mirza &
# Osindero 2014): look up the label's vector $e(l)$, a row of a table that is learned, and put it beside the features. A
# layer of the package calls its input $x$ and its output $y$, whatever they are, so in the source this reads
#
# $$y = [x,\, e(l)] \qquad\text{(LabelConcat.1)}$$
#
# where $x$ is the row of features. (Where an equation carries a layer's label, and in the exercises, that is what $x$
# means.) Back comes $dy$; its first columns are $dx$, the others are added to the row $l$ of the table.
#
# **One hidden layer must follow.** Suppose the logit came at once, $C = \phi \cdot w + e(l) \cdot w_e + b$. Then
# $\partial C / \partial \phi = w$ for every label. The features that look *more real* would be the same ones whether a
# seven was asked for or a three; the label could only shift the whole logit up or down. And the loss $L$ of $G$? By the
# chain rule $\partial L / \partial \phi = \frac{\partial L}{\partial C}\, w$: through the first factor the label
# changes *how hard* the features are pulled, never *where to*. So $D$ could prefer labels, but never a *pair*.
#
# With a layer and a bend between, $\mathrm{LeakyReLU}(\phi W_\phi + e(l) W_e + b_1)$, the label decides which units are
# on the steep side of their bend, and so which features count.
#
# Is that more than an argument? Four discriminators, on the 1,797 digits of 8 x 8 pixels; everything else is the same.
# (The fourth, projection, is derived in the next section.) **Predict:** a digit a row, the same noise in a column; what
# do the pictures of the four look like?

# %%
from functools import partial

from scratchgan.layers import Sequential
from scratchgan.data import BatchStream, load
from scratchgan.layers import Dense, LabelConcat
from scratchgan.models.dcgan import discriminator, generator
from scratchgan.models.endings import CONDITIONS
from scratchgan.models.training import game

digits = load("uci-digits-8x8")
STEPS = 500


class Untold(ConditionalGAN):
    d_takes_labels = False                                     # G gets the label, D does not


def learn_digits(way):
    """(a conditional GAN on 8 x 8 digits, D's loss at the end); D is told the label in one of four ways."""
    rng = np.random.default_rng(0)
    G = generator(4, [16], 1, 16 + 10, 64, rng, np.float32)    # noise and one-hot label -> image
    ending = CONDITIONS[way if way in ("concat", "projection") else "none"](classes=10)      # how D ends
    D = discriminator(4, [16], 1, 64, 0.2, rng, np.float32, ending=ending)
    if way == "no hidden layer":                               # [features, e(l)] -> logit
        D = Sequential([*D.layers[:-1], LabelConcat(10, 50, rng=rng), Dense(64 + 50, 1, rng=rng)],
                       input_shape=(8, 8, 1))
    gan = game(G, D, make=partial(Untold if way == "not told" else ConditionalGAN, classes=10), latent_dim=16,
               data_shape=(8, 8, 1), lr_g=2e-3, lr_d=2e-3, lr_schedule="linear", total_steps=STEPS, ema_decay=0.98,
               seed=0)
    stream = BatchStream(digits, 64, rng=np.random.default_rng(0))
    log = [gan.train_step(*stream.next_labelled()) for _ in range(STEPS)]       # images with their labels
    return gan, np.mean([report["d_loss"] for report in log[-100:]])


def read(images):
    """Which digit an image shows: the label of the nearest real image."""
    real, x = digits.x.reshape(len(digits), -1), images.reshape(len(images), -1)
    return digits.labels[((real**2).sum(axis=1) - 2 * x @ real.T).argmin(axis=1)]


WAYS = ("not told", "no hidden layer", "concat", "projection")
runs = {way: learn_digits(way) for way in WAYS}

# %%
asked, right, grids = np.arange(2000) % 10, {}, {}
Z = np.random.default_rng(1).standard_normal((8, 16)).astype(np.float32)
print(f"{'D is':<18}{'read as asked':>14}{'rows of one kind':>18}{'spread down':>13}{'along':>8}{'D loss, last 100 steps':>25}")
for way, (gan, d_loss) in runs.items():
    right[way] = np.mean(read(gan.sample(2000, seed=1, labels=asked)) == asked)
    rows = grids[way] = gan.generate(np.tile(Z, (10, 1)), np.repeat(np.arange(10), 8))
    alike = [np.bincount(read(rows[8 * k: 8 * k + 8]), minlength=10).max() for k in range(10)]     # of the 8 in a row
    down, along = (rows.reshape(10, 8, -1).std(axis=axis).mean() for axis in (0, 1))       # over labels, over noise
    print(f"{way:<18}{right[way]:>14.1%}{sum(n >= 6 for n in alike):>18}{down:>13.2f}{along:>8.2f}{d_loss:>25.2f}")

# %% draw
# alt: Four panels of 10 x 8 small digits, a row for each digit asked for, a column for each draw of noise. Not told, and no
#   hidden layer: the rows are mixed, but the row 6 of the second, and a column looks alike from top to bottom. Concat,
#   and projection: each row shows one digit.
from scratchgan.data.dataset import resize_images


def enlarged(images, size):
    """With a black margin, and smoothly: small digits are easier to read so."""
    return resize_images(np.pad(images, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=-1), size)


fig = figure(10, 10.8)
for axes, (way, rows) in zip(fig.subplots(2, 2).flat, grids.items(), strict=True):
    axes.imshow(image_grid(enlarged(rows, 40), columns=8)[..., 0], cmap="gray", interpolation="nearest")
    axes.set_yticks([21 + 41 * k for k in range(10)], range(10))
    axes.set(xticks=[])
    axes.set_xlabel("eight draws of noise (8 x 8 pixels, enlarged)", fontsize=10)
    axes.set_ylabel("digit asked for", fontsize=10)
    axes.set_title(f"{way}: {right[way]:.0%} read as asked", fontsize=12)
fig.suptitle("A digit a row: only the two lower ones obey", fontsize=13)
fig.tight_layout()
fig

# %% [markdown]
# The first draws digits of a sort, but no row is of one kind (at least six alike of eight), and chance is 10 %. The
# second is hardly better: in this run one row came out, the six, and the others are mixtures. (The label can still make
# the features be pulled harder or less hard. That may do for one digit, not for ten.) Go down a column of these two:
# the image follows the noise, and changes less with what was asked. "Spread down" and "along" are the standard
# deviation of a pixel over the ten labels and over the eight draws of noise. The last two obey, and with them the label
# moves the image at least as much as the noise does. (What a sample shows is read off the nearest real image, a judge
# that has no part in the game. It makes mistakes of its own, so the last two percentages are not a race.) And look at
# the losses of $D$: in this run the one that was not told and the one with concatenation lie close together. The loss
# does not say who obeys.
#
# **A film.** The label went into $G$ as a one-hot row, which picks a row of $W_l$. Nobody keeps us from feeding a row
# that is half a three and half a four: it picks the point half-way between two rows. $G$ was never trained there.
# Below, sixteen draws of noise go from 0 to 9 and back to 0. **Predict:** will a digit dissolve into the next one, or
# jump?

# %%
from scratchgan import GAN
from scratchgan.plots import animation_html

gan, _ = runs["projection"]
Z = np.random.default_rng(2).standard_normal((16, 16)).astype(np.float32)
walk, frames = np.arange(0, 10, 0.25), []
for place in walk:
    near, share = int(place), place % 1
    label = (1 - share) * np.eye(10)[near] + share * np.eye(10)[(near + 1) % 10]           # between two one-hot rows
    inputs = np.concatenate([Z, np.tile(label, (16, 1)).astype(np.float32)], axis=1)
    picture = image_grid(enlarged(GAN.generate(gan, inputs), 50), columns=8)
    frames.append(np.ascontiguousarray(np.broadcast_to(picture, (*picture.shape[:2], 3))))
steps = [np.abs(a.astype(float) - b).mean() for a, b in zip(frames, frames[1:])]
print(f"mean change of a pixel from frame to frame, of 255: smallest {min(steps):.1f}, largest {max(steps):.1f}")
animation_html(frames, [f"{1 - w % 1:.0%} {int(w)}, {w % 1:.0%} {(int(w) + 1) % 10}" for w in walk], interval=350,
               label="Sixteen digits that walk through the labels 0 to 9")

# %% [markdown]
# It dissolves: no frame is a jump. $G$ is a continuous function of its input, and the label is a part of it.
#
# ## How $D$ is told, 2: the label as a direction
#
# Concatenation leaves $D$ to find out for itself what a label has to do with features. Miyato & Koyama (2018) asked
# what the best logit $C$ looks like, and built *that*.
#
# **Step 1, the best logit.** $D$ judges pairs. From $D^* = \sigma(C^*)$ and $D^*/(1-D^*) = p/q$ we get $C^* =
# \log(p/q)$. Write a pair's density as $p(x, l) = p(l|x)\,p(x)$, and likewise for $q$:
#
# $$C^*(x, l) = \log\frac{p(x, l)}{q(x, l)} = \log \frac{p(l|x)}{q(l|x)} + \log\frac{p(x)}{q(x)} .$$
#
# The second term asks whether $x$ looks real at all. It does not know the label.
#
# **Step 2, an assumption.** Let the network make features $\phi(x)$ of the image that are good enough for a *linear*
# classifier: the probability of a label is a softmax of inner products, for real data with directions $v^p_l$ and for
# fakes with $v^q_l$,
#
# $$p(l|x) = \frac{\exp(v^p_l\cdot\phi)}{\sum_k \exp(v^p_k\cdot\phi)}
#   \quad\Longrightarrow\quad \log p(l|x) = v^p_l\cdot\phi - \log S^p(\phi), \qquad
#   S^p(\phi) = \sum_k \exp(v^p_k\cdot\phi) .$$
#
# **Step 3, subtract.** With the same for $q$,
#
# $$\log \frac{p(l|x)}{q(l|x)} = \underbrace{(v^p_l - v^q_l)}_{e(l)}\cdot\;\phi
#   \;-\; \log S^p(\phi) + \log S^q(\phi) .$$
#
# The label occurs in the inner product only. Put everything else into one function of $x$:
#
# $$C^*(x, l) = e(l)\cdot\phi(x) + \psi(x), \qquad
#   \psi(x) = \log\frac{p(x)}{q(x)} - \log S^p(\phi(x)) + \log S^q(\phi(x)).$$
#
# So the label is a **direction** $e(l)$ among the features, and $D$ asks whether the features point that way. The
# package takes $\psi$ linear in the features too. With the letters of a layer, $x$ for the row of features that comes
# in and $y$ for the logit that goes out:
#
# $$y = x w + b + \langle e(l), x \rangle \qquad\text{(Projection.1)}$$
#
# *With numbers.* Features $x = (1, 2)$, $w = (3, -1)$, $b = 0.5$. Without the label, $y = 3 - 2 + 0.5 = 1.5$. If a
# digit was asked for whose direction is $(1, 1)$, $3$ is added and $y = 4.5$: these features point that way. If it was
# one with $(-2, 0)$, $-2$ is added and $y = -0.5$: a real-looking image, but not of this.
#
# Is step 3 right? Random directions, random features, both sides as numbers:

# %%
from scratchgan.losses.cross_entropy import softmax

rng = np.random.default_rng(1)
features, vp, vq = rng.standard_normal((6, 4)), rng.standard_normal((3, 4)), rng.standard_normal((3, 4))
p_l, q_l = softmax(features @ vp.T), softmax(features @ vq.T)                   # (6, 3): p(l|x), q(l|x)
log_Sp, log_Sq = (np.log(np.exp(features @ v.T).sum(axis=1, keepdims=True)) for v in (vp, vq))
left = np.log(p_l / q_l)
product = features @ (vp - vq).T                                                # e(l) . phi, for each l
print(f"log p/q against e.phi - log Sp + log Sq: {np.abs(left - (product - log_Sp + log_Sq)).max():.1e}")
rest = left - product
print(f"does what is left depend on the label? spread over labels {np.ptp(rest, axis=1).max():.1e}, "
      f"over samples {np.ptp(rest, axis=0).max():.2f}")

# %% [markdown]
# Two remarks. A softmax with a bias for each label fits as well: let one feature be constantly 1. And $\psi$ must not
# be forgotten. When fakes carry their labels as well as real samples do, $p(l|x) = q(l|x)$ and the first term is 0
# for all pairs: then *only* $\psi$ tells real from fake.

# %% [markdown]
# ### Exercise 09.projection

# %%
def projection(x, w, b, E, labels):
    """x (N, F): features; w (F, 1), b (1,): of the part without label; E (K, F): a row for each label; labels (N,).

    Returns the logits y (N, 1).

    >>> x, w, b = np.array([[1.0, 2.0]]), np.array([[3.0], [-1.0]]), np.array([0.5])
    >>> projection(x, w, b, np.array([[1.0, 1.0], [-2.0, 0.0]]), np.array([1])).tolist()
    [[-0.5]]
    """
    # BEGIN SOLUTION
    return x @ w + b + (x * E[labels]).sum(axis=1, keepdims=True)
    # END SOLUTION


check("09.projection", projection)

# %% [markdown]
# ## Its derivatives
#
# Sample $n$ has the logit $y_n = \sum_i x_{ni} w_i + b + \sum_i x_{ni} E_{l_n i}$. The loss sends back $dy_n$.
#
# - $x_{ni}$ occurs in two places, so its derivative has two terms: $dx_{ni} = dy_n\,(w_i + E_{l_n i})$.
# - $w_i$ occurs in every sample: $dw_i = \sum_n x_{ni}\,dy_n$. So does $b$: $db = \sum_n dy_n$.
# - $E_{ki}$ occurs in the samples whose label is $k$, and only there: $dE_{ki} = \sum_{n:\, l_n = k} dy_n\, x_{ni}$.
#
# That is
#
# $$dx = dy\,w^\top + dy\,e(l), \qquad de = dy\,x \qquad\text{(Projection.2)}$$
#
# with the rows $de$ added up in the table, label by label: $dE_k = \sum_{n:\,l_n=k} de_n$. Compare $dx$ with the
# concatenation without a hidden layer, where it was $dy\,w^\top$ for all: here every label pushes its own way, with no
# hidden layer at all.
#
# *A trap.* `dE[labels] += dy * x` looks right. NumPy reads the rows, adds, and writes them back; where a label occurs
# twice, the second writing overwrites the first. `np.add.at` adds them all.

# %%
table = np.zeros((3, 1))
table[np.array([2, 0, 2])] += 1.0
print("with +=:       ", table[:, 0], "  label 2 came twice, and counts once")
table = np.zeros((3, 1))
np.add.at(table, np.array([2, 0, 2]), 1.0)
print("with np.add.at:", table[:, 0])

# %% [markdown]
# ### Exercise 09.projection_backward

# %%
def projection_backward(dy, x, w, E, labels):
    """dy (N, 1); x (N, F), w (F, 1), E (K, F), labels (N,) as before.  Returns dx (N, F), dw (F, 1), dE (K, F).

    >>> dx, dw, dE = projection_backward(np.array([[1.0], [10.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]),
    ...                                  np.array([[3.0], [-1.0]]), np.zeros((3, 2)), np.array([1, 1]))
    >>> dx.tolist(), dw.tolist(), dE.tolist()
    ([[3.0, -1.0], [30.0, -10.0]], [[31.0], [42.0]], [[0.0, 0.0], [31.0, 42.0], [0.0, 0.0]])
    """
    # BEGIN SOLUTION
    dE = np.zeros_like(E)
    np.add.at(dE, labels, dy * x)
    return dy @ w.T + dy * E[labels], x.T @ dy, dE
    # END SOLUTION


check("09.projection_backward", projection_backward)

# %% [markdown]
# The package's own layer is these lines: `psi` is a Dense layer, with the gradients of $w$ and $b$; `product` is the
# inner product; `embedding` is the table. Like every layer it is held against central differences.

# %%
from scratchgan.layers import Projection
from scratchgan.gradcheck.run import run

print(inspect.getsource(Projection.backward))
passed = run(["Projection", "LabelConcat"], print=lambda text: print(text) if "things" in text else None)

# %% [markdown]
# > **A good place to stop.** You know now who must be told, and two ways to tell $D$. The second sitting has the two in
# > which $D$ is told nothing and has to answer, and what they do to diversity.
#
# ## How $D$ is told, 3: not at all. It has to say it
#
# ACGAN, for *auxiliary classifier* (Odena, Olah & Shlens 2017), turns the idea round. $D$ is *not* told the label;
# beside its logit it puts out $K$ more numbers, a guess at the label. It is trained to guess right on real samples,
# whose label is known, and on fakes, where it is known what was asked. And $G$ is paid for being understood. Nobody
# fights over the guess; both want it right:
#
# $$J_D = L_D + L_Q(\text{fakes}) + L_Q(\text{real}) \quad\text{(Auxiliary.2)} \qquad
#   J_G = L_G + L_Q(\text{fakes}) \quad\text{(Auxiliary.3)}$$
#
# $L_Q$ is **softmax cross-entropy**: how surprised the guess $Q$ is by the label. $D$ puts out $K$ *scores* $s_{nk}$
# for sample $n$, softmax makes probabilities $p_{nk}$ of them, and the label of the sample is $l_n$:
#
# $$L_Q = -\frac1N\sum_n \log p_{n, l_n}, \quad p_{nk} = \frac{\exp s_{nk}}{\sum_j \exp s_{nj}},
#   \quad\text{so}\quad L_Q = \frac1N \sum_n \Big(\log\sum_j \exp s_{nj} - s_{n,l_n}\Big) .
#   \quad\text{(CrossEntropy.1)}$$
#
# (The scores of a classifier are often called logits as well. Here $C$ is *the* logit, of real against fake.) *With
# numbers:* scores $(0, \log 3)$ give the probabilities $(\frac14, \frac34)$. If the label is 0, the surprise is $\log 4
# = 1.39$; if it is 1, only $\log\frac43 = 0.29$.
#
# **Its derivative** by one score: the first term gives, by the chain rule,
#
# $$\frac{\partial}{\partial s_k}\log\sum_j \exp s_j = \frac{1}{\sum_j \exp s_j}\, \exp s_k = p_k ,$$
#
# the very softmax; the second gives $-1$ at $k = l_n$ and 0 elsewhere. Together, with the mean over the batch,
#
# $$\frac{\partial L_Q}{\partial s_{nk}} = \frac{p_{nk} - [k = l_n]}{N} \qquad\text{(CrossEntropy.2)}$$
#
# where $[k = l_n]$ is 1 if it is true and 0 if not: *what was said, minus what is true*, the same shape as the gradient
# of binary cross-entropy in chapter 02. Every row sums to 0, for a number that is added to all scores of a sample
# changes no probability. That is useful: subtract the largest score first, and no exponential can overflow, not even
# for a score of 800.

# %% [markdown]
# ### Exercise 09.cross_entropy_gradient

# %%
def cross_entropy_gradient(logits, labels):
    """logits (N, K): the scores; labels (N,) in 0..K-1.  Returns dL_Q/dscores (N, K), L_Q the mean over the batch.

    >>> np.round(cross_entropy_gradient(np.array([[0.0, np.log(3)], [800.0, 0.0]]), np.array([0, 0])), 3).tolist()
    [[-0.375, 0.375], [0.0, 0.0]]
    """
    # BEGIN SOLUTION
    e = np.exp(logits - logits.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    p[np.arange(len(labels)), labels] -= 1
    return p / len(labels)
    # END SOLUTION


check("09.cross_entropy_gradient", cross_entropy_gradient)

# %% [markdown]
# ## What ACGAN really rewards
#
# It sounds like the best of the three: more signal for everybody. Look again at what $G$ is paid for. Suppose that
# the guess is as good as it can be on the data: $Q(l|x) = p(l|x)$. Then $G$'s new term is
#
# $$L_Q = \mathbb E_{q(x,l)}\big[-\log p(l|x)\big]
#   = \mathbb E_{q(x)}\Big[\underbrace{\sum_l q(l|x) \log\frac{q(l|x)}{p(l|x)}}_{\mathrm{KL}(q(l|x)\,\|\,p(l|x))}
#   \;\underbrace{- \sum_l q(l|x) \log q(l|x)}_{\text{entropy of } q(l|x)}\Big]$$
#
# (add and subtract $\log q(l|x)$). The first part is what we want: it is 0 when fakes carry labels as the data do. The
# second part comes unasked. It is smallest if **no fake could belong to two labels**, whatever the data are like. If
# some real sevens look like ones, $G$ is paid for not drawing those.
#
# An example in which everything is known: two labels on a line, $p(x|l) = \mathcal N(\pm 1, 1)$, which overlap a good
# deal. By Bayes' rule $p(l|x) = \sigma(2x)$ for the right one (both labels are equally frequent, and the squares
# cancel in $\log\frac{p(x|1)}{p(x|0)} = -\frac{(x-1)^2}{2} + \frac{(x+1)^2}{2} = 2x$). A fake that was asked to be of
# the right label thus costs $-\log\sigma(2x)$, whose slope $-2\sigma(-2x)$ is negative
# *everywhere*: every such fake is pushed to the right, without end. Only the other half of $D$ holds it back.
#
# And the other half can be evaded. Let a generator *split* the data at 0: asked for the left label it draws from the
# mixture what is below 0, asked for the right one what is above. Its $q(x)$ is exactly $p(x)$, and a $D$ that is not
# told the label cannot object. What does each pay, if $Q$ is the best guess for real samples and fakes together,
# $Q(l|x) = \frac{p(x,l) + q(x,l)}{p(x) + q(x)}$? **Predict:** who pays more, a $G$ that makes exactly the data, or one
# that splits them?

# %%
x = np.linspace(-9, 9, 180_001)
step = x[1] - x[0]


def paid(q_right, p_right):
    """(L_G, L_Q) of a generator with that q(x, right), the left label mirrored, against the best D and Q."""
    q_x, p_x = q_right + q_right[::-1], p_right + p_right[::-1]
    some = q_right > 0
    guess = (p_right + q_right) / (p_x + q_x)
    return (float(np.sum(q_x * np.log((p_x + q_x) / p_x)) * step),              # -log D = log (p + q)/p
            float(-2 * np.sum(q_right[some] * np.log(guess[some])) * step))


def compare(distance):
    """What the data and their split at 0 pay, if the labels are N(-distance, 1) and N(distance, 1)."""
    p_right = 0.5 * np.exp(-(x - distance)**2 / 2) / np.sqrt(2 * np.pi)
    print(f"labels at {-distance} and {distance}\n{'G':<20}{'L_G':>8}{'L_Q':>8}{'sum':>8}{'mean right':>12}{'its std':>10}")
    for name, q_right in (("is the data", p_right), ("splits them at 0", (p_right + p_right[::-1]) * np.heaviside(x, 0.5))):
        l_g, l_q = paid(q_right, p_right)
        mean = 2 * np.sum(x * q_right) * step
        spread = np.sqrt(2 * np.sum((x - mean)**2 * q_right) * step)
        print(f"{name:<20}{l_g:>8.3f}{l_q:>8.3f}{l_g + l_q:>8.3f}{mean:>12.2f}{spread:>10.2f}")


compare(1)

# %% [markdown]
# The truth pays 1.049, the lie 0.779. Does a real ACGAN fall for it? Below, the same small nets on these two labels,
# once with a projection and once with an auxiliary classifier. Which of the two histograms will have the shape of the
# data?

# %%
from scratchgan.layers import LeakyReLU, ReLU
from scratchgan.models.auxiliary import AuxiliaryGAN


def learn_line(kind, distance=1, steps=2000):
    rng = np.random.default_rng(0)
    G = Sequential([Dense(4 + 2, 32, init="he", rng=rng), ReLU(), Dense(32, 32, init="he", rng=rng), ReLU(),
                    Dense(32, 1, init="glorot", rng=rng)], input_shape=(6,))
    last = Projection(32, 2, rng=rng) if kind == "projection" else Dense(32, 1 + 2, init="glorot", rng=rng)
    D = Sequential([Dense(1, 32, init="he", rng=rng), LeakyReLU(0.2), Dense(32, 32, init="he", rng=rng), LeakyReLU(0.2),
                    last], input_shape=(1,))
    gan = game(G, D, make=partial(ConditionalGAN if kind == "projection" else AuxiliaryGAN, classes=2), latent_dim=4,
               data_shape=(1,), lr_g=1e-3, lr_d=1e-3, lr_schedule="linear", total_steps=steps, ema_decay=0.99, seed=0)
    for _ in range(steps):
        labels = rng.integers(0, 2, 256)
        real = distance * (2 * labels - 1) + rng.standard_normal(256)           # N(-distance, 1) or N(distance, 1)
        gan.train_step(real.astype(np.float32)[:, None], labels)
    return gan


def asked_of(gan):
    """20,000 fakes of each label, (2, 20000); what they are like is printed."""
    fakes = np.stack([gan.sample(20_000, seed=1, labels=label)[:, 0] for label in (0, 1)])
    for name, some, wrong in (("left", fakes[0], fakes[0] > 0), ("right", fakes[1], fakes[1] < 0)):
        print(f"    asked for {name:<6} mean {some.mean():>5.2f}, standard deviation {some.std():.2f}, "
              f"on the other side of 0: {wrong.mean():.1%}")
    return fakes


line = {}
for kind in ("projection", "auxiliary classifier"):
    print(kind)
    line[kind] = asked_of(learn_line(kind))

# %% draw
# alt: Two panels, densities over x from -4.5 to 4.5; the data are two bells, at -1 and at 1, which overlap. Projection: the
#   two histograms follow the bells. Auxiliary classifier: the histograms are narrower and meet at 0, with hardly any overlap.
fig = figure(10, 3.6)
bins, grid = np.linspace(-4.5, 4.5, 55), np.linspace(-4.5, 4.5, 200)
titles = ("projection: the labels overlap, as in the data", "auxiliary classifier: hardly any overlap is left")
for axes, (kind, fakes), title in zip(fig.subplots(1, 2), line.items(), titles, strict=True):
    for label, colour, name, hatch, style in ((0, FAKE, "left", "//", "-"), (1, ORANGE, "right", "", "--")):
        axes.hist(fakes[label], bins, density=True, color=colour, alpha=0.5, hatch=hatch, label=f"fakes, asked: {name}")
        axes.plot(grid, np.exp(-(grid - 2 * label + 1)**2 / 2) / np.sqrt(2 * np.pi), color=colour, linestyle=style,
                  linewidth=2, label=f"data, {name}")
    axes.set(xlim=(-4.5, 4.5), ylim=(0, 0.95))
    axes.set_xlabel("x", fontsize=10)
    axes.set_ylabel("density", fontsize=10)
    axes.set_title(title, fontsize=11)
    axes.legend(fontsize=9, loc="upper left")
fig.tight_layout()
fig

# %% [markdown]
# With the projection a good part of the "right" samples lies left of 0, as in the data, where it is $\Phi(-1) =
# 15.9\,\%$ ($\Phi$: the share of a normal distribution below a point). The ACGAN's two labels meet at 0 and hardly
# overlap: its means have moved apart, its spread is narrower, and in this run it has found the split by itself. Both of
# its histograms together still have roughly the data's shape, so the other half of $D$ has little to complain of. This
# is a known weakness of the method. Gong et al. (2019) analyse it, and add a second classifier, for fakes alone, to
# take the entropy out again.
#
# So be careful with "99 % of the samples show what was asked for". A generator that draws the same perfect seven for
# ever scores 100 %.
#
# **Change a knob, predict first.** `DISTANCE` is how far each label's mean is from 0. It was 1.
#
# - At 3 the labels of the data hardly overlap. Does the lie still pay?
# - At 0 both labels have the *same* distribution: a coin decided who is called left. There is nothing to obey. What
#   will an ACGAN do with such labels?
#
# The cell computes what both generators pay, and trains an ACGAN (ten seconds or so).

# %%
DISTANCE = 0                                                   # the knob: try 3, 2, 0.5
compare(DISTANCE)
coin = asked_of(learn_line("auxiliary classifier", DISTANCE))

# %% [markdown]
# At 3 the two pay the same, to two decimals: where no real sample could belong to two labels, the entropy is nearly 0
# anyway, and what is paid for is obedience. At 0 the truth is that a label says nothing, $Q = \frac12$, and it costs
# $\log 2 = 0.693$. The split costs only $\log\frac43 = 0.288$, for after it the guess is right in three cases of four
# (half of its samples are the data's, where it is right by chance). And in this run the ACGAN does it: it gives to
# labels that mean nothing a meaning, a half of the data each.
#
# ## On real digits
#
# The same on MNIST's digits, with the recipes as they are shipped. A run takes 145 to 208 seconds on one thread, so
# this was done beforehand, for three seeds each: `python -m benchmarks.conditional` does it again, and its last
# results are in `benchmarks/results/conditional.json`.
#
# ![Four panels of 10 x 10 generated digits, a row for each digit asked for, a column for each draw of noise: with cgan, projection and acgan each row shows its digit; with infogan the rows 4 and 9 are mixed](../benchmarks/results/conditional.png)
#
# | recipe | read as asked | Frechet distance | recall | nearest of the same class, pixels | MS-SSIM in a class |
# |---|---|---|---|---|---|
# | `cgan-mnist` | 98.9 to 99.3 % | 0.55 | 0.64 | 8.6 | 0.35 |
# | `projection-mnist` | 98.5 to 99.3 % | 0.43 | 0.71 | 9.2 | 0.37 |
# | `acgan-mnist` | **99.4 to 99.7 %** | 0.91 | **0.55** | 8.1 | **0.40** |
# | real digits | | | | 10.5 | 0.33 |
#
# "Read as asked" is by a classifier that no GAN ever saw; the others are means of the seeds. What they measure, each in
# a sentence (chapter 11 derives the first two, and says what each is blind to):
#
# - **Frechet distance**, smaller is better. Send real and fake images through the classifier, take the numbers of a
#   hidden layer as features, and compare the features' means $m$ and covariance matrices $S$: $|m_r - m_f|^2 +
#   \operatorname{Tr}\big(S_r + S_f - 2\,(S_r^{1/2} S_f S_r^{1/2})^{1/2}\big)$, which is 0 if both agree.
# - **Recall**, larger is better: is the variety of the data there? Round each fake's features draw a ball that reaches
#   to its third nearest fake. Recall is the share of *real* images that lie in at least one of the balls.
# - **Nearest of the same class**, larger is more varied: $\frac1n\sum_i \min_{j\ne i} |x_i - x_j|$ over $n = 200$
#   images of one class, as rows of pixels.
# - **MS-SSIM in a class**, smaller is more varied: how alike two images of a class look. In a small window of both let
#   $m_1, m_2$ be the mean brightness, $v_1, v_2$ the variances and $v_{12}$ the covariance. Then $\frac{2 m_1 m_2 +
#   \epsilon_1}{m_1^2 + m_2^2 + \epsilon_1}\cdot\frac{2 v_{12} + \epsilon_2}{v_1 + v_2 + \epsilon_2}$ is 1 if the
#   windows are equal, and smaller otherwise ($\epsilon_1, \epsilon_2$ are small numbers against a division by 0). Its
#   mean over all windows, at several sizes of the image, which are combined as a product of powers, is MS-SSIM,
#   "multi-scale structural similarity".
#
# The table says what the line said. **The ACGAN obeys at least as well as the others, and varies least**, on all of the
# last three columns. It is a matter of degree here, because these classes hardly overlap: that classifier reads 99.1 %
# of real digits right. (Half a percent more obedience is nothing to be proud of, either. A second classifier, of
# another architecture, reads 99.0 to 99.6 % of `cgan-mnist` and 99.0 to 99.9 % of `acgan-mnist` as asked.)
#
# Look down a column of the picture: the same noise, ten digits. In the first panel the third column is written with a
# bold pen in nearly every row. Nobody asked for that. What all digits share, $G$ can do once for all of them, and does.
#
# Ask for a seven yourself:
#
# ```
# scratchgan train cgan-mnist
# scratchgan sample runs/cgan-mnist --label 7
# ```
#
# With a folder of your own, its sub-folders are the labels: `scratchgan train cgan-mnist --data path/to/images`.

# %% [markdown]
# ## And without labels: InfoGAN
#
# Suppose nobody has written labels down. InfoGAN (from *information*; Chen et al. 2016) gives $G$ a code $c$ beside the
# noise, say one of ten categories drawn at random. Nothing says what it means, and $G$ might ignore it, as in the very
# first table. So demand that the code can be *read* in the image: that the **mutual information** between the two be
# large. It is defined as
#
# $$I(c; x) = H(c) - H(c|x), \qquad x = G(z, c),$$
#
# how uncertain $c$ is beforehand, minus how uncertain it still is for somebody who has seen $x$. Here $H(c) = -\sum_c p(c) \log
# p(c)$ and $H(c|x) = \mathbb E_x\big[-\sum_c p(c|x)\log p(c|x)\big]$. *With numbers:* two codes, equally frequent, have
# $H(c) = \log 2 = 0.693$. If every image betrays its code, $H(c|x) = 0$ and $I = 0.693$ nats; if images of both codes
# look the same, $H(c|x) = \log 2$ and $I = 0$. The trouble is $p(c|x)$: which code an image came from is not known to
# anybody, for it would mean to invert $G$.
#
# **The bound.** Take any guess $Q(c|x)$ instead, and see what is lost:
#
# $$\begin{aligned}
# I(c; x) &= H(c) + \mathbb E_x \sum_c p(c|x) \log p(c|x) \\
#         &= H(c) + \mathbb E_x \sum_c p(c|x) \log Q(c|x) +
#            \mathbb E_x \underbrace{\sum_c p(c|x)\log\frac{p(c|x)}{Q(c|x)}}_{\mathrm{KL}\;\ge\;0} \\
#         &\ge\; \mathbb E_{c}\,\mathbb E_{x|c}\big[\log Q(c|x)\big] + H(c) \;=\; L_I . \qquad\text{(Infogan.1)}
# \end{aligned}$$
#
# In the last line the mean is over pairs: draw $c$, make $x$ from it, ask for the log of the probability that the
# guess gives to the code which we know, because we drew it. No inversion is left. (Why is the divergence at least 0?
# $\log r \le r - 1$, so $-\mathrm{KL} = \sum p \log\frac Qp \le \sum p\,(\frac Qp - 1) = \sum Q - \sum p = 0$.) The
# bound is tight exactly if $Q(c|x) = p(c|x)$. And $H(c)$ does not depend on the nets, so to maximise $L_I$ is to
# minimise $\mathbb E[-\log Q(c|x)]$, the cross-entropy of the section before: (Auxiliary.1), on fakes only, with
# codes for labels. InfoGAN's $Q$ is one more head on $D$.

# %% [markdown]
# ### Exercise 09.information_bound

# %%
def information_bound(p_c, p_x, guess):
    """p_c (K,): p(c); p_x (K, M): p(x|c), a row for each c; guess (M, K): Q(c|x), a row for each x.

    All entries are above 0.  Returns L_I in nats, a number.

    >>> p_c, p_x = np.array([0.5, 0.5]), np.array([[0.9, 0.1], [0.1, 0.9]])
    >>> round(float(information_bound(p_c, p_x, np.array([[0.5, 0.5], [0.5, 0.5]]))), 3)
    0.0
    >>> round(float(information_bound(p_c, p_x, np.array([[0.9, 0.1], [0.1, 0.9]]))), 3)
    0.368
    """
    # BEGIN SOLUTION
    joint = p_c[:, None] * p_x
    return np.sum(joint * np.log(guess.T)) - np.sum(p_c * np.log(p_c))
    # END SOLUTION


check("09.information_bound", information_bound)

# %% [markdown]
# What the bound does as the guess gets better: from a $Q$ that knows nothing, $1/K$ for every code, straight on to
# the true $p(c|x)$ and beyond it, to a $Q$ that is too sure. Where does the curve start, where does it touch $I$?

# %%
rng = np.random.default_rng(4)
p_c, p_x = np.full(4, 0.25), rng.dirichlet(np.full(6, 0.4), 4)                  # four codes, six possible images
joint = p_c[:, None] * p_x
posterior = (joint / joint.sum(axis=0)).T                                       # p(c|x), (6, 4)
information = np.sum(joint * np.log(joint / (p_c[:, None] * joint.sum(axis=0))))
powers = np.linspace(0, 2.5, 101)
bounds = []
for power in powers:
    Q = posterior**power / (posterior**power).sum(axis=1, keepdims=True)
    bounds.append(np.sum(joint * np.log(Q.T)) + np.log(4))
print(f"largest bound {max(bounds):.6f} at power {powers[int(np.argmax(bounds))]:.3f}; I = {information:.6f}; "
      f"at power 0: {abs(bounds[0]):.1e}")

# %% draw
# alt: The bound in nats against the power, from 0 to 2.5: it rises from 0 to the dashed line I = 0.54 at power 1, touches it,
#   and falls again. A dotted line far above marks H(c) = log 4 = 1.39.
fig = figure(7.5, 3.6)
axes = fig.subplots()
axes.axhline(information, color=GREEN, linestyle="--", label=f"I(c; x) = {information:.3f} nats")
axes.axhline(np.log(4), color=GREY, linestyle=":", label=f"H(c) = log 4 = {np.log(4):.3f}, all there is")
axes.plot(powers, bounds, color=BLUE, label="the bound, for Q(c|x) $\\propto$ p(c|x)$^{power}$")
axes.set_xlabel("power: 0 knows nothing, 1 is the truth, above is too sure", fontsize=10)
axes.set_ylabel("nats", fontsize=10)
axes.set_title("The bound never passes I, and touches it at the truth", fontsize=11)
axes.legend(fontsize=9)
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# It starts at 0, touches $I$ at the truth, and falls again: a guess that is too sure is punished.
#
# Does InfoGAN find the digits? No label was ever shown. In the picture of four panels above (right), its ten categories
# were named after the digit that each makes most of, by the best one-to-one assignment. Then the share that agrees is
# **88.0, 74.4 and 76.0 %** on three seeds (`conditional.json`). Look at rows 4 and 9: both codes make both digits.
# Nothing in the formula forbids it. *Which* ten kinds the digits are divided into, nobody said, and a kind that holds
# some fours and some nines can be read off an image as well as any other. Mutual information asks for a code that is
# legible, not for ours.
#
# Two more codes of InfoGAN are numbers in $-1..1$, for which $Q$ is a Gaussian around $D$'s answer, so that $-\log Q$
# is half the square of the error, up to a constant. The first came to mean the slant; the second makes digits wider and
# bolder, but the digit 1 thinner: nobody told it to mean the same for every digit. (From left to right the code goes from
# -2 to 2, beyond what it was trained on.)
#
# ![Two panels of 5 x 9 digits, along each row one code goes from -2 to 2: the first turns the slant of every digit, the second makes digits wider and bolder, but the digit 1 thinner](../benchmarks/results/conditional_codes.png)
#
# ## What can go wrong
#
# - **"My generator ignores the label."** Does $D$ get it? Is there a hidden layer behind the concatenation? You have
#   seen both failures above: digits come out, and $D$'s loss does not give it away.
# - **"Which label goes with a fake?"** The one that was *asked for*, in $D$'s turn and in $G$'s. Not the one that the
#   fake seems to show. Otherwise nobody ever learns that it was wrong.
# - **Labels that have lost their images.** Shuffle the images and forget the labels, and "real" pairs are as random
#   as "not told". $D$ learns, correctly, that a label says nothing.
# - **"Can I ask for a label that was rare?"** You can. The game for that label has had few real samples, and $D$ may
#   know them by heart (chapter 12).
# - **"All are read as asked, so it works?"** Agreement says nothing about diversity: look at the ACGAN above. Measure
#   within a class as well.
# - **"Why is the seed's noise the same hand in every row?"** It is only nearly so, and only because it is cheaper for
#   $G$ to share. Nothing in the loss asks for it.
#
# ## Sources
#
# Mirza & Osindero 2014, *Conditional generative adversarial nets*. Miyato & Koyama 2018, *cGANs with projection
# discriminator*. Odena, Olah & Shlens 2017, *Conditional image synthesis with auxiliary classifier GANs*. Gong, Xu,
# Li, Zhang & Batmanghelich 2019, *Twin auxiliary classifiers GAN*. Chen et al. 2016, *InfoGAN*. In the source:
# `scratchgan/models/conditional.py`, `models/cgan.py`, `models/projection_gan.py`, `layers/conditional.py`,
# `models/auxiliary.py`, `models/acgan.py`, `models/infogan.py`, `losses/cross_entropy.py`.
