"""The structure of the package: its rooms, what each may import, and what their files must not contain.

python -m tests.structure         print the rooms in order, and every breach of a rule; exit code 1 if there is one

A room is a file or folder directly under scratchgan/.  The rooms form two wings: the textbook (arrays in, arrays or a
figure out) and, above it, the workshop (runs, folders, recipes, commands).  A room imports only from lower rooms, so a
reader of one room needs only those below it.  `tests/test_structure.py` checks these rules.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parent.parent

#: the order of the rooms, from the bottom to the top; add a new room here
TEXTBOOK = (
    "checks files kernels core families initializers layers losses optim penalties "
    "game gan replay dynamics rules models data metrics plots theory gradcheck"
).split()
WORKSHOP = "doctor runs exercises grading cli".split()
ORDER = TEXTBOOK + WORKSHOP
#: `scratchgan/__init__.py` and `__main__.py` are entry points, not rooms
DOORS = ("", "__main__")
#: the largest number of lines in a file
LIMIT = {"textbook": 300, "workshop": 400}
#: exceptions: loops written for a compiler, which are not needed to learn what a GAN is
LONG = {"kernels/compiled/": 400}

#: identifiers that do not say what they mean
PRIVATE_WORDS = {"told", "shown", "judged", "seen"}
#: the files that teach what a layer is do not mention layers that are computed together, except for those in SPEED
TEACHING = ("core.py", "families.py", "layers/", "models/")
SPEED = ("layers/fused.py", "layers/__init__.py")
SPEED_WORDS = {"fused", "told", "behind", "slope"}
#: `slope` is allowed here: it is the argument of LeakyReLU
SLOPE_ALLOWED = ("layers/activations.py", "models/")
#: unidiomatic phrases, each of which has a plain alternative
PHRASES = (
    "and go before",
    "so many-th step",
    "told what is given",
    "is no Layer but",
    "gradient behind the activation",
    "it makes what it likes",
    "the expected and the given",
    "one a file",
)
#: words of the workshop, which must not occur in the textbook
WORKSHOP_WORDS = re.compile(
    r"\brecipes?\b|scratchgan (?:train|sample|evaluate|doctor|pictures|translate|bench)\b|run's folder|--set ", re.I
)
#: {an equation that may have two labels: the reason}
TWICE = {
    "y=ab": "entry by entry in Multiply, of matrices in MatMul",
    "db[o]=sum_{n,h,w}dy[n,h,w,o]": "both convolutions have a bias",
    "L_G=-mean[f]": "each loss has its equations in its own file",
    "dL_G/df=-1/N": "each loss has its equations in its own file",
}
LABEL = r"\([A-Z][A-Za-z0-9]*\.\d+\)"


@dataclass(frozen=True)
class Import:
    """One import statement: the module `source` imports the module `target`; both are full names."""

    source: str
    target: str
    line: int


@dataclass
class Package:
    """The modules of a package, parsed but never executed."""

    folder: Path = ROOT / "scratchgan"

    @cached_property
    def modules(self) -> dict[str, Path]:
        """{full name: file}; an `__init__.py` has the name of its package."""
        found = {}
        for path in sorted(self.folder.rglob("*.py")):
            parts = (self.folder.name, *path.relative_to(self.folder).with_suffix("").parts)
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
        return found

    @cached_property
    def sources(self) -> dict[Path, str]:
        return {path: path.read_text(encoding="utf-8") for path in self.modules.values()}

    @cached_property
    def trees(self) -> dict[Path, ast.Module]:
        return {path: ast.parse(text) for path, text in self.sources.items()}

    @cached_property
    def imports(self) -> list[Import]:
        """Every import of one module of the package by another, including those inside functions.

        Imports under `if TYPE_CHECKING` and modules that `importlib` loads by name are not counted.
        """
        found = []
        for name, path in self.modules.items():
            for node in _without_type_checking(self.trees[path]):
                found += [Import(name, target, node.lineno) for target in self._targets(name, path, node)]
        return [i for i in found if i.source != i.target]

    def _targets(self, name: str, path: Path, node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in self.modules)
        elif isinstance(node, ast.ImportFrom):
            base = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
            base = base[: len(base) - node.level + 1] if node.level else []
            module = ".".join(base + ([node.module] if node.module else []))
            if module in self.modules:
                for alias in node.names:
                    inner = f"{module}.{alias.name}"
                    home = self._lazy.get(alias.name) if module == self.folder.name else None
                    yield inner if inner in self.modules else home or module

    @cached_property
    def _lazy(self) -> dict[str, str]:
        """{a name that the package imports lazily: the module that it comes from}."""
        for node in self.trees[self.modules[self.folder.name]].body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "_HOME":
                return {key: f"{self.folder.name}.{home}" for key, home in ast.literal_eval(node.value).items()}
        return {}

    def place(self, path: Path) -> str:
        """The path of a file within the package, such as layers/dense.py."""
        return path.relative_to(self.folder).as_posix()

    def at(self, i: Import) -> str:
        return f"{self.place(self.modules[i.source])}:{i.line}"

    @cached_property
    def rooms(self) -> dict[str, list[Path]]:
        """{room: its files} in the order of ORDER; rooms that ORDER does not contain come last."""
        found = defaultdict(list)
        for name, path in self.modules.items():
            found[room(name)].append(path)
        known = [r for r in ORDER if r in found]
        return {r: found[r] for r in known + sorted(set(found) - set(known) - set(DOORS))}

    # -- the rules: each method returns one line per breach, which says what is wrong and where -----------------------

    def unknown_rooms(self) -> list[str]:
        return [f"{r}: missing from ORDER in tests/structure.py" for r in self.rooms if r not in ORDER]

    def circles_of_rooms(self) -> list[str]:
        """Sets of rooms that import each other in a circle."""
        graph = defaultdict(set)
        for i in self.imports:
            graph[room(i.source)].add(room(i.target))
        return [self._circle(c, lambda name: room(name)) for c in circles(graph)]

    def circles_of_files(self) -> list[str]:
        graph = defaultdict(set)
        for i in self.imports:
            graph[i.source].add(i.target)
        return [self._circle(c, lambda name: name) for c in circles(graph)]

    def _circle(self, members: list[str], of) -> str:
        inside = [i for i in self.imports if of(i.source) in members and of(i.target) in members]
        inside = [i for i in inside if of(i.source) != of(i.target)]
        return f"{' <-> '.join(members)}: {', '.join(f'{self.at(i)} imports {i.target}' for i in inside)}"

    def into_the_workshop(self) -> list[str]:
        """Imports from the workshop in rooms of the textbook."""
        return [
            f"{self.at(i)}: the textbook imports {i.target} of the workshop"
            for i in self.imports
            if room(i.source) in TEXTBOOK and room(i.target) in WORKSHOP
        ]

    def upwards(self) -> list[str]:
        """Pairs of rooms in which the lower one imports from the higher one."""
        pairs = defaultdict(list)
        for i in self.imports:
            a, b = room(i.source), room(i.target)
            if a in ORDER and b in ORDER and ORDER.index(a) < ORDER.index(b):
                pairs[a, b].append(self.at(i))
        return [f"{a} imports from {b}, which is above it: {', '.join(at)}" for (a, b), at in pairs.items()]

    def long_files(self) -> list[str]:
        found = []
        for path in self.modules.values():
            place, length = self.place(path), len(self.sources[path].splitlines())
            limit = next((n for start, n in LONG.items() if place.startswith(start)), LIMIT[wing(place)])
            if length > limit:
                found.append(f"{place}: {length} lines, the limit is {limit}")
        return found

    def private_words(self) -> list[str]:
        """Identifiers in PRIVATE_WORDS, anywhere, and those in SPEED_WORDS in the files that teach."""
        found = defaultdict(list)
        for path, name, line in self._identifiers():
            place = self.place(path)
            bad = set(PRIVATE_WORDS)
            if place.startswith(TEACHING) and place not in SPEED:
                bad |= SPEED_WORDS - ({"slope"} if place.startswith(SLOPE_ALLOWED) else set())
            if name in bad:
                found[place, name].append(str(line))
        return [f"{place}: the name {name!r} in line {', '.join(at)}" for (place, name), at in found.items()]

    def _identifiers(self) -> Iterator[tuple[Path, str, int]]:
        for path, text in self.sources.items():
            for token in tokenize.generate_tokens(io.StringIO(text).readline):
                if token.type == tokenize.NAME:
                    yield path, token.string, token.start[0]

    def phrases(self) -> list[str]:
        """Phrases in PHRASES, in code, comments, docstrings and messages, even if a line break divides them."""
        return [
            f"{self.place(path)}: {phrase!r}"
            for path, text in self.sources.items()
            for phrase in PHRASES
            if phrase in " ".join(text.replace("#", " ").split())
        ]

    def workshop_words(self) -> list[str]:
        return [
            f"{self.place(path)}:{n}: {match.group()!r} in the textbook"
            for path, text in self.sources.items()
            if wing(self.place(path)) == "textbook" and room_of(self.place(path)) not in DOORS
            for n, line in enumerate(text.splitlines(), 1)
            if (match := WORKSHOP_WORDS.search(line))
        ]

    def repeated_equations(self) -> list[str]:
        """Equations that occur letter for letter under more than one label."""
        where = defaultdict(list)
        for path, tree in self.trees.items():
            for label, equation in equations(tree):
                where[equation].append(f"{label} in {self.place(path)}")
        return [
            f"{' = '.join(at)}: {equation}" for equation, at in where.items() if len(at) > 1 and equation not in TWICE
        ]


def room(module: str) -> str:
    """The room of a module: "layers" for "scratchgan.layers.dense"."""
    return module.split(".")[1] if "." in module else ""


def room_of(place: str) -> str:
    """The room of a file: "layers" for "layers/dense.py"."""
    return "" if place == "__init__.py" else place.split("/")[0].removesuffix(".py")


def wing(place: str) -> str:
    return "workshop" if room_of(place) in [*WORKSHOP, "__main__"] else "textbook"


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Strongly connected components of more than one node (Tarjan's algorithm), each in alphabetical order."""
    index, low, stack, found = {}, {}, [], []

    def visit(v):
        index[v] = low[v] = len(index)
        stack.append(v)
        for w in graph.get(v, ()):
            if w not in index:
                visit(w)
                low[v] = min(low[v], low[w])
            elif w in stack:
                low[v] = min(low[v], index[w])
        if low[v] == index[v]:
            members = stack[stack.index(v) :]
            del stack[stack.index(v) :]
            if len(members) > 1:
                found.append(sorted(members))

    for v in list(graph):
        if v not in index:
            visit(v)
    return found


