# %% [markdown]
# # 06 · Fast kernels: how fast can Python be?
#
# *About 60 minutes. You need: chapter 03. It helps to have seen chapter 05.*
#
# **Question.** Nearly all the time of a GAN goes into matrix products. How fast can they be, and what stands in the
# way?
#
# We write the same product five times. Between the first and the last lie several powers of ten, and no step changes
# the mathematics: the same numbers are multiplied and added. What changes is *where the numbers are* when they are
# needed.
#
# All times here are measured while the cells run, on the machine that runs them. Yours will differ from the saved ones,
# and from one run to the next, above all if something else keeps the machine busy. So the text speaks of orders of
# magnitude, and the cells print the numbers.

# %%
try:
    import scratchgan
except ModuleNotFoundError as error:
    raise ImportError(f"no scratchgan here ({error}): ask your teacher, or install it as its README says") from None
import inspect
import time

import numpy as np
from numba import njit

from scratchgan.exercises import check, solved
from scratchgan.kernels import on_one_blas_thread
from scratchgan.plots import BLACK, BLUE, GREEN, GREY, ORANGE, PURPLE, VERMILLION, figure

rng = np.random.default_rng(6)
THREADS = scratchgan.get_num_threads()
scratchgan.set_num_threads(1)                                  # the package's own; NumPy's are limited by the decorator


# Seconds in which the processor worked for this thread; where that clock is coarse (Windows), those on the wall.
clock = time.thread_time if time.get_clock_info("thread_time").resolution < 1e-6 else time.perf_counter


@on_one_blas_thread
def seconds(f, *arguments, at_least=0.2):
    """The shortest of several calls; the first, which may compile, does not count."""
    f(*arguments)
    times = []
    while sum(times) < at_least:
        start = clock()
        f(*arguments)
        times.append(clock() - start)
    return min(times)

# %% [markdown]
# The shortest, and not the mean: whatever disturbs a measurement makes it longer, hardly ever shorter. And only one
# thread, of NumPy's and of the package's, until we come to threads; so the time that the processor gives to other
# programs need not count.
#
# ## Predict
#
# A product of two matrices as three loops in Python; the same three loops compiled; the product of NumPy (`@`). Which
# factors do you expect between them: 3, 30, 300, 3000? Write two numbers down.
#
# ## Count first
#
# $c_{ij} = \sum_k a_{ik} b_{kj}$ with $A$ $(M, K)$ and $B$ $(K, N)$: for each of the $M N$ entries, $K$ multiplications
# and $K$ additions (counting the one to 0). Together $2MKN$ floating-point operations, **FLOP**. Speed is FLOP per
# second; $10^9$ of them are a GFLOP/s.
#
# And bytes: $A$ and $B$ have to be read and $C$ written, at least once each, $MK + KN + MN$ numbers. Their ratio is the
# **arithmetic intensity**: how much there is to compute for every byte that moves. For $n \times n$ matrices of float32
# it is $2n^3 / (4 \cdot 3n^2) = n/6$. It *grows with $n$*. That is the luck of matrix products: a number that was
# fetched can be used $n$ times. Adding two vectors, $n$ operations on $12n$ bytes, has an intensity of $1/12$ whatever
# the size.

# %% [markdown]
# ### Exercises 06.intensity and 06.conv_flops

# %%
def intensity(M, K, N, size):
    """(M, K) times (K, N), numbers of `size` bytes.  Returns FLOP per byte, if each number moves once.

    >>> intensity(12, 12, 12, 4)
    2.0
    """
    # BEGIN SOLUTION
    return 2 * M * K * N / (size * (M * K + K * N + M * N))
    # END SOLUTION


def conv_flops(N, Ho, Wo, k, Ci, Co):
    """N images, output Ho x Wo x Co, kernel k x k, Ci channels in.  Returns the FLOP of a forward pass.

    >>> conv_flops(1, 14, 14, 4, 1, 64)
    401408
    """
    # BEGIN SOLUTION
    return 2 * (N * Ho * Wo) * (k * k * Ci) * Co
    # END SOLUTION


print(check("06.intensity", intensity))
check("06.conv_flops", conv_flops)

# %% [markdown]
# ## 1. Three loops in Python

# %%
def by_dots(a, b, c):
    """c = a b: for each row i and each column j, the sum over k."""
    for i in range(a.shape[0]):
        for j in range(b.shape[1]):
            total = np.float32(0)
            for k in range(a.shape[1]):
                total += a[i, k] * b[k, j]
            c[i, j] = total


