# %% [markdown]
# # 02 · The loss, derived
#
# *About 48 minutes. You need: chapter 01, derivatives, the chain rule.*
#
# **Question.** Where does $\min_G \max_D V(D, G)$ come from, and what exactly does the code compute?
#
# It is easy to slip here: to forget the minus sign of a cross-entropy, to write $G(x)$ where $G(z)$ is meant, to let $D$
# minimise what it maximises two lines later. Such slips are easy to read over, and a program written from them learns
# nothing. We go slowly, and let the numbers say who is right.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLACK, BLUE, GREEN, VERMILLION, figure

# %% [markdown]
# ## One sample, one label
#
# A classifier says "real" with probability $D$. Then the label is revealed: $t = 1$ for real, $t = 0$ for fake. The
# probability that it had given to what turned out true is $D$ in the first case and $1 - D$ in the second. In one formula
# that is $D^t (1-D)^{1-t}$, since a power 0 is 1. Its negative logarithm is how surprised the classifier was (chapter
# 01), and is called **binary cross-entropy**:
#
# $$\mathrm{BCE}(t, D) = -\big(t \log D + (1-t) \log(1-D)\big) \qquad\text{(Loss.1)}$$
#
# It is 0 for one who was sure and right, and grows without bound for one who was sure and wrong. *The minus sign matters*: the
# smaller the loss, the better. $\log D$ is largest, 0, at $D = 1$, so $-\log D$ is smallest there. Without the minus, whoever
# minimises goes to the other end, $D = 0$.

# %%
D = np.linspace(0.001, 0.999, 400)

# %% draw
# alt: Two curves of a loss in nats over D from 0 to 1. On the left, for label 1, the loss falls from very large at D = 0 to 0 at
#   D = 1. On the right, for label 0, it is the mirror image: 0 at D = 0, and very large at D = 1.
fig = figure(8, 3.2)
for axes, values, title in zip(fig.subplots(1, 2), (-np.log(D), -np.log(1 - D)),
                               ("(A) label 1: $-\\log D$", "(B) label 0: $-\\log(1-D)$"), strict=True):
    axes.plot(D, values, color=BLUE)
    axes.set_title(title, fontsize=11)
    axes.set(xlabel="D, what the discriminator says", ylabel="loss in nats", ylim=(0, 7))
    axes.grid(alpha=0.3)
fig.suptitle("Both punish certainty that is wrong, one on each side", fontsize=12)
fig.tight_layout()
fig

# %% [markdown]
# ## Predict
#
# $D$ says 0.9 to a real sample and 0.2 to a fake. What is the sum of the two losses? What would it be if $D$ had said 0.5
# to both? Guess before you compute: which of the two answers, 0.9 or 0.2, costs more?

# %%
print(f"0.9 and 0.2: {-np.log(0.9):.4f} + {-np.log(1 - 0.2):.4f} = {-np.log(0.9) - np.log(1 - 0.2):.4f} nats")
print(f"0.5 and 0.5: {-np.log(0.5):.4f} + {-np.log(0.5):.4f} = {-2 * np.log(0.5):.4f} nats = log 4")

# %% [markdown]
# The 0.2 costs more than the 0.9: on the fake, $D$ gave only 0.8 to what was true. Both answers together cost a quarter
# of what "I do not know" costs.
#
# ## From cross-entropy to the game
#
# Real samples $x$ carry the label 1, and of (Loss.1) the first term is left; fakes $G(z)$ carry the label 0, and the
# second term is left:
#
# $$\text{(A)}\quad -\log D(x) \qquad\qquad \text{(B)}\quad -\log\big(1 - D(G(z))\big)$$
#
# $D$ minimises the mean of (A) over real samples plus the mean of (B) over fakes, its loss $L_D$. Turn the sign, and it
# *maximises*
#
# $$V(D, G) = \mathbb E_{x}[\log D(x)] + \mathbb E_{z}[\log(1 - D(G(z)))], \qquad L_D = -V. \qquad\text{(Loss.2)}$$
#
# $G$ appears in (B) only. It wants $D$ to be wrong about its fakes: it *minimises* $V$. Hence $\min_G\max_D V(D, G)$.
# Note the argument of $G$: it is noise, $z$. A "$G(x)$" would be a generator that is fed real samples.

