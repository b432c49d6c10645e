"""How the package is built: no circles, no way from the textbook up into the workshop, files that can be read."""

import subprocess
import sys
import textwrap

import pytest
import structure
from structure import Package, circles

PACKAGE = Package()


@pytest.mark.parametrize(("rule", "allowed"), [(name, n) for _, name, n in structure.RULES], ids=lambda v: str(v))
def test_the_package_keeps_the_rule(rule, allowed):
    breaches = getattr(PACKAGE, rule)()
    assert len(breaches) <= allowed, "\n".join(["", *breaches])


def test_every_room_of_the_table_exists():
    assert [room for room in structure.ORDER if room not in PACKAGE.rooms] == []


def test_models_load_no_metrics_data_runs_or_plots():
    """Who builds a GAN needs neither what measures it nor what draws it."""
    code = "import sys, scratchgan.models; print(*sorted(m for m in sys.modules if m.startswith('scratchgan.')))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "scratchgan.models" in loaded
    unwanted = {"metrics", "data", "runs", "plots", *structure.WORKSHOP}
    assert [module for module in loaded if structure.room(module) in unwanted] == []


# -- the rules see what they should -----------------------------------------------------------------------------------


def house(tmp_path, files):
    """A package of these files {place: source}."""
    for place, source in {"__init__.py": "", **files}.items():
        path = tmp_path / "scratchgan" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    return Package(tmp_path / "scratchgan")


def test_imports_are_found_wherever_they_stand(tmp_path):
    package = house(
        tmp_path,
        {
            "__init__.py": "_HOME = {'GAN': 'gan'}",
            "gan.py": "",
            "checks.py": "",
            "layers/__init__.py": "from .dense import Dense",
            "layers/dense.py": """
                from typing import TYPE_CHECKING
                import numpy as np
                from .. import checks
                from scratchgan import GAN
                if TYPE_CHECKING:
                    from ..runs import train
                def later():
                    import scratchgan.layers
                    from ..checks import positive
            """,
            "runs/__init__.py": "",
            "runs/train.py": "",
        },
    )
    found = [(i.source, i.target, i.line) for i in package.imports]
    assert found == [
        ("scratchgan.layers", "scratchgan.layers.dense", 1),
        ("scratchgan.layers.dense", "scratchgan.checks", 4),
        ("scratchgan.layers.dense", "scratchgan.gan", 5),
        ("scratchgan.layers.dense", "scratchgan.layers", 9),
        ("scratchgan.layers.dense", "scratchgan.checks", 10),
    ]


def test_circles():
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": {"d"}, "f": {"a"}}) == [
        ["d", "e"],
        ["a", "b", "c"],
    ]
    assert circles({"a": {"b", "a"}, "b": {"c"}}) == []


def test_each_rule_catches_a_breach(tmp_path):
    package = house(
        tmp_path,
        {
            "attic.py": "",
            "core.py": "from .kernels import add\nfused = 1\n",
            "kernels.py": "def add():\n    from .core import Layer\n",
            "gan.py": "from .runs.train import train\nseen = 'told'  # every so\n# many-th step\n",
            "losses.py": '"""A loss.\n\n    (Dense.1)  y = x + 1   (Dense.2)  z = y\n    (Conv2D.1)  y = x+1,  for x > 0\n"""',
            "runs/__init__.py": "told = 1\n",
            "runs/train.py": "\n" * 401,
            "models/dcgan.py": "slope = 1  # as in the recipe\n" + "\n" * 300,
            "layers/dense.py": "def f(slope): pass",
        },
    )
    breaches = {rule: getattr(package, rule)() for _, rule, _ in structure.RULES}
    assert breaches == {
        "unknown_rooms": ["attic: missing from ORDER in tests/structure.py"],
        "circles_of_rooms": [
            "core <-> kernels: core.py:1 imports scratchgan.kernels, kernels.py:2 imports scratchgan.core"
        ],
        "circles_of_files": [
            "scratchgan.core <-> scratchgan.kernels: core.py:1 imports scratchgan.kernels, "
            "kernels.py:2 imports scratchgan.core"
        ],
        "into_the_workshop": ["gan.py:1: the textbook imports scratchgan.runs.train of the workshop"],
        "upwards": [
            "gan imports from runs, which is above it: gan.py:1",
            "kernels imports from core, which is above it: kernels.py:2",
        ],
        "long_files": [
            "models/dcgan.py: 301 lines, the limit is 300",
            "runs/train.py: 401 lines, the limit is 400",
        ],
        "private_words": [
            "core.py: the name 'fused' in line 2",
            "gan.py: the name 'seen' in line 2",
            "layers/dense.py: the name 'slope' in line 1",
            "runs/__init__.py: the name 'told' in line 1",
        ],
        "phrases": ["gan.py: 'so many-th step'"],
        "workshop_words": ["models/dcgan.py:1: 'recipe' in the textbook"],
        "repeated_equations": ["(Dense.1) in losses.py = (Conv2D.1) in losses.py: y=x+1"],
    }
