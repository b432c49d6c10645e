# %% [markdown]
# # 05 · Convolutions by hand: how do images get in and out?
#
# *About 60 minutes. You need: chapters 03 and 04.*
#
# **Question.** How does a picture become one number, how does noise become a picture, and what are the derivatives?
#
# A discriminator shrinks an image, a generator grows one. We derive that these are the same map, read in two
# directions. At the end your own three functions take the place of the package's convolution, and train a GAN on
# digits of 8 x 8 pixels. (The layer that most of these nets have between their convolutions, BatchNorm, is the subject
# of [notebook 05b](05b_batchnorm_and_dcgan.ipynb).)

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect

import numpy as np

from scratchgan.data import BatchStream, load
from scratchgan.exercises import check, solved
from scratchgan.plots import BLUE, ORANGE, figure, image_grid

rng = np.random.default_rng(5)

# %% [markdown]
# ## Why not a dense layer?
#
# An image of 28 x 28 pixels has 784 numbers. A dense layer to 14 x 14 positions with 64 numbers each needs a weight for
# each pair of an input and an output. A convolution makes two assumptions. What matters about a place is **near** it;
# and what is worth looking for at one place is worth looking for at **every** place, with the *same* weights.

# %%
print(f"dense:       {28 * 28 * 14 * 14 * 64:>10,} weights")
print(f"convolution: {4 * 4 * 1 * 64:>10,} weights (64 kernels of 4 x 4)")

# %% [markdown]
# ## Predict
#
# Write your answers down.
#
# 1. A kernel of 4 x 4 takes steps of 2 over an image of 28 x 28 with one row of zeros round it. How many positions has
#    it, along one side?
# 2. A layer enlarges an image that is 1 everywhere, with a kernel of 3 x 3 ones and stride 2. Is the result flat?
# 3. A convolution that adds up in Python loops takes the place of the package's compiled one, and two copies of a GAN
#    take the same training step. By how much do their weights differ afterwards: not at all, by less than $10^{-10}$, by
#    about $10^{-6}$, or by $10^{-2}$?
#
# ## Convolution
#
# A number first. Along one row, the pixels $1, 2, 3, 4$ and a kernel with the two weights $10, 1$, moved by one pixel at
# a time: $10\cdot1 + 1\cdot2 = 12$, then $10\cdot2 + 1\cdot3 = 23$, then $34$. Moved by two pixels: $12$ and $34$. With a
# zero put on each side before that: $1$, $23$, $40$.
#
# In two dimensions the same. Put the kernel $W$, $k \times k$, on a patch of the image. Multiply what lies on top of
# each other, add everything up: that is one output pixel. Move on by $s$ pixels (the **stride**), and again. With $p$
# rows and columns of zeros around the image (the **padding**) the kernel can reach over the edge. With $C_i$ numbers a
# pixel (the **channels** $c$) going in and $C_o$ (the channels $o$) coming out, and one number $b[o]$ to add, for one
# image,
#
# $$y[h,w,o] = b[o] + \sum_{i,j,c} x_{\rm pad}[s h + i,\; s w + j,\; c]\; W[i,j,c,o] . \qquad\text{(Conv2D.1)}$$
#
# A batch does this to each of its images. (In the package's docstrings one more index says which image it is.)
#
# **How large is $y$?** Let $x$ have $n$ pixels along a side. Padded, it has $n + 2p$. The kernel's first pixel may stand
# at $0, s, 2s, \dots$ as long as its last one, $k - 1$ further, is still inside: $s h + k - 1 \le n + 2p - 1$, that is
# $h \le (n+2p-k)/s$. Counting $h = 0$ as well, $y$ has $m \times m$ pixels with
#
# $$m = \Big\lfloor \frac{n + 2p - k}{s} \Big\rfloor + 1 .$$
#
# With $k = 4$, $s = 2$, $p = 1$ an even $n$ becomes exactly $n/2$: the 28 pixels of prediction 1 have 14 positions. Many
# DCGANs have these numbers, PyTorch's example and ours among them. (The code of the DCGAN's authors,
# `Newmu/dcgan_code`, has $k = 5$, $s = 2$, $p = 2$, which halves as well. What is better about 4 comes below.)
#
# Mathematicians call this a *cross-correlation*: their convolution turns the kernel round first. Networks learn the
# kernel, so it does not matter which of the two they learn. But forward, backward and a loaded file must agree.

# %% [markdown]
# ### Exercises 05.conv_output_size and 05.conv_forward
# One image, one channel, no bias. Two loops over the output are enough. (`np.pad(x, p)` puts zeros around an array.)
# Keep these functions, and the two further down, in working order: they are going to train a GAN.

# %%
def conv_output_size(n, k, s, p):
    """n pixels, kernel k, stride s, padding p.  Returns how many positions the kernel takes, an integer.

    >>> conv_output_size(28, 4, 2, 1)
    14
    """
    # BEGIN SOLUTION
    return (n + 2 * p - k) // s + 1
    # END SOLUTION


