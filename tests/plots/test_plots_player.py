"""Films for notebooks: whole, self-contained, and readable without a script; and the pictures of a run's folder."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from scratchgan import plots
from scratchgan.plots import animation_html, player
from scratchgan.runs.pictures import picture_run
from scratchgan.runs.recipe import load, override
from scratchgan.runs.train import train

pytestmark = pytest.mark.usefixtures("one_thread")

PNG = "data:image/png;base64,"


class Page(HTMLParser):
    """The elements of a page, with their attributes, and the text of its scripts."""

    VOID = ("img", "input", "meta")

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.scripts = [], [], []
        self.feed(text)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def frames_of(page):
    """All frames, in order, decoded: those of the script, and the picture that stands in the page."""
    coded = json.loads(re.search(r"const frames = (\[.*?\]), titles", "".join(page.scripts)).group(1))
    last = page.all("img")[0]["src"]
    assert last.startswith(PNG)
    return [np.asarray(Image.open(BytesIO(base64.b64decode(frame)))) for frame in [*coded, last[len(PNG) :]]]


@pytest.mark.parametrize("count", [1, 3])
def test_film_holds_its_frames_in_order(rng, count):
    frames = [rng.integers(0, 255, (6, 8, 3)).astype(np.uint8) for _ in range(count)]
    film = animation_html(frames, [f"step {n}" for n in range(count)], interval=50)
    page = Page(film)
    np.testing.assert_array_equal(frames_of(page), frames)
    [image], [slider] = page.all("img"), page.all("input")
    assert (image["width"], image["height"], image["alt"]) == ("8", "6", f"step {count - 1}, frame {count} of {count}")
    assert (slider["min"], slider["max"], slider["value"]) == ("0", str(count - 1), str(count - 1))
    assert len(page.all("button")) == 3
    assert film._repr_html_() == film
    assert len(repr(film)) < 60


def test_film_needs_nothing_from_outside_and_hides_its_buttons_without_a_script(rng):
    page = Page(animation_html([np.zeros((4, 4), np.uint8)] * 2))
    text = "".join(page.scripts)
    assert "http" not in text
    assert "fetch" not in text
    for _, attributes in page.elements:
        assert attributes.get("src", PNG).startswith(PNG)
        assert not {"href", "id", "onclick"} & attributes.keys()
    assert any("display:none" in div.get("style", "") for div in page.all("div"))
    for control in page.all("input"):
        assert control["aria-label"]


def test_two_films_on_a_page_do_not_meet(rng):
    frame = [np.zeros((4, 4, 1), np.uint8)]
    tokens = [Page(animation_html(frame)).all("div")[0]["data-film"] for _ in range(2)]
    assert tokens[0] != tokens[1]


def test_titles_cannot_break_out_of_the_page():
    nasty = '</script><b onload="x">&\u2028 step'
    page = Page(animation_html([np.zeros((4, 4), np.uint8)] * 2, [nasty, nasty], label='"><i>'))
    assert not page.all("b")
    assert not page.all("i")
    assert page.all("img")[0]["alt"].startswith(nasty)
    titles = re.search(r"titles = (\[.*?\]), wait", "".join(page.scripts)).group(1)
    assert json.loads(titles) == [nasty, nasty]


def test_film_of_files_and_figures_and_its_own_page(tmp_path):
    fig = plots.figure(1, 1)
    fig.add_subplot().plot([0, 1])
    plots.save_figure(fig, tmp_path / "a.png")
    film = animation_html([tmp_path / "a.png", str(tmp_path / "a.png"), fig])
    assert base64.b64encode((tmp_path / "a.png").read_bytes()).decode() in film  # a PNG goes in as it is
    first, second, third = frames_of(Page(film))
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first[..., :3], third)
    film.save(tmp_path / "film.html", title="<run>")
    page = (tmp_path / "film.html").read_text()
    assert film in page
    assert "<title>&lt;run&gt;</title>" in page


def test_film_refuses(tmp_path, monkeypatch):
    frame = np.zeros((4, 4, 3), np.uint8)
    for frames, options, words in (
        ([], {}, "1 to 400 frames, got 0"),
        ([frame] * 401, {}, "got 401"),
        ([frame], {"titles": "a"}, "one title"),
        ([frame], {"titles": ["a", "b"]}, "got 2 for 1"),
        ([frame], {"interval": 5}, "at least 20"),
        ([frame], {"interval": 20_000}, "at most 10000"),
        ([frame, frame[:2]], {}, "the same size"),
        ([frame.astype(float)], {}, "float64"),
        ([frame[..., :2]], {}, "(4, 4, 2)"),
        ([frame[:0]], {}, "(0, 4, 3)"),
    ):
        with pytest.raises(ValueError) as caught:
            animation_html(frames, **options)
        assert words in str(caught.value)
    with pytest.raises(OSError, match=r"nothing\.png"):
        animation_html([tmp_path / "nothing.png"])
    monkeypatch.setattr(player, "MOST_BYTES", 100)
    with pytest.raises(ValueError, match="1 of 3 frames take more"):
        animation_html([np.random.default_rng(0).integers(0, 255, (20, 20, 3)).astype(np.uint8)] * 3)


@pytest.mark.parametrize(
    ("name", "settings", "pictures"),
    [
        ("mlp-ring", ["hidden=[8]"], ["surface.png"]),
        ("mlp-1d", ["hidden=[8]"], ["surface.png"]),
        ("dcgan-digits8", ["width=4", "dense=0"], ["interpolation.png", "neighbours.png"]),
    ],
)
def test_pictures_of_a_runs_folder(tmp_path, name, settings, pictures):
    recipe = override(load(name), ["steps=2", "batch_size=8", "log_every=1", "sample_every=1", *settings])
    run = train(recipe, tmp_path / "run", progress=False)
    written = picture_run(run.folder, tmp_path / "out")
    expected = [*pictures, *(["gradients.png"] if "d_grads" in run.log[0] else []), "film.html"]
    assert [path.name for path in written] == expected
    for path in written[:-1]:
        with Image.open(path) as image:
            assert min(image.size) > 300
    assert len(frames_of(Page(written[-1].read_text()))) == 3
    assert [path.parent for path in picture_run(run.folder)] == [run.folder] * len(expected)


def test_pictures_of_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"contains no checkpoint\.npz"):
        picture_run(tmp_path)
