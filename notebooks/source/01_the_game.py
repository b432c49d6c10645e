# %% [markdown]
# # 01 · The game: what is there to learn without labels?
#
# *About 40 minutes. You need: probability densities, logarithms, a mean, the slope of a curve.*
#
# In chapter 00 a network learned to draw digits that nobody had written. No image came with the right answer, for there
# is none. So what was it told? This chapter looks at the question on a line, where everything can be seen whole:
# the data, what the generator makes, and what the discriminator thinks of every single point.
#
# **Question.** What does a discriminator learn, and how can that teach somebody else?

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLACK, FAKE, GREEN, GREY, ORANGE, PURPLE, REAL, animation_html, figure

# %% [markdown]
# ## Two ways to learn from data
#
# A **discriminative** model answers a question about an $x$ that it is given: *is this a seven?* It learns
# $p(\text{label} \mid x)$, the probability of a label if $x$ is known, from examples that carry labels.
#
# A **generative** model makes an $x$ itself: it learns $p(x)$, or a way to draw from it, from examples that carry nothing.
# That is harder to even measure. If I show you a digit that a program drew, which number says how far it is from the
# right one? There is no right one.
#
# Generative adversarial networks (Goodfellow et al. 2014) turn the second problem into the first. Nobody can tell the
# generator what it should have drawn, but a discriminator can learn to tell drawn digits from real ones, because *those*
# labels cost nothing: we know which is which.
#
# | symbol | what it is |
# |---|---|
# | $X$, $x$ | a batch of real samples; one of them. Their density is $p$ |
# | $Z$, $z$ | a batch of noise; one draw of it. It is drawn from the standard normal density, the bell curve around 0 with standard deviation 1, for short $N(0, I)$ |
# | $G(z)$ | a fake. The density of fakes is $q$ |
# | $C(x)$ | the **logit**: the number that the discriminator's network puts out. It can be any number, negative or positive |
# | $D(x)$ | $= \sigma(C(x)) = 1/(1+e^{-C(x)})$, the probability that $D$ gives to "$x$ is real": between 0 and 1, and 1/2 for the logit 0 |
#
# Think of a counterfeiter and the police. The police see notes, real and false, and learn to tell them apart. The
# counterfeiter never sees a real note. All that he learns, he learns from what the police object to.

# %% [markdown]
# ## Predict
#
# Below are two densities: real samples come from the orange one, fakes from the blue one, equally many of each. You are
# the police. Somebody hands you a note with the number $x$ on it.
#
# 1. At $x = -2$ there are somewhat more orange notes than blue ones. What probability of "real" do you say?
# 2. Far to the right, say at $x = 4$, there is hardly any blue, and even less orange. What do you say there?
#
# Write your two numbers down before you go on.

# %%
from scratchgan.theory import mixture

p = mixture([-2.0, 1.0], [0.6, 0.5], [0.5, 0.5])          # real: two hills, at -2 and at 1
q = mixture([-1.0], [1.2])                                # fakes: one hill, at -1
x = np.linspace(-6, 5, 500)

# %% draw
# alt: Two densities over x from -6 to 5. The real one has two hills, at -2 and at 1, the higher one at 1; the fakes have one
#   broad hill at -1. At x = -2 the real one is a little higher, at x = 4 both are too low to be seen.
fig = figure(7.5, 3.3)
axes = fig.subplots()
axes.fill_between(x, p.density(x), color=REAL, alpha=0.35)
axes.plot(x, p.density(x), color=REAL, label="p(x), real")
axes.fill_between(x, q.density(x), color=FAKE, alpha=0.35)
axes.plot(x, q.density(x), color=FAKE, linestyle="--", label="q(x), fakes")
for at in (-2, 4):
    axes.axvline(at, color=GREY, linestyle=":")
    axes.text(at + 0.08, 0.43, f"x = {at}", fontsize=10)
