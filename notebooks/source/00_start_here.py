# %% [markdown]
# # 00 · Start here: what is a GAN?
#
# *About 50 minutes. You need: a year of Python; you have seen a NumPy array. No mathematics yet.*
#
# **Question.** How can a program learn to draw digits when nobody tells it how, and nobody marks its drawings?
#
# In this chapter you watch it happen, on this computer, in about a minute. You will not understand every line yet, and
# need not: each of the next chapters takes one part of it to pieces. There is no network connection, no graphics card
# and no deep-learning library behind it. All derivatives are written by hand, in NumPy, and you can read all of them.
#
# Run the cells from top to bottom (Shift + Enter). A cell that says `...  # your code` is for you; the notebook also
# runs if you leave it as it is.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import numpy as np

from scratchgan.exercises import check
from scratchgan.plots import BLACK, FAKE, GREY, ORANGE, REAL, animation_html, figure, image_grid

# %% [markdown]
# ## A counterfeiter and the police
#
# A counterfeiter prints notes. The police get notes from everywhere, real and false, and sort them. At first both are
# bad at it: the notes are ridiculous, and the police can hardly read. Then the police notice what gives a false note
# away, and the counterfeiter, who hears what was noticed, mends just that. So the police have to look closer. If it
# goes on long enough, nobody can tell the notes apart.
#
# A **generative adversarial network** (Goodfellow et al. 2014) is this story with two neural networks:
#
# - the **generator** $G$, the counterfeiter. It gets a list of random numbers, $z$, and turns it into an image, $G(z)$.
#   It never sees a real one;
# - the **discriminator** $D$, the police. It gets an image and says how likely it is that it is real: a number from 0
#   to 1.
#
# A neural network is a long formula with many adjustable numbers in it, its **weights**. A **gradient** tells for each
# weight in which direction, and how much, it would have to move to make a mistake smaller. That is all that is needed
# for now.

# %% draw
# alt: A diagram. Noise z goes into G, the generator, which makes fakes; real images and fakes go into D, the discriminator, which
#   says how likely each is to be real. Broken arrows go back: in D's turn to D, in G's turn through D to G.
from matplotlib.patches import FancyBboxPatch

fig = figure(9.5, 4.6)
axes = fig.add_axes((0, 0, 1, 0.9))
axes.set(xlim=(0, 19), ylim=(-0.4, 8.2))
axes.set_axis_off()


def box(x, y, text, colour, width=3.0):
    axes.add_patch(FancyBboxPatch((x - width / 2, y - 0.7), width, 1.4, boxstyle="round,pad=0.1", facecolor=colour,
                                  alpha=0.25, edgecolor=colour, linewidth=2))
    axes.text(x, y, text, ha="center", va="center", fontsize=11)


def arrow(start, end, colour=BLACK, style="-", bend=0.0):
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": colour, "linestyle": style,
                                              "linewidth": 1.8, "connectionstyle": f"arc3,rad={bend}", "shrinkA": 0,
                                              "shrinkB": 0})


box(1.9, 2.4, "noise z", GREY, 2.2)
box(6.3, 2.4, "G, generator\n(counterfeiter)", FAKE)
box(6.3, 6.2, "real images", REAL)
box(12.1, 4.3, "D, discriminator\n(police)", ORANGE, 3.4)
box(17.0, 4.3, "D(x): how likely\nx is real", GREY)
arrow((3.2, 2.4), (4.65, 2.4))
arrow((7.95, 2.7), (10.2, 3.85))
arrow((7.95, 5.9), (10.2, 4.75))
arrow((13.95, 4.3), (15.35, 4.3))
axes.text(9.6, 2.75, "fakes G(z)", color=FAKE, fontsize=10, ha="left")
axes.text(9.6, 5.75, "x", color=REAL, fontsize=10, ha="left")
arrow((16.6, 5.2), (12.1, 5.2), ORANGE, "--", 0.45)
axes.text(14.4, 7.0, "D's turn: who was real?\nthis gradient moves D's weights", color=BLACK, fontsize=10, ha="center")
arrow((16.6, 3.4), (12.3, 3.35), FAKE, "--", -0.35)
arrow((11.8, 3.35), (7.2, 1.5), FAKE, "--", -0.35)
axes.text(14.0, 0.6, "G's turn: D should have said \"real\"\nthis gradient goes through D, which stands still,\n"
                     "and moves G's weights", color=FAKE, fontsize=10, ha="center")