# %% [markdown]
# ## With logits
#
# A network ends in a number of any size, the **logit** $l = C(x)$, and $D = \sigma(l) = 1/(1+e^{-l})$. Computing $\sigma$
# first and its logarithm afterwards loses everything where it matters: for $l = -800$, $\sigma(l)$ is 0 in floating point
# and its logarithm $-\infty$. But
#
# $$\log \sigma(l) = -\log(1 + e^{-l}) = -\operatorname{softplus}(-l), \qquad
# \log(1-\sigma(l)) = -\operatorname{softplus}(l), \qquad
# \operatorname{softplus}(l) = \log(1+e^{l}).$$
#
# (The second follows from the first, because $1 - \sigma(l) = \sigma(-l)$.) For any $l$, softplus can be computed without
# overflow, by `np.logaddexp(0, l)`, which is $\log(e^0 + e^l)$. And cross-entropy is two of them:
#
# $$\mathrm{BCE} = t\operatorname{softplus}(-l) + (1-t)\operatorname{softplus}(l).$$
#
# This is why every loss in `scratchgan.losses` takes logits, and never probabilities.

# %%
with np.errstate(divide="ignore"):
    in_two_steps = np.log(1 - 1 / (1 + np.exp(-800.0)))    # log(1 - sigmoid(800))
print(f"log(1 - sigmoid(800)) in two steps: {in_two_steps};  -softplus(800): {-np.logaddexp(0, 800)}")

# %% [markdown]
# ### Exercise 02.bce
# Write binary cross-entropy on logits, mean over the batch. It has to be right for $l = -800$ with $t = 1$, where the loss
# is 800, as well. One `logaddexp` is enough, if you first find out what
# $\operatorname{softplus}(l) - \operatorname{softplus}(-l)$ is.

# %%
def bce(t, l):
    """t (N,): labels 0 or 1; l (N,): logits.  Returns the mean cross-entropy in nats, a number.

    >>> round(float(bce(np.array([1.0, 0.0]), np.array([0.0, 2.0]))), 4)
    1.41
    """
    # BEGIN SOLUTION
    return np.mean(np.logaddexp(0, l) - t * l)
    # END SOLUTION


check("02.bce", bce)

# %% [markdown]
# ## The derivative
#
# By the chain rule, $\frac{d}{dl}\operatorname{softplus}(l) = \frac{e^l}{1+e^l} = \sigma(l)$, and the derivative of
# $\operatorname{softplus}(-l)$ is $-\sigma(-l) = \sigma(l) - 1$. So for one sample
#
# $$\frac{d\,\mathrm{BCE}}{dl} = t\,(\sigma(l) - 1) + (1 - t)\,\sigma(l) = \sigma(l) - t = D - t :$$
#
# *what was said minus what was true*. No logarithm, no exponential of something large, and never more than 1 in size.
# Say that $D$ said 0.9 to a real sample, and 0.2 and 0.6 to two fakes. The derivatives of the three terms are $-0.1$, $0.2$ and
# $0.6$; and as the loss takes a mean over each batch, those of the loss are $-0.1$, $0.1$ and $0.3$. In general, with $N$
# real logits $r_n$ and $M$ fake logits $f_m$,
#
# $$\frac{\partial L_D}{\partial r_n} = \frac{\sigma(r_n) - 1}{N}, \qquad
#   \frac{\partial L_D}{\partial f_m} = \frac{\sigma(f_m)}{M} . \qquad\text{(Minimax.2)}$$
#
# The $1/N$ and $1/M$ stand here, in the loss, and nowhere else: all layers behind it only sum. (In training $M = N$, nearly
# always.)