axes.set(xlabel="x", ylabel="density", ylim=(0, 0.48))
axes.set_title("Whose note is it?  Compare the two heights at one x, not their areas", fontsize=11)
axes.legend(loc="upper left", fontsize=10)
fig.tight_layout()
fig

# %%
for at in (-2.0, 4.0):
    here = np.array([at])
    print(f"at x = {at:g}: p = {p.density(here)[0]:.2g}, q = {q.density(here)[0]:.2g}")

# %% [markdown]
# ## The best discriminator
#
# Begin with numbers. Somebody collects 1,000 real notes and 1,000 fakes and counts those whose number lies between 1.0
# and 1.1: 30 of the real ones, and 10 of the fakes. The next note that turns up in this interval is one of 40 of its kind, and
# 30 of them were real. Whoever knows nothing else about it should say 0.75.
#
# ### Exercise 01.optimal_d
# Now the interval is narrow, $dx$ wide, at any $x$. Of $N$ real samples about $N\,p(x)\,dx$ fall into it, of $N$ fakes
# about $N\,q(x)\,dx$. What should $D$ say there? $N$ and $dx$ are not among the arguments; you will see that they need
# not be.

# %%
def optimal_d(p, q):
    """p, q: the densities of real samples and of fakes at some points, arrays of one shape.  Returns D* there.

    >>> round(float(optimal_d(0.3, 0.1)), 4)
    0.75
    """
    # BEGIN SOLUTION
    return p / (p + q)
    # END SOLUTION


check("01.optimal_d", optimal_d)

# %% [markdown]
# The answer is called $D^*$, the optimal discriminator:
#
# $$D^*(x) \;=\; \frac{N\,p(x)\,dx}{N\,p(x)\,dx + N\,q(x)\,dx} \;=\; \frac{p(x)}{p(x)+q(x)} \qquad\text{(Loss.3)}$$
#
# No cleverness can do better, because two samples with the same $x$ are the same sample. That is half of the theory of
# GANs already. Only the ratio of the densities counts: where both are tiny, $D^*$ is as sure as anywhere. Chapter 02
# derives the same formula from the loss.
#
# Your predictions, from your own function if it is right already, otherwise from the package's:

# %%
from scratchgan.theory import optimal_discriminator

solved = check("01.optimal_d", optimal_d).ok
best = optimal_d(p.density(x), q.density(x)) if solved else optimal_discriminator(p.log_density(x), q.log_density(x))
print("from your function:" if solved else "from the package's function:")
for at in (-2.0, 4.0):
    print(f"D* at x = {at:g}: {np.interp(at, x, best):.4f}")

# %% [markdown]
# So the answer to the first question is 0.59: "somewhat more" is no more than that. The answer to the second is 0.0001.
# Whoever said 1/2, because there is nearly nothing out there, compared each height with 0 instead of comparing the two
# with each other. The few notes that ever turn up at 4 are fakes.
#
# ## A network finds out by itself
#
# Now a network tries, from samples alone. It never sees a density. Below, a discriminator of two hidden layers plays
# against a generator that stands still, so that $q$ does not move. What happens in a turn of $D$ is described at the top
# of `scratchgan/gan.py`, in the symbols from above. To *back-propagate* means to find out for each weight of the network
# which way it has to move; that is the subject of chapter 03. (In the cell after it, `lr_schedule="linear"` lets the
# weights move less and less in the second half of the steps, so that the curve comes to rest: notebook 03b.)

# %%
import scratchgan.gan

print(scratchgan.gan.__doc__.split("    G's turn")[0])

# %%
from scratchgan.layers import Dense, LeakyReLU, Sequential
from scratchgan.models.training import game


def draw_real(n, rng):
    """n samples of p, as a column."""
    which = rng.integers(0, 2, n)
    return (np.where(which == 0, -2.0, 1.0) + np.where(which == 0, 0.6, 0.5) * rng.standard_normal(n)
            ).astype(np.float32)[:, None]


