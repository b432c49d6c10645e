# %% [markdown]
# # 13 · Find the bug
#
# *About 75 minutes. You need: chapters 03, 04, 07 and 08.*
#
# **Question.** Can you tell a wrong GAN from an unlucky one?
#
# A GAN that does not learn gives you nothing to go by. Its loss does not say why, and there are two very different reasons:
# the learning rate, the seed or the sizes are unlucky, or *the program is wrong*. Whoever cannot tell these apart tunes the
# learning rate of a program that computes something else. In this chapter somebody has put faults into the package. You
# have two instruments: the gradient checker, which judges the code, and the doctor, which judges a run.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import numpy as np

from scratchgan import Sequential
from scratchgan.runs import recipe
from scratchgan.data import load
from scratchgan.runs.diagnose import diagnose
from scratchgan.exercises import bugs, check
from scratchgan.exercises.ch13 import PATIENTS, RUNS                 # the answers: do not look yet
from scratchgan.gradcheck import check as gradcheck
from scratchgan.layers import BatchNorm, Conv2D, Dense, LeakyReLU, Tanh
from scratchgan.losses import NonSaturating, Wasserstein
from scratchgan.models import mlp_gan
from scratchgan.penalties import WganGp
from scratchgan.plots import BLUE, FAKE, GREEN, GREY, REAL, VERMILLION, figure
from scratchgan.runs.train import train

rng = np.random.default_rng(13)

# %% [markdown]
# ## Predict
#
# Below, four GANs learn the ring of eight Gaussians, all from the same seed, for 1,200 steps. In two of them there is a
# fault in the backward pass. One has a learning rate that is far too small for $D$. One is as it should be.
#
# Which are the two with the fault? Write down four words, for W, X, Y and Z, before you scroll on.

# %%
ring, samples, found = load("ring"), {}, {}
with tempfile.TemporaryDirectory() as folder:
    for letter, (fault, changes) in RUNS.items():
        plan = replace(recipe.load("mlp-ring"), steps=1200, hidden=(64, 64), batch_size=128,
                       lr_schedule="constant", **changes)
        with bugs.planted(fault) if fault else nullcontext():
            run = train(plan, Path(folder) / letter, progress=False)
        samples[letter], found[letter] = run.gan.sample(1000, seed=1), diagnose(run.folder)

fig = figure(10, 3.4)
for axes, (letter, points) in zip(fig.subplots(1, 4, sharex=True, sharey=True), samples.items(), strict=True):
    axes.scatter(*ring.modes.T, s=60, facecolors="none", edgecolors=REAL)
    axes.scatter(*points.clip(-1.95, 1.95).T, s=2, color=FAKE, alpha=0.4)
    axes.set(xlabel="$x_1$", ylabel="$x_2$", title=f"run {letter}", xlim=(-2, 2), ylim=(-2, 2), aspect="equal")
    axes.label_outer()
fig.suptitle("Two of these programs are wrong.  Which?  (circles: modes; points outside are drawn at the edge)")
fig.tight_layout()
fig

# %% [markdown]
# The doctor reads the logs. It knows what happened, and nothing about the code:

# %%
for letter, diagnosis in found.items():
    print(f"{letter}: {diagnosis.title}")

# %% [markdown]
# So two runs have the same complaint, and two are called healthy. Here is the truth:

# %%
for letter, (fault, changes) in RUNS.items():
    print(f"{letter}: {fault or 'no fault in the program'}{f', {changes}' if changes else ''}")

# %% [markdown]
# Look at W and Z: the same symptom, a $D$ that is too weak to teach. In Z one number in a table has to change. In W no
# number helps, since $D$'s gradient has lost its half about real samples. And look at Y: its LeakyReLU sends the gradient back
# with the wrong sign wherever its input is negative, and **it learns all the same**. A picture cannot clear a program of a
# fault. Nor can a falling loss.
#
# Hence the order of this chapter: *first check the derivatives, then look at the run.* The first takes seconds and has a
# definite answer.

# %% [markdown]
# ## How wrong is wrong?
#
# A check compares a derivative $a$ that was written by hand with central differences $n$. Both are arrays, and their
# difference has to be judged against something:
#
# $$\text{error} = \frac{\max|a - n|}{\max\big(\max|a|,\ \max|n|,\ 10^{-3} \times \text{the largest gradient in the thing checked}\big)} \qquad\text{(Check.1)}$$
#
# The third term is for arrays that are 0 in truth (the bias of a Dense layer before a BatchNorm is one: adding a constant
# changes nothing). There $a$ and $n$ hold rounding noise, and noise against noise is an error of 100 %.
#
# ### Exercise 13.relative_error