# %% [markdown]
# ### Exercise 02.d_loss_gradient
# The batches need not be equally large, and the arrays are columns, as a network puts them out.

# %%
def d_loss_gradient(real_logits, fake_logits):
    """real_logits (N, 1), fake_logits (M, 1).  Returns dL_D/d real_logits (N, 1) and dL_D/d fake_logits (M, 1).

    >>> d_real, d_fake = d_loss_gradient(np.array([[0.0]]), np.array([[0.0], [0.0]]))
    >>> d_real.tolist(), d_fake.tolist()
    ([[-0.5]], [[0.25], [0.25]])
    """
    # BEGIN SOLUTION
    d_real = (1 / (1 + np.exp(-real_logits)) - 1) / len(real_logits)
    d_fake = 1 / (1 + np.exp(-fake_logits)) / len(fake_logits)
    return d_real, d_fake
    # END SOLUTION


check("02.d_loss_gradient", d_loss_gradient)

# %% [markdown]
# Here is the package's own code for it. `real_term` and `fake_term` give a function of the logits and its first two
# derivatives. `bell(l)` is $\sigma(l)\,(1 - \sigma(l))$, the derivative of $\sigma$, whose curve is a bell; it is for chapter
# 07, where the game itself is differentiated. `label_smoothing` is 0 unless you ask for it, so `t` is 1 here.

# %%
from scratchgan.losses import Minimax

print(inspect.getsource(Minimax.real_term), inspect.getsource(Minimax.fake_term), sep="\n")

# %% [markdown]
# **How bad is a slip?** Suppose that somebody forgets the minus sign and lets $D$ minimise $+\log D(x) + \log(1 - D(G(z)))$.
# That is smallest where $D$ is wrong and sure: a police that is rewarded for arresting the honest. The next cell minimises
# the right loss and the wrong one by gradient descent, for one real sample and one fake: it subtracts half of the derivative from
# each logit, 200 times.

# %%
def sigmoid(l):
    return 0.5 * (1 + np.tanh(l / 2))                          # 1 / (1 + exp(-l)), without overflow


def descend(sign, steps=200):
    real_logit, fake_logit = 0.0, 0.0
    for _ in range(steps):
        real_logit -= 0.5 * sign * (sigmoid(real_logit) - 1)   # what was said minus what was true
        fake_logit -= 0.5 * sign * (sigmoid(fake_logit) - 0)
    return sigmoid(real_logit), sigmoid(fake_logit)


right, wrong = descend(1), descend(-1)
print(f"minimising (A) + (B):            D(real) = {right[0]:.3f}, D(fake) = {right[1]:.3f}")
print(f"without the minus of (Loss.1):   D(real) = {wrong[0]:.3f}, D(fake) = {wrong[1]:.3f}")

# %% [markdown]
# ## The best $D$, from the loss
#
# Chapter 01 found $D^* = p/(p+q)$ by counting. Cross-entropy leads there, too. Write the expected values as integrals (the
# mean over $z$ is the mean over fakes, whose density is $q$: chapter 01),
#
# $$V(D, G) = \int \big[\,p(x) \log D(x) + q(x) \log(1 - D(x))\,\big]\, dx ,$$
#
# and note that $D$ may be chosen freely at each $x$: so we maximise the bracket at each $x$ by itself. With $a = p(x)$,
# $b = q(x)$,
#
# $$\frac{d}{dD}\big[a \log D + b \log(1-D)\big] = \frac aD - \frac b{1-D} = 0
#   \iff a(1-D) = bD \iff D = \frac{a}{a+b},$$
#
# and the second derivative $-a/D^2 - b/(1-D)^2$ is negative: a maximum. (Loss.3)

# %%
a, b = 0.6, 0.2
values = a * np.log(D) + b * np.log(1 - D)
print(f"the maximum on the grid is at D = {D[values.argmax()]:.3f}; a / (a + b) = {a / (a + b):.3f}")

