# %% [markdown]
# # 02 · The loss, derived
#
# *About 60 minutes. You need: chapter 01, derivatives, the chain rule.*
#
# **Question.** Where does $\min_G \max_D V(D, G)$ come from, and what exactly does the code compute?
#
# Popular derivations of the GAN loss contain slips: a cross-entropy without its minus sign, $G(x)$ where $G(z)$ is meant,
# "$D$ minimises (A) and (B)" and maximises them two lines later. They are easy to read over, and a program written from
# them learns nothing. We go slowly, and let the numbers say who is right.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLACK, BLUE, GREEN, ORANGE, VERMILLION, figure

# %% [markdown]
# ## One sample, one label
#
# A classifier says "real" with probability $D$. Then the label is revealed: $t = 1$ for real, $t = 0$ for fake. The
# probability that it had given to what turned out true is $D$ in the first case and $1 - D$ in the second, in one formula
# $D^t (1-D)^{1-t}$. Its negative logarithm is how surprised the classifier was, **binary cross-entropy**:
#
# $$\mathrm{BCE}(t, D) = -\big(t \log D + (1-t) \log(1-D)\big) \qquad\text{(Loss.1)}$$
#
# It is 0 for who was sure and right, and grows without bound for who was sure and wrong. *The minus sign matters*: $\log D$
# is negative, and what we minimise has to be positive.

# %%
D = np.linspace(0.001, 0.999, 400)
fig = figure(8, 3.2)
for axes, values, title in zip(fig.subplots(1, 2), (-np.log(D), -np.log(1 - D)),
                               ("(A) label 1: $-\\log D$", "(B) label 0: $-\\log(1-D)$"), strict=True):
    axes.plot(D, values, color=BLUE)
    axes.set(xlabel="D, what the discriminator says", ylabel="loss in nats", title=title, ylim=(0, 7))
    axes.grid(alpha=0.3)
fig.suptitle("Both punish certainty that is wrong, one on each side")
fig.tight_layout()
fig

# %% [markdown]
# ## Predict
#
# $D$ says 0.9 to a real sample and 0.2 to a fake. What is the sum of the two losses? What would it be if $D$ had said 0.5
# to both? Guess before you compute.

# %%
print(f"0.9 and 0.2: {-np.log(0.9) - np.log(1 - 0.2):.4f} nats")
print(f"0.5 and 0.5: {-2 * np.log(0.5):.4f} nats = log 4 = {np.log(4):.4f}")

# %% [markdown]
# ## From cross-entropy to the game
#
# Real samples $x$ carry the label 1, and of (Loss.1) the first term is left; fakes $G(z)$ carry the label 0, and the
# second term is left:
#
# $$\text{(A)}\quad -\log D(x) \qquad\qquad \text{(B)}\quad -\log\big(1 - D(G(z))\big)$$
#
# $D$ minimises the mean of (A) over real samples plus the mean of (B) over fakes. Turn the sign, and it *maximises*
#
# $$V(D, G) = \mathbb E_{x}[\log D(x)] + \mathbb E_{z}[\log(1 - D(G(z)))] \qquad\text{(Loss.2)}$$
#
# $G$ appears in (B) only. It wants $D$ to be wrong about its fakes: it *minimises* $V$. Hence $\min_G\max_D V(D, G)$.
# Note the argument of $G$: it is noise, $z$. A "$G(x)$" would be a generator that is fed real samples.
#
# **How bad is a slip?** Suppose that somebody forgets the minus sign and lets $D$ minimise $+\log D(x)$. The optimum of
# that is $D(x) = 0$ on real samples: a police that is rewarded for arresting the honest. The next cell minimises the
# right loss and the wrong one by gradient descent, for one real sample and one fake, on logits.

# %%
def descend(gradient, steps=200, lr=0.5):
    logits = np.zeros(2)                                       # of one real sample and one fake
    for _ in range(steps):
        logits -= lr * gradient(logits)
    return 1 / (1 + np.exp(-logits))


sigmoid = lambda l: 1 / (1 + np.exp(-l))
right = descend(lambda l: np.array([sigmoid(l[0]) - 1, sigmoid(l[1])]))
wrong = descend(lambda l: -np.array([sigmoid(l[0]) - 1, sigmoid(l[1])]))
print(f"minimising (A) + (B):            D(real) = {right[0]:.3f}, D(fake) = {right[1]:.3f}")
print(f"without the minus of (Loss.1):   D(real) = {wrong[0]:.3f}, D(fake) = {wrong[1]:.3f}")