fig.suptitle("Two players.  G sees no real image: all that it learns comes back through D", fontsize=12)
fig

# %% [markdown]
# Solid arrows: what is computed. Broken arrows: where gradients go back. They take turns. In $D$'s turn only $D$ moves,
# in $G$'s turn only $G$. That neither can move the other's weights is half of what one has to get right (chapter 04).
#
# ## Predict
#
# 1. Before any training, what does $G$ draw?
# 2. At the end, if $G$ is perfect, what number does $D$ say of a real image? And of a fake?
# 3. $G$ will be shown 0 of the 5,000 real digits. Will it draw copies of them?
#
# ## The real images
#
# 5,000 handwritten digits of 28 x 28 pixels, a part of MNIST; they come with the package.

# %%
from scratchgan.data import load

digits = load("mnist-5k")
print(digits.images.shape, digits.images.dtype, "from", digits.images.min(), "to", digits.images.max())

# %% draw
# alt: Forty handwritten digits in four rows and ten columns, a column for each digit from 0 to 9, white on black. No two are alike.
def show(images, columns, title, xlabel, ylabel, width=7.0):
    """Images (N, H, W, 1) side by side, as a figure."""
    grid = image_grid(images, columns=columns)
    fig = figure(width, 0.95 + (width - 0.6) * grid.shape[0] / grid.shape[1])
    axes = fig.subplots()
    axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)), interpolation="nearest")
    axes.set(xticks=[], yticks=[], xlabel=xlabel, ylabel=ylabel)
    axes.set_title(title, fontsize=11)
    fig.tight_layout()
    return fig


first = np.concatenate([digits.images[digits.labels == k][:10] for k in range(10)]).reshape(10, 10, 28, 28, 1)
show(first[:, :4].swapaxes(0, 1).reshape(40, 28, 28, 1), 10, "Real digits: here no two are alike, even of one kind",
     "columns: the digits 0 to 9", "four of each", width=6)

# %% [markdown]
# An image file has pixels from 0 (black) to 255 (white). Networks like numbers around 0, so pixels run from $-1$ to $1$
# here: 0 becomes $-1$, 255 becomes $1$, and what lies between stays in proportion. (There is nothing deep about it: the
# last layer of $G$ can only make numbers between $-1$ and $1$.)

# %% [markdown]
# ### Exercises 00.to_network and 00.to_pixels
# This is how exercises work here. Replace `...  # your code` and run the cell. `check` calls your function with random
# numbers, and tells you whether it is right, or what kind of mistake it looks like. It never tells you the answer, and
# you can try as often as you like. Worked solutions are in the folder `solutions`.

# %%
def to_network(pixels):
    """pixels: an array of numbers from 0 to 255.  Returns numbers from -1 to 1, of the same shape.

    >>> round(to_network(51.0), 6)
    -0.6
    """
    # BEGIN SOLUTION
    return pixels / 127.5 - 1
    # END SOLUTION


def to_pixels(x):
    """x: an array of numbers from -1 to 1.  Returns numbers from 0 to 255, not rounded.

    >>> round(to_pixels(-0.6), 6)
    51.0
    """
    # BEGIN SOLUTION
    return (x + 1) * 127.5
    # END SOLUTION


print(check("00.to_network", to_network))
check("00.to_pixels", to_pixels)