# %% draw
# alt: The curve a log D + b log(1 - D) over D from 0 to 1, for a = 0.6 and b = 0.2. It rises to one maximum, marked by a broken
#   line at 0.75, and falls steeply towards both ends.
fig = figure(6.5, 3)
axes = fig.subplots()
axes.plot(D, values, color=BLUE)
axes.axvline(a / (a + b), color=GREEN, linestyle="--", label=f"a / (a + b) = {a / (a + b):.2f}")
axes.set(xlabel="D", ylabel="a log D + b log(1 - D)", ylim=(-2, -0.3))
axes.set_title(f"At one x, p = {a}, q = {b}: V's integrand has one maximum", fontsize=11)
axes.legend(fontsize=10)
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# ## What G minimises, and why it is another loss in practice
#
# By the game, $G$ minimises $\log(1 - D(G(z)))$, which is (B) with its sign turned. By the logit $f$ of one fake, its
# derivative is
#
# $$\frac{d}{df}\log(1-\sigma(f)) = -\sigma(f) = -D. \qquad\text{(Minimax.4)}$$
#
# An untrained $D$ knows nothing, and says about $1/2$ to all. But once it has learned a little and $G$ is still poor,
# $D(G(z))$ can come close to 0. Then this derivative is close to 0 as well: $G$ learns next to nothing when it has
# everything to learn. Goodfellow et al. therefore gave $G$ another loss with the same aim: instead of making
# the fakes *less fake*, make them *more real*, by claiming the label 1:
#
# $$L_G = -\log D(G(z)) = \operatorname{softplus}(-f), \qquad \frac{dL_G}{df} = -\sigma(-f) = -(1-D).
#   \qquad\text{(NonSaturating.2)}$$
#
# That is why many programs put "only ones" on the fakes in $G$'s turn. It is cross-entropy with a label that is a lie.
# Averaged over $M$ fakes, each derivative gets a factor $1/M$.
#
# Does it happen? Take the smallest GAN of chapter 01, with a generator that stands still: real samples are normal around
# $+3$, fakes around $-3$, and $D = \sigma(w x + b)$ learns. Since $\partial C/\partial w = x$ and $\partial C/\partial b = 1$, the
# chain rule makes its gradients out of your `d_loss_gradient`.
#
# **Predict.** After how many steps will $D$ be 99 % sure, on average, that a fake is a fake?

# %%
GAP = 6.0                                  # <- the knob: how far the fakes are from the real samples
solved = check("02.d_loss_gradient", d_loss_gradient).ok
gradient = d_loss_gradient if solved else lambda r, f: Minimax().discriminator(r, f)[1:]
print("by", "your d_loss_gradient" if solved else "the package's loss, until yours is right")


def train_d(gap, steps=300, seed=0):
    """Mean of D(G(z)) before each step of D's training, while G stands still: an array (steps + 1,)."""
    rng = np.random.default_rng(seed)
    w, b, says = 0.0, 0.0, []
    for step in range(steps + 1):
        x = gap / 2 + rng.standard_normal((500, 1))            # real
        fake = -gap / 2 + rng.standard_normal((500, 1))        # G(z)
        says.append(sigmoid(w * fake + b).mean())
        d_real, d_fake = gradient(w * x + b, w * fake + b)
        w -= 0.5 * (np.sum(d_real * x) + np.sum(d_fake * fake))
        b -= 0.5 * (np.sum(d_real) + np.sum(d_fake))
    return np.array(says)


says = train_d(GAP)
for step in (0, 1, 10, 100, 300):
    print(f"after {step:>3} steps of D: D(G(z)) = {says[step]:.4f};  size of G's derivative: "
          f"minimax {says[step]:.4f}, non-saturating {1 - says[step]:.4f}")