def equations(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """(label, equation without spaces) of all equations defined in docstrings, such as (Dense.1)  y = x W + b."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            for line in (ast.get_docstring(node) or "").splitlines():
                for label, text in re.findall(rf"({LABEL}) {{2,}}(.*?)(?= {{2,}}{LABEL} {{2,}}|$)", line):
                    equation = "".join(re.split(r" {2,}", text)[0].split()).rstrip(".,;")
                    if "=" in equation:
                        yield label, equation


def _without_type_checking(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes of a tree except those under `if TYPE_CHECKING`."""
    if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
        children = node.orelse
    else:
        yield node
        children = ast.iter_child_nodes(node)
    for child in children:
        yield from _without_type_checking(child)


#: the rules that are printed and tested: (title, method of Package, number of breaches allowed)
RULES = [
    ("rooms missing from the order", "unknown_rooms", 0),
    ("circles among rooms", "circles_of_rooms", 0),
    ("circles among files", "circles_of_files", 0),
    ("imports from the textbook into the workshop", "into_the_workshop", 0),
    ("rooms that import from a higher one", "upwards", 0),
    ("files over the limit", "long_files", 0),
    ("identifiers that do not say what they mean", "private_words", 0),
    ("unidiomatic phrases", "phrases", 0),
    ("words of the workshop in the textbook", "workshop_words", 0),
    ("equations with two labels", "repeated_equations", 0),
]


def main() -> int:
    package, broken = Package(), False
    print("the rooms, from the bottom to the top\n")
    imported = defaultdict(set)
    for i in package.imports:
        if room(i.source) != room(i.target):
            imported[room(i.source)].add(room(i.target))
    for r, files in package.rooms.items():
        if r in (TEXTBOOK[0], WORKSHOP[0]):
            print("  textbook" if r in TEXTBOOK else "\n  workshop")
        lines = sum(len(package.sources[f].splitlines()) for f in files)
        below = ", ".join(sorted(imported[r] - set(DOORS), key=ORDER.index)) or "nothing"
        print(f"    {r:<13}{len(files):>3} files{lines:>6} lines   imports {below}")
    for title, name, allowed in RULES:
        breaches = getattr(package, name)()
        broken |= len(breaches) > allowed
        print(f"\n{title}: {len(breaches)}" + (f" ({allowed} allowed)" if allowed else ""))
        for breach in breaches:
            print(f"  {breach}")
    return int(broken)


if __name__ == "__main__":
    sys.exit(main())
