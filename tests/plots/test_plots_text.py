"""Names in pictures may be any text, and the user's matplotlib stays the user's."""

import ast
import inspect
import os
import subprocess
import sys
import warnings

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from scratchgan import plots
from scratchgan.doctor import from_records, judge
from scratchgan.doctor.picture import save_picture
from scratchgan.models import mlp_gan
from scratchgan.plots.text import BOX, printable, words
from scratchgan.runs.evaluate.report import Evaluation, Measure
from scratchgan.theory import plots_theory
from scratchgan.theory.dirac import VARIANTS, Variant
from tests.structure import Package

NASTY = {
    "a formula": "$$ and $x_{",
    "a formula that could be drawn": r"$\frac{1}{2}$",
    "backslashes": r"a\$b\\$c\textbf{",
    "very long": "long" * 100,
    "wide": "W" * 80,
    "not in the font": "猫と犬",
    "not UTF-8": "caf\udce9",
    "control characters": "a\nb\tc\x1b[31m\x00",
    "direction": "a\u202eb\u200f\u2066c",
    "only marks": "\u200b\u202e",
    "from the right": "שלום עולם",
    "combining": "e\u0301" * 90,
    "private and unassigned": "\ue000\U0003fffe",
    "underscore": "_hidden",
    "line separators": "a\u2028b\x85c",
    "nothing": "",
}
#: the first two also have everything that any of them has
DRAWN_ALL = {
    "a formula and all else": "".join(
        text for kind, text in NASTY.items() if kind not in ("very long", "wide", "combining")
    ),
    "very long": "$$" + "".join(NASTY.values()),
    "nothing": "",
}
IMAGES, LABELS = np.zeros((6, 4, 4, 1)), np.array([0, 1, 0, 1, 0, 1])


@pytest.fixture(scope="module")
def points():
    return mlp_gan(2, 2, (4,), seed=0)


def evaluation(name):
    return Evaluation(name, 100, 0, name, (Measure("m", 0.5, 0.0, 1.0, "low", "what it means"),))


#: {what draws: (a function of a name, the folder and a GAN on points)}
DRAWN = {
    "save_grid": lambda s, to, gan: plots.save_grid(to / "a.png", IMAGES, s),
    "labelled_grid": lambda s, to, gan: plots.labelled_grid(IMAGES, LABELS, names=[s, "b"], title=s),
    "labelled_pages": lambda s, to, gan: next(plots.labelled_pages(IMAGES, LABELS, names=[s, "b"], title=s)),
    "save_density": lambda s, to, gan: plots.save_density(to / "a.png", gan, cloud(), title=s, n=20),
    "save_points": lambda s, to, gan: plots.save_points(to / "a.png", np.zeros((3, 4)), s),
    "surface": lambda s, to, gan: plots.surface(gan, cloud().points, n=20, title=s),
    "interpolation": lambda s, to, gan: plots.interpolation(
        lambda z: np.zeros((len(z), 4, 4, 1)), z0=np.ones(3), z1=-np.arange(1.0, 4), title=s
    ),
    "neighbours": lambda s, to, gan: plots.neighbours(IMAGES[:1], np.arange(96.0).reshape(6, 4, 4, 1), k=2, title=s),
    "gradient_norms": lambda s, to, gan: plots.gradient_norms({f"D.{s}": np.ones(3), "D.b": np.ones(3)}, title=s),
    "gradient_norms, heat": lambda s, to, gan: plots.gradient_norms({f"D.{s}": np.ones(3)}, kind="heat", title=s),
    "phase_portrait": lambda s, to, gan: plots.phase_portrait(
        None, (-1, 1, -1, 1), trajectories={s: np.zeros((2, 2))}, labels=(s, s), title=s
    ),
    "save_translations": lambda s, to, gan: plots.save_translations(
        to / "a.png", [(s, IMAGES, IMAGES, IMAGES)] * 2, title=s
    ),
    "save_rows": lambda s, to, gan: plots.save_rows(
        to / "a.png", [(s, list(IMAGES)), ("b", list(IMAGES))], title=s, hint=s
    ),
    "paired_rows": lambda s, to, gan: plots.paired_rows({s: IMAGES, "b": IMAGES}, headings=[s] * 6, title=s, notice=s),
    "save_pairs": lambda s, to, gan: plots.save_pairs(
        to / "a.png", {s: IMAGES, "b": IMAGES}, headings=[s] * 6, title=s
    ),
    "perception_distortion": lambda s, to, gan: plots.perception_distortion(
        {s: (20.0, 2.0), "b": (21.0, 3.0)}, floor=1.0, ceiling=4.0, title=s
    ),
    "save_plane": lambda s, to, gan: plots.save_plane(to / "a.png", {s: (20.0, 2.0)}, title=s),
    "the doctor": lambda s, to, gan: save_picture(to / "a.png", judge(from_records([record(1), record(2)]), name=s)),
    "evaluate": lambda s, to, gan: evaluation(s).save(to, IMAGES, IMAGES),
    "save_spectra": lambda s, to, gan: plots_theory.save_spectra(
        to / "a.png", {s: {s: np.array([-0.1 + 0.2j])}}, title=s
    ),
    "save_phase_portraits": lambda s, to, gan: plots_theory.save_phase_portraits(
        to / "a.png", [Variant(s, VARIANTS["R1"].loss)], steps=3
    ),
}