rng = np.random.default_rng(0)
still = Dense(1, 1, rng=rng)                               # a "generator" that makes samples of q and never learns
still.params["W"][...], still.params["b"][...] = 1.2, -1.0         # G(z) = 1.2 z - 1
net = Sequential([Dense(1, 64, init="he", rng=rng), LeakyReLU(0.2), Dense(64, 64, init="he", rng=rng), LeakyReLU(0.2),
                  Dense(64, 1, init="glorot", rng=rng)])
gan = game(still, net, latent_dim=1, data_shape=(1,), lr_d=2e-3, loss="minimax", lr_schedule="linear", total_steps=1500)


def what_d_says(x):
    """D(x) of the network at points x (n,)."""
    return gan.probability(np.asarray(x, np.float32)[:, None])


learned = {}
for step in range(1501):
    if step in (0, 100, 1500):
        learned[step] = what_d_says(x)
    gan.d_step(draw_real(512, rng))                        # one turn of D, and none of G
    gan.steps += 1

off = np.abs(learned[1500] - best)
plenty = p.density(x) + q.density(x) > 0.1
print(f"largest |D - D*|: {off[plenty].max():.3f} where samples are plenty, {off.max():.3f} anywhere")
print(f"at x = 4 the network says {np.interp(4, x, learned[1500]):.2f}")

# %% draw
# alt: The best discriminator D* over x from -6 to 5, with two tops near -2.4 and 1.1 and low values elsewhere. The network's curve
#   after 1,500 steps lies on it between -3 and 2, and is too high left and right of that; after 0 and 100 steps it is far off.
fig = figure(7.5, 3.6)
axes = fig.subplots()
axes.plot(x, best, color=GREEN, linewidth=6, alpha=0.4, label="D* = p / (p + q)")
for (step, y), colour, line in zip(learned.items(), (GREY, PURPLE, BLACK), (":", "--", "-"), strict=True):
    axes.plot(x, y, color=colour, linestyle=line, label=f"network, {step:,} steps")
axes.fill_between(x, 0, 1, where=plenty, color=GREY, alpha=0.12, label="here samples are plenty")
axes.set(xlabel="x", ylabel="D(x), probability of real", ylim=(-0.02, 1.02))
axes.set_title("Samples are enough to find D*; where there are none, D only guesses", fontsize=11)
axes.legend(fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))
fig.tight_layout()
fig

# %% [markdown]
# Where there are samples, the learned curve lies close to $D^*$. Left and right of them it has nothing to go by, and is
# wrong: at $x = 4$ it says about 0.1, and you know better.
#
# ## How that teaches somebody else
#
# Look at the slope of $D$ at the places where fakes are. A fake at $x = -0.3$ stands between two hills: $D$ rises towards
# the right one, and so the counterfeiter learns which way to move his note to make it look more real. **That slope, at
# its own fakes, is all that a generator ever learns about the data.** It never sees a real $x$. The loss of $G$, whatever
# it is, only decides by which number each slope is multiplied (chapter 02).

# %%
def slope_of_d(at, h=0.01):
    """The slope of the network's D at points, from two values that are 2h apart."""
    return (what_d_says(at + h) - what_d_says(at - h)) / (2 * h)


places = np.array([-4.0, -3.5, -3.0, -2.5, -2.0, -1.5, -1.0, -0.3, 0.2, 0.7, 1.2, 1.7, 2.2])
slopes = slope_of_d(places)
for at, height, slope in zip(places, what_d_says(places), slopes):
    print(f"x = {at:>4.1f}:  D = {height:.3f}, slope {slope:+.3f}")

# %% draw
# alt: The network's D(x) with arrows at thirteen places, each as long as the slope there. They point uphill, towards
#   the tops near -2.3 and 1.3. The longest, at 0.2, points right; the one at -0.3 is short, and at 1.2 hardly any is left.
fig = figure(7.5, 3.4)
axes = fig.subplots()
axes.plot(x, learned[1500], color=BLACK, linewidth=1)
axes.plot(places, what_d_says(places), "o", color=FAKE, markersize=6, label="a fake")
for at, height, length in zip(places, what_d_says(places), 0.9 * slopes / np.abs(slopes).max()):
    axes.plot([at, at + length], [height, height], color=FAKE, linewidth=2.5)
    axes.plot(at + length, height, ">" if length > 0 else "<", color=FAKE, markersize=6 if abs(length) > 0.1 else 0)