# %% [markdown]
# ## On logits
#
# A network ends in a number $l$ of any size, the **logit**, and $D = \sigma(l) = 1/(1+e^{-l})$. Computing $\sigma$ first and
# its logarithm afterwards loses everything where it matters: for $l = -800$, $\sigma(l)$ is 0 in floating point and its
# logarithm $-\infty$. But
#
# $$\log \sigma(l) = -\log(1 + e^{-l}) = -\operatorname{softplus}(-l), \qquad
# \log(1-\sigma(l)) = -\operatorname{softplus}(l), \qquad
# \operatorname{softplus}(l) = \log(1+e^{l}),$$
#
# and softplus can be computed without overflow for any $l$. With $\sigma(-l) = 1 - \sigma(l)$,
#
# $$\mathrm{BCE} = t\operatorname{softplus}(-l) + (1-t)\operatorname{softplus}(l) = \operatorname{softplus}(l) - t\,l,$$
#
# because $\operatorname{softplus}(l) - \operatorname{softplus}(-l) = l$. This is why every loss in `scratchgan.losses` takes
# logits, and never probabilities.

# %%
with np.errstate(divide="ignore"):
    in_two_steps = np.log(1 - 1 / (1 + np.exp(-800.0)))    # log(1 - sigmoid(800))
print(f"log(1 - sigmoid(800)) in two steps: {in_two_steps};  -softplus(800): {-np.logaddexp(0, 800)}")
l = np.linspace(-800, 800, 4001)
print(f"largest |softplus(l) - softplus(-l) - l| for l from -800 to 800: "
      f"{np.abs(np.logaddexp(0, l) - np.logaddexp(0, -l) - l).max():.0e}")

# %% [markdown]
# ### Exercise 02.bce
# Write binary cross-entropy on logits, mean over the batch. It is tested at $l = \pm 800$, too.

# %%
def bce(t, l):
    """t (N,) labels 0 or 1; l (N,) logits.  Returns the mean cross-entropy in nats."""
    # BEGIN SOLUTION
    return np.mean(np.logaddexp(0, l) - t * l)
    # END SOLUTION


check("02.bce", bce)

# %% [markdown]
# ## The derivative
#
# $\operatorname{softplus}'(l) = e^l/(1+e^l) = \sigma(l)$. So for one sample
#
# $$\frac{d\,\mathrm{BCE}}{dl} = \sigma(l) - t = D - t :$$
#
# *what was said minus what was true*. No logarithm, no exponential of something large, and never more than 1 in size.
# Averaged over $N$ real logits $r_n$ with $t = 1$ and $N$ fake logits $f_n$ with $t = 0$:
#
# $$\frac{\partial L_D}{\partial r_n} = \frac{\sigma(r_n) - 1}{N}, \qquad
#   \frac{\partial L_D}{\partial f_n} = \frac{\sigma(f_n)}{N} \qquad\text{(Minimax.2)}$$
#
# The $1/N$ stands here, in the loss, and nowhere else: all layers behind it only sum.

# %% [markdown]
# ### Exercise 02.d_loss_gradient

# %%
def d_loss_gradient(real_logits, fake_logits):
    """real_logits (N, 1), fake_logits (M, 1).  Returns dL_D/d real_logits and dL_D/d fake_logits."""
    # BEGIN SOLUTION
    d_real = (sigmoid(real_logits) - 1) / len(real_logits)
    d_fake = sigmoid(fake_logits) / len(fake_logits)
    return d_real, d_fake
    # END SOLUTION


check("02.d_loss_gradient", d_loss_gradient)

# %% [markdown]
# Here is the package's own code for it. `real_term` and `fake_term` give a function of the logits and its first two
# derivatives; the second is for chapter 07, where the game itself is differentiated.

# %%
from scratchgan.losses import Minimax

print(inspect.getsource(Minimax.real_term), inspect.getsource(Minimax.fake_term), sep="\n")

# %% [markdown]
# ## The best $D$, from the loss
#
# Chapter 01 found $D^* = p/(p+q)$ by counting. Cross-entropy leads there, too. Write the expectations as integrals,
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
fig = figure(6, 3)
axes = fig.subplots()
axes.plot(D, values, color=BLUE)
axes.axvline(a / (a + b), color=GREEN, linestyle="--", label=f"a / (a + b) = {a / (a + b):.2f}")
axes.set(xlabel="D", ylabel="a log D + b log(1 - D)", ylim=(-2, -0.3),
         title=f"At one x, p = {a}, q = {b}: V's integrand has one maximum")
