# %% [markdown]
# # 13 · Find the bug
#
# *About 65 minutes. You need: chapters 03, 04, 07 and 08.*
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

from scratchgan.runs import recipe
from scratchgan.data import load
from scratchgan.runs.diagnose import diagnose
from scratchgan.exercises import bugs, check
from scratchgan.exercises.ch13 import PATIENTS, RUNS                 # the answers: do not look yet
from scratchgan.gradcheck import check as gradcheck
from scratchgan.layers import BatchNorm, Conv2D, Dropout, Tanh
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

# %% draw
# alt: Four scatter plots side by side, runs W, X, Y and Z: 1,000 blue samples each, in the plane of x1 and x2, over the
#   eight orange circles of the ring's modes. In W and Z the samples lie far from the circles; in X and Y they lie on them.
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
# So two runs have the same complaint, and two are called healthy: the doctor, too, cannot tell a fault of the program from a
# bad setting. Here is the truth; compare it with your four words:

# %%
for letter, (fault, changes) in RUNS.items():
    print(f"{letter}: {fault or 'no fault in the program'}{f', {changes}' if changes else ''}")

# %% [markdown]
# Look at W and Z: the same symptom, a $D$ that is too weak to teach. In Z one number in a table has to change. In W the
# program has to: $D$'s gradient has lost its half about real samples, and a $D$ that is never told what is real has nothing
# to teach. And look at Y: its LeakyReLU sends the gradient back with the wrong sign wherever its input is negative, and in
# this run **it learns all the same**. (Not with every seed: put `seed=1` into the cell that trains, and look at Y
# again.) A picture that looks right does not clear a program of a fault.
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
# An example with numbers: $a = (3, -4)$, $n = (3, -5)$, and the largest gradient of all is 2. The largest difference is 1; the
# largest entries are 4 and 5, and the third term is 0.002; the error is $1/5$.
#
# The third term is for arrays that are 0 in truth (the bias of a Dense layer before a BatchNorm is one: adding a constant
# changes nothing). There $a$ and $n$ hold rounding noise, and noise divided by noise can be as large as 2.
#
# ### Exercise 13.relative_error
# Which of the three terms is the largest depends on the arrays: all three occur in the check.

# %%
def relative_error(a, n, largest):
    """a, n: arrays of one shape; largest: the largest gradient in the thing checked.  Returns (Check.1), a number.

    >>> relative_error(np.array([3.0, -4.0]), np.array([3.0, -5.0]), 2.0)
    0.2
    """
    # BEGIN SOLUTION
    return np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max(), 1e-3 * largest)
    # END SOLUTION


check("13.relative_error", relative_error)

# %% [markdown]
# ## A check that cannot fail is no check
#
# Before you trust an instrument, give it something broken. Here is a convolution whose weight gradient is turned round (a
# mirrored kernel), seen by four checks, each of which sounds reasonable. **Predict** which of them find the fault.

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


FAULT = "kernel turned round"                                   # the knob of this chapter
with bugs.planted(FAULT):
    for name, passed in weak_checks(Conv2D(2, 3, kernel_size=3, rng=rng, dtype=np.float64)).items():
        print(f"{name:<40}{'finds nothing' if passed else 'FINDS IT'}")

# %% [markdown]
# Three of the four find nothing. That is why `gradcheck` compares every entry, in float64, at random inputs, with all parameters
# randomised, and refuses an input that does not vary.
#
# **Change a knob, predict first.** Set `FAULT` to `"bias of one sample"` and run the cell again. (The three weak checks look at
# $W$, and the fault is in $b$: they find nothing. The fourth finds it.) Then to `"gradients assigned"`, for which you should
# expect a surprise: none of the four finds it, not even the good one. This layer has been sent one gradient only, and `=` and
# `+=` are the same as long as nothing was there before. A check sees what it *does*; Patient A will bring this back. Here are
# all three settings:

# %%
for fault in ("kernel turned round", "bias of one sample", "gradients assigned"):
    with bugs.planted(fault):
        passed = list(weak_checks(Conv2D(2, 3, kernel_size=3, rng=rng, dtype=np.float64)).values())
    print(f"{fault:<24}found by the weak checks: {3 - sum(passed[:3])} of 3,  by gradcheck: {'no' if passed[3] else 'yes'}")