axes.plot([], [], ">-", color=FAKE, linewidth=2.5, label="as long as D's slope there")
axes.set(xlabel="x", ylabel="D(x) of the network", xlim=(-4.6, 3), ylim=(-0.05, 1))
axes.set_title("Each arrow is D's slope at one fake: it points uphill, and is short where D is flat", fontsize=11)
axes.legend(fontsize=9, loc="upper left")
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# Two things to notice. The arrow at $-1$ points to the *left* hill: each fake is drawn to what is uphill from where it
# stands, not to the best place. And the fake at $-0.3$, which $D$ knows (0.07), has a way to go, but its arrow is a seventh
# of that at 0.2: where $D$ is near 0, it is nearly flat. Chapters 02 and 07 come back to that.
#
# ## What the game is about
#
# First a word for a mean. The **expected value** $\mathbb E_{x\sim p}[f(x)]$ is the mean of $f(x)$ over ever more samples
# $x$ that are drawn from $p$. As a share of $p(x)\,dx$ of them falls near each $x$, it is the integral
# $\int p(x)\,f(x)\,dx$; and the mean over a batch is an estimate of it.
#
# Now score the police. For a note that is real, take the logarithm of the probability that $D$ gave to "real"; for a
# fake, of the probability that it gave to "fake". Both are 0 if $D$ was sure and right, and very negative if it was sure
# and wrong. Say that $D$ gave 0.9 and 0.6 to two real notes and 0.2 to a fake. On real notes the mean is
# $(\log 0.9 + \log 0.6)/2 = -0.308$, on fakes it is $\log 0.8 = -0.223$, and the score is their sum, $-0.531$. The value of
# the game, $V$, is this score with expected values in place of means: the mean logarithm on real notes *plus* that on
# fakes,
#
# $$V(D, G) \;=\; \mathbb E_{x \sim p}\big[\log D(x)\big] + \mathbb E_{z}\big[\log(1 - D(G(z)))\big]. \qquad\text{(Loss.2)}$$
#
# $D$ wants it large, $G$ wants it small: $\min_G \max_D V(D, G)$. If $D$ were always sure and right it would be 0; if it said $1/2$
# to all, it would be $\log\frac12 + \log\frac12 = -\log 4 \approx -1.386$.

# %% [markdown]
# ### Exercise 01.value_of_game
# Estimate $V$ from what $D$ says of a batch of real samples and of a batch of fakes. The two batches need not be equally
# large.

# %%
def value_of_game(d_real, d_fake):
    """d_real (N,), d_fake (M,): what D says of real samples and of fakes, in 0..1.  Returns V, a number.

    >>> round(float(value_of_game(np.array([0.9, 0.6]), np.array([0.2]))), 4)
    -0.5312
    """
    # BEGIN SOLUTION
    return np.mean(np.log(d_real)) + np.mean(np.log(1 - d_fake))
    # END SOLUTION


check("01.value_of_game", value_of_game)

# %% [markdown]
# ## Both move
#
# Now the smallest GAN that there is, with three numbers in it. Real notes are normal around 2, with standard deviation
# 1. The generator only shifts its noise, $G(z) = z + \theta$, so fakes are normal around $\theta$; it begins at
# $\theta = -1$ and does not know that 2 is the place to be. The discriminator's logit is a straight line,
# $C(x) = w x + b$. (For two such densities that is enough: $\log p/q$ *is* a straight line.)
#
# Both learn in the same way. To find out which way to move a number, try $V$ with the number a little larger and a little
# smaller; the difference is the slope of $V$. $D$ takes a step up the slope, with $w$ and $b$, $G$ a step down, with
# $\theta$. Nothing else happens in any GAN; only the numbers are more, and the slopes are computed all at once.
#
# One step of $G$ by hand first. Let $w = 1$, $b = 0$ and $\theta = 0$, and let three noises be $-1$, $0$ and $1$. The fakes
# are $-1$, $0$ and $1$, and the next cell does the rest. $V$'s first mean does not contain $\theta$, so its second is enough.

