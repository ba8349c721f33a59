"""The house rules, read from the source: who imports whom, each package's home, and the size of things."""

import ast
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("modeling", "cases", "training", "evaluation", "interface", "hub_config", "viewbox")
CONTRACTS = {
    f"modeling.{name}"
    for name in (
        "sentence",
        "errors",
        "field_values",
        "clinical_table",
        "labels",
        "study",
        "results",
        "configuration",
    )
}

FORBIDDEN = {
    "modeling": ("cases", "training", "evaluation", "interface", "hub_config", "app", "viewbox", "tests"),
    "cases": ("training", "evaluation", "interface", "hub_config", "app", "viewbox", "tests"),
    "training": ("interface", "hub_config", "app", "viewbox", "tests"),
    "evaluation": ("interface", "hub_config", "app", "viewbox", "tests"),
    "interface": ("training", "evaluation", "hub_config", "app", "viewbox", "tests"),
    "hub_config": ("training", "interface", "app", "viewbox", "tests"),
    "app.py": ("training", "viewbox", "tests"),
    "viewbox": ("tests",),
}
"""Package -> what it may not import: contracts -> modeling -> cases -> the four others -> app -> viewbox."""

HOMES = {
    "gradio": ("interface/", "app.py"),
    "gradio_client": (),
    "jinja2": ("interface/html/render.py", "hub_config/cards/markdown.py"),
    "markupsafe": ("interface/",),
    "spaces": ("interface/", "app.py"),
    "rapidocr": ("cases/deidentify/",),
    "pymongo": ("cases/mongo/",),
    "bson": ("cases/mongo/", "cases/student_documents/"),
    "gridfs": ("cases/mongo/",),
    "ray": ("cases/scoring/ray_engine.py",),
    "pydicom": (
        "cases/reading/",
        "cases/deidentify/dicom_header.py",
        "cases/export/dicom_map.py",
        "evaluation/gate.py",
    ),
    "highdicom": ("cases/export/dicom_map.py",),
    "dicomanonymizer": ("cases/deidentify/dicom_header.py",),
    "presidio_analyzer": ("cases/deidentify/text.py",),
    "spacy": ("cases/deidentify/text.py",),
    "tldextract": ("cases/deidentify/text.py",),
    "openpyxl": ("cases/importers/",),
    "captum": ("modeling/explain/",),
    "timm": ("modeling/model/encoders.py", "training/weight_sources.py"),
    "huggingface_hub": ("modeling/model/checkpoint.py", "modeling/model/hub.py", "hub_config/"),
    "transformers": ("modeling/model/encoders.py", "training/"),
    "accelerate": ("training/",),
    "tensorboard": (),
    "matplotlib": ("training/few_shot/plot.py",),
    "simple_icd_10_cm": ("modeling/findings/icd10cm.py",),
    "typer": ("viewbox/",),
    "pydantic": ("modeling/configuration.py",),
    "tqdm": ("modeling/progress.py", "training/run.py"),
    "dotenv": (),
}
"""Third-party package -> the only places that import it."""


def sources() -> list[Path]:
    files = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    return files + [path for path in (ROOT / "app.py",) if path.exists()]


def where(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), filename=str(path))