def conv_forward(x, W, s, p):
    """x (n, n), W (k, k), stride s, padding p.  Returns y (m, m).

    >>> conv_forward(np.array([[1.0, 2], [3, 4]]), np.array([[1.0, 10], [100, 1000]]), 1, 0).tolist()
    [[4321.0]]
    """
    # BEGIN SOLUTION
    k, xpad = len(W), np.pad(x, p)
    m = (len(x) + 2 * p - k) // s + 1
    return np.array([[np.sum(xpad[s * h:s * h + k, s * w:s * w + k] * W) for w in range(m)] for h in range(m)])
    # END SOLUTION


print(check("05.conv_output_size", conv_output_size))
check("05.conv_forward", conv_forward)

# %% [markdown]
# What does a kernel see? Below, three kernels of 3 x 3 were put over a digit, by the package's `conv2d`. The result is
# large where bright pixels lie under positive weights and dark ones under negative weights: the first kernel answers
# most to the upper edge of a stroke, the second to its left edge, and the third blurs. In a GAN nobody chooses them:
# they are learned. (The stripes at the border of the pictures come from the padding: zeros are grey here, since pixels
# run from -1 to 1, and next to black ground grey is bright.)

# %%
from scratchgan.kernels import conv2d

digit = load("mnist-5k").images[7:8]
kernels = {"brighter below": [[-1, -1, -1], [0, 0, 0], [1, 1, 1]], "brighter to the right": [[-1, 0, 1]] * 3,
           "mean of nine": [[1 / 9] * 3] * 3}
answers = {name: conv2d(digit, np.array(W, np.float32)[:, :, None, None], stride=(1, 1), padding=(1, 1))[0, :, :, 0]
           for name, W in kernels.items()}
for name, y in answers.items():
    row, column = np.unravel_index(y[2:-2, 2:-2].argmax(), (24, 24))
    print(f"{name:<24}largest inside: {y[2:-2, 2:-2].max():5.2f}, at row {row + 2}, column {column + 2}")

# %% draw
# alt: Four pictures of 28 x 28 pixels, rows against columns: the digit, and what three kernels make of it.  The first
#   answer is bright along the upper edges of strokes, the second along their left edges, the third is the digit blurred.
fig = figure(9, 2.9)
panels = fig.subplots(1, 4)
panels[0].imshow(digit[0, :, :, 0], cmap="gray")
panels[0].set_title("x: a digit", fontsize=10)
for axes, (name, y) in zip(panels[1:], answers.items(), strict=True):
    axes.imshow(y, cmap="gray")
    axes.set_title(f"y: {name}", fontsize=10)
for axes in panels:
    axes.set(xlabel="column", ylabel="row", xticks=[0, 27], yticks=[0, 27])
fig.suptitle("One kernel, the same everywhere: it asks the same question at every place", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# ## The same as one matrix product
#
# Write each patch as a row of $k\,k\,C_i$ numbers. The patches of all output pixels of all $N$ images, one below the
# other, are a matrix. Write the weight as a matrix of $k\,k\,C_i$ rows and $C_o$ columns. Then (Conv2D.1) is one product:
#
# $$\underbrace{y}_{(N m m,\; C_o)} = \underbrace{\text{patches}}_{(N m m,\; k k C_i)}\;
#   \underbrace{W}_{(k k C_i,\; C_o)} .$$
#
# Nothing else is computed, and a matrix product is what computers do best (chapter 06). Here is the package's code for
# it, the readable twin of the compiled kernel.

# %%
from scratchgan.kernels import convolution

print(inspect.getsource(convolution.patch_rows))
print(inspect.getsource(convolution.conv2d.twin))

# %% [markdown]
# Loops and product must agree. The loops below are (Conv2D.1) letter by letter.

# %%
def conv_in_loops(x, W, s, p):
    k, _, Ci, Co = W.shape
    N, H = x.shape[:2]
    m = (H + 2 * p - k) // s + 1
    xpad = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0)))
    y = np.zeros((N, m, m, Co))
    for image, h, w, o in np.ndindex(y.shape):
        for i, j, c in np.ndindex(k, k, Ci):
            y[image, h, w, o] += xpad[image, s * h + i, s * w + j, c] * W[i, j, c, o]
    return y


x, W = rng.standard_normal((2, 6, 6, 3)), rng.standard_normal((3, 3, 3, 4))
patches = convolution.patch_rows(convolution.pad_images(x, (1, 1)), (3, 3), (2, 2))
loops, product = conv_in_loops(x, W, s=2, p=1), patches @ W.reshape(27, 4)
kernel = conv2d(x, W, stride=(2, 2), padding=(1, 1))
print("patch matrix", patches.shape, " weight", W.reshape(27, 4).shape, " y", kernel.shape)
print(f"largest difference, loops and product: {np.abs(loops.reshape(-1, 4) - product).max():.1e}")
print(f"largest difference, loops and kernel:  {np.abs(loops - kernel).max():.1e}")