# %% [markdown]
# ## The two networks
#
# `dcgan` builds both (Radford, Metz & Chintala 2016: chapter 05b). Read the list of $G$ from the top: 64 random numbers
# go in, and a picture of 28 x 28 comes out of `Tanh`. $D$ does the opposite: a picture goes in, one number comes out. The
# names between are kinds of *layers*, one for each step of the long formula; chapters 03, 05 and 05b explain them.
#
# Three of the settings are worth a word. `lr_g` and `lr_d` say how far the weights of $G$ and of $D$ move in a step. `seed`
# says where the random numbers begin: the same seed gives the same numbers. And `ema_decay`: while a game is on, $G$'s weights
# $\theta$ swing to and fro; so the program also keeps their *moving average*, $\bar\theta \leftarrow 0.99\,\bar\theta +
# 0.01\,\theta$ after each step, and the images that you see come from $\bar\theta$, which swings less. Chapter 04 has half a
# page on it.

# %%
from scratchgan.data import BatchStream
from scratchgan.models import dcgan

STEPS = 900
gan = dcgan(image_size=28, channels=1, latent_dim=64, width=16, dense=256, lr_g=2e-3, lr_d=2e-3, ema_decay=0.99, seed=0)
print("G =", gan.G, "\nD =", gan.D)
print(f"weights: G {sum(w.size for _, w in gan.G.parameters()):,}, D {sum(w.size for _, w in gan.D.parameters()):,}")

# %% [markdown]
# ## A minute of training
#
# One step: 64 real digits, one turn of $D$ and one of $G$, each with 64 fakes. Nine hundred of these follow. It takes about
# a minute on a small computer, a little longer the first time, when the package compiles its fast parts to machine code
# (chapter 06). Meanwhile, look at your answers to the predictions.

# %%
stream = BatchStream(digits, 64, rng=np.random.default_rng(0))
shown = (0, 10, 25, 50, 100, 200, 350, 600, STEPS)
film, log = [], []
for step in range(STEPS + 1):
    if step in shown:
        film.append(gan.sample(30, seed=1))                   # always the same 30 lists of random numbers
    if step < STEPS:
        log.append(gan.train_step(stream.next()))

frames = []
for images in film:
    grid = image_grid(images, columns=10)
    frames.append(np.kron(np.broadcast_to(grid, (*grid.shape[:2], 3)), np.ones((2, 2, 1), np.uint8)))
animation_html(frames, [f"after {step:,} steps" for step in shown], interval=600,
               label="Thirty images of the generator while it learns")

# %% [markdown]
# Press *Play*, or move the slider. (Where scripts do not run you see the last frame; the picture below has most of
# them.) Each place in the film belongs to one $z$, the same in all frames.

# %% draw
# alt: Six rows of twelve small images, the same twelve codes in each row. After 0 steps all are grey, after 50 and 100 a texture,
#   after 200 there are bright blobs; in the last two rows, after 600 and 900 steps, most can be read as digits.
later = [i for i, step in enumerate(shown) if step not in (10, 25, 350)]
show(np.concatenate([film[i][:12] for i in later]), 12, "From grey to strokes to digits",
     "columns: twelve codes z, the same in every row",
     "rows: after " + ", ".join(str(shown[i]) for i in later) + " steps", width=7)

# %% [markdown]
# The first row is the answer to prediction 1: grey. All weights of an untrained $G$ are small, so all pixels come out near
# 0, the middle between black and white. Then strokes, then digits. Not all are good. How many? A separate network that was
# trained to *read* digits comes with the package; $G$ was not trained with it. It can say of how many it is nearly sure (at
# least 90 %):

# %%
from scratchgan.metrics.classifier import load_classifier

reader = load_classifier()
for name, images in (("real digits", digits.images[::5]), ("fakes, before training", film[0]),
                     ("fakes, at the end", gan.sample(1000, seed=2))):
    probability = reader.probabilities(images)
    print(f"{name:<24}the reader is sure of {np.mean(probability.max(axis=1) >= 0.9):>6.1%};  "
          f"kinds of digits that it reads: {len(set(probability.argmax(axis=1).tolist()))}")

# %% [markdown]
# (That a reader is sure does not mean that a digit is good. It must say something, to anything: compare the middle
# line, where it reads the same digit in every grey picture. Chapter 11 is about measuring honestly.)
#
# ## Who is winning?
#
# Below is what $D$ said on average of real images and of fakes, step by step.