# %% [markdown]
# ## The ward
#
# These faults have been prepared. Each is a patch: `with bugs.planted(name):` puts it into the package, and takes it out again
# at the end of the block. No module of the package knows of them.

# %%
for name, tells in bugs.names().items():
    print(f"{name}\n    {tells}")

# %% [markdown]
# A patient is examined piece by piece: a layer alone, a small net, the loss alone, a penalty alone, the whole game. Here is
# the examination. It returns the wrong rows; each says in which thing, in which of the four passes (chapter 03) and in which
# array the derivative is wrong. A healthy package has none:

# %%
print(inspect.getsource(bugs.examine))
print("wrong rows of the package as it is:", bugs.examine())


def show(rows):
    """Print a report: the wrong rows of each thing that was examined."""
    for thing in dict.fromkeys(row.split(": ")[0] for row in rows):
        its = [row.split(": ", 1)[1] for row in rows if row.startswith(thing + ": ")]
        print(f"{thing:<24}{len(its)} rows are wrong:  {its[0]}" + "".join(f"\n{'':<43}{row}" for row in its[1:8]))
    print("everything else is ok")


# %% [markdown]
# A physician who knows a disease also knows its *doubles*: others that look the same at first sight. So the question about
# each patient is not a name, which you could guess, but a rule that tells the doubles apart. Your function gets the reports
# of everybody in the waiting room, in some order. One of them is the patient, some are doubles, and one is healthy. Examine
# the doubles yourself: `show(bugs.examine("..."))`.
#
# ### Patient A

# %%
show(bugs.examine(PATIENTS["A"]))

# %% [markdown]
# A layer by itself is right, the loss is right, and the game is wrong. What happens in the game that does not happen to a
# layer alone? Think of chapter 04: how often is $D$ sent a gradient before its optimiser takes a step?
#
# ### Exercise 13.patient_a
# In the waiting room: one each with `"gradients assigned"`, `"activations kept on the layer"`, `"fakes with a minus"` and
# `"1/N forgotten"`, and one who is healthy. All four faults make $D$'s gradient in the game wrong. Which rows set each apart?

# %%
def patient_a(waiting):
    """waiting: for each patient the list of its wrong rows, such as ["a whole game: backward: D's loss: D.0.W", ...].

    Returns for each the name of its fault, one of those above, or "healthy".

    >>> patient_a([[], []])
    ['healthy', 'healthy']
    """
    # BEGIN SOLUTION
    names = []
    for wrong in waiting:
        text = "\n".join(wrong)
        if not wrong:
            names.append("healthy")
        elif "the loss alone" in text:                              # wrong before any layer comes into play
            names.append("1/N forgotten" if "real logits" in text else "fakes with a minus")
        elif "D.0.b" in text:                                       # db needs no activations
            names.append("gradients assigned")
        else:
            names.append("activations kept on the layer")
    return names
    # END SOLUTION


check("13.patient_a", patient_a)

# %% [markdown]
# ### Patient B

# %%
show(bugs.examine(PATIENTS["B"]))

# %% [markdown]
# ### Exercise 13.patient_b
# In the waiting room: `"batch statistics held constant"`, `"BatchNorm in two modes"`, `"gradients assigned"`, and one who is
# healthy. In which mode does the mean of a batch depend on $x$?

# %%
def patient_b(waiting):
    """waiting: as for patient A.  Returns the names of the faults, or "healthy".

    >>> patient_b([[]])
    ['healthy']
    """
    # BEGIN SOLUTION
    names = []
    for wrong in waiting:
        things = {row.split(": ")[0] for row in wrong}
        if "BatchNorm, training" in things:
            names.append("batch statistics held constant")
        elif "BatchNorm, evaluation" in things:
            names.append("BatchNorm in two modes")
        else:
            names.append("gradients assigned" if things else "healthy")
    return names
    # END SOLUTION


check("13.patient_b", patient_b)

# %% [markdown]
# ### Patient C
#
# Two nets, which differ in their activation only.