def cloud():
    return plots.PointCloud(np.random.default_rng(0).standard_normal((30, 2)))


def record(step):
    return {"step": step, "d_loss": 1.2, "g_loss": 0.7, "d_real": 0.6, "d_fake": 0.4, "seconds": 0.1}


@pytest.fixture
def figures(monkeypatch):
    """Every figure that has been rendered."""
    rendered, draw = [], FigureCanvasAgg.draw

    def remembered(canvas):
        rendered.append(canvas.figure)
        return draw(canvas)

    monkeypatch.setattr(FigureCanvasAgg, "draw", remembered)
    return rendered


@pytest.mark.parametrize("kind", DRAWN_ALL)
@pytest.mark.parametrize("drawn", DRAWN)
def test_any_name_can_be_drawn(drawn, kind, tmp_path, points, figures):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        made = DRAWN[drawn](DRAWN_ALL[kind], tmp_path, points)
        if hasattr(made, "canvas"):
            plots.save_figure(made, tmp_path / "a.png")
    (fig,) = set(figures)
    renderer, (width, _) = fig.canvas.get_renderer(), fig.canvas.get_width_height()
    long = [t for t in fig.findobj(Text) if t.get_visible() and "…" in t.get_text()]
    for text in long:
        box = text.get_window_extent(renderer)
        assert box.x0 > -3
        assert box.x1 < width + 3
    assert long or kind != "very long"


def test_every_function_that_takes_names_is_drawn_above():
    named = {
        name
        for name in plots.__all__
        if inspect.isfunction(made := getattr(plots, name))
        and {"title", "name", "names", "labels", "trajectories"} & inspect.signature(made).parameters.keys()
    }
    assert named <= DRAWN.keys()


#: what gives matplotlib a text, and where: the number of the argument, and keywords
SINKS = {
    "set_title": (0,),
    "suptitle": (0,),
    "set_xlabel": (0,),
    "set_ylabel": (0,),
    "set_label": (0,),
    "text": (2,),
    "annotate": (0,),
    "set_xticks": (1,),
    "set_yticks": (1,),
    "set_xticklabels": (0,),
    "set_yticklabels": (0,),
    "legend": (),
}
TEXTS = {"label", "labels", "title", "xlabel", "ylabel", "s", "text"}
DOOR = {"words", "heading"}
#: attributes that hold names from outside
OUTSIDE = {"name", "title", "features", "label"}


