"""What is easily forgotten when something is added; CONTRIBUTING.md has the table of the files to touch.

Each test here names the piece that is missing and the file where it belongs.
"""

import ast
import importlib
import inspect
import pkgutil
from pathlib import Path

import numpy as np
import pytest

from scratchgan import layers, losses, metrics, models
from scratchgan.core import Layer
from scratchgan.game import Game
from scratchgan.gradcheck import cases
from scratchgan.losses import Loss
from scratchgan.runs import recipe as recipes

PACKAGE = Path(layers.__file__).parents[1]
#: rooms whose __init__ has a line for each file, and the files there that hold parts and nothing public
ROOMS = {
    "layers": (layers, {"fused"}),
    "metrics": (metrics, {"augment", "compared", "inputs", "neighbours"}),
}
#: metrics that `scratchgan evaluate` leaves out, and why
NOT_EVALUATED = {
    "parzen": "in many dimensions it prefers the wrong model: it is there to be taken apart (chapter 11)",
}


def modules(package):
    """{name: module} of the files in a package."""
    found = [entry.name for entry in pkgutil.iter_modules(package.__path__)]
    return {name: importlib.import_module(f"{package.__name__}.{name}") for name in found}


def defined(module, kind):
    """The public classes or functions that a file defines itself, by name."""
    own = {name: thing for name, thing in vars(module).items() if kind(thing) and not name.startswith("_")}
    return {name: thing for name, thing in own.items() if thing.__module__ == module.__name__}


def imported(file):
    """The names that a file imports at its top level, apart from the standard library's."""
    tree = ast.parse((PACKAGE / file).read_text())
    names = [alias for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]
    return {name for alias in names if not (name := alias.asname or alias.name).startswith("_")}


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_room_imports_is_what_it_lists(room):
    package, _ = ROOMS[room]
    names = imported(f"{room}/__init__.py") - {"import_module"}
    late = {"Classifier", "load_classifier"} if room == "metrics" else set()
    listed = set(package.__all__) - late
    assert not names - listed, f"imported in {room}/__init__.py, but not in its __all__: {names - listed}"
    assert not listed - names, f"in __all__ of {room}/__init__.py, but not imported there: {listed - names}"


def concrete(kind, package):
    """(file, name, class) of each public class of that kind that has no subclass in the package: no base class."""
    found = [
        (file, name, thing)
        for file, module in modules(package).items()
        for name, thing in defined(module, inspect.isclass).items()
        if issubclass(thing, kind)
    ]
    every = [thing for _, _, thing in found]
    return [row for row in found if not any(other is not row[2] and issubclass(other, row[2]) for other in every)]


def test_a_layer_is_exported_described_and_checked():
    rng = np.random.default_rng(0)
    checked = {type(part) for case in cases.LAYERS for _, part in case.build(rng).walk()}
    for file, name, layer in concrete(Layer, layers):
        assert name in layers.__all__, f"layers/__init__.py does not export {name} of layers/{file}.py"
        assert layer in checked, f"no case in gradcheck/cases.py checks {name} of layers/{file}.py"
    for file in set(modules(layers)) - ROOMS["layers"][1]:
        assert f"`{file}`" in layers.__doc__, f"the docstring of layers/__init__.py does not say what {file}.py is"


def test_a_loss_has_a_name_and_a_case():
    checked = {type(case.build(np.random.default_rng(0))) for case in cases.LOSSES}
    concrete_losses = [loss for loss in every_subclass(Loss) if loss.__module__.startswith("scratchgan.losses")]
    assert concrete_losses
    for name in losses.content.CONTENT:
        assert name in {case.build(np.random.default_rng(0)).name for case in cases.CONTENTS}, f"no case checks {name}"
    for loss in concrete_losses:
        if not loss.name:  # a base
            continue
        assert losses.LOSSES.get(loss.name) is loss, f"losses/__init__.py does not list {loss.__name__} in LOSSES"
        assert loss in checked, f"no case in gradcheck/cases.py checks the loss {loss.__name__}"
        assert loss.name in recipes.KEYS["loss"].metadata["choices"], f'no recipe can say loss = "{loss.name}"'


def every_subclass(kind):
    for child in kind.__subclasses__():
        yield child
        yield from every_subclass(child)


def test_a_metric_is_exported_documented_and_evaluated():
    evaluated = set()
    for file in ("images.py", "points.py", "paired.py"):
        tree = ast.parse((PACKAGE / "runs" / "evaluate" / file).read_text())
        evaluated |= {(node.module or "").split(".")[-1] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    _, parts = ROOMS["metrics"]
    for file, module in modules(metrics).items():
        if file in parts:
            continue
        public = set(defined(module, callable)) & set(metrics.__all__)
        assert public, f"metrics/__init__.py exports nothing of metrics/{file}.py"
        assert file in evaluated or file in NOT_EVALUATED, (
            f"neither runs/evaluate/images.py nor points.py nor paired.py measures what metrics/{file}.py computes"
        )
        if file in ("classifier", "floor", "texture_net"):  # what metrics are made with
            continue
        text = inspect.getsource(module)
        for word in ("Floor ", "Ceiling ", "Blind to "):
            assert word in text, f"no docstring of metrics/{file}.py has the entry {word.strip()!r}"


def test_a_model_is_listed():
    blocks = {"auxiliary", "conditional", "cycle", "cyclegan_nets", "endings", "history", "member", "training"}
    blocks |= {"completion", "paired_checks", "paired_game", "paired_nets", "paired_views"}
    for file in set(modules(models)) - blocks:
        tree = ast.parse((PACKAGE / "models" / f"{file}.py").read_text())
        own = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        targets = [target for node in tree.body if isinstance(node, ast.Assign) for target in node.targets]
        own |= {target.id for target in targets if isinstance(target, ast.Name)}
        module = importlib.import_module(f"scratchgan.models.{file}")
        assert any(
            getattr(module, name) in models.MODELS.values() for name in own if callable(getattr(module, name))
        ), f"MODELS in models/__init__.py has no builder of models/{file}.py"
    names = {getattr(builder, "__name__", "") for builder in models.MODELS.values()} - {""}
    assert not names - set(models.__all__), f"not in __all__ of models/__init__.py: {names - set(models.__all__)}"


def test_a_model_has_a_recipe_and_its_game_is_checked():
    trained = {recipes.load(name).model for name in recipes.names()}
    for name in models.MODELS:
        assert name in trained, f'no file in runs/recipes/ says model = "{name}"'
    checked = {type(case.build(np.random.default_rng(0))) for case in cases.GAMES}
    for game in every_subclass(Game):
        if game.__module__.startswith("scratchgan.") and not game.__subclasses__():
            assert game in checked, f"no case in gradcheck/cases.py checks the game {game.__name__}"


def test_a_key_of_a_recipe_is_used():
    """Each is an argument of some function in models/, or read from a recipe in runs/ or cli.py."""
    used = set()
    for path in [*PACKAGE.glob("models/*.py"), *PACKAGE.glob("runs/**/*.py"), PACKAGE / "cli.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef) and path.parent.name == "models":
                used |= {argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)}
            elif isinstance(node, ast.Attribute) and "recipe" in ast.unparse(node.value):
                used.add(node.attr)
    unused = set(recipes.KEYS) - used - {"description"}  # for the reader
    assert not unused, f"neither a function of models/ nor runs/ takes the keys {unused} of runs/recipe.py"