# %% draw
# alt: Two curves over 900 training steps. D(x) of real digits goes from 0.5 to about 0.7 and falls to about 0.6; D(G(z)) of
#   fakes mirrors it below the dotted line at one half, from 0.5 down to about 0.3 and up to about 0.4.
smooth = lambda key: np.convolve([record[key] for record in log], np.ones(25) / 25, mode="valid")
fig = figure(8, 3.3)
axes = fig.subplots()
axes.plot(np.arange(24, STEPS), smooth("d_real"), color=REAL, label="D(x), of real digits")
axes.plot(np.arange(24, STEPS), smooth("d_fake"), color=FAKE, linestyle="--", label="D(G(z)), of fakes")
axes.axhline(0.5, color=GREY, linestyle=":", label="cannot tell: 1/2")
axes.set(xlabel="training step", ylabel="mean over 25 steps", ylim=(0, 1))
axes.set_title("D stays ahead, and G improves all the same", fontsize=11)
axes.legend(fontsize=10, loc="upper right")
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# The answer to prediction 2: if $G$ were perfect, nobody could tell fakes from real, and the best that $D$ could say of
# anything is $1/2$ (chapter 01 proves it). Here $D$ stays ahead. That is no failure: the digits came out of a game in which
# $G$ was behind nearly all the time.

# %% [markdown]
# ### Exercise 00.accuracy
# But how often is $D$ *right*? A mean of 0.6 may come from a $D$ that says 0.6 to all real digits, and is right each time,
# or from one that says 1 to some and 0.3 to others. It says a number for each image; above $1/2$ counts as "real", all else
# as "fake". The two batches need not be equally large.

# %%
def accuracy(d_real, d_fake):
    """d_real (N,): what D said of real images; d_fake (M,): of fakes.  Returns the share of right answers, 0 to 1.

    >>> float(accuracy(np.array([0.9, 0.7, 0.4]), np.array([0.2])))
    0.75
    """
    # BEGIN SOLUTION
    return np.mean(np.concatenate([d_real > 0.5, d_fake <= 0.5]))
    # END SOLUTION


check("00.accuracy", accuracy)

# %%
d_real, d_fake = gan.probability(digits.images[:2000]), gan.probability(gan.sample(1000, seed=3))
print(f"of 2,000 real digits D says {d_real.mean():.2f} on average, of 1,000 new fakes {d_fake.mean():.2f}")
if check("00.accuracy", accuracy).ok:
    print(f"by your accuracy D is right about {accuracy(d_real, d_fake):.0%} of all, {accuracy(d_real, d_fake[:0]):.0%} of "
          f"the real ones, {accuracy(d_real[:0], d_fake):.0%} of the fakes; guessing is right about 50% of each")
else:
    print("how often is it right?  This cell tells it as soon as your accuracy is right.")

# %% [markdown]
# So the police at the end are right more often than by guessing, and far from always: many fakes pass.

# %% [markdown]
# ## Does it copy?
#
# $G$ never saw a real digit, but $D$ did, and $G$ saw $D$. The first column below is $G$'s; to its right are the real
# digits that are nearest to each, of all 5,000. (The numbers are distances: the root of the sum of all squared differences of
# pixels. A copy would have 0.)

# %%
from scratchgan.plots import nearest_images, neighbours

distances = nearest_images(gan.sample(100, seed=5), digits.images)[1]
print(f"distance from a fake to the nearest real digit: smallest of 100 fakes {distances.min():.1f}")

# %% draw
# alt: Four rows of digits. On the left a fake, to its right the five real digits that are nearest to it, with their distances. They
#   are of a similar shape, but each differs from the fake.
neighbours(gan.sample(4, seed=5), digits.images, k=5)

# %% [markdown]
# So the answer to prediction 3, as far as these can tell: alike, but not the same. One picture proves little, of course;
# chapter 12 asks the question properly.
#
# ## A walk through the codes
#
# $G$ makes an image of *any* 64 numbers. So take two codes, $z_0$ and $z_1$, and go from one to the other in small
# steps,
#
# $$z(t) = (1 - t)\,z_0 + t\,z_1, \qquad t \text{ from } 0 \text{ to } 1. \qquad\text{(Latent.1)}$$
#
# Nobody taught $G$ what lies between a seven and a nine.