# %%
def relative_error(a, n, largest):
    """a, n: arrays of one shape; largest: the largest gradient in the thing checked.  Returns (Check.1), a number."""
    # BEGIN SOLUTION
    return np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max(), 1e-3 * largest)
    # END SOLUTION


check("13.relative_error", relative_error)

# %% [markdown]
# ## A check that cannot fail is no check
#
# Before you trust an instrument, give it something broken. Here is a layer whose weight gradient is turned round (a
# mirrored kernel), seen by four checks. Checks like the first three guard well-known projects.

# %%
def weak_checks(layer):
    """Four checks of one convolution: True where they find nothing wrong."""
    x, c = rng.standard_normal((2, 5, 5, 2)), rng.standard_normal((2, 3, 3, 3))

    def F(x, dtype):
        return float((layer.astype(dtype).forward(x.astype(dtype), train=True)[0] * c).sum())

    def by_hand_and_by_differences(x, entry, h, dtype):
        twin = layer.astype(np.float64)
        _, cache = twin.forward(x, train=True)
        twin.backward(c, cache)
        W = layer.params["W"]
        kept = W[entry]
        W[entry] = kept + h
        above = F(x, dtype)
        W[entry] = kept - h
        below = F(x, dtype)
        W[entry] = kept
        return twin.grads["W"][entry], (above - below) / (2 * h)

    a, n = by_hand_and_by_differences(x, (1, 1, 0, 0), 1e-5, np.float64)      # the middle stays where it is when turned
    flat = np.ones_like(x)
    b, m = by_hand_and_by_differences(flat, (0, 0, 0, 0), 1e-5, np.float64)   # all patches are the same patch
    shapes = all(layer.params[name].shape == layer.grads[name].shape for name in layer.params)
    return {"the shapes fit": shapes, "one entry, well chosen": abs(a - n) < 1e-6 * abs(n),
            "an input that does not vary": abs(b - m) < 1e-6 * abs(m),
            "every entry, float64, a random input": gradcheck(layer, x).ok}


with bugs.planted("kernel turned round"):
    for name, passed in weak_checks(Conv2D(2, 3, kernel_size=3, rng=rng, dtype=np.float64)).items():
        print(f"{name:<40}{'finds nothing' if passed else 'FINDS IT'}")

# %% [markdown]
# Three of the four find nothing. That is why `gradcheck` compares every entry, in float64, at random inputs, with all parameters
# randomised, and refuses an input that does not vary.
#
# ## The ward
#
# These faults have been prepared. Each is a patch: `with bugs.planted(name):` puts it into the package, and takes it out again
# at the end of the block. No module of the package knows of them.

# %%
for name, tells in bugs.names().items():
    print(f"{name}\n    {tells}")

# %% [markdown]
# A patient is examined piece by piece: a layer alone, the loss alone, a small net, the whole game. `examine` does that and
# shows the rows that are wrong. Each row says which pass is wrong, and in which array. Read the first healthy report.

# %%
def small_net(activation, rng):
    return Sequential([Dense(4, 5, rng=rng), activation, Dense(5, 1, rng=rng)])


def examine(fault=None):
    """Check several things, with a fault planted; print what is wrong in each."""
    make = np.random.default_rng(0)
    x = make.standard_normal((6, 4))
    things = {
        "Dense alone": (lambda: Dense(4, 3, rng=make), x, True),
        "BatchNorm, training": (lambda: BatchNorm(4), x, True),
        "BatchNorm, evaluation": (lambda: BatchNorm(4), x, False),
        "a net with LeakyReLU": (lambda: small_net(LeakyReLU(), make), x, True),
        "a net with Tanh": (lambda: small_net(Tanh(), make), x, True),
        "the loss alone": (NonSaturating, None, True),
        "a penalty alone": (WganGp, None, True),
        "a whole game": (lambda: mlp_gan(4, 2, (5,)), x, True),
    }
    with bugs.planted(fault) if fault else nullcontext():
        for name, (build, batch, mode) in things.items():
            report = gradcheck(build(), batch, train=mode)
            wrong = [f"{row.step}: {row.array}" for row in report.rows if row.error > report.tolerance]
            print(f"{name:<24}{'ok' if report.ok else f'WRONG in {len(wrong)} of {len(report.rows)} rows'}"
                  + "".join(f"\n{'':<24}    {row}" for row in wrong[:6]))