# %%
noise = np.array([-1.0, 0.0, 1.0])
for theta in (-0.1, 0.0, 0.1):
    says = 1 / (1 + np.exp(-(noise + theta)))              # D(z + theta), w = 1, b = 0
    print(f"theta = {theta:>4}: D says {says.round(3)}, mean of log(1 - D) = {np.mean(np.log(1 - says)):.4f}")
down, up = (np.mean(np.log(1 - 1 / (1 + np.exp(-(noise + theta))))) for theta in (-0.1, 0.1))
print(f"slope of V: ({up:.4f} - {down:.4f}) / 0.2 = {(up - down) / 0.2:.3f};  "
      f"a step of 0.2 times the slope, downwards: theta = {-0.2 * (up - down) / 0.2:.3f}")

# %% [markdown]
# $V$ falls as $\theta$ grows, so $G$ goes to the right, by 0.1. Now the game, out of your own `value_of_game`, if it is
# right already. **Predict:** where does $\theta$ end? And where would it go if $D$ stopped learning after 15 steps?

# %%
from scratchgan.losses import Minimax

solved = check("01.value_of_game", value_of_game).ok
to_logit = lambda d: np.log(d / (1 - d))
V = value_of_game if solved else lambda d_real, d_fake: -Minimax().discriminator(to_logit(d_real), to_logit(d_fake))[0]
print("the game below uses", "your value_of_game" if solved else "the package's loss, until yours is right")


def score(w, b, theta, x, z):
    """V of the game with these three numbers, on real samples x and noise z."""
    D = lambda x: 1 / (1 + np.exp(-(w * x + b)))
    return V(D(x), D(z + theta))


def play(turns_of_d=5, d_stops=1000, steps=160, seed=0, h=1e-3):
    """Play the game.  Returns its path (steps + 1, 3): w, b and theta before the first step and after each."""
    rng = np.random.default_rng(seed)
    w, b, theta = 0.0, 0.0, -1.0
    path = [(w, b, theta)]
    for step in range(steps):
        for _ in range(turns_of_d if step < d_stops else 0):
            x, z = 2 + rng.standard_normal(1000), rng.standard_normal(1000)
            slope_w = (score(w + h, b, theta, x, z) - score(w - h, b, theta, x, z)) / (2 * h)
            slope_b = (score(w, b + h, theta, x, z) - score(w, b - h, theta, x, z)) / (2 * h)
            w, b = w + 0.5 * slope_w, b + 0.5 * slope_b    # D makes V larger
        x, z = 2 + rng.standard_normal(1000), rng.standard_normal(1000)
        slope = (score(w, b, theta + h, x, z) - score(w, b, theta - h, x, z)) / (2 * h)
        theta = theta - 0.2 * slope                        # G makes V smaller
        path.append((w, b, theta))
    return np.array(path)


path = play()
for step in (0, 1, 5, 10, 20, 30, 40, 60, 80, 160):
    w, b, theta = path[step]
    print(f"after {step:>2} steps: w = {w:>5.2f}, b = {b:>5.2f}, theta = {theta:>5.2f}")