axes.legend()
axes.grid(alpha=0.3)
fig.tight_layout()
print(f"the maximum on the grid is at D = {D[values.argmax()]:.3f}")
fig

# %% [markdown]
# ## What $G$ minimises, and why it is another loss in practice
#
# By the game, $G$ minimises (B)'s negative, $\log(1 - D(G(z)))$. Its derivative with respect to the logit $f$ of a fake:
#
# $$\frac{d}{df}\log(1-\sigma(f)) = -\sigma(f) = -D. \qquad\text{(Minimax.4)}$$
#
# At the start $D$ knows every fake: $D(G(z)) \approx 0$. Then the gradient is about 0 as well: $G$ learns nothing exactly
# when it has everything to learn. Goodfellow et al. therefore gave $G$ another loss with the same aim: instead of making
# the fakes *less fake*, make them *more real*, by claiming the label 1:
#
# $$L_G = -\log D(G(z)) = \operatorname{softplus}(-f), \qquad \frac{dL_G}{df} = -\sigma(-f) = -(1-D).
#   \qquad\text{(NonSaturating.2)}$$
#
# That is why the text-book procedure puts "only ones" on the fakes in $G$'s turn. It is cross-entropy with a label that is
# a lie, and the sign of the gradient is the same at every fake; only its size differs, by the factor $(1-D)/D$.

# %%
fig = figure(9, 3.2)
left, right = fig.subplots(1, 2)
left.plot(D, np.log(1 - D), color=VERMILLION, label="minimax: log(1 - D)")
left.plot(D, -np.log(D), color=BLUE, label="non-saturating: -log D")
left.set(xlabel="D(G(z))", ylabel="G's loss", ylim=(-6, 6), title="Both fall as D is deceived")
right.semilogy(D, D, color=VERMILLION, label="minimax: D")
right.semilogy(D, 1 - D, color=BLUE, label="non-saturating: 1 - D")
right.set(xlabel="D(G(z))", ylabel="|gradient by the logit|", title="Where D is sure, minimax has no gradient")
for axes in (left, right):
    axes.legend(fontsize=8)
    axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# ### Exercise 02.g_loss_gradient and 02.gradient_ratio

# %%
def g_loss_gradient(fake_logits):
    """fake_logits (N, 1).  Returns dL_G/d fake_logits of the non-saturating loss."""
    # BEGIN SOLUTION
    return (sigmoid(fake_logits) - 1) / len(fake_logits)
    # END SOLUTION


def gradient_ratio(d):
    """d: what D says of fakes.  How many times larger is the non-saturating gradient than minimax's?"""
    # BEGIN SOLUTION
    return (1 - d) / d
    # END SOLUTION


print(check("02.g_loss_gradient", g_loss_gradient))
check("02.gradient_ratio", gradient_ratio)

# %% [markdown]
# ## A ledger of theory against code
#
# Everything that this chapter says in formulas can be held against what the code computes. `scratchgan ledger` prints 75
# such rows; here are those of the loss.

# %%
from scratchgan import losses

zero = np.zeros((8, 1))
print(f"{'':<52}{'theory':>12}{'code':>12}")
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
    print(f"{name:<52}{theory:>12.6f}{code:>12.6f}")

# %% [markdown]
# ## What can go wrong
#
# - **"The loss of $D$ goes to 0. Is that good?"** It means that $D$ wins. A little of it is normal on images; much of it
#   means that minimax's $G$ learns nothing (chapter 07).
# - **"Why does the code's loss differ from the paper's?"** The paper maximises $V$; code minimises $L_D = -V$. The paper's
#   $G$ minimises $\log(1-D)$; code, as the paper itself advises, minimises $-\log D$. At equilibrium $V = -\log 4 = -1.386$
#   and $L_D = +1.386$, $L_G = 0.693$.
# - **"Why NaN?"** Because somewhere a logarithm was taken of a probability that had been rounded to 0.
# - **Nash equilibrium.** A pair of strategies is one if neither player gains by moving alone. $q = p$ with $D = 1/2$ is one:
#   $D$ cannot do better than $1/2$, and $G$ gains nothing by moving, since $D$ is flat. Whether *training* finds it is
#   another question, which chapter 07 answers with eigenvalues.
#
# ## Sources
#
# Goodfellow et al. 2014: equation 1, section 3 (the non-saturating loss), section 4.1 (the optimum, theorem 1).
# `scratchgan/losses/` has this chapter as docstrings, each equation under the label that is cited here.