# %%
show(bugs.examine(PATIENTS["C"]))

# %% [markdown]
# A test with a net of ReLUs would pass. Which number is 0 for ReLU, and is not for tanh? (And whom does it hurt: would a plain
# GAN notice?)
#
# ### Exercise 13.patient_c
# In the waiting room: `"no second derivative"`, `"slope with a minus"`, `"the other loss's gradient"`, and one who is healthy.
# Which of the four passes contain a second derivative?

# %%
def patient_c(waiting):
    """waiting: as for patient A.  Returns the names of the faults, or "healthy".

    >>> patient_c([[]])
    ['healthy']
    """
    # BEGIN SOLUTION
    names = []
    for wrong in waiting:
        passes = {row.split(": ")[1] for row in wrong}
        if not wrong:
            names.append("healthy")
        elif any("the loss alone" in row for row in wrong):
            names.append("the other loss's gradient")
        else:                                                       # are first derivatives wrong as well?
            names.append("slope with a minus" if passes & {"backward", "tangent"} else "no second derivative")
    return names
    # END SOLUTION


check("13.patient_c", patient_c)

# %% [markdown]
# Whom does it hurt? `tangent_backward` is used by gradient penalties (chapter 08) and by nothing in a plain GAN's step, which
# would never notice.
#
# ### Patient D

# %%
show(bugs.examine(PATIENTS["D"]))

# %% [markdown]
# Each derivative is the derivative of what is computed. But is *what is computed* right? A gradient check
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
# `scratchgan ledger` asks many more of them. Put the first four to patient D, and to three others that no gradient check finds.

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
# One question each, one *no* each. And now look at the row of patient D's *no*: what is the penalty a mean *of*? But beware
# of naming a fault by one question. A penalty that is a *sum* over the batch where it should be a mean would answer *no* to
# the same question.
#
# ### Exercise 13.patient_d
# So ask better. Three functions wait. Each takes the gradients $g$ of $N$ samples, an array (N, F), one sample a row, and
# returns a number. One is as it should be,
#
# $$\frac{10}{N} \sum_n \big(|g_n| - 1\big)^2 ,$$
#
# one takes the norm over the batch, which is patient D's fault, and one forgets the $1/N$. You cannot see inside; you can
# call them with gradients for which you know the answer. Which gradients cost nothing? For which are a mean and a sum the
# same?

# %%
def patient_d(waiting):
    """waiting: functions of an array g (N, F).  Returns for each "healthy", "norm over the batch" or "sum instead of mean".

    >>> patient_d([lambda g: 10 * np.mean((np.linalg.norm(g, axis=1) - 1) ** 2)])
    ['healthy']
    """
    # BEGIN SOLUTION
    words = []
    for penalty in waiting:
        if penalty(np.array([[0.6, 0.8]])) > 1e-6:                  # one gradient of length 1 costs nothing
            words.append("norm over the batch")
        elif penalty(np.array([[2.0, 0.0], [0.0, 2.0]])) > 15:      # two of length 2 cost 10 each, and so does their mean
            words.append("sum instead of mean")
        else:
            words.append("healthy")
    return words
    # END SOLUTION


check("13.patient_d", patient_d)

# %% [markdown]
# ### Who moved?
#
# ### Exercise 13.who_moved
# Write the third question of the table yourself. Your function gets a GAN in which $D$ has just computed its gradient, plays
# $G$'s turn with `gan.g_step(8)`, and says who moved. Some of the games that it is tried on are faulty: $D$ moves as well, or $G$
# stands still, or both. `parameters()` of a net yields pairs (path, array).

# %%
def who_moved(gan):
    """Plays gan.g_step(8).  Returns (did any weight of gan.G change?, did any of gan.D?).

    >>> from scratchgan.models import mlp_gan
    >>> who_moved(mlp_gan(2, 2, (4,), seed=0))
    (True, False)
    """
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
# the faults, and for the package as it is. There is no grey zone between right and wrong derivatives: many orders of magnitude
# lie between them (the printed line says how many). That is what float64 and central differences buy (chapter 03).