# %% [markdown]
# ### Exercise 00.straight_walk
# Write the walk for `steps` values of $t$, evenly spaced, both ends included.

# %%
def straight_walk(z0, z1, steps):
    """z0, z1 (Z,): two codes.  Returns (steps, Z): the first row is z0, the last one z1, evenly spaced.

    >>> straight_walk(np.array([0.0, 2.0]), np.array([4.0, 2.0]), 3).tolist()
    [[0.0, 2.0], [2.0, 2.0], [4.0, 2.0]]
    """
    # BEGIN SOLUTION
    t = np.linspace(0, 1, steps)[:, None]
    return (1 - t) * z0 + t * z1
    # END SOLUTION


check("00.straight_walk", straight_walk)

# %% [markdown]
# The package's version can also go along a circle. Compare the *lengths* of the codes on the way, the root of the sum of
# the squares of their 64 numbers: on the straight way they shrink in the middle, to lengths that $G$ hardly ever met in
# training. On the circle the length stays between those of the two ends (chapter 05b has more on it).

# %%
from scratchgan.plots import interpolate_latent

z0, z1 = np.random.default_rng(6).standard_normal((2, 64))
walk = straight_walk if check("00.straight_walk", straight_walk).ok else (
    lambda z0, z1, steps: interpolate_latent(z0, z1, steps, "linear"))
lengths = {"straight": np.linalg.norm(walk(z0, z1, 5), axis=1),
           "circle": np.linalg.norm(interpolate_latent(z0, z1, 5, "spherical"), axis=1)}
for name, values in lengths.items():
    print(f"{name:<10}lengths of five codes: {values.round(2)}")
drawn = np.linalg.norm(np.random.default_rng(0).standard_normal((100_000, 64)), axis=1)
print(f"of 100,000 codes as in training the shortest has {drawn.min():.2f}")

# %% [markdown]
# Move the slider slowly: twenty images walk from twenty codes to twenty others.

# %%
ends = np.random.default_rng(6).standard_normal((2, 20, 64)).astype(np.float32)
paths = interpolate_latent(*ends, 9, "spherical")                                       # (20 walks, 9 steps, 64)
frames = []
for t in range(9):
    grid = image_grid(gan.generate(paths[:, t]), columns=10)
    frames.append(np.kron(np.broadcast_to(grid, (*grid.shape[:2], 3)), np.ones((2, 2, 1), np.uint8)))
animation_html(frames, [f"t = {t / 8:.3f}" for t in range(9)], interval=300, label="Twenty walks from code to code")

# %% draw
# alt: Seven rows of nine images. In each row one digit changes step by step into another, or into another form of the same digit;
#   neighbours in a row look alike, the two ends do not.
show(gan.generate(paths[:7].reshape(-1, 64)), 9, "Seven of the walks: each step is small, the ends are far apart",
     "t from 0 to 1", "a walk a row", width=6.5)

# %% [markdown]
# ## Change a knob, predict first
#
# What does $G$ learn if $D$ learns nothing? Below, a new pair plays 200 steps, and `lr_d`, how far $D$ moves in a step, is so
# small that $D$ stands still. **Predict:** will $G$ manage to deceive this $D$? And what will its images look like?
# Then change the number: 0.002 is what the run above had.

# %%
LR_D = 1e-9                                # <- the knob
other = dcgan(image_size=28, channels=1, latent_dim=64, width=16, dense=256, lr_g=2e-3, lr_d=LR_D, ema_decay=0.99, seed=0)
again = BatchStream(digits, 64, rng=np.random.default_rng(0))
other_log = [other.train_step(again.next()) for step in range(200)]
for name, records in (("the run above", log), (f"lr_d = {LR_D:g}", other_log)):
    print(f"{name:<15}mean of steps 176 to 200: D says {np.mean([r['d_real'] for r in records[175:200]]):.3f} of real "
          f"digits, {np.mean([r['d_fake'] for r in records[175:200]]):.3f} of fakes")