def breaches(function):
    """Lines at which a function gives matplotlib a text from outside - a parameter, a name - but not through the door.

    Numbers in a text, f"{x:.2f}", are not names.  A local variable is a name if it was made from one.
    """
    own = [a for a in (*function.args.args, *function.args.kwonlyargs) if a.annotation is not None]
    foreign = {a.arg for a in own if "str" in ast.unparse(a.annotation)} | {"title", "name", "names", "called"}

    def names(node):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in DOOR | {"len", "show"}:
            return False
        if isinstance(node, ast.FormattedValue) and node.format_spec is not None:
            return False
        if isinstance(node, ast.ListComp):
            of_names = {
                g.target.id for g in node.generators if isinstance(g.target, ast.Name) and names(g.iter)
            } - foreign
            foreign.update(of_names)
            found = names(node.elt)
            foreign.difference_update(of_names)
            return found
        if isinstance(node, ast.IfExp):
            return names(node.body) or names(node.orelse)
        if isinstance(node, ast.Name):
            return node.id in foreign
        if isinstance(node, ast.Attribute):
            return node.attr in OUTSIDE or names(node.value)
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):
            return False  # one of our own texts
        return any(names(child) for child in ast.iter_child_nodes(node))

    found = []
    for node in ast.walk(function):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            target = node.targets[0].id
            (foreign.add if names(node.value) else foreign.discard)(target)
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            given = [node.args[i] for i in SINKS.get(node.func.attr, ()) if i < len(node.args)]
            if node.func.attr in {*SINKS, "set", "plot", "scatter", "bar", "hist", "axhline", "axvline", "colorbar"}:
                given += [k.value for k in node.keywords if k.arg in TEXTS]
            found += [node.lineno for text in given if names(text)]
    return found


PACKAGE = Package()


def drawing_functions():
    for path, source in PACKAGE.sources.items():
        if "figure(" in source or "axes." in source:
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.FunctionDef):
                    yield PACKAGE.place(path), node


#: {where a text from outside is one of our own: the reason}
OWN = {
    ("plots/training.py", "curves"): "the names of its four lines",
    ("theory/plots_theory.py", "save_divergences"): "the names of three divergences",
    ("runs/evaluate/report.py", "_examples"): "samples, real",
    ("runs/evaluate/report.py", "_scales"): "the names of metrics",
    ("theory/plots_theory.py", "_finish"): "a text of its callers",
    ("doctor/picture.py", "_panel"): "the signals' names, and thresholds",
    ("gradcheck/report.py", "figure"): "by hand, by differences, error",
}


def test_names_go_through_the_door():
    found = {(where, function.name): lines for where, function in drawing_functions() if (lines := breaches(function))}
    assert found.keys() == OWN.keys()


@pytest.mark.parametrize(
    "bad",
    [
        "def f(axes, title: str): axes.set_title(title)",
        'def f(axes, run): axes.text(0, 0, f"{run.name}: step")',
        "def f(axes, names): axes.set_yticks([0, 1], [n for n in names])",
        'def f(fig, title): fig.suptitle(f"{title}\\nhint")',
        "def f(axes, folder: str): axes.plot([1], label=folder)",
        "def f(axes, folder: str):\n    called = folder + '!'\n    axes.set(xlabel=called)",
    ],
)
def test_a_way_past_the_door_is_found(bad):
    assert breaches(ast.parse(bad).body[0])


def test_whatever_draws_does_so_in_our_style():
    for where, function in drawing_functions():
        makes = any(
            isinstance(node, ast.Call) and "figure" in (getattr(node.func, "id", ""), getattr(node.func, "attr", ""))
            for node in ast.walk(function)
        )
        if makes and where not in ("plots/base.py",) and not function.name.startswith("_repr"):
            assert "drawing" in {ast.unparse(d) for d in function.decorator_list}, f"{where}: {function.name}"


def test_only_one_file_makes_figures():
    for path, source in PACKAGE.sources.items():
        assert "Figure(" not in source.replace("class Picture(Figure)", ""), PACKAGE.place(path)
        assert "pyplot" not in source.replace("never pyplot", "").replace("without pyplot", ""), PACKAGE.place(path)