# %% [markdown]
# ## It is linear, so it has a matrix of its own
#
# For a fixed $W$ the map from $x$ to $y$ (without $b$) is linear: $y = A x$, if we write $x$ and $y$ as long vectors.
# We can see $A$: feed it images in which a single pixel is 1, and what comes out are its columns.

# %%
W1 = np.arange(1.0, 10).reshape(3, 3)
units = np.eye(36).reshape(36, 6, 6, 1)                       # 36 images, each with a single 1
A = conv2d(units, W1[:, :, None, None], stride=(1, 1), padding=(0, 0)).reshape(36, 16).T
print("A", A.shape, " entries that are not 0, in each row:", np.unique((A != 0).sum(axis=1)))

# %% draw
# alt: Two matrices, their zeros white.  Left A, 16 rows (pixels of y) by 36 columns (pixels of x): in each row the same
#   nine numbers in three groups of three, shifted to the right from row to row.  Right its transpose, 36 by 16.
fig = figure(9, 3.6)
for axes, M, title, names in zip(fig.subplots(1, 2, width_ratios=(2, 1)), (A, A.T),
                                 ("A: 6 x 6 pixels to 4 x 4", "A^T: 4 x 4 pixels to 6 x 6"),
                                 (("pixel of x", "pixel of y"), ("pixel of y", "pixel of x")), strict=True):
    axes.imshow(np.where(M == 0, np.nan, M), cmap="cividis")
    axes.set(xlabel=names[0], ylabel=names[1], title=title)