# %% draw
# alt: On the left the size of the derivative by the logit, on a log scale, over the steps of D's training: minimax falls from 1/2 to
#   below 0.01, non-saturating rises from 1/2 to 1. On the right both losses of G over D(G(z)): both fall from left to right.
fig = figure(9, 3.4)
left, right_axes = fig.subplots(1, 2)
left.semilogy(np.arange(1, len(says) + 1), says, color=VERMILLION, label="minimax: D")
left.semilogy(np.arange(1, len(says) + 1), 1 - says, color=BLUE, linestyle="--", label="non-saturating: 1 - D")
left.set(xscale="log", xlabel="step of D, while G stands still", ylabel="size of G's derivative")
left.set_title(f"A gap of {GAP:g}: D learns, and minimax's fades", fontsize=11)
right_axes.plot(D, np.log(1 - D), color=VERMILLION, label="minimax: log(1 - D)")
right_axes.plot(D, -np.log(D), color=BLUE, linestyle="--", label="non-saturating: -log D")
right_axes.set(xlabel="D(G(z))", ylabel="G's loss", ylim=(-6, 6))
right_axes.set_title("Both fall as D is deceived", fontsize=11)
for axes in (left, right_axes):
    axes.legend(fontsize=9)
    axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# Already after the first step $D$ is 97 % sure. It first reaches 99 % after 20 to 31 steps (on five seeds), and after 100 it
# is more than 99 % sure here. (In the run of chapter 00, $D$ never was as sure of the fakes: it depends on how different
# they are.)
#
# ### Change a knob, predict first
#
# In the cell above, set `GAP` to 1, so that the two bells overlap. To which value will $D(G(z))$ go now, and will minimax's
# derivative still fade? (Answer: even the best $D$ is often wrong then. It stays near 0.4, and both derivatives stay of the
# same order, 0.4 and 0.6. Minimax's fades only where $D$ can be sure.)

# %% [markdown]
# ### Exercise 02.g_loss_gradient and 02.gradient_ratio
# First the derivative of the non-saturating loss, for a batch. Then: where $D$ says $d$ of a fake, how many times larger is
# the derivative by the logit of the non-saturating loss than that of minimax?

# %%
def g_loss_gradient(fake_logits):
    """fake_logits (M, 1).  Returns dL_G/d fake_logits (M, 1) of the non-saturating loss, a mean over the fakes.

    >>> g_loss_gradient(np.array([[0.0], [0.0]])).tolist()
    [[-0.25], [-0.25]]
    """
    # BEGIN SOLUTION
    return (sigmoid(fake_logits) - 1) / len(fake_logits)
    # END SOLUTION


def gradient_ratio(d):
    """d: what D says of fakes, an array of numbers in 0..1.  Returns how many times larger, of the same shape.

    >>> gradient_ratio(0.2)
    4.0
    """
    # BEGIN SOLUTION
    return (1 - d) / d
    # END SOLUTION


print(check("02.g_loss_gradient", g_loss_gradient))
check("02.gradient_ratio", gradient_ratio)

# %%
from scratchgan.theory.optimal import gradient_ratio as ratio_of_logits

for d in (0.001, 0.01, 0.1, 0.5, 0.9):
    ratio = gradient_ratio(d) if check("02.gradient_ratio", gradient_ratio).ok else ratio_of_logits(np.log(d / (1 - d)))
    print(f"D(G(z)) = {d:>5}: the non-saturating derivative is {ratio:>7.3g} times minimax's")