@pytest.mark.parametrize("kind", NASTY)
def test_a_word_is_one_line_that_matplotlib_can_draw(kind):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fig = plots.figure(3, 0.5)
        text = fig.text(0.5, 0.5, words(NASTY[kind], width=2.8), ha="center", fontsize=10)
        assert fig._repr_png_()
    box = text.get_window_extent(fig.canvas.get_renderer())
    assert box.x0 >= 8
    assert box.x1 <= 292
    assert box.height < 25
    assert text._preprocess_math(text.get_text())[1] is False
    words(NASTY[kind]).encode()


def test_words():
    assert words("$5 or $6") == r"\$5 or \$6"
    assert words("猫 x") == f"{BOX} x"
    assert words("a\udcff\x00b") == f"a{BOX}{BOX}b"
    assert words("left\u202e right") == "left right"
    assert words("one\ntwo") == "one two"
    assert words("_x") == " _x"
    cut = words("begin" + "x" * 500 + "end", width=2)
    assert cut.startswith("begin")
    assert cut.endswith("end")
    assert "…" in cut
    assert words("begin", width=2) == "begin"
    assert len(words("x" * 500, width=4)) > 1.9 * len(words("x" * 500, width=2))
    assert printable("a\u00a0b") == "a b"


def test_classes_that_look_alike_get_their_numbers():
    axes = plots.labelled_grid(IMAGES, LABELS, names=["猫", "犬"]).axes[0]
    assert [t.get_text() for t in axes.get_yticklabels()] == [f"0: {BOX}", f"1: {BOX}"]


# ---- the user's matplotlib


STRANGE = {
    "text.usetex": True,
    "font.size": 30,
    "figure.dpi": 30,
    "axes.grid": True,
    "axes.facecolor": "red",
    "figure.constrained_layout.use": True,
    "axes.prop_cycle": matplotlib.cycler(color=["green"]),
    "lines.linewidth": 9,
    "image.origin": "lower",
    "text.parse_math": False,
    "savefig.bbox": "tight",
}


def picture():
    return plots.curves([record(1), record(2)])._repr_png_()


def test_the_users_settings_stay_out_and_come_back():
    usual = picture()
    with matplotlib.rc_context(STRANGE):
        before = dict.copy(matplotlib.rcParams)
        assert picture() == usual
        fig = plots.figure(2, 2)
        axes = fig.add_subplot()
        axes.set(xlabel="$x_1$", title="drawn by a notebook")
        assert fig._repr_png_()  # without LaTeX
        with pytest.raises(ValueError, match="at least one record"):
            plots.curves([])
        assert dict.copy(matplotlib.rcParams) == before


def fresh(code, folder, **environment):
    """Run code in a fresh process in a folder."""
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


DRAW = """
import sys
from scratchgan import plots
plots.save_grid("a.png", __import__("numpy").zeros((4, 3, 3, 1)), "a title")
import matplotlib, os
assert "matplotlib.pyplot" not in sys.modules
print(os.environ.get("MPLBACKEND"), dict.__getitem__(matplotlib.rcParams, "backend"))
"""


@pytest.mark.parametrize(
    ("backend", "left"),
    [
        ("nonsense", None),
        ("module://matplotlib_inline.backend_inline", "module://matplotlib_inline.backend_inline"),
    ],
)
def test_any_backend_will_do_and_stays_the_users(backend, left, tmp_path):
    done = fresh(DRAW, tmp_path, MPLBACKEND=backend)
    assert (done.returncode, done.stderr) == (0, "")
    said, found = done.stdout.strip().split(" ", 1)
    assert said == backend
    assert left is None or found == left


def test_a_strange_matplotlibrc_and_no_home(tmp_path):
    plots.save_grid(tmp_path / "a.png", np.zeros((4, 3, 3, 1)), "a title")
    usual = (tmp_path / "a.png").read_bytes()
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.size: 30\nno.such.key: 1\nbackend: nonsense\n")
    done = fresh(DRAW, tmp_path, HOME="/proc/none", MPLCONFIGDIR="/proc/none")
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "a.png").read_bytes() == usual
    (tmp_path / "matplotlibrc").write_bytes(b"font.size: 30 \xff\xfe\n")
    done = fresh(DRAW, tmp_path)
    assert "ImportError: matplotlib cannot be imported" in done.stderr
    assert "matplotlibrc" in done.stderr