fig.suptitle("The same nine numbers in every row of A, shifted; white is 0.  The adjoint is the transposed matrix",
             fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# ## The way back: the adjoint
#
# A layer's backward pass must turn $dy$ into $dx$. Chapter 03 has the tool: when $x$ moves by $tx$, the loss moves by
# $\langle dy, A\,tx\rangle$, and $dx$ is whatever satisfies $\langle dy, A\,tx\rangle = \langle dx, tx\rangle$ for all
# $tx$. Put (Conv2D.1) in:
#
# $$\langle dy, A\,tx\rangle = \sum_{h,w,o} dy[h,w,o] \sum_{i,j,c} tx_{\rm pad}[sh+i, sw+j, c]\, W[i,j,c,o] .$$
#
# Every term has one entry of $tx_{\rm pad}$ in it. Sort the terms by that entry. The entry at row $u$ and column $v$
# occurs wherever $sh + i = u$ and $sw + j = v$, each time with the factor $\sum_o dy[h,w,o]\,W[i,j,c,o]$. So its
# gradient is the sum of these factors, and the simplest way to write that is not to look for them but to hand them out:
#
# $$dx_{\rm pad}[sh+i, sw+j, c] \;\mathrel{+}=\; \sum_o dy[h,w,o]\, W[i,j,c,o] \quad\text{over all } h, w, i, j.
#   \qquad\text{(Conv2D.2)}$$
#
# Each output pixel puts a copy of the kernel, times its $dy$, back on the patch that it came from; where patches
# overlap, copies **add up**. At last cut the padding off: its zeros were constants. In the row of four pixels from above,
# with $W = (10, 1)$, $s = 1$ and $dy = (1, 2, 3)$: pixel 1 receives $10\cdot1 = 10$, pixel 2 receives $1\cdot1 +
# 10\cdot2 = 21$, pixel 3 likewise $1\cdot2 + 10\cdot3 = 32$, pixel 4 only $1\cdot3 = 3$. No kernel was flipped.
# (You will read that the gradient of a convolution is a convolution with the flipped kernel. For $s = 1$ that is
# (Conv2D.2), sorted by the entry that receives; for $s > 1$ it takes extra zeros between the pixels as well. Handing
# out needs neither.)

# %% [markdown]
# ### Exercise 05.conv_adjoint

# %%
def conv_adjoint(dy, W, s, p, n):
    """dy (m, m), W (k, k), stride s, padding p of the convolution; its x was (n, n).  Returns dx (n, n).

    >>> conv_adjoint(np.array([[2.0]]), np.array([[1.0, 10], [100, 1000]]), 1, 0, 2).tolist()
    [[2.0, 20.0], [200.0, 2000.0]]
    """
    # BEGIN SOLUTION
    k, dxpad = len(W), np.zeros((n + 2 * p, n + 2 * p))
    for h in range(len(dy)):
        for w in range(len(dy)):
            dxpad[s * h:s * h + k, s * w:s * w + k] += dy[h, w] * W
    return dxpad[p:p + n, p:p + n]
    # END SOLUTION


check("05.conv_adjoint", conv_adjoint)

# %% [markdown]
# ## The "inverted ConvNet" is that adjoint
#
# A generator needs a layer that makes an image larger. Here is one: (Conv2D.2) takes $m \times m$ pixels to
# $n \times n$. Nothing forbids using it in the *forward* direction, with learned weights. That is `ConvTranspose2D`.
# (It is also called "deconvolution", which is misleading: it undoes nothing.) Its own derivatives cost no new idea. Let
# $y = A^\top x$.
#
# $$\langle dy, A^\top tx\rangle = \langle A\,dy, tx\rangle \;\Rightarrow\; dx = A\,dy, \qquad\text{(ConvT.2)}$$
#
# so its backward pass is the convolution's forward pass. The package writes exactly this down.

# %%
from scratchgan.layers import Conv2D, ConvTranspose2D

print(inspect.getsource(ConvTranspose2D.affine), inspect.getsource(ConvTranspose2D.adjoint), sep="\n")

# %% [markdown]
# Three claims, three checks: the layer is $A^\top$ entry by entry; the inner products agree for random arrays; and it is
# *not* the inverse.

# %%
up = ConvTranspose2D(1, 1, kernel_size=3, bias=False, rng=rng, dtype=np.float64)
up.params["W"][...] = W1[:, :, None, None]
transposed = up.forward(np.eye(16).reshape(16, 4, 4, 1), train=True)[0].reshape(16, 36).T
print("ConvTranspose2D equals A^T entry by entry:", np.array_equal(transposed, A.T))

down = Conv2D(3, 4, kernel_size=4, stride=2, padding=1, bias=False, rng=rng, dtype=np.float64)
back = ConvTranspose2D(4, 3, kernel_size=4, stride=2, padding=1, bias=False, rng=rng, dtype=np.float64)
back.params["W"][...] = down.params["W"]                      # (k, k, 3, 4) for both: one weight, two directions
x, dy = rng.standard_normal((2, 8, 8, 3)), rng.standard_normal((2, 4, 4, 4))
y = down.forward(x, train=True)[0]
there = back.forward(dy, train=True)[0]
print(f"<dy, A x> = {np.vdot(dy, y):.12f}\n<A^T dy, x> = {np.vdot(there, x):.12f}")
again = back.forward(y, train=True)[0]
c = np.vdot(again, x) / np.vdot(x, x)                          # the best multiple of x
print(f"A^T A x against x: correlation {np.corrcoef(again.ravel(), x.ravel())[0, 1]:.2f}; "
      f"{np.linalg.norm(again - c * x) / np.linalg.norm(again):.0%} of its length is no multiple of x")

# %% [markdown]
# (An inverse would give $x$ itself back. A correlation of 1 would not be enough for that, but it would be necessary.)
#
# **Sizes.** $A$ takes $n$ to $m = \lfloor (n+2p-k)/s\rfloor + 1$. So $A^\top$ should take $m$ back to the $n$ that it
# came from, and there may be several: with $k = 3$, $s = 2$, $p = 1$ both 7 and 8 pixels become 4. The smallest is
# $(m-1)s - 2p + k$. Which one is meant, the **output padding** $e$ says, $0 \le e < s$:
#
# $$n = (m - 1)s - 2p + k + e .$$
#
# With $k = 4$, $s = 2$, $p = 1$ and $e = 0$ that is $2m$: a generator's 7 x 7 pixels become 14 x 14, and
# those 28 x 28.
#
# ## The weight's gradient
#
# The same sum once more. Now $W$ moves by $tW$ and $x$ stays, and terms are sorted by the entry of $tW$ in them:
#
# $$\langle dy, ty\rangle = \sum_{h,w,o} dy[h,w,o] \sum_{i,j,c} x_{\rm pad}[sh+i, sw+j, c]\, tW[i,j,c,o]
#   \quad\Rightarrow\quad dW[i,j,c,o] = \sum_{h,w}
#   x_{\rm pad}[sh+i,sw+j,c]\, dy[h,w,o] . \qquad\text{(Conv2D.3)}$$
#
# The sum runs over all positions, *and over the images of the batch*, because one kernel served them all. As matrices,
# $dW = \text{patches}^\top dy$, which is (Dense.3) again. And $b[o]$ was added to every pixel, so $db[o] = \sum_{h,w}
# dy[h,w,o]$ (Conv2D.4), over the batch as well.

# %% [markdown]
# ### Exercise 05.conv_weight_grad

# %%
def conv_weight_grad(x, dy, k, s, p):
    """x (n, n), dy (m, m), kernel k, stride s, padding p.  Returns dW (k, k).

    >>> conv_weight_grad(np.array([[1.0, 2], [3, 4]]), np.array([[10.0]]), 2, 1, 0).tolist()
    [[10.0, 20.0], [30.0, 40.0]]
    """
    # BEGIN SOLUTION
    xpad, dW = np.pad(x, p), np.zeros((k, k))
    for h in range(len(dy)):
        for w in range(len(dy)):
            dW += xpad[s * h:s * h + k, s * w:s * w + k] * dy[h, w]
    return dW
    # END SOLUTION


check("05.conv_weight_grad", conv_weight_grad)

# %% [markdown]
# Believe no derivation that was not compared with differences:

# %%
from scratchgan.gradcheck import check as gradcheck

for layer in (Conv2D(2, 3, kernel_size=3, stride=2, padding=1, rng=rng),
              ConvTranspose2D(2, 3, kernel_size=3, stride=2, padding=1, output_padding=1, rng=rng)):
    report = gradcheck(layer, rng.standard_normal((2, 5, 5, 2)))
    print(f"{type(layer).__name__:<16}{len(report.rows)} derivatives, "
          f"largest error {report.max_error:.0e}, {report.ok}")

# %% [markdown]
# ## Why checkerboards?
#
# Images of many generators have a faint pattern like the squares of a chessboard. Look at (Conv2D.2) from the receiving
# side. Along one axis, output pixel $u$ receives something from input pixel $h$ if $u + p = s h + i$ for a tap $i$ of
# $0, \dots, k-1$ (a **tap** is one place in the kernel). So $i$ must leave the same remainder as $u + p$ when divided by
# $s$. How many such $i$ are there? Away from the edges: if $s$ divides $k$, exactly $k/s$, for every $u$. If not, for
# some $u$ one more than for others, and that repeats every $s$ pixels. In two dimensions the counts multiply.

# %% [markdown]
# ### Exercise 05.contributions
# Count them along one axis: how many of the $n$ inputs reach each output pixel?

# %%
def contributions(n, k, s, p):
    """n inputs, kernel k, stride s, padding p, no output padding.  Returns integers ((n - 1) s - 2 p + k,).

    >>> list(map(int, contributions(3, 3, 2, 0)))
    [1, 1, 2, 1, 2, 1, 1]
    """
    # BEGIN SOLUTION
    counts = np.zeros((n - 1) * s + k, int)
    for h in range(n):
        counts[s * h:s * h + k] += 1
    return counts[p:len(counts) - p]
    # END SOLUTION


check("05.contributions", contributions)

# %% [markdown]
# Your count, for the DCGAN's numbers and for others. **Change a knob, predict first:** set `kernel` to 6, and to 4. Which
# of them gives equal numbers inside?

# %%
kernel, step, rim = 5, 2, 2                                   # change `kernel`: 5 is that of the DCGAN's authors
along = np.asarray(solved("05.contributions")(8, kernel, step, rim))
inside = along[kernel:-kernel]
print("along one axis:", *along)
print(f"inside, in two dimensions: from {inside.min()**2} to {inside.max()**2} contributions a pixel")

# %% [markdown]
# With 5 it is two and three, so a pixel of the image receives 4, 6 or 9 contributions. With 6 and with 4 the count inside
# is the same everywhere, 9 and 4, because 2 divides them: "divisible by the stride" is what matters, and not "large". The
# pattern repeats every two pixels, along both axes. That is the chessboard.
#
# Does it show in a layer? Ones in, a kernel of ones: what comes out *is* the count. Then the same layers with random
# weights, still on a flat image. The third way is the one that Odena et al. 2016 recommend: enlarge by copying pixels,
# then convolve.

# %%
from scratchgan.layers import Sequential, UpsampleNearest2D

ways = {"k = 3, s = 2": lambda: ConvTranspose2D(1, 1, kernel_size=3, stride=2, padding=1, output_padding=1, bias=False,
                                                rng=rng),
        "k = 4, s = 2": lambda: ConvTranspose2D(1, 1, kernel_size=4, stride=2, padding=1, bias=False, rng=rng),
        "up-sampling, then k = 3": lambda: Sequential([UpsampleNearest2D(2), Conv2D(1, 1, kernel_size=3, padding=1,
                                                                                   bias=False, rng=rng)])}
flat = np.ones((1, 6, 6, 1), np.float32)
made = {}
for name, make in ways.items():
    ones, random = make(), make()
    for _, w in ones.parameters():
        w[...] = 1
    made[name] = {"weights 1": ones.forward(flat, train=True)[0][0, :, :, 0],
                  "random weights": random.forward(flat, train=True)[0][0, :, :, 0]}
    for weights, y in made[name].items():
        print(f"{name:<26}{weights:<16}inside from {y[2:-2, 2:-2].min():5.2f} to {y[2:-2, 2:-2].max():5.2f}")

# %% draw
# alt: Six pictures of 12 x 12 pixels, rows against columns; a column for each of the three ways.  Above, with weights 1,
#   the first way gives a chessboard and the other two are flat inside.  Below, with random weights, the first two
#   give a pattern that repeats every two pixels, and the third is flat inside.
fig = figure(9.5, 6.4)
for column, (name, pictures) in zip(fig.subplots(2, 3).T, made.items(), strict=True):
    for axes, (weights, y) in zip(column, pictures.items(), strict=True):
        axes.imshow(y, cmap="cividis")
        axes.set(xlabel="column", ylabel="row", xticks=[0, 11], yticks=[0, 11])
        axes.set_title(f"{name}\n{weights}, inside {y[2:-2, 2:-2].min():.2f} to {y[2:-2, 2:-2].max():.2f}", fontsize=10)
fig.suptitle("A flat image in.  Whatever pattern comes out was made by the layer", fontsize=11)
fig.tight_layout()
fig

# %% [markdown]
# Top row: $k = 3$, $s = 2$ gives one to four contributions, so the answer to prediction 2 is no; with $k = 4$ the count
# is the same everywhere inside. (At the edges fewer arrive in any case.)
#
# Bottom row: equal counts are not yet a flat result. With $k = 4$, $s = 2$ the four kinds of output pixels (even or odd
# row and column) are made by *different* taps, four each, and their sums differ. Only the third way uses the same nine
# taps for all pixels. So there are two faults to tell apart. Measure both over many random layers: how large each kind
# of pixel is, as a root mean square; and how far the four kinds of one layer lie apart, compared with that size.

# %%
def kinds(net):
    """The four kinds of pixels inside a flat image's output: even and odd rows and columns."""
    y = net.forward(flat, train=True)[0][0, 2:-2, 2:-2, 0]
    return [y[a::2, b::2].mean() for a in (0, 1) for b in (0, 1)]


print(f"{'':<26}{'size of the four kinds, first = 1':<36}apart, over size")
for name, make in ways.items():
    found = np.array([kinds(make()) for _ in range(2000)])
    size = np.sqrt(np.mean(found**2, axis=0))
    apart = np.sqrt(np.mean(found.var(axis=1)) / np.mean(found**2))
    print(f"{name:<26}{np.array2string(size / size[0], precision=2, floatmode='fixed'):<36}{apart:.2f}")

# %% [markdown]
# **First fault**, of these three only of $k = 3$: pixels of one kind are larger than those of another *on average over all weights*.
# Sums of one, two and four independent terms have sizes like $1 : \sqrt 2 : 2$. The layer starts with a built-in
# checkerboard, and flat areas need unequal weights (for instance $1$ in the middle, $\frac12$ at the sides, $\frac14$ in
# the corners). A kernel size that the stride divides takes this fault away: that is what is better about 4 than 5.
#
# **Second fault**, of both strided layers: in any one layer the kinds differ. Training can make them equal, and has to
# learn it. Up-sampling has neither fault from the start. It costs more than twice as much: $9$ products an output pixel
# instead of $4$, for each pair of channels.
#
# Backwards the same counts hold. A *discriminator* with $k = 3$, $s = 2$ hands some pixels four terms of gradient and
# others one, and so pushes a checkerboard into $G$'s images from outside.
#
# ## Your convolution trains a GAN
#
# A DCGAN (Radford, Metz & Chintala 2016) is a GAN with convolutions in $D$ and transposed convolutions in $G$. For digits
# of 8 x 8 pixels one of each is enough: $D$'s takes 8 x 8 to 4 x 4, $G$'s takes 4 x 4 to 8 x 8. Now take the package's
# convolution out of both, and put your three functions in. `solved` takes your function if it is right, and the
# reference solution if it is not there yet; it prints which.
#
# Your functions know one image and one channel. The layer around them goes through the images of the batch and the
# pairs of channels: *sum* over the channels that go in, one result for each channel that comes out.

# %%
own = {name: solved(f"05.{name}") for name in ("conv_forward", "conv_adjoint", "conv_weight_grad")}
calls = dict.fromkeys(own, 0)


def yours(name, *given):
    calls[name] += 1
    return np.asarray(own[name](*given))


class Loops:
    """The three maps of a convolution of 8 x 8 pixels with k = 4, s = 2, p = 1, by your functions."""

    def down(x, W):                                           # (N, 8, 8, Ci) -> (N, 4, 4, Co)
        y = [[sum(yours("conv_forward", image[:, :, c], W[:, :, c, o], 2, 1) for c in range(W.shape[2]))
              for o in range(W.shape[3])] for image in x]
        return np.moveaxis(np.array(y), 1, 3)

    def back(dy, W):                                          # (N, 4, 4, Co) -> (N, 8, 8, Ci)
        dx = [[sum(yours("conv_adjoint", image[:, :, o], W[:, :, c, o], 2, 1, 8) for o in range(W.shape[3]))
               for c in range(W.shape[2])] for image in dy]
        return np.moveaxis(np.array(dx), 1, 3)

    def weights(x, dy):                                       # -> (4, 4, Ci, Co)
        dW = [[sum(yours("conv_weight_grad", a[:, :, c], b[:, :, o], 4, 2, 1) for a, b in zip(x, dy, strict=True))
               for o in range(dy.shape[3])] for c in range(x.shape[3])]
        return np.moveaxis(np.array(dW), (0, 1), (2, 3))

# %% [markdown]
# The two layers need only to be told which of the three maps is which. Compare the two classes: forward and backward
# have changed places.

# %%
class YourConv2D(Conv2D):
    way = Loops

    def affine(self, x, W, b):                                # forward
        return self.way.down(x, W) + (0 if b is None else b)

    def adjoint(self, dy, W, x_shape):
        return self.way.back(dy, W)

    def weight_grad(self, x, dy):
        return self.way.weights(x, dy)


class YourConvTranspose2D(ConvTranspose2D):
    way = Loops

    def affine(self, x, W, b):                                # forward
        return self.way.back(x, W) + (0 if b is None else b)

    def adjoint(self, dy, W, x_shape):
        return self.way.down(dy, W)

    def weight_grad(self, x, dy):
        return self.way.weights(dy, x)


from scratchgan.models import dcgan


def digit_gan(way=None, steps=600):
    """A DCGAN for 8 x 8 digits from seed 0, in float64; with the package's convolution, or with yours."""
    gan = dcgan(image_size=8, channels=1, latent_dim=32, width=32, dense=128, ema_decay=0.99, lr_g=1e-3, lr_d=1e-3,
                lr_schedule="linear", total_steps=steps, seed=0, dtype=np.float64)
    for layer in (*gan.G.layers, *gan.D.layers):
        for theirs, ours in ((Conv2D, YourConv2D), (ConvTranspose2D, YourConvTranspose2D)):
            if way is not None and type(layer) is theirs:
                layer.__class__, layer.way = ours, way        # from now on it has the methods of your class
    return gan


theirs, ours = digit_gan(), digit_gan(Loops)
print(ours.G, ours.D, sep="\n")

# %% [markdown]
# One whole training step of both, $D$'s turn and $G$'s turn, on the same 16 digits and with the same noise. Look at your
# answer to prediction 3 before you run it.

# %%
digits = load("uci-digits-8x8")
sixteen = digits.images[:16].astype(np.float64)
for gan in (theirs, ours):
    before = [w.copy() for net in (gan.G, gan.D) for _, w in net.parameters()]
    gan.train_step(sixteen)
    after = [w for net in (gan.G, gan.D) for _, w in net.parameters()]
    print(f"{'yours' if gan is ours else 'package':<9}largest change of a weight: "
          f"{max(np.abs(a - b).max() for a, b in zip(after, before, strict=True)):.6f}")
pairs = [(a, b) for mine, other in ((theirs.G, ours.G), (theirs.D, ours.D))
         for (_, a), (_, b) in zip(mine.parameters(), other.parameters(), strict=True)]
apart = max(np.abs(a - b).max() for a, b in pairs)
print(f"largest difference of a weight afterwards: {apart:.1e}")
assert apart < 1e-10
print("your functions were called:", ", ".join(f"{name} {n:,} times" for name, n in calls.items()))

# %% [markdown]
# Less than $10^{-10}$, and not nothing: the same numbers were added in another order, and float64 rounds each sum to 16
# digits. Adam moves every weight by about the same length, however small its gradient is, so the rounding of a small
# gradient weighs as much as that of a large one.
#
# ## The same, six hundred steps
#
# Thousands of calls for one step are too slow to train with. But your functions are **bilinear**: linear in the image for
# a fixed kernel, and linear in the kernel for a fixed image. Whoever knows a linear map on unit vectors knows it
# everywhere (that is how we saw $A$). So ask `conv_forward` for each image with a single 1 and each kernel with a single
# 1, once and for all:
#
# $$T[\text{pixel of } x,\ \text{tap},\ \text{pixel of } y] \in \{0, 1\}:\quad
#   \text{does this tap connect these two pixels?}$$
#
# Then $y = \sum_{\rm pixel, tap} T\,x\,W$. `conv_adjoint`, asked in the same way, gives a table as well, and so does
# `conv_weight_grad`. **Predict:** how do the three tables differ?

# %%
units = lambda side: np.eye(side * side).reshape(-1, side, side)
pixels, taps, outputs = units(8), units(4), units(4)
T_forward = np.array([[yours("conv_forward", x, W, 2, 1) for W in taps] for x in pixels]).reshape(64, 16, 16)
T_adjoint = np.array([[yours("conv_adjoint", dy, W, 2, 1, 8) for W in taps] for dy in outputs]).reshape(16, 16, 64).T
T_weights = np.array([[yours("conv_weight_grad", x, dy, 4, 2, 1) for dy in outputs]
                      for x in pixels]).reshape(64, 16, 16).transpose(0, 2, 1)
print("the three tables are equal:", np.array_equal(T_forward, T_adjoint) and np.array_equal(T_forward, T_weights))
print(f"{T_forward.shape} entries, {int(T_forward.sum())} of them 1 and the others 0")


class Tables:
    """The same three maps, each by the table that your function made."""

    def down(x, W):
        A = np.tensordot(T_forward, W.reshape(16, *W.shape[2:]), (1, 0))         # pixel, output, c, o
        return np.tensordot(x.reshape(len(x), 64, -1), A, ((1, 2), (0, 2))).reshape(len(x), 4, 4, -1)

    def back(dy, W):
        A = np.tensordot(T_adjoint, W.reshape(16, *W.shape[2:]), (1, 0))
        return np.tensordot(dy.reshape(len(dy), 16, -1), A, ((1, 2), (1, 3))).reshape(len(dy), 8, 8, -1)

    def weights(x, dy):
        both = np.tensordot(x.reshape(len(x), 64, -1), dy.reshape(len(x), 16, -1), (0, 0))  # pixel, c, output, o
        return np.tensordot(T_weights, both, ((0, 2), (0, 2))).reshape(4, 4, x.shape[3], dy.shape[3])

# %% [markdown]
# They do not differ. Forward, backward and the weight's gradient are **one table of zeros and ones**, summed over two of
# its three axes, another two each time; that is all that this chapter has derived. (Each of the $16 \times 16 = 256$ pairs
# of a tap and an output pixel has its 1, except for the 60 where the tap lies on the padding.) No loop is left:

# %%
STEPS = 600
trained = digit_gan(Tables, STEPS)
stream = BatchStream(digits, 128, rng=np.random.default_rng(0))
rows, names = [digits.images[:12]], ["real"]
for count in range(STEPS + 1):
    if count in (0, 50, 200, STEPS):
        rows.append(trained.sample(12, seed=3))
        names.append(f"{count:,}")
    if count < STEPS:
        trained.train_step(stream.next().astype(np.float64))
contrast = {name: float(np.mean(row.std(axis=(1, 2, 3)))) for name, row in zip(names, rows, strict=True)}
print("standard deviation of the pixels of an image:", "   ".join(f"{n}: {c:.2f}" for n, c in contrast.items()))

# %% draw
# alt: Five rows of twelve small grey digits.  The first row is real.  Below, twelve codes after 0, 50, 200 and 600 steps:
#   flat grey at first, then blots, then strokes, and digits in the last row.
grid = image_grid(np.concatenate(rows), columns=12)
fig = figure(8, 3.9)
axes = fig.subplots()
axes.imshow(np.broadcast_to(grid, (*grid.shape[:2], 3)))
axes.set_yticks(5 + 9 * np.arange(len(rows)), names)
axes.set(xticks=[], xlabel="the same twelve codes z in every row but the first", ylabel="training steps",
         title="From grey to blots to digits, through your convolution: each column is one code")
fig.tight_layout()
fig

# %% [markdown]
# Look at them from a distance: they have 64 pixels, there are 1,797 real ones, and six hundred steps are few. Every number
# in the lower four rows has come through your three functions. What is still the package's: the dense layers (yours of
# chapter 03 would do), Adam, and BatchNorm, which [notebook 05b](05b_batchnorm_and_dcgan.ipynb) derives before it trains
# the same nets on 28 x 28 pixels.
#
# ## What can go wrong
#
# - **"Why checkerboards?"** Kernel size not divisible by the stride, in $G$ or in $D$. Take $k = 4$, $s = 2$, or
#   up-sample and convolve.
# - **An image of the wrong size comes back.** Several sizes lead to the same $m$: the backward pass has to be told which
#   one it was, and a generator's layer needs the output padding.
# - **Assigned where it should add.** In (Conv2D.2) patches overlap; `=` instead of `+=` leaves the last copy.
# - **`ConvTranspose2D` and flipped kernels.** Weights that were saved by another library may have their axes in another
#   order. Compare one output before you trust them.
# - **A gradient that was only looked at.** A wrong one often has the right shape. Compare with differences, or with the inner products $\langle dy, A x\rangle = \langle A^\top dy, x\rangle$.
#
# ## Sources
#
# Dumoulin & Visin 2016, *A guide to convolution arithmetic for deep learning*, for sizes. Radford, Metz & Chintala 2016,
# *Unsupervised representation learning with deep convolutional generative adversarial networks*, and their code,
# [Newmu/dcgan_code](https://github.com/Newmu/dcgan_code), `faces/train_uncond_dcgan.py`. Odena, Dumoulin & Olah 2016,
# *Deconvolution and checkerboard artifacts* (Distill). The code is in `scratchgan/layers/conv.py` and
# `scratchgan/kernels/convolution.py`.