# %% [markdown]
# The sign is the same at every fake; only the size differs, by the factor $(1-D)/D$. Where $D$ is sure, the factor is
# large. It is 1 at $D = 1/2$; and where more than that is said, $-\log D$ has the *smaller* derivative: a fake that deceives $D$
# already is left in peace.
#
# ## What the non-saturating loss makes smaller
#
# Against the best $D$, minimax makes $2\,\mathrm{JSD}(p, q)$ smaller (chapter 01). What does the other loss do? Let $G$ have a
# parameter $\theta$ and fakes of the density $q_\theta$; at $\theta_0$ it is $q$, and $D^* = p/(p+q)$ stands still while
# $\theta$ moves. Now $\frac{1}{D^*} = \frac{p+q}{p} = \frac{q}{p}\cdot\frac{p+q}{q} = \frac qp \cdot \frac{1}{1-D^*}$, so
#
# $$\mathbb E_{q_\theta}[-\log D^*] = \mathbb E_{q_\theta}\Big[\log\frac qp\Big] - \mathbb E_{q_\theta}[\log(1-D^*)].$$
#
# *The second term* is minimax's loss. Its slope at $\theta_0$ is that of $2\,\mathrm{JSD}(p, q_\theta)$: as $D^*$ is at the top
# of $V$, that it should move along with $\theta$ does not matter to first order. *The first term*:
# $\mathrm{KL}(q_\theta\|p) = \mathbb E_{q_\theta}[\log\frac{q_\theta}{p}] = \mathbb E_{q_\theta}[\log\frac qp] + \mathrm{KL}(q_\theta\|q)$,
# and the last divergence is smallest, 0, at $\theta_0$, so its slope there is 0. Hence
#
# $$\frac{d}{d\theta}\,\mathbb E_{q_\theta}[-\log D^*]
#   = \frac{d}{d\theta}\Big(\mathrm{KL}(q_\theta\,\|\,p) - 2\,\mathrm{JSD}(p, q_\theta)\Big)
#   \quad\text{at } \theta_0 \qquad\text{(OptimalD.8)}$$
#
# (Arjovsky & Bottou 2017). Believe it by number: $p$ normal around 2, $q_\theta$ normal around $\theta$, slopes from two values that
# are 0.002 apart.

# %%
from scratchgan.theory import gaussian, mixture
from scratchgan.theory import js as js_of
from scratchgan.theory import kl as kl_of

grid = np.linspace(-12, 12, 4801)
p = gaussian(2, 1)


def slopes(theta, h=0.001):
    """At theta: the slopes of E[-log D*], of KL - 2 JSD, of E[log(1 - D*)] and of 2 JSD."""
    logit = p.log_density(grid) - gaussian(theta, 1).log_density(grid)            # of D*, which stands still
    mean = lambda f, at: np.sum(gaussian(at, 1).density(grid) * f) * (grid[1] - grid[0])
    slope = lambda F: (F(theta + h) - F(theta - h)) / (2 * h)
    kl = lambda at: kl_of(gaussian(at, 1), p).value
    js = lambda at: js_of(p, gaussian(at, 1)).value
    return (slope(lambda at: mean(np.logaddexp(0, -logit), at)), slope(lambda at: kl(at) - 2 * js(at)),
            slope(lambda at: mean(-np.logaddexp(0, logit), at)), slope(lambda at: 2 * js(at)))


print(f"{'theta':>6}{'E[-log D*]':>14}{'KL - 2 JSD':>14}{'E[log(1 - D*)]':>18}{'2 JSD':>10}")
table = {theta: slopes(theta) for theta in (-2.0, 0.0, 1.0, 1.9)}
for theta, row in table.items():
    print(f"{theta:>6}{row[0]:>14.4f}{row[1]:>14.4f}{row[2]:>18.4f}{row[3]:>10.4f}")

# %% [markdown]
# The columns agree in pairs. Far away, at $\theta = -2$, minimax's slope is small and the other one is 28 times as large; close
# to 2 they are nearly equal, and both vanish.
#
# What is it that is made smaller? $\mathrm{KL}(q\,\|\,p)$ is a mean over *fakes*: fakes where there are no data cost much, data that no fake
# comes near cost little. And JSD has a minus before it. Compare two generators, for data with two hills: one
# that makes one of the hills only, and one that covers both, and the empty space between them as well.