examine()

# %% [markdown]
# ### Patient A

# %%
examine(PATIENTS["A"])

# %% [markdown]
# A layer by itself is right, the loss is right, and the game is wrong. What happens in the game that does not happen to a
# layer alone? Think of chapter 04: how often is $D$ sent a gradient before its optimiser takes a step?
#
# ### Exercise 13.patient_a

# %%
def patient_a():
    """Returns the name of the fault, out of bugs.names()."""
    # BEGIN SOLUTION
    return "gradients assigned"
    # END SOLUTION


check("13.patient_a", patient_a)

# %% [markdown]
# ### Patient B

# %%
examine(PATIENTS["B"])

# %% [markdown]
# ### Exercise 13.patient_b

# %%
def patient_b():
    """Returns the name of the fault, out of bugs.names()."""
    # BEGIN SOLUTION
    return "batch statistics held constant"
    # END SOLUTION


check("13.patient_b", patient_b)

# %% [markdown]
# ### Patient C
#
# Two nets, which differ in their activation only.

# %%
examine(PATIENTS["C"])

# %% [markdown]
# This one hid for a long time in a real project: its only test was a net with ReLU. Which number is 0 for ReLU, and is not for
# tanh? (And whom does it hurt: would a plain GAN notice?)
#
# ### Exercise 13.patient_c

# %%
def patient_c():
    """Returns the name of the fault, out of bugs.names()."""
    # BEGIN SOLUTION
    return "no second derivative"
    # END SOLUTION


check("13.patient_c", patient_c)

# %% [markdown]
# ### Patient D

# %%
examine(PATIENTS["D"])

# %% [markdown]
# Everything is ok. Each derivative is the derivative of what is computed. But is *what is computed* right? A gradient check
# cannot know what you wanted. For that you need **questions whose answer you know beforehand**:
#
# | question | known answer |
# |---|---|
# | a batch, and the same batch twice over: how does a mean change? | not at all |
# | a critic that gives real samples 1 and fakes 0: is that better than the reverse? | yes |
# | in $G$'s turn: which weights move? | $G$'s only |
# | eight modes: how many distinct places are there? | eight |
# | $D$ says $1/2$ to everything: what is $L_D$? | $\log 4$ (chapter 02) |
# | real against real: what is the distance? | its floor (chapter 11) |
#
# `scratchgan ledger` asks 75 of them. Put the first four to patient D, and to three others that no gradient check finds.

# %%
def questions():
    g = np.random.default_rng(1).standard_normal((5, 3))
    once, twice = WganGp()(g)[0], WganGp()(np.concatenate([g, g]))[0]
    one, zero = np.ones((4, 1)), np.zeros((4, 1))
    gan = mlp_gan(2, 2, (8,), seed=0)
    gan.d_step(rng.standard_normal((16, 2)).astype(np.float32))
    before = [w.copy() for _, w in gan.D.parameters()]
    gan.g_step(16)
    still = all((w == kept).all() for (_, w), kept in zip(gan.D.parameters(), before, strict=True))
    return {"a doubled batch has the same penalty": bool(np.isclose(once, twice)),
            "a critic is rewarded for real = 1, fake = 0": Wasserstein().discriminator(one, zero)[0]
                                                           < Wasserstein().discriminator(zero, one)[0],
            "D stands still in G's turn": still,
            "the ring has eight distinct modes": len(np.unique(load("ring").modes.round(6), axis=0)) == 8}


columns = {"healthy": None, "D": PATIENTS["D"], "E": "two signs that cancel", "F": "D moves in G's turn",
           "G": "seven of eight modes"}
answers = {}
for column, fault in columns.items():
    with bugs.planted(fault) if fault else nullcontext():
        answers[column] = questions()
print(f"{'':<46}" + "".join(f"{column:>9}" for column in columns))
for question in answers["healthy"]:
    print(f"{question:<46}" + "".join(f"{'yes' if answers[column][question] else 'NO':>9}" for column in columns))

# %% [markdown]
# One question each, one *no* each. And now look at the healthy column of the penalty: what is the penalty a mean *of*?
#
# ### Exercise 13.patient_d

# %%
def patient_d():
    """Returns the name of the fault, out of bugs.names()."""
    # BEGIN SOLUTION
    return "norm over the batch"
    # END SOLUTION


check("13.patient_d", patient_d)