def rate(f, n):
    """GFLOP/s of a product of n x n matrices, and the largest error, relative to the largest entry."""
    a, b = np.random.default_rng(0).standard_normal((2, n, n)).astype(np.float32)
    c = np.zeros((n, n), np.float32)
    taken = seconds(f, a, b, c)
    exact = a.astype(np.float64) @ b.astype(np.float64)
    return 2 * n**3 / taken / 1e9, np.abs(c - exact).max() / np.abs(exact).max()


RATES = {}
RATES["Python loops"], error = rate(by_dots, 64)
print(f"Python loops, n = 64: {RATES['Python loops']:.5f} GFLOP/s, error {error:.0e}")

# %% [markdown]
# Where does the time go? Not into the product. For each `a[i, k]`, Python makes a tuple, asks the array's type what an
# index means, wraps the number that it finds into an object, asks that object what `*` means, and throws it away. The
# multiplication itself is the smallest part of it.
#
# ## 2. The same loops, compiled
#
# **Numba** (Lam, Pitrou & Seibert 2015) translates a Python function to machine code when it is first called, once it
# knows the types: here three arrays of float32. No objects are left, only numbers in registers. The code is the same;
# `njit` is all that is added.

# %%
N = 768
dots = njit(by_dots)
RATES["compiled"], error = rate(dots, N)
print(f"compiled, n = {N}: {RATES['compiled']:.3f} GFLOP/s, error {error:.0e}")
print(f"times faster than in Python: {RATES['compiled'] / RATES['Python loops']:,.0f}")

# %% [markdown]
# ## 3. The same, in another order
#
# Memory does not hand out single numbers. It hands out **lines**, on most processors of 64 bytes: 16 neighbouring
# float32. Whoever uses one number of a line and then goes elsewhere has paid for sixteen. Measure it: go once through 64 MB,
# which is more than the caches of most machines hold, and add up every number, every second, every fourth, and so on.
# **Predict:** at a distance of 64 a sixty-fourth of the numbers is added. Does it take a sixty-fourth of the time?

# %%
@njit
def touch(x, stride, count):
    total = np.float32(0)
    for i in range(count):
        total += x[i * stride]
    return total


