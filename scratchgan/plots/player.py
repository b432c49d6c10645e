"""A film for notebooks: frames with buttons (play, back, next) and a slider, in self-contained HTML.

The frames are embedded as PNGs, and the script is short and makes no network requests.  A film never starts by itself.
Without JavaScript (a notebook on GitHub, or an untrusted one), the last frame is shown as an image.
"""

import base64
import html
import json
import secrets
from collections.abc import Iterable, Sequence
from io import BytesIO
from pathlib import Path

from ..checks import positive_int
from ..files.atomic import write_text
from .film import open_frames

MOST_FRAMES = 400
MOST_BYTES = 20_000_000  # of HTML: notebooks beyond that are slow to open and to save

_PAGE = """<div class="scratchgan-film" data-film="{token}" role="group" aria-label="{label}" \
style="max-width:{width}px;font:14px sans-serif">
<img src="data:image/png;base64,{last}" alt="{alt}" width="{width}" height="{height}" \
style="max-width:100%;height:auto;display:block">
<div style="display:none;gap:6px;align-items:center;flex-wrap:wrap;margin-top:6px">
<button type="button" data-do="play">Play</button>
<button type="button" data-do="back" aria-label="One frame back">Back</button>
<button type="button" data-do="next" aria-label="One frame on">Next</button>
<input type="range" min="0" max="{top}" step="1" value="{top}" aria-label="Frame" style="flex:1;min-width:80px">
<output style="min-width:9em"></output>
</div>
</div>
<script>
{script}
</script>
"""

# A page may contain the same film twice: each run of the script sets up the films that are not yet ready.
_SCRIPT = """(function () {
  const frames = %(frames)s, titles = %(titles)s, wait = %(wait)d, last = frames.length;
  document.querySelectorAll('[data-film="%(token)s"]').forEach(function (root) {
    if (root.dataset.ready) return;
    root.dataset.ready = "yes";
    const image = root.querySelector("img"), slider = root.querySelector("input"), says = root.querySelector("output");
    const play = root.querySelector('[data-do="play"]'), final = image.src;
    let at = last, timer = null;
    function show(i) {
      at = Math.min(Math.max(i, 0), last);
      image.src = at === last ? final : "data:image/png;base64," + frames[at];
      const words = (titles[at] ? titles[at] + ", " : "") + "frame " + (at + 1) + " of " + (last + 1);
      image.alt = words;
      slider.value = at;
      slider.setAttribute("aria-valuetext", words);
      says.textContent = words;
    }
    function stop() {
      clearInterval(timer);
      timer = null;
      play.textContent = "Play";
    }
    function tick() {
      if (!root.isConnected || at >= last) stop(); else show(at + 1);
      if (at >= last) stop();
    }
    play.addEventListener("click", function () {
      if (timer !== null) { stop(); return; }
      if (at >= last) show(0);
      play.textContent = "Pause";
      timer = setInterval(tick, wait);
    });
    root.querySelector('[data-do="back"]').addEventListener("click", function () { stop(); show(at - 1); });
    root.querySelector('[data-do="next"]').addEventListener("click", function () { stop(); show(at + 1); });
    slider.addEventListener("input", function () { stop(); show(Number(slider.value)); });
    show(last);
    slider.parentNode.style.display = "flex";
  });
})();"""


class Animation(str):
    """The HTML of a film, a str that a notebook displays as the last value of a cell."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return f"<Animation: {len(self):,} bytes of HTML>"

    def save(self, path: str | Path, *, title: str = "film") -> None:
        """Write the film as a complete HTML page for a browser.  Raises OSError if the file cannot be written."""
        write_text(
            path,
            '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
            f"<title>{html.escape(_writable(title))}</title>\n<body>\n{self}</body>\n</html>\n",
        )


def animation_html(
    frames: Iterable, titles: Sequence[str] | None = None, *, interval: int = 200, label: str = "Film of the training"
) -> Animation:
    """Make a film for a notebook: play and pause, one frame back or forward, a slider.  It shows its last frame first.

    frames     1 to 400 PNG files, arrays (H, W, 3) uint8 or Figures, all of the same size
    titles     a title for each frame, such as "step 500"; shown next to the slider and read by screen readers
    interval   milliseconds between frames, 20 to 10,000
    label      name of the film for screen readers

    Returns an `Animation`, self-contained HTML that a notebook displays.  A page may contain it several times.

    Raises ValueError for no or too many frames, frames of different sizes, a wrong number of titles, an interval out of
    range, or more than 20 MB of HTML; OSError if a file cannot be read.
    """
    frames = list(frames)
    if not 1 <= len(frames) <= MOST_FRAMES:
        raise ValueError(f"a film for a notebook holds 1 to {MOST_FRAMES} frames, got {len(frames)}")
    if titles is not None and (isinstance(titles, str) or len(titles) != len(frames)):
        raise ValueError(f"a film needs one title per frame, got {len(titles)} for {len(frames)} frames")
    if positive_int("animation_html", "interval", interval, least=20) > 10_000:
        raise ValueError(f"animation_html: interval must be at most 10000 milliseconds, got {interval}")
    images = open_frames(frames)
    titles = [""] * len(frames) if titles is None else [_writable(title) for title in titles]
    coded, total = [], 0
    for frame, image in zip(frames, images, strict=True):
        coded.append(base64.b64encode(_png(frame, image)).decode())
        total += len(coded[-1])
        if total > MOST_BYTES:
            raise ValueError(
                f"a film for a notebook may take {MOST_BYTES / 1e6:g} MB, and {len(coded)} of "
                f"{len(frames)} frames take more: use fewer or smaller frames, or `save_gif`"
            )
    token = secrets.token_hex(8)
    script = _SCRIPT % {"frames": _json(coded[:-1]), "titles": _json(titles), "wait": interval, "token": token}
    words = ", ".join(filter(None, [titles[-1], f"frame {len(frames)} of {len(frames)}"]))
    width, height = images[0].size
    return Animation(
        _PAGE.format(
            token=token,
            label=html.escape(_writable(label)),
            last=coded[-1],
            alt=html.escape(words),
            width=width,
            height=height,
            top=len(frames) - 1,
            script=script,
        )
    )


def _png(frame, image) -> bytes:
    """The frame as PNG bytes; PNG files are returned unchanged."""
    if isinstance(frame, (str, Path)):
        data = Path(frame).read_bytes()
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            return data
    file = BytesIO()
    image.save(file, format="PNG", optimize=True)
    return file.getvalue()


def _writable(text: object) -> str:
    """The text with ? for what UTF-8 cannot hold, such as parts of a file's name that is not UTF-8."""
    return str(text).encode(errors="replace").decode()


def _json(value) -> str:
    """JSON that is safe inside a script element: it cannot contain `</script>` or `<!--`."""
    return json.dumps(value).replace("<", "\\u003c")