# %% [markdown]
# ### Exercise 13.who_moved
# Write the third question yourself. Your function gets a GAN in which $D$ has just computed its gradient, plays $G$'s turn with
# `gan.g_step(8)`, and says who moved. Some of the games that it is tried on are faulty.

# %%
def who_moved(gan):
    """Plays gan.g_step(8).  Returns (did any weight of gan.G change?, did any of gan.D?)."""
    # BEGIN SOLUTION
    before = [[w.copy() for _, w in net.parameters()] for net in (gan.G, gan.D)]
    gan.g_step(8)
    return tuple(any((w != kept).any() for (_, w), kept in zip(net.parameters(), arrays, strict=True))
                 for net, arrays in zip((gan.G, gan.D), before, strict=True))
    # END SOLUTION


check("13.who_moved", who_moved)

# %% [markdown]
# ## What the checker sees
#
# How large are these errors? The picture shows the largest error (Check.1) of everything that `examine` looks at, for each of
# the faults, and for the package as it is. There is no grey zone between right and wrong derivatives: nine orders of magnitude
# lie between them. That is what float64 and central differences buy (chapter 03).

# %%
def largest_error(fault):
    make = np.random.default_rng(0)
    x = make.standard_normal((6, 4))
    with bugs.planted(fault) if fault else nullcontext():
        reports = [gradcheck(BatchNorm(4), x), gradcheck(BatchNorm(4), x, train=False), gradcheck(NonSaturating()),
                   gradcheck(WganGp()), gradcheck(Wasserstein()), gradcheck(mlp_gan(4, 2, (5,)), x),
                   gradcheck(small_net(Tanh(), make), x),
                   gradcheck(Conv2D(1, 2, kernel_size=3, rng=make), make.standard_normal((2, 4, 4, 1)))]
    return max(report.max_error for report in reports)


errors = {"(as it is)": largest_error(None)}
errors |= {name: largest_error(name) for name in bugs.names() if name != "another mask on the way back"}
fig = figure(8.5, 4.6)
axes = fig.subplots()
right = [error < 1e-7 for error in errors.values()]
axes.barh(list(errors), list(errors.values()), color=[GREEN if ok else VERMILLION for ok in right], left=1e-12)
axes.axvline(1e-7, color=GREY, linewidth=1)
axes.text(1.3e-7, -0.6, "tolerance", color=GREY, fontsize=8, va="center")
axes.set(xscale="log", xlabel="largest error (Check.1)", ylabel="fault", xlim=(1e-12, 10),
         title="Wrong derivatives stand out; the last four faults have none")
axes.invert_yaxis()
fig.tight_layout()
smallest = min(error for error in errors.values() if error > 1e-7)
print(f"as it is: {errors['(as it is)']:.1e}; the smallest of the wrong ones: {smallest:.2f}")
fig

# %% [markdown]
# (Dropout is left out: none of the things above has any. `gradcheck(Dropout(0.5), x)` finds its fault.)
#
# ## A plan for the next time that it does not learn
#
# 1. **`gradcheck`** on each layer that you wrote, on the whole game, with tiny sizes. Wrong? Stop. No learning rate helps.
# 2. **Questions with known answers**: the loss at $D = 1/2$, one batch doubled, who moves in whose turn, what a batch of the
#    data *looks* like when it is drawn as a picture.
# 3. **Overfit on purpose**: two real samples, a small net. A game that cannot learn two points cannot learn a thousand.
# 4. Then **`scratchgan doctor RUN`**: it names collapse, saturation, oscillation, and what to try first.
# 5. **Another seed**, before you believe in an improvement. Chapter 07 had error bars for a reason.
#
# ## What can go wrong
#
# - **"It learns, so it is right."** Run Y. Adam divides by the size of the gradient, and so it forgives any constant factor (of the
#   faults above, which one does it forgive?). Half of a gradient often still points downhill.
# - **"It does not learn, so it is wrong."** Run Z.
# - **"My test is green."** Has it ever been red? Plant a fault, and see. This package's own test suite is tested that way:
#   `tests/gradcheck/test_gradcheck.py` plants each fault above, and `python -m benchmarks.mutants` changes the source line by line.
# - **"The two versions agree, so both are right."** One project's test negated both sides until they agreed. Compare with
#   something that was not derived by the same person in the same hour: differences, a closed form, another library.
#
# ## Sources
#
# `scratchgan/gradcheck/` is the checker, `scratchgan/doctor/` the doctor, `scratchgan/exercises/bugs.py` the faults, with what they did
# where they were seen. `scratchgan/theory/ledger.py` asks the questions with known answers.