x = np.ones(1 << 24, np.float32)
strides = [1, 2, 4, 8, 16, 32, 64]
whole = [seconds(touch, x, stride, x.size // stride, at_least=0.1) for stride in strides]
cost = [taken / (x.size // stride) * 1e9 for taken, stride in zip(whole, strides, strict=True)]
print("distance:          ", "".join(f"{s:>8}" for s in strides))
print("ns for each number:", "".join(f"{c:>8.2f}" for c in cost))
print("ms for all 64 MB:  ", "".join(f"{1e3 * taken:>8.2f}" for taken in whole))

# %% draw
# alt: Nanoseconds for each number that is added, against the distance between neighbours, both axes logarithmic: level
#   at small distances, then rising, with a dotted line at 16 numbers, which is one line of memory.
fig = figure(7, 3.4)
axes = fig.subplots()
axes.plot(strides, cost, "o-", color=BLUE)
axes.axvline(16, color=GREY, linestyle=":", label="16 numbers: one line of 64 bytes")
axes.set(xscale="log", yscale="log", xlabel="distance between neighbours that are added, in numbers",
         ylabel="nanoseconds for each", title="Far apart, each number costs more than next to each other")
axes.minorticks_off()
axes.set_xticks(strides, [str(s) for s in strides])
ticks = [tick for tick in (0.2, 0.5, 1, 2, 5, 10, 20, 50) if min(cost) / 2 < tick < 2 * max(cost)]
axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
axes.legend(fontsize=9)
axes.grid(alpha=0.3)
fig.tight_layout()
fig

# %% [markdown]
# No: it takes far more. On the left the line is nearly level, for another reason than memory: each addition has to wait
# for the last one, and by the time it is done, the next number is there. Further right fewer and fewer numbers of each line are
# used, and waiting for lines takes over. From 16 on every number costs a line of its own. (Many processors fetch lines in
# pairs, so that the cost may still grow up to 32.)
#
# NumPy stores matrices row by row. In the loops above, `b[k, j]` walks down a *column* as `k` grows: each number lies a
# whole row away from the last. Change the order of the loops to $i, k, j$. The terms are the same, but now $j$ is
# innermost, and `b[k, j]` and `c[i, j]` both walk along rows:

# %%
@njit
def by_rows(a, b, c):
    """c = a b: to each row of c, add multiples of the rows of b."""
    c[:] = 0
    for i in range(a.shape[0]):
        for k in range(a.shape[1]):
            for j in range(b.shape[1]):
                c[i, j] += a[i, k] * b[k, j]


RATES["other order"], error = rate(by_rows, N)
print(f"other order: {RATES['other order']:.3f} GFLOP/s, error {error:.0e}; "
      f"times faster: {RATES['other order'] / RATES['compiled']:.1f}")

# %% [markdown]
# There is a second reason. A **vector register** holds several numbers (16 float32 in 64 bytes, 8 in 32, 4 in 16), and
# one instruction works on all of them. The new inner loop does the same with neighbouring numbers, so the compiler may
# use them. The old one adds up *one* sum, each addition waiting for the last; it must not be reordered, because that
# would round differently.
#
# ## 4. Tiles
#
# Still every term reads an entry of $C$, adds to it and writes it back: two moves for one multiplication and one
# addition. The remedy is to do more with what is at hand. Cut the matrices into blocks of $T \times T$:
#
# $$C_{IJ} = \sum_{K} A_{IK}\, B_{KJ}, \qquad \text{each term a product of two blocks.}$$
#
# For one term, $2T^2$ numbers are fetched, and $2T^3$ operations done: $T$ for each number, $T/4$ for each byte of
# float32. All of $n$ is not needed; a block that **fits into the cache** is enough. There are several caches, one
# inside the other, and the innermost "cache" are the registers.

# %% [markdown]
# ### Exercise 06.tiled_matmul
# Write it with NumPy. (A slice that reaches over the end is cut there, and no error: `a[6:9]` of 7 rows has one row. The
# checker's matrices refuse a product that is larger than a block.)

# %%
def tiled_matmul(a, b, T):
    """a (M, K), b (K, N).  Returns their product, made of products of blocks of at most T x T.

    >>> tiled_matmul(np.ones((2, 3)), np.ones((3, 1)), 2).tolist()
    [[3.0], [3.0]]
    """
    # BEGIN SOLUTION
    c = np.zeros((len(a), b.shape[1]))
    for i in range(0, len(a), T):
        for j in range(0, b.shape[1], T):
            for k in range(0, len(b), T):
                c[i:i + T, j:j + T] += a[i:i + T, k:k + T] @ b[k:k + T, j:j + T]
    return c
    # END SOLUTION


check("06.tiled_matmul", tiled_matmul)

# %% [markdown]
# In compiled loops, the smallest useful tile is this: take *eight* rows of $B$ at a time. An entry of $C$ is then read
# and written once for eight terms, and the eight rows stay in the first cache while all rows of $A$ pass by.

# %%
@njit(fastmath={"contract"})               # allows one instruction for a product and a sum, rounded once
def by_eights(a, b, c):
    """c = a b: eight rows of b at a time.  (Their number must be a multiple of eight.)"""
    c[:] = 0
    for k in range(0, a.shape[1], 8):
        b0, b1, b2, b3, b4, b5, b6, b7 = b[k], b[k + 1], b[k + 2], b[k + 3], b[k + 4], b[k + 5], b[k + 6], b[k + 7]
        for i in range(a.shape[0]):
            a0, a1, a2, a3 = a[i, k], a[i, k + 1], a[i, k + 2], a[i, k + 3]
            a4, a5, a6, a7 = a[i, k + 4], a[i, k + 5], a[i, k + 6], a[i, k + 7]
            row = c[i]
            for j in range(row.size):
                row[j] += (a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j]
                           + a4 * b4[j] + a5 * b5[j] + a6 * b6[j] + a7 * b7[j])


RATES["tiles"], error = rate(by_eights, N)
print(f"tiles: {RATES['tiles']:.3f} GFLOP/s, error {error:.0e}; "
      f"times faster: {RATES['tiles'] / RATES['other order']:.2f}")

# %% [markdown]
# ## 5. Registers
#
# Nine numbers are still loaded (eight of $B$, one of $C$) for eight multiply-adds. A processor can typically do about
# as many multiply-adds as loads in the same time, and loads come late; so loads must become *fewer* than multiply-adds.
# That takes a tile in two directions. Keep $R$ rows times $V$ vectors of $C$ in registers while $k$ runs along the
# whole sum. For each $k$, load $V$ vectors of $B$ and $R$ numbers of $A$: $R + V$ loads, for $R V$ multiply-adds.

# %%
from scratchgan.kernels.compiled import tile

print(f"{'rows R':>8}{'vectors V':>11}{'loads':>7}{'multiply-adds':>15}{'each load feeds':>17}")
for R, V in ((1, 1), (1, 4), (4, 2), (6, 2), (6, 4)):
    print(f"{R:>8}{V:>11}{R + V:>7}{R * V:>15}{R * V / (R + V):>17.2f}")
print(f"\nThis machine: {tile.ROWS} rows of {tile.VECTORS} vectors of {tile.VECTOR_BYTES} bytes")

# %% [markdown]
# A compiler that is shown plain loops does not keep such a tile in registers; ours does not. So the package writes this
# one loop in vector instructions itself. It is the one place that all its products and convolutions spend their time
# in:

# %%
print(tile.__doc__[:tile.__doc__.index("A row of A need")])

# %%
from scratchgan.kernels import matmul

RATES["scratchgan"], _ = rate(lambda a, b, c: matmul(a, b), N)
RATES["BLAS (NumPy)"], _ = rate(lambda a, b, c: np.matmul(a, b, out=c), N)
for name, speed in RATES.items():
    print(f"{name:<14}{speed:>12.5f} GFLOP/s{speed / RATES['Python loops']:>12,.0f} times the Python loops")

# %% [markdown]
# Look at your prediction. The second line of the third column is its first factor; the last line, divided by the second, is
# the other one. Between the second line and the last two lie only the order of the work, the places of the numbers, and
# instructions that do several of them at once.
#
# ## How far can it go? The roofline
#
# Two things limit any kernel: how many operations the arithmetic units can do in a second, and how many bytes memory
# can deliver. With an intensity of $I$ FLOP per byte, bandwidth $\beta$ allows $I\beta$ operations a second, and the
# units allow $\pi$:
#
# $$\text{speed} \le \min(\pi,\; I\,\beta) .$$
#
# Drawn on logarithmic axes that is a roof (Williams, Waterman & Patterson 2009). Both numbers can be measured. For
# $\beta$, work on arrays that are larger than the caches: read one once (to find its largest entry), copy one, add two,
# multiply a matrix by a vector. For $\pi$, a loop that does nothing but multiply-adds in registers, in twelve chains that do not wait for each other
# (`scratchgan/runs/peak.py`; it is written in the compiler's own language, because from plain loops a compiler might not
# use the widest vectors). Nothing in it can go wrong but the clock: processors change theirs, with the load and the
# temperature. So the loop, the products and a convolution are measured in turns, and $\pi$ is the largest rate of all, as
# $\beta$ is: what was reached cannot be impossible.

# %%
from scratchgan.kernels import conv2d
from scratchgan.runs.peak import CHAINS, FLOP_PER_ROUND, only_arithmetic

a, b = np.random.default_rng(0).standard_normal((2, N, N)).astype(np.float32)
x4 = rng.standard_normal((32, 14, 14, 32)).astype(np.float32)
W4 = rng.standard_normal((4, 4, 32, 64)).astype(np.float32)
how = {"stride": (2, 2), "padding": (1, 1)}
conv_flop = 2 * 32 * 7 * 7 * 4 * 4 * 32 * 64
racers = {f"{CHAINS} chains": (FLOP_PER_ROUND * 100_000, lambda: only_arithmetic(100_000)),
          "scratchgan": (2 * N**3, lambda: matmul(a, b)), "BLAS (NumPy)": (2 * N**3, lambda: a @ b),
          "convolution": (conv_flop, lambda: conv2d(x4, W4, **how))}
best = dict.fromkeys(racers, 0.0)
for turn in range(5):
    for name, (flop, f) in racers.items():
        best[name] = max(best[name], flop / seconds(f, at_least=0.1) / 1e9)
RATES |= {name: max(RATES[name], best[name]) for name in ("scratchgan", "BLAS (NumPy)")}
peak = max(*best.values(), *RATES.values())
y, half = np.empty_like(x), x[:1 << 23]
matrix, vector = x.reshape(4096, 4096), x[:4096]
movers = {"reading": (x.nbytes, lambda: np.max(x)), "copying": (2 * x.nbytes, lambda: np.copyto(y, x)),
          "a + b": (3 * half.nbytes, lambda: np.add(half, half, y[:1 << 23])),
          "matrix times vector": (x.nbytes, lambda: np.matmul(matrix, vector))}
moved = dict.fromkeys(movers, 0.0)
for turn in range(3):
    for name, (size, f) in movers.items():
        moved[name] = max(moved[name], size / seconds(f, at_least=0.1) / 1e9)
bandwidth = max(moved.values())
for name, speed in best.items():
    print(f"{name:<14}{speed:>8.1f} GFLOP/s, {speed / peak:.0%} of the largest")
print("GB/s from and to memory:", ", ".join(f"{name} {speed:.1f}" for name, speed in moved.items()))
print(f"the roof's two parts meet at {peak / bandwidth:.1f} FLOP per byte")

# %% [markdown]
# Some points to put under the roof: our five products and NumPy's, with the intensity that your function gives, which is
# $n/6$; and what else a training step does, on arrays too large for the caches.

# %%
others = {"a + b": (1 / 12, moved["a + b"] / 12), "matrix times vector": (1 / 2, moved["matrix times vector"] / 2)}
at = solved("06.intensity")
places = {name: at(64, 64, 64, 4) if name == "Python loops" else at(N, N, N, 4) for name in RATES}
for name, (where, speed) in (*((name, (places[name], RATES[name])) for name in RATES), *others.items()):
    print(f"{name:<20}{where:>8.2f} FLOP/byte{speed:>12.5f} GFLOP/s, "
          f"{speed / min(peak, where * bandwidth):.3%} of the roof above it")
    assert speed <= min(peak, where * bandwidth) * (1 + 1e-9)

# %% draw
# alt: Roofline.  GFLOP/s against FLOP per byte, both logarithmic: a black line that rises with the bandwidth and is level
#   at the peak.  Far below it the Python loops; then, above each other at 128 FLOP per byte, the compiled loops, the other
#   order, the tiles, and close to the roof scratchgan and BLAS.  On the slope at the left a + b and a matrix times a vector.
fig = figure(9, 5)
axes = fig.subplots()
I = np.logspace(-2, 3, 200)
axes.plot(I, np.minimum(peak, I * bandwidth), color=BLACK, linewidth=2)
axes.annotate("memory", (0.03, 0.03 * bandwidth), rotation=33, va="bottom", ha="center", fontsize=10)
axes.annotate("arithmetic", (400, peak * 1.1), va="bottom", ha="center", fontsize=10)
colours = (VERMILLION, ORANGE, PURPLE, GREEN, BLUE, GREY)
for (name, speed), colour, marker in zip(RATES.items(), colours, "ovs^DP", strict=True):
    n = 64 if name == "Python loops" else N
    axes.plot(places[name], speed, marker, color=colour, markersize=8, label=f"{name}, n = {n}")
for (name, (where, speed)), marker in zip(others.items(), "<>", strict=True):
    axes.plot(where, speed, marker, color=BLACK, markersize=7, label=name)
axes.set(xscale="log", yscale="log", xlabel="arithmetic intensity: FLOP for each byte that has to move",
         ylabel="GFLOP/s, one thread", ylim=(min(RATES.values()) / 3, peak * 4),
         title="Good products come near the flat roof; additions cannot, whoever writes them")
axes.legend(fontsize=9, loc="center left", bbox_to_anchor=(1, 0.5))
axes.grid(alpha=0.3, which="both", linewidth=0.5)
fig.tight_layout()
fig

# %% [markdown]
# Read it like this. Points far below the roof waste something. Points under the *slope* wait for memory, and no
# cleverness in arithmetic helps them. The only help is to move fewer bytes: do several things to a number while it is
# in a register (bias and activation at the end of a product; the whole of Adam in one pass). The package's kernels do
# that; `scratchgan/layers/fused.py` says where.
#
# **Change a knob, predict first.** All these products have $n = 768$. A GAN's layers are often smaller. With $n = 16$ the
# intensity is $16/6 = 2.7$, and everything fits into the first cache. Is the product as fast as a large one? Change the
# sizes below.

# %%
SIDES = (16, 64, 256, 768)                                     # change these
small = {}
for side in SIDES:
    c, d = np.random.default_rng(0).standard_normal((2, side, side)).astype(np.float32)
    taken = seconds(matmul, c, d, at_least=0.1)
    small[side] = 2 * side**3 / taken / 1e9
    print(f"n = {side:>4}: {1e6 * taken:>9.1f} microseconds, {small[side]:>7.2f} GFLOP/s, {small[side] / peak:.1%} of the peak")

# %% [markdown]
# It is much slower, and not because of memory. A call costs some microseconds in Python, whatever it multiplies; at
# $n = 16$ there are 8,192 operations to do, which is less than a microsecond's work. The roof says what is possible, not
# what it costs to begin. We come back to that.
#
# **float32.** Half the bytes of float64, and twice as many numbers in a vector. In this picture the flat roof is twice as
# high as float64's; the slope is the same, since it counts bytes; and every point moves to the right by a factor of two,
# for a product from $n/12$ to $n/6$. Training uses float32. Its price is 24 bits of precision, about 7 digits, which brings
# us to sums.

# %%
print("float32: 16,777,216 + 1 =", f"{np.float32(16_777_216) + np.float32(1):,.0f}")
tenths = np.full(10_000_000, 0.1, np.float32)
naive = njit(lambda x: touch(x, 1, x.size))(tenths)
print(f"ten million times 0.1, one after the other: {naive:,.0f}; NumPy's sum: {tenths.sum():,.0f}")

print(f"errors: {naive / 1e6 - 1:+.1%} and {tenths.sum() / 1e6 - 1:+.4%}")

# %% [markdown]
# The naive sum is wrong by about 9 %. When the total is large, each new 0.1 is rounded to the few bits that are
# left of it, for long stretches always in the same direction. NumPy adds in pairs, then pairs of pairs. The package
# adds chunks of 128 and then, in float64, the chunks (`channel_sum`).
#
# ## Threads, and the same bits
#
# Two cores can do twice as much at best, if they do not get into each other's way. Addition in floating point is not
# associative: $(a + b) + c$ and $a + (b + c)$ may differ in the last bit. So if each of several threads adds up *its share*
# and the shares are added, the result depends on their number. A GAN amplifies such a bit until two runs show different digits.

# %%
from hashlib import sha256

numbers = rng.standard_normal(1_000_003).astype(np.float32)


def in_shares(x, n):
    """Sum as n threads do that get a share each: in float32, then the shares in order."""
    return sum((part.sum() for part in np.array_split(x, n)), np.float32(0))


def in_chunks(x, n, chunk=4096):
    """Chunks of fixed size; n threads take every n-th chunk; the chunks' sums are added in order."""
    sums = np.zeros(-(-len(x) // chunk), np.float32)
    for thread in range(n):                                     # in any order, or at the same time
        for i in range(thread, len(sums), n):
            sums[i] = x[i * chunk:(i + 1) * chunk].sum()
    return np.add.reduce(sums)


print("threads   a share each     fixed chunks")
for n in (1, 2, 3, 4, 8):
    print(f"{n:>7}{in_shares(numbers, n):>15.6f}{in_chunks(numbers, n):>17.6f}")

# %% [markdown]
# The rule in this package: work is cut into **tasks** that depend on shapes alone, never on the number of threads. Each
# task writes what no other task writes, so there is nothing to wait for and nothing to lock. Sums over tasks are taken
# afterwards, in order. Then it cannot matter who does which task.

# %% [markdown]
# ### Exercises 06.row_ranges and 06.partial_sums
# A product is cut by rows: each row of $C$ has one owner. Share the rows so that the sizes differ by one at most, and in
# this way: whatever $i$ is, the first $i$ of $n$ threads together have the share $i/n$ of the rows, rounded down.

# %%
def row_ranges(M, n):
    """M rows, n threads.  Returns a list of n pairs (first, last + 1), one after the other, that cover all rows once.

    >>> row_ranges(7, 3)
    [(0, 2), (2, 4), (4, 7)]
    """
    # BEGIN SOLUTION
    return [(M * i // n, M * (i + 1) // n) for i in range(n)]
    # END SOLUTION


def partial_sums(x, chunk):
    """x (N,).  Returns the sums of x[0:chunk], x[chunk:2 chunk], ...; the last chunk may be shorter.

    >>> partial_sums(np.arange(5.0), 2).tolist()
    [1.0, 5.0, 4.0]
    """
    # BEGIN SOLUTION
    return np.array([x[i:i + chunk].sum() for i in range(0, len(x), chunk)])
    # END SOLUTION


print(check("06.row_ranges", row_ranges))
check("06.partial_sums", partial_sums)

# %% [markdown]
# Now cut a product and a sum with your functions, as 1, 2, 3 and 8 threads would, and compare the bits:

# %%
cut, chunks = solved("06.row_ranges"), solved("06.partial_sums")
bits = {}
for n in (1, 2, 3, 8):
    c = np.zeros((N, N), np.float32)
    for first, end in cut(N, n):
        by_rows(a[first:end], b, c[first:end])                 # what one thread would do
    total = np.add.reduce(chunks(numbers, 4096))               # chunks of a fixed size: n does not occur
    bits[n] = sha256(c.tobytes() + np.float32(total).tobytes()).hexdigest()[:16]
    print(f"{n} threads: {bits[n]}")

# %% [markdown]
# Does the package keep its promise? A new process with two threads (more than this one may have) trains a small DCGAN
# for three steps, once with each number, and prints a digest of all weights.

# %%
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = """
import hashlib, numpy as np, scratchgan
from scratchgan.models import dcgan
for n in (1, 2):
    scratchgan.set_num_threads(n)
    gan = dcgan(28, 1, 16, 16, seed=0)
    for step in range(3):
        gan.train_step(np.random.default_rng(step).uniform(-1, 1, (32, 28, 28, 1)).astype(np.float32))
    digest = hashlib.sha256(b"".join(w.tobytes() for net in (gan.G, gan.D) for _, w in net.parameters()))
    print(n, "thread " if n == 1 else "threads", digest.hexdigest()[:32])
"""
source = str(Path(scratchgan.__file__).parents[1])
settings = {**os.environ, "NUMBA_NUM_THREADS": "2",
            "PYTHONPATH": os.pathsep.join(filter(None, (source, os.environ.get("PYTHONPATH"))))}
print(subprocess.run([sys.executable, "-c", PROGRAM], env=settings, capture_output=True, text=True, check=True).stdout)

# %% [markdown]
# (`python -m benchmarks.startup` compares the weights after fifty steps of a larger one.)
#
# **Why one pool of threads?** NumPy's `@` brings threads of its own. While they wait for the next product they *spin*:
# they ask again and again whether there is something to do. The threads of our kernels do the same, for a moment. Two
# such pools on the same cores take the time from each other, in their own idle loops. So all parallel work in this
# package goes through one function, `parallel_for`, and BLAS is told to use one thread while a net is at work.
#
# **Why threads of our own?** Numba's `prange` gives each thread an equal share, and waits until all threads are done. If
# another program keeps one of the cores busy, everybody waits for the thread that shares it. Here a thread takes the
# next task from a counter as soon as it is free, and what is waited for are tasks, not threads. How that is done, and
# what happens if a thread loses its core in the middle of a task:

# %%
from scratchgan.kernels import threads
from scratchgan.kernels.compiled import crew

print(threads.__doc__)
print(crew.__doc__)
print(inspect.getsource(crew._take.py_func))

# %% [markdown]
# ## A step as one list
#
# A training step of a small GAN calls some dozens of kernels. Before each, Python looks up a layer, checks shapes, makes
# a cache, and fills the kernel's table with addresses. The next step does all of that again, with the same result. Is
# it much? **Before you run the cell:** the nets have two hidden layers of 128, the batch has 256 points. Which share of
# the step is spent between the kernels: a tenth, a third, or more?

# %%
from scratchgan import replay
from scratchgan.models import mlp_gan

before = os.environ.get(replay.VARIABLE)
cloud = rng.standard_normal((256, 2)).astype(np.float32)


def trained(steps, recorded):
    """A small GAN after some steps, from seed 0; and whether its last step was run from a list."""
    os.environ[replay.VARIABLE] = "1" if recorded else "0"
    gan = mlp_gan(2, 2, (128, 128), seed=0)
    for _ in range(steps):
        gan.train_step(cloud)
    return gan, replay.of(gan).ready


usual, _ = trained(8, recorded=False)
usual_ms = 1e3 * seconds(lambda: usual.train_step(cloud))
listed, ready = trained(8, recorded=True)
listed_ms = 1e3 * seconds(lambda: listed.train_step(cloud))
listing = replay.of(listed).listing
kernels = [i for i, operation in enumerate(listing.operations) if operation.row is not None]
took = np.min([listing.timed() for _ in range(15)], axis=0)
in_kernels = 1e3 * took[kernels].sum()
print(f"the usual step        {usual_ms:5.2f} ms, {in_kernels:.2f} of them in kernels")
print(f"from the list         {listed_ms:5.2f} ms")
print(f"between the kernels   {1 - in_kernels / usual_ms:.0%} of the usual step, {1 - in_kernels / listed_ms:.0%} of the other")

# %% [markdown]
# It is no small share; the last line has that of your machine. So the package **records** a step: while it runs as
# always, every kernel's task and table are written down, and what NumPy computes between them. Later steps run from this list, at the same addresses. The list can be read. This is how
# D's middle layer goes backward, for the fakes: the gradient of the rectifier and its sum over the batch (which is the
# gradient of the bias), the product for dW, the two additions to the gradients, and the product for dx:

# %%
backward = [i for i, operation in enumerate(listing.operations) if operation.layer == 'Dense "D.2" backward']
for operation, t in [(listing.operations[i], took[i]) for i in backward[5:10]]:  # the first five are for real samples
    print(f"{1e6 * t:6.0f} microseconds  {abs(operation.tasks)} tasks  {operation.name}")
print(f"\n{len(listing.operations)} operations, {len(kernels)} of them kernels, in {len(listing.segments)} calls")

# %% [markdown]
# (`scratchgan bench --plan mlp-ring` prints all of it.) New noise is still drawn by Python, and Adam takes its step in
# Python too, since both change from step to step.
#
# A list that is wrong would train another GAN, and nobody would notice. So it is used only after it has given *the same
# bits* as two usual steps: weights, gradients, Adam's moments, the numbers in the log. And it is thrown away as soon as
# anything that it depends on changes, such as the batch's shape, a layer's slope, or an array that was replaced. A step
# that cannot be written down, because it branches on a number or draws a mask for Dropout, runs as always. Do both kinds
# of steps lead to the same weights?

# %%
digests = []
for recorded in (False, True):
    gan, ready = trained(50, recorded)
    weights = b"".join(w.tobytes() for net in (gan.G, gan.D) for _, w in net.parameters())
    digests.append(sha256(weights).hexdigest()[:32])
    print(f"{'from the list' if ready else 'usual steps':<15}{digests[-1]}")
assert digests[0] == digests[1]
os.environ.pop(replay.VARIABLE)
if before is not None:
    os.environ[replay.VARIABLE] = before                       # as it was

# %% [markdown]
# ## Readable twins
#
# Nobody should have to read vector instructions to know what a layer does. Each kernel has a twin of a few lines of
# NumPy, with the same name and arguments. The tests hold one against the other, and `scratchgan.set_backend("numpy")`
# runs everything on the twins.

# %%
fast, twin = conv2d(x4, W4, **how), conv2d.twin(x4, W4, **how)
print(f"largest difference, relative to the largest entry: {np.abs(fast - twin).max() / np.abs(twin).max():.0e}")
for name, f in (("kernel", lambda: conv2d(x4, W4, **how)), ("twin", lambda: conv2d.twin(x4, W4, **how))):
    print(f"{name:<8}{conv_flop / seconds(f) / 1e9:>8.1f} GFLOP/s, one thread")
scratchgan.set_num_threads(THREADS)

# %% [markdown]
# ## Against others
#
# Is a course's package slow, compared with real ones? `python -m benchmarks.peers` puts it beside PyTorch, JAX and
# NumPy, on the same work with the same weights, in turns. The result that is kept with the package:
#
# ![Time of the fastest peer over ours, for training steps, products and convolutions](../benchmarks/results/peers.png)
#
# On the right of the line it is faster than the fastest of its peers; on the left, slower. Both occur. Small works are
# the worst, such as a product of 256 x 128 by 128 x 128 numbers: there is little to compute, and what surrounds a
# kernel counts: filling its table, waking a thread. JAX compiles a small GAN's whole step, and so avoids most of that.
#
# How does a step's time grow? `python -m benchmarks.scaling` measures it against the operations counted:
#
# ![Time and memory of a DCGAN's training step against batch, resolution and width](../benchmarks/results/scaling.png)
#
# ## What can go wrong
#
# - **"The first call took ten seconds."** It compiled. Machine code is kept on disk, so the next process starts faster.
#   `scratchgan.warmup()` compiles everything at once.
# - **Measuring once, or measuring the compilation.** Call it before you time it, take the shortest of several, and
#   close the browser.
# - **`fastmath=True`** lets the compiler assume that NaN does not exist. Then `isnan` may say no to a NaN, and a GAN
#   that blew up trains on. Name the liberties that you want, as `{"contract"}` above.
# - **Too many threads.** If two libraries both take all cores, a program gets slower with more cores. Look at
#   `OMP_NUM_THREADS`.
# - **Making what is not slow fast.** Measure first. Most files of this package are plain NumPy, because it does
#   not matter there.
# - **"Why NaN?"** Rarely a kernel. A logarithm of 0, an exponential of 1000, a learning rate. Check with the twins: if
#   they say NaN as well, it is the mathematics.
#
# ## Sources
#
# Williams, Waterman & Patterson 2009, *Roofline: an insightful visual performance model for multicore architectures*.
# Goto & van de Geijn 2008, *Anatomy of high-performance matrix multiplication*. Lam, Pitrou & Seibert 2015, *Numba: a
# LLVM-based Python JIT compiler*. Dukhan 2019, *The indirect convolution algorithm*. Higham 2002, *Accuracy and
# stability of numerical algorithms*, for sums. `scratchgan/kernels/` has the twins, `scratchgan/kernels/compiled/` the
# engines.