# %% draw
def frame(step):
    """One picture of the game, as a Figure."""
    w, b, theta = path[step]
    at = np.linspace(-4.5, 5.5, 300)
    bell = lambda centre: np.exp(-((at - centre)**2) / 2) / np.sqrt(2 * np.pi)
    fig = figure(7.5, 3.6)
    axes = fig.subplots()
    axes.fill_between(at, bell(2), color=REAL, alpha=0.3)
    axes.plot(at, bell(2), color=REAL, label="p, real")
    axes.fill_between(at, bell(theta), color=FAKE, alpha=0.3)
    axes.plot(at, bell(theta), color=FAKE, linestyle="--", label="q, fakes")
    axes.plot(at, 1 / (1 + np.exp(-(w * at + b))), color=BLACK, linewidth=2, label="D(x)")
    axes.axhline(0.5, color=GREY, linestyle=":")
    axes.annotate("", (theta, 0.46), (-1, 0.46), arrowprops={"arrowstyle": "-|>", "color": FAKE, "linewidth": 2,
                                                              "shrinkA": 0, "shrinkB": 0})
    axes.text(-1, 0.56, f"theta = {theta:.2f}", color=FAKE, fontsize=11)
    axes.set(xlabel="x", ylabel="density; D(x)", ylim=(0, 1), xlim=(-4.5, 5.5))
    axes.set_title(f"three numbers play: after {step} steps", fontsize=11)
    axes.legend(fontsize=10, loc="upper left")
    fig.tight_layout()
    return fig


shown = [0, 1, 2, 4, 7, 10, 13, 16, 19, 22, 25, 28, 32, 36, 42, 50, 80]
animation_html([frame(step) for step in shown], [f"after {step} steps" for step in shown], interval=300,
               label="The density of fakes moves from -1 to the real one at 2, while D flattens to 1/2")

# %% draw
# alt: Six small pictures, after 0, 5, 12, 20, 30 and 80 steps. The fakes' bell moves from -1 to the right until it covers the real
#   one at 2. D is flat at 1/2 at first, then rises steeply towards the real notes, and is flat at 1/2 again at the end.
fig = figure(9, 4.6)
for step, axes in zip((0, 5, 12, 20, 30, 80), fig.subplots(2, 3, sharex=True, sharey=True).ravel(), strict=True):
    w, b, theta = path[step]
    at = np.linspace(-4.5, 5.5, 200)
    axes.fill_between(at, np.exp(-((at - 2)**2) / 2) / np.sqrt(2 * np.pi), color=REAL, alpha=0.4)
    axes.plot(at, np.exp(-((at - theta)**2) / 2) / np.sqrt(2 * np.pi), color=FAKE, linestyle="--", linewidth=2)
    axes.plot(at, 1 / (1 + np.exp(-(w * at + b))), color=BLACK)
    axes.set_title(f"after {step} steps: theta = {theta:.2f}", fontsize=10)
    axes.set(ylim=(0, 1))
for axes in fig.axes[3:]:
    axes.set_xlabel("x", fontsize=10)
for axes in fig.axes[::3]:
    axes.set_ylabel("density; D(x)", fontsize=10)