# %% draw
# alt: Two rows of ten images, both after 200 steps. The upper row, of the run above, shows bright blobs on black, the beginning of
#   strokes; the lower row, of the pair whose D stood still, shows a grey texture ten times, and nothing like a stroke.
show(np.concatenate([film[5][:10], other.sample(10, seed=1)]), 10, f"After 200 steps.  Above: D learns.  Below: lr_d = {LR_D:g}",
     "ten codes z, the same in both rows", "knob; D learns", width=6)

# %% [markdown]
# $G$ deceived its $D$: of fakes that $D$ says *more* than of real digits. But it was easy, and worth nothing. A $D$ that stands
# still looks at something that has nothing to do with digits, and $G$ has found a grey texture that pleases it, and no
# stroke. So the mean of $D(G(z))$, or the loss of $G$, is no measure of quality: it says how $G$ does against *this* $D$.

# %% [markdown]
# ## What is it good for?
#
# GANs have made images sharper than their input, filled in missing parts, turned horses into zebras without a single
# pair to learn from, and produced data to train other networks with. For some years they were the usual
# choice for realistic images; since about 2021 (Dhariwal & Nichol, *Diffusion models beat GANs on image synthesis*) diffusion models make
# better and more varied ones, and are easier to train, at the price of many steps an image instead of one. GANs live on
# where one fast step counts, and their idea, a learned judge instead of a written-down measure of error, as a part of
# many other systems. They also made convincing fakes of people cheap. Chapter 12 is about that.
#
# ## A map of the course
#
# | chapter | question | minutes |
# |---|---|---|
# | 00 Start here | What is a GAN? | 50 |
# | [01 The game](01_the_game.ipynb) | What is there to learn without labels? | 40 |
# | [02 The loss, derived](02_the_loss_derived.ipynb) | Where does min max V(D, G) come from? | 48 |
# | [03 Backpropagation by hand](03_backpropagation_by_hand.ipynb) | How does a network learn, without a framework? | 58 |
# | [03b Optimisers](03b_optimisers.ipynb) | How large should a step be, and in which direction? | 38 |
# | [04 Training, step by step](04_training_step_by_step.ipynb) | Who is updated when, and with whose gradient? | 51 |
# | [05 Convolutions by hand](05_convolutions_by_hand.ipynb) | How do images get in and out? | 60 |
# | [05b BatchNorm and the DCGAN](05b_batchnorm_and_dcgan.ipynb) | What keeps the numbers inside a deep net in range? | 50 |
# | [06 Fast kernels](06_fast_kernels.ipynb) | How fast can Python be? | 60 |
# | [07 When it goes wrong](07_when_it_goes_wrong.ipynb) | Why do GANs fail? | 75 |
# | [08 Wasserstein](08_wasserstein.ipynb) | What is a better distance? | 85 |
# | [09 Conditional GANs](09_conditional_gans.ipynb) | How do I ask for a seven? | 85 |
# | [10 CycleGAN](10_cyclegan.ipynb) | How do I translate without pairs? | 70 |
# | [11 Evaluation](11_evaluation.ipynb) | How good is it? | 70 |
# | [12 Ethics and privacy](12_ethics_and_privacy.ipynb) | What can it leak, and what can it fake? | 75 |
# | [13 Find the bug](13_find_the_bug.ipynb) | Can you tell a wrong GAN from an unlucky one? | 65 |
#
# Chapters 01 to 05 build on each other. After 04 you can choose: 07 and 08 if you want to know why it works or fails,
# 09 and 10 for more things to make, 06 if you care for speed. 11 before you publish any claim, 12 before you publish
# any model.
#
# To run them: `pip install -e ".[notebooks]"` in a clone, then `jupyter lab notebooks`, and open one; or without a
# window `jupyter execute notebooks/01_the_game.ipynb`. Nothing is downloaded while they run.