# %%
def largest_error(fault):
    make = np.random.default_rng(0)
    x = make.standard_normal((6, 4))
    with bugs.planted(fault) if fault else nullcontext():
        reports = [gradcheck(BatchNorm(4), x), gradcheck(BatchNorm(4), x, train=False), gradcheck(NonSaturating()),
                   gradcheck(WganGp()), gradcheck(Wasserstein()), gradcheck(mlp_gan(4, 2, (5,)), x),
                   gradcheck(bugs.small_net(Tanh(), make), x),
                   gradcheck(Conv2D(1, 2, kernel_size=3, rng=make), make.standard_normal((2, 4, 4, 1)))]
    return max(report.max_error for report in reports)


errors = {"(as it is)": largest_error(None)}
errors |= {name: largest_error(name) for name in bugs.names() if name != "another mask on the way back"}
smallest = min(error for error in errors.values() if error > 1e-7)
print(f"as it is: {errors['(as it is)']:.1e}; the smallest of the wrong ones: {smallest:.2f}; "
      f"orders of magnitude between them: {np.log10(smallest / errors['(as it is)']):.0f}")
with bugs.planted("another mask on the way back"):
    print("Dropout, with the fault that is left out below:", "ok" if gradcheck(Dropout(0.5), rng.standard_normal((4, 5))).ok else "WRONG")

# %% draw
# alt: Bars on a logarithmic axis, from 1e-12 to 10: the largest error (Check.1) for the package as it is and for each planted
#   fault. The package itself and the last four faults are green and end far left of the line of tolerance at 1e-7; all
#   other faults are red with crosses and end near 1.
fig = figure(8.5, 4.6)
axes = fig.subplots()
right = np.array([error < 1e-7 for error in errors.values()])
axes.barh(list(errors), list(errors.values()), color=[GREEN if ok else VERMILLION for ok in right], left=1e-12)
axes.plot(np.array(list(errors.values()))[~right], np.flatnonzero(~right), "x", color="black", markersize=6)
axes.axvline(1e-7, color=GREY, linewidth=1)
axes.text(1.3e-7, 0, "tolerance", color=GREY, fontsize=9, va="center")
axes.set(xscale="log", xlabel="largest error (Check.1)", ylabel="fault", xlim=(1e-12, 10),
         title="Wrong derivatives stand out; the last four faults have none")
axes.invert_yaxis()
fig.tight_layout()
fig

# %% [markdown]
# (The fault of Dropout is left out of the picture: none of the things that are examined has any. A check of
# `Dropout(0.5)` finds it, as the printed line shows.)
#
# ## A plan for the next time that it does not learn
#
# 1. **`gradcheck`** on each layer that you wrote, on the whole game, with tiny sizes. Wrong? Stop. No learning rate helps.
# 2. **Questions with known answers**: the loss at $D = 1/2$, one batch doubled, who moves in whose turn, what a batch of the
#    data *looks* like when it is drawn as a picture.
# 3. **Overfit on purpose**: two real samples, a small net. Do not go on to a thousand before it has learned these two.
# 4. Then **`scratchgan doctor RUN`**: it names collapse, saturation, oscillation, and what to try first.
# 5. **Another seed**, before you believe in an improvement. Chapter 07 had error bars for a reason.
#
# ## What can go wrong
#
# - **"It learns, so it is right."** Run Y. Adam divides by the size of the gradient, and so it forgives any constant factor. (Of
#   the faults above, which one does it forgive? The forgotten $1/N$.)
# - **"It does not learn, so it is wrong."** Run Z.
# - **"My test is green."** Has it ever been red? Plant a fault, and see. This package's own test suite is tested that way:
#   `tests/gradcheck/test_gradcheck.py` plants each fault above, and `python -m benchmarks.mutants` changes the source line by line.
# - **"The two versions agree, so both are right."** Two signs that cancel agree as well: see the fault of that name. Compare
#   with something that was not derived by the same person in the same hour: differences, a closed form, another library.
#
# ## Sources
#
# `scratchgan/gradcheck/` is the checker, `scratchgan/doctor/` the doctor, `scratchgan/exercises/bugs.py` the faults, with how they
# come about. `scratchgan/theory/ledger.py` asks the questions with known answers.