@cache
def imports(path: Path) -> frozenset[str]:
    """Every module that a file imports, early or late; `from a import b` is a.b where that is a module."""
    found = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{where(path)}:{node.lineno} imports relatively"
            for alias in node.names:
                inner = ROOT.joinpath(*node.module.split("."), alias.name)
                is_module = inner.is_dir() or inner.with_suffix(".py").exists()
                found.add(f"{node.module}.{alias.name}" if is_module else node.module)
    return frozenset(found)


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def code_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from `def` to the end, docstring aside."""
    length = function.end_lineno - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function) is not None:
        length -= first.end_lineno - first.lineno + 1
    return length


def every_source(test: Callable[[Path], None]) -> Callable[[], None]:
    """One test over all files (it names the file that fails): two thousand tests would take half a minute."""

    def over_all() -> None:
        for source in sources():
            test(source)

    return over_all


# --- who may import whom


@every_source
def test_neighbours_do_not_import_each_other(source: Path) -> None:
    name = where(source)
    module = name.removesuffix(".py").replace("/", ".")
    for imported in imports(source):
        forbidden = FORBIDDEN[name.split("/")[0]]
        assert not any(is_in(imported, package) for package in forbidden), f"{name} imports {imported}"
        if module in CONTRACTS and is_in(imported, "modeling"):
            assert imported in CONTRACTS, f"{name} is a contract and imports {imported}"


def test_no_imports_run_in_a_circle() -> None:
    """Not even through what is imported late; a circle of files shows as a set that waits for itself."""
    modules = {where(p).removesuffix(".py").removesuffix("/__init__").replace("/", "."): p for p in sources()}
    waiting = {
        name: {i for i in imports(path) if i in modules and i != name} for name, path in modules.items()
    }
    while free := [name for name, needs in waiting.items() if not needs]:
        for name in free:
            del waiting[name]
        waiting = {name: needs - set(free) for name, needs in waiting.items()}
    assert not waiting, f"in a circle, or behind one: {sorted(waiting)}"


def test_folders_stand_in_layers() -> None:
    """No folder needs, by whatever way, one that needs it; a flat module counts alone.

    `training` and `evaluation` meet in `evaluation.metrics` and `training.corpora`.
    """
    homes = {where(p).removesuffix(".py").removesuffix("/__init__").replace("/", "."): p for p in sources()}
    needs: dict[str, set[str]] = {}
    for name, path in homes.items():
        layer = ".".join(name.split(".")[:2])
        needed = {".".join(i.split(".")[:2]) for i in imports(path) if i in homes}
        needs.setdefault(layer, set()).update(needed - {layer})
    while free := [name for name, needed in needs.items() if not needed & needs.keys()]:
        for name in free:
            del needs[name]
    assert not needs, f"in a circle, or behind one: {needs}"


def test_no_folder_of_cases_needs_one_that_needs_it() -> None:
    """Neither beside it nor above it: only the front door, which opens a store, knows those below it."""

    def room(module: str) -> str:
        return module if module == "cases.open_store" else module.rpartition(".")[0]

    needs: dict[str, set[str]] = {}
    for path in sources():
        if where(path).startswith("cases/"):
            own = room(where(path).removesuffix(".py").replace("/", "."))
            needed = {room(imported) for imported in imports(path) if is_in(imported, "cases")}
            needs.setdefault(own, set()).update(needed - {own})
    while free := [folder for folder, needed in needs.items() if not needed & needs.keys()]:
        for folder in free:
            del needs[folder]
    assert not needs, f"in a circle, or behind one: {needs}"


def test_training_needs_the_metrics_of_evaluation_alone() -> None:
    for path in sources():
        if where(path).startswith("training/"):
            measuring = {i for i in imports(path) if is_in(i, "evaluation")}
            assert all(is_in(i, "evaluation.metrics") for i in measuring), where(path)
        if where(path).startswith("evaluation/metrics/"):
            assert not {i for i in imports(path) if is_in(i, "training")}, where(path)


def test_no_folder_is_crowded() -> None:
    """At most 25 modules lie flat in a folder, and three with one prefix are a folder of their own."""
    folders: dict[Path, list[str]] = {}
    for path in sources():
        if path.stem not in ("__init__", "__main__"):
            folders.setdefault(path.parent, []).append(path.stem)
    crowded = {where(folder): len(names) for folder, names in folders.items() if len(names) > 25}
    families = {
        f"{where(folder)}/{prefix}_*"
        for folder, names in folders.items()
        for prefix in {name.split("_")[0] for name in names if "_" in name}
        if sum(name.startswith(f"{prefix}_") for name in names) >= 3
    }
    assert not crowded and not families


def test_the_app_never_reaches_the_trainer() -> None:
    """Not even through what it imports late."""
    seen: set[Path] = set()
    waiting = [path for path in sources() if where(path).startswith(("app.py", "interface/", "cases/"))]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        assert not where(path).startswith("training/"), "the app reaches the trainer"
        for imported in imports(path):
            base = ROOT.joinpath(*imported.split("."))
            waiting += [p for p in (base.with_suffix(".py"), base / "__init__.py") if p.exists()]
    assert any(where(path) == "modeling/pipeline.py" for path in seen)


@every_source
def test_every_package_keeps_its_home(source: Path) -> None:
    for imported in imports(source):
        package = imported.split(".")[0]
        if package in HOMES:
            assert where(source).startswith(HOMES[package]), f"{where(source)} imports {imported}"


@every_source
def test_contracts_and_cases_need_no_torch(source: Path) -> None:
    module = where(source).removesuffix(".py").replace("/", ".")
    if module in CONTRACTS or module.startswith("cases."):
        assert not {"torch", "torchvision"} & {name.split(".")[0] for name in imports(source)}, module


@every_source
def test_the_environment_is_read_in_one_place(source: Path) -> None:
    if where(source) == "hub_config/settings.py":
        return
    for node in ast.walk(tree(source)):
        named = (
            node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
        )
        assert named not in ("environ", "getenv", "putenv"), (
            f"{where(source)}:{node.lineno} reads the environment"
        )


# --- the size of things


@every_source
def test_files_stay_under_400_lines(source: Path) -> None:
    assert len(source.read_text().splitlines()) <= 400, where(source)


@every_source
def test_functions_stay_under_60_lines(source: Path) -> None:
    for function in functions(source):
        assert code_lines(function) <= 60, f"{where(source)}:{function.lineno} {function.name}"


def test_most_functions_stay_under_40_lines() -> None:
    lengths = sorted(code_lines(function) for path in sources() for function in functions(path))
    assert lengths[int(0.95 * len(lengths))] <= 40


# --- manners


def public(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Public classes, functions, and methods of public classes."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree(path).body:
        if isinstance(node, kinds) and not node.name.startswith("_"):
            yield node
            if isinstance(node, ast.ClassDef):
                yield from (n for n in node.body if isinstance(n, kinds) and not n.name.startswith("_"))


@every_source
def test_everything_public_is_documented_and_typed(source: Path) -> None:
    if source.read_text().strip():
        assert ast.get_docstring(tree(source)), f"{where(source)} does not say what it is for"
    for node in public(source):
        assert ast.get_docstring(node), f"{where(source)}:{node.lineno} {node.name} has no docstring"
        if not isinstance(node, ast.ClassDef):
            assert node.returns is not None, f"{where(source)}:{node.lineno} {node.name} has no return type"
            arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
            untyped = [a.arg for a in arguments if a.annotation is None and a.arg not in ("self", "cls")]
            assert not untyped, f"{where(source)}:{node.lineno} {node.name}({untyped[0]}) has no type"


@every_source
def test_nothing_prints(source: Path) -> None:
    """What a command has to say it says through typer; the rest goes to a log."""
    for node in ast.walk(tree(source)):
        is_print = isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
        assert not is_print, f"{where(source)}:{node.lineno} prints"


def test_one_command_runs_everything() -> None:
    """`viewbox` is the one command line; `app.py` is what a Space runs."""
    guarded = {where(p) for p in sources() if re.search(r"^if __name__ ==", p.read_text(), re.MULTILINE)}
    assert guarded == {"app.py"}
    assert {where(p) for p in sources() if p.stem == "__main__"} == {"viewbox/__main__.py"}


@every_source
def test_no_error_is_swallowed(source: Path) -> None:
    """A broad `except` translates (raises) or, at a screen's or thread's border, hands on or logs it."""
    for node in ast.walk(tree(source)):
        if not isinstance(node, ast.ExceptHandler):
            continue
        caught = [node.type] if not isinstance(node.type, ast.Tuple) else node.type.elts
        names = {n.id for n in caught if isinstance(n, ast.Name)}
        if node.type is None or names & {"Exception", "BaseException"}:
            raises = any(isinstance(n, ast.Raise) for n in ast.walk(node))
            inside = [n for statement in node.body for n in ast.walk(statement)]
            handed_on = any(isinstance(n, ast.Name) and n.id == node.name for n in inside)
            logged = any(isinstance(n, ast.Attribute) and n.attr == "exception" for n in inside)
            assert raises or handed_on or logged, f"{where(source)}:{node.lineno} swallows an error"


@every_source
def test_random_numbers_come_from_explicit_generators(source: Path) -> None:
    allowed = {"default_rng", "Generator", "SeedSequence", "PCG64"}
    for node in ast.walk(tree(source)):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Attribute):
            owner = node.value
            is_numpy = isinstance(owner.value, ast.Name) and owner.value.id in ("np", "numpy")
            if is_numpy and owner.attr == "random":
                assert node.attr in allowed, f"{where(source)}:{node.lineno} uses np.random.{node.attr}"


def test_markup_is_written_in_templates() -> None:
    """Tags stand in `interface/html/templates/`, where every value is escaped."""
    tag, writing = re.compile(r"</?[a-z][a-z0-9]*(?=[\s>/]|$)"), set()
    for path in sources():
        if where(path).startswith("interface/"):
            nodes = list(ast.walk(tree(path)))
            docs = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
            strings = (n for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str))
            if any(tag.search(node.value) for node in strings if id(node) not in docs):
                writing.add(where(path))
    assert not writing, "write the tags in a template (CONTRIBUTING.md, 'Write a panel')"


def test_no_module_is_a_drawer() -> None:
    assert not [p for p in sources() if p.stem in ("utils", "util", "helpers", "helper", "common", "misc")]


def test_this_test_sees_the_whole_house() -> None:
    assert {where(p).split("/")[0] for p in sources()} >= set(PACKAGES) | {"app.py"}
    assert {where(p).removesuffix(".py").replace("/", ".") for p in sources()} >= CONTRACTS