fig.suptitle("G climbs D's slope (black) until fakes (dashed) cover the real notes: then D is flat", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# Press *Play* or move the slider. At first $D$ is flat and knows nothing. Then it rises towards the real notes, and $G$
# follows uphill, without ever having been told the number 2. As the two bells come to lie on each other, the slope of $D$
# melts away, and with it $G$'s reason to move. In this run $\theta$ ends within 0.05 of 2, and it does so with four other seeds.
#
# ## Change a knob, predict first
#
# The next cell plays the game twice more. In the first game $D$ has only one turn where it had five. In the second it
# stops learning after 15 steps. Change `TURNS` and `STOP` to whatever you like, but write down first what you expect.

# %%
TURNS, STOP = 1, 15                        # <- the knobs: turns of D in a step of the first game; last step of D in the second
slow = play(turns_of_d=TURNS)
stopped = play(d_stops=STOP, steps=40)     # not longer: see where it goes
for name, run in (("five turns a step", path), (f"turns a step: {TURNS}", slow), (f"D stops after {STOP}", stopped)):
    print(f"{name:<20}largest theta {run[:, 2].max():>6.2f}, theta at the end {run[-1, 2]:>6.2f}")

# %% draw
# alt: theta against the step, for three games. With five turns of D it rises from -1 to 2 and stays there. With one turn it rises
#   to about 2.4 near step 30, falls below 2 and comes back. With a D that stops learning it rises on in a straight line, past 2.
fig = figure(7.5, 3.4)
axes = fig.subplots()
axes.axhline(2, color=REAL, linestyle=":", label="where the real notes are")
axes.plot(path[:, 2], color=FAKE, linewidth=2, label="five turns of D a step")
axes.plot(slow[:, 2], color=ORANGE, linestyle="--", linewidth=2, label=f"turns of D a step: {TURNS}")
axes.plot(stopped[:, 2], color=BLACK, linestyle="-.", linewidth=2, label=f"D stops learning after step {STOP}")
axes.set(xlabel="step of the game", ylabel="theta, where the fakes are", ylim=(-1.5, 6), xlim=(0, 160))
axes.set_title("G goes where D points: a late D lets it overshoot, a stopped D lets it run away", fontsize=11)
axes.legend(fontsize=10, loc="upper right")
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# A $D$ that learns slowly still points to the right when the fakes are there already: $G$ runs past 2, $D$ turns round, and
# $G$ comes back. It swings, and the swinging dies out. A $D$ that has stopped goes on pointing to the right, and $G$ goes
# right through the real notes and on. So a generator needs a discriminator that *keeps up*: the answer to the second
# prediction is "past 2, and ever farther". With `TURNS = 20` the path is nearly that with five turns; a $D$ that is
# at its best already gains nothing from more turns. Chapter 07 is about games that swing and do not come to rest.
#
# ## What the best police measure
#
# Why does $G$ end on the real density? Put the best $D$ into $V$, and something remarkable comes out. Two small steps
# first.
#
# - The second mean of $V$ is over $z$. But to draw $z$ and to make $G(z)$ of it is to draw a fake, and fakes have the
#   density $q$. So $\mathbb E_z[f(G(z))] = \int q(x)\,f(x)\,dx$ for each function $f$.
# - $1 - D^*(x) = 1 - \frac{p}{p+q} = \frac{q}{p+q}$.
#
# And three words. $-\log q(x)$ is called the *surprise* at $x$ of somebody who expects $q$: rare things surprise. With the
# natural logarithm its unit is the **nat** (with the logarithm to base 2, the bit; a nat is 1.44 bits). If $x$ comes from
# $p$, then whoever expects $q$ is more surprised, on average, than somebody who expects $p$, by
#
# $$\mathrm{KL}(p\,\|\,q) = \mathbb E_{x\sim p}\big[\log p(x) - \log q(x)\big] = \int p(x) \log\frac{p(x)}{q(x)}\,dx , \qquad\text{(Divergence.1)}$$
#
# the **Kullback-Leibler divergence**. It is 0 if $p = q$ and positive otherwise. For a coin, the integral is a sum of two
# terms. With $p = (\frac12, \frac12)$ and $q = (0.9, 0.1)$ it is
# $\frac12\log\frac{0.5}{0.9} + \frac12\log\frac{0.5}{0.1} = -0.294 + 0.805 = 0.511$ nats. The other way round,
# $\mathrm{KL}(q\,\|\,p) = 0.368$: the order matters. Now, with $m = (p+q)/2$, the density of all notes together,
#
# $$\begin{aligned}
# V(D^*, G) &= \int p \log \frac{p}{p+q}\,dx + \int q \log \frac{q}{p+q}\,dx
#            = \int p \log \frac{p}{2m}\,dx + \int q \log \frac{q}{2m}\,dx \\
#           &= -\log 2 \int p\,dx - \log 2 \int q\,dx + \int p \log \frac pm\,dx + \int q \log \frac qm\,dx
#            = -\log 4 + \mathrm{KL}(p \,\|\, m) + \mathrm{KL}(q \,\|\, m) .
# \end{aligned}$$
#
# The *mean* of the last two divergences has a name, the **Jensen-Shannon divergence**,
#
# $$\mathrm{JSD}(p, q) = \tfrac12\,\mathrm{KL}(p \,\|\, m) + \tfrac12\,\mathrm{KL}(q \,\|\, m), \qquad m = (p+q)/2. \qquad\text{(Divergence.2)}$$
#
# It is a kind of distance between densities: the same in both orders, 0 only if they are equal, $\log 2$ if they do not
# overlap at all. (Distances in the strict sense also obey the triangle inequality. JSD does not; its square root does.) So
#
# $$V(D^*, G) = 2\,\mathrm{JSD}(p, q) - \log 4 .$$
#
# A generator that plays against the best police makes a distance to the data smaller, though nobody ever told it the
# data. It has won when $q = p$: then $D^* = 1/2$ everywhere and $V = -\log 4$.

# %% [markdown]
# ### Exercise 01.js
# The Jensen-Shannon divergence of two discrete distributions, in nats. For them, each integral is a sum.

# %%
def js(p, q):
    """p, q (K,): positive, each sums to 1.  Returns JSD(p, q) in nats, a number.

    >>> round(float(js(np.array([0.5, 0.5]), np.array([0.9, 0.1]))), 4)
    0.1017
    """
    # BEGIN SOLUTION
    m = (p + q) / 2
    return 0.5 * np.sum(p * np.log(p / m)) + 0.5 * np.sum(q * np.log(q / m))
    # END SOLUTION


check("01.js", js)

# %% [markdown]
# Does the theory agree with itself? `scratchgan.theory` integrates numerically. Below, the second column is the integral
# of $p \log D^* + q \log(1 - D^*)$ over $x$, the third comes from JSD. The last row is JSD from the densities on a grid of
# 2,001 points, by your `js`, if it is right already.

# %%
from scratchgan.theory import gaussian
from scratchgan.theory import js as js_of

print(f"{'':<24}{'V(D*, G)':>12}{'2 JSD - log 4':>16}{'JSD / log 2':>14}")
grid = np.linspace(-12, 12, 2001)
for name, a, b in (("our two", p, q), ("equal", p, p), ("far apart", gaussian(-6, 0.5), gaussian(6, 0.5))):
    log_a, log_b = a.log_density(grid), b.log_density(grid)
    log_both = np.logaddexp(log_a, log_b)                  # log(a + b), so log D* = log a - log(a + b)
    inside = a.density(grid) * (log_a - log_both) + b.density(grid) * (log_b - log_both)
    value, distance = inside.sum() * (grid[1] - grid[0]), js_of(a, b).value
    print(f"{name:<24}{value:>12.6f}{2 * distance - np.log(4):>16.6f}{distance / np.log(2):>14.4f}")
if check("01.js", js).ok:
    cells = [f.density(grid) / f.density(grid).sum() for f in (p, q)]
    print(f"your js of our two, on a grid: {js(*cells):.6f} nats, by theory: {js_of(p, q).value:.6f}")

# %% [markdown]
# ## What can go wrong
#
# - **"$D$ outputs the density."** It outputs a ratio. Where neither real nor fake samples are, nothing ties it down, and a
#   surface that looks full of knowledge out there is a guess.
# - **"$D = 1/2$ means that $G$ is perfect."** It means that *this* $D$ cannot tell. In our film $D$ says $1/2$ at the
#   beginning as well, when it has learned nothing. Chapter 11 measures quality without asking $D$.
# - **Far apart, JSD is $\log 2$, wherever the fakes are.** A distance that does not change when you move has no slope, and a
#   generator without a slope learns nothing. That is the vanishing gradient of chapter 07, and why chapter 08 looks for
#   another distance.
#
# ## Sources
#
# Goodfellow et al. 2014, *Generative adversarial nets*: equation 1 is (Loss.2), proposition 1 is (Loss.3), theorem 1 the
# identity with JSD. The derivation with logits is in `scratchgan/losses/`. The generator with one number is also how
# Prince, *Understanding deep learning* (2023), introduces the game.