# %% [markdown]
# ## What can go wrong
#
# - **"It looks like grey porridge."** Too few steps, or one player has won. Look at $D(x)$ and $D(G(z))$: if they stick
#   at 1 and 0, $G$ has nothing to learn from (chapter 07).
# - **"All samples look alike."** That is mode collapse (chapter 07).
# - **"The losses do not fall."** They need not: what helps one player harms the other (chapter 04).
# - **"My pictures differ from these in details."** With the same seed and the same machine they are the same to the
#   last bit. Another processor rounds differently in the last digit, and a game amplifies that.

# %% [markdown]
# ## Save, load, go on
#
# Everything that a game needs to go on is in `gan.state()`: weights, what the optimisers remember, and the state of the
# random numbers that the game draws. (The order of the data is the stream's, `stream.state()`; a run in a terminal
# keeps that, too.) `checkpoint.save` writes it, whole or not at all. Below, a copy that was loaded trains one step, and
# so does the original.

# %%
import tempfile
from pathlib import Path

from scratchgan.files import checkpoint

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "digits.npz"
    checkpoint.save(path, gan.state(), {"step": gan.steps})
    print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")
    copy = dcgan(image_size=28, channels=1, latent_dim=64, width=16, dense=256, lr_g=2e-3, lr_d=2e-3, ema_decay=0.99,
                 seed=123)                                    # other weights, until the state is loaded
    copy.load_state(checkpoint.load(path).arrays)
batch = stream.next()
for which in (gan, copy):
    which.train_step(batch)
same = all(np.array_equal(a, b) for (_, a), (_, b) in zip(gan.G.parameters(), copy.G.parameters(), strict=True))
print("after one more step, every weight of both has the same bits:", same)

# %% [markdown]
# Longer runs are easier from a terminal, which keeps everything in a folder:
#
# ```
# scratchgan train dcgan-mnist --out runs/mine       train; Ctrl-C stops it, and nothing is lost
# scratchgan resume runs/mine                        go on, bit for bit as if it had never stopped
# scratchgan sample runs/mine --n 100                make images with it
# scratchgan train --data my_images --set image_size=32
# ```
#
# `my_images` is a folder of your own PNG or JPEG files. They are cropped to a square and resized. A size will do if it can
# be halved again and again until at most 7 is left: 16, 20, 24, 28, 32, 40, 48, 56 and 64, for instance. Take many images
# of one kind of thing; with few, $D$ learns them by heart.

# %% [markdown]
# ## A map of the source
#
# The package is meant to be read. Its equations carry labels, such as (Dense.2), and the notebooks cite them.
#
# | file | what is in it | chapter |
# |---|---|---|
# | `scratchgan/gan.py` | the game, step by step | 04 |
# | `scratchgan/losses/` | what $D$ and $G$ minimise | 02 |
# | `scratchgan/core.py`, `families.py` | what a layer is; all derivatives, once for each kind | 03 |
# | `scratchgan/layers/` | one idea a file | 03, 05, 05b |
# | `scratchgan/models/` | a file for each member of the family | 05, 08 to 10 |
# | `scratchgan/kernels/` | the fast array operations, each with a readable twin | 06 |
# | `scratchgan/gradcheck/` | is this derivative right? | 03, 13 |
# | `scratchgan/theory/`, `dynamics.py` | closed forms; the game as a dynamical system | 01, 07 |
# | `scratchgan/penalties.py`, `rules/` | changes of the game: penalties, clipping, noise | 07, 08 |
# | `scratchgan/metrics/` | how good is it? | 11, 12 |
# | `scratchgan/data/`, `plots/` | digits and toy densities; every picture here | all |
#
# The right place to begin reading is the top of `scratchgan/gan.py`: one step of training, in words and then line by line.
#
# ## Sources
#
# Goodfellow et al. 2014, *Generative adversarial nets*, for the game and the story of the counterfeiters. Radford, Metz
# & Chintala 2016, *Unsupervised representation learning with deep convolutional generative adversarial networks*, for
# the nets. The digits are from MNIST (LeCun et al. 1998); their licence is in `scratchgan/data/files/README.md`.