# %%
two_hills = mixture([-2.0, 2.0], [0.5, 0.5], [0.5, 0.5])
compared = {}
for name, q in (("one of the hills", gaussian(2, 0.5)), ("both, and the space between", gaussian(0, 2.06))):
    forward, js = kl_of(q, two_hills).value, js_of(two_hills, q).value
    compared[name] = (forward, kl_of(two_hills, q).value, js, forward - 2 * js)
    print(f"{name:<28}KL(q||p) {forward:>6.3f}   KL(p||q) {compared[name][1]:>6.2f}   JSD {js:.3f}   "
          f"KL(q||p) - 2 JSD {forward - 2 * js:>6.3f}")

# %% [markdown]
# By KL$(q\|p) - 2\,$JSD the one that has lost half of the data is by far the better of the two; by KL$(p\|q)$, which maximum likelihood
# makes smaller, it is by far the worse; and JSD hardly cares. This loss asks for fakes that are good, and hardly for fakes that are varied.
# It is one of the reasons that are given for mode collapse; chapter 07 looks at others.
#
# ## A ledger of theory against code
#
# Everything that this chapter says in formulas can be held against what the code computes. `scratchgan ledger` prints 75
# such rows; here are some of those of the loss.

# %%
from scratchgan import losses

zero = np.zeros((8, 1))
print(f"{'':<52}{'theory':>12}{'code':>12}")
ledger = []
for name, theory, code in (
    ("minimax: L_D where D = 1/2 (log 4)", np.log(4), losses.Minimax().discriminator(zero, zero)[0]),
    ("minimax: L_G where D = 1/2 (-log 2)", -np.log(2), losses.Minimax().generator(zero)[0]),
    ("non-saturating: L_G where D = 1/2 (log 2)", np.log(2), losses.NonSaturating().generator(zero)[0]),
    ("minimax: dL_D/dr at r = 0, N = 8 (-1/2 / 8)", -0.5 / 8, losses.Minimax().discriminator(zero, zero)[1][0, 0]),
    ("minimax: N dL_D/dr at r = -800 (-1: never more)", -1.0,
     8 * losses.Minimax().discriminator(zero - 800, zero)[1][0, 0]),
    ("minimax: L_D at r = 800, f = -800 (0)", 0.0, losses.Minimax().discriminator(zero + 800, zero - 800)[0]),
    ("minimax: L_D at r = -800, f = 0 (800 + log 2)", 800 + np.log(2),
     losses.Minimax().discriminator(zero - 800, zero)[0]),
):
    ledger.append((theory, code))
    print(f"{name:<52}{theory:>12.6f}{code:>12.6f}")

# %% [markdown]
# ## What can go wrong
#
# - **"The loss of $D$ goes to 0. Is that good?"** It means that $D$ wins. A little of it is normal on images; much of it
#   means that minimax's $G$ learns nothing (chapter 07).
# - **"Why does the code's loss differ from the paper's?"** The paper maximises $V$; code minimises $L_D = -V$. The paper's
#   $G$ minimises $\log(1-D)$; code, as the paper itself advises, minimises $-\log D$. At equilibrium $V = -\log 4 = -1.386$
#   and $L_D = +1.386$, $L_G = 0.693$.
# - **"Why NaN?"** Often because somewhere a logarithm was taken of a probability that had been rounded to 0.
# - **Nash equilibrium.** A pair of strategies is one if neither player gains by moving alone. $q = p$ with $D = 1/2$ is one:
#   $D$ cannot do better than $1/2$, and $G$ gains nothing by moving, since $D$ is flat. Whether *training* finds it is
#   another question, which chapter 07 answers with eigenvalues.
#
# ## Sources
#
# Goodfellow et al. 2014, *Generative adversarial nets*: equation 1, section 3 (the non-saturating loss), section 4.1 (the
# optimum, theorem 1). Arjovsky & Bottou 2017, *Towards principled methods for training generative adversarial networks*:
# what the non-saturating loss makes smaller. `scratchgan/losses/` has this chapter as docstrings, each equation under the
# label that is cited here.
