"""The matrix: how cells are declared, completed, refused and selected."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.matrix.cells import MACHINES_OWN, Cell, Distribution, Library, Matrix, with_python
from harness.matrix.files import load_matrix
from harness.matrix.pins import load_pins
from harness.matrix.python_source import PythonSource
from harness.targets import Engine, Target

DEFAULTS = '[defaults]\npython = "3.13.5"\nwasmtime = "50.0.1"\nnode = "24"\nwasi_sdk = "25"\n'
SHIPPED = Path(__file__).parents[3] / "matrices"


def cell(id: str, **keys: str) -> str:  # noqa: A002
    values = {"id": f'"{id}"', "target": f'"{id.partition("-")[0]}"', "description": '"d"'} | keys
    return "\n".join(["[[cell]]", *(f"{key} = {value}" for key, value in values.items()), ""])


def load(folder: Path, *texts: str) -> Matrix:
    matrices = folder / "matrices"
    matrices.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (matrices / f"{number}.toml").write_text(text, encoding="utf-8")
    return load_matrix(matrices)


def mistakes_of(folder: Path, *texts: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(folder, *texts)
    return [str(problem) for problem in caught.value.problems]


def test_what_a_cell_leaves_out_comes_from_the_defaults(tmp_path: Path) -> None:
    emscripten = cell("emscripten-3.1.73", toolchain='"3.1.73"')
    wasi, node = load(tmp_path, DEFAULTS + cell("wasi") + emscripten).cells
    assert wasi == Cell(
        id="wasi",
        target=Target.WASI,
        engine=Engine.WASMTIME,
        toolchain="25",
        python=PythonSource.parse("3.13.5"),
        runtime="50.0.1",
        description="d",
    )
    assert (node.toolchain, node.runtime, node.engine) == ("3.1.73", "24", Engine.NODE)
    assert wasi.engine is Engine.WASMTIME
    assert wasi.python.series == "3.13"


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("wasi-24", {"toolchain": '"24"'}),
        ("wasi-threads-debug", {"pthreads": "true", "pydebug": "true"}),
        ("wasi-py3.14", {"python": '"3.14.0"'}),
        ("emscripten-4.0.9-deps", {"toolchain": '"4.0.9"', "dependencies": '["zlib"]'}),
        ("emscripten-4.0.9-debug-deps", {"toolchain": '"4.0.9"', "pydebug": "true", "requires": '["zlib"]'}),
        (
            "emscripten-4.0.9-pthreads-dynlink-debug-py3.14",
            {
                "toolchain": '"4.0.9"',
                "pthreads": "true",
                "dynamic_linking": "true",
                "pydebug": "true",
                "python": '"3.14.1"',
            },
        ),
    ],
)
def test_an_id_spells_the_cells_own_keys(tmp_path: Path, name: str, keys: dict[str, str]) -> None:
    assert load(tmp_path, DEFAULTS + cell(name, **keys)).cells[0].id == name


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (
            cell("wasi-debug"),
            "matrices/0.toml:7: cell.id: is 'wasi-debug', but the cell's other keys spell 'wasi'",
        ),
        (
            cell("emscripten-debug"),
            (
                "matrices/0.toml:6: cell.toolchain: is missing: an emscripten cell names its Emscripten version; one "
                "that takes that of the CPython's tree is called 'emscripten' and has no tags"
            ),
        ),
        (
            cell("wasi-deps", requires='["zlib"]'),
            "matrices/0.toml:10: cell.requires: the harness builds no library for WASI: neither do CPython's scripts",
        ),
        (
            cell("emscripten-4.0.9", toolchain='"4.0.9"', dependencies='["zilb"]'),
            (
                "matrices/0.toml:11: cell.dependencies: must be one of zlib, bzip2, sqlite, libffi, mpdecimal, "
                "not 'zilb' (did you mean 'zlib'?)"
            ),
        ),
        (
            cell("wasi-dynlink", dynamic_linking="true"),
            "matrices/0.toml:10: cell.dynamic_linking: CPython's configure has no dynamic linking for WASI",
        ),
        (
            cell("wasi", module_timeout="5"),
            "matrices/0.toml:10: cell.module_timeout: must be at least case_timeout, and both above 0",
        ),
        (
            cell("wasi", case_timeout="-1"),
            "matrices/0.toml:6: cell.module_timeout: must be at least case_timeout, and both above 0",
        ),
        (
            cell("wasi", case_timeout="0"),
            "matrices/0.toml:6: cell.module_timeout: must be at least case_timeout, and both above 0",
        ),
        (cell("wasi", tag='["x"]'), "matrices/0.toml:10: cell.tag: unknown key (did you mean 'tags'?)"),
    ],
)
def test_a_contradiction_is_reported_with_its_line(tmp_path: Path, text: str, mistake: str) -> None:
    assert mistakes_of(tmp_path, DEFAULTS + text) == [mistake]


def test_an_id_is_used_once_in_all_files(tmp_path: Path) -> None:
    (mistake,) = mistakes_of(tmp_path, DEFAULTS + cell("wasi"), cell("wasi"))
    assert mistake.startswith("matrices/1.toml:2: cell.id: 'wasi' stands already at matrices/0.toml:7 (")
    assert "have a `suffix`" in mistake


def test_cells_without_an_id_lack_it_and_are_not_called_the_same(tmp_path: Path) -> None:
    nameless = '[[cell]]\ntarget = "wasi"\ndescription = "d"\n'
    assert mistakes_of(tmp_path, DEFAULTS + nameless * 2) == [
        "matrices/0.toml:6: cell: 'id' is missing",
        "matrices/0.toml:9: cell: 'id' is missing",
    ]


def test_defaults_are_stated_once(tmp_path: Path) -> None:
    assert mistakes_of(tmp_path, DEFAULTS, DEFAULTS) == [
        "matrices/1.toml:1: defaults: stands already in matrices/0.toml"
    ]
    (tmp_path / "matrices" / "1.toml").unlink()
    assert mistakes_of(tmp_path, cell("wasi")) == ["matrices/0.toml: no matrix file has a [defaults] table"]


def test_pins_are_not_a_matrix(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no matrix file"):
        load_matrix(tmp_path)
    (tmp_path / "pins.toml").write_text("[[file]]\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no matrix file"):
        load_matrix(tmp_path)


def three(folder: Path) -> Matrix:
    text = (
        cell("wasi", tags='["wasi", "nightly"]')
        + cell("wasi-debug", pydebug="true", tags='["wasi"]', broken='"stack exhausted"')
        + cell("emscripten-4.0.9", toolchain='"4.0.9"', tags='["nightly"]')
    )
    return load(folder, DEFAULTS + text)


@pytest.mark.parametrize(
    ("ids", "tags", "selected"),
    [
        ([], [], ["wasi", "wasi-debug", "emscripten-4.0.9"]),
        ([], ["wasi"], ["wasi"]),
        ([], ["nightly", "wasi"], ["wasi", "emscripten-4.0.9"]),
        (["wasi-debug"], [], ["wasi-debug"]),
        (["emscripten-4.0.9"], ["nightly"], ["emscripten-4.0.9", "wasi"]),
        (["wasi", "wasi"], [], ["wasi"]),
    ],
)
def test_cells_are_selected_by_id_and_tag(tmp_path: Path, ids: list[str], tags: list[str], selected: list[str]) -> None:
    assert [found.id for found in three(tmp_path).select(ids=ids, tags=tags)] == selected


def test_an_unknown_cell_or_tag_is_reported_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"there is no cell 'wsi'; did you mean 'wasi'\?"):
        three(tmp_path).cell("wsi")
    with pytest.raises(ConfigError, match=r"no cell has the tag 'nightyl'; did you mean 'nightly'\?"):
        three(tmp_path).select(tags=["nightyl"])


def test_another_python_leaves_the_rest_of_the_cell(tmp_path: Path) -> None:
    wasi = three(tmp_path).cell("wasi")
    other = with_python(wasi, "/src/cpython")
    assert (other.python.checkout, other.python.series) == ("/src/cpython", None)
    assert with_python(other, "3.13.5") == wasi


def product(**keys: str) -> str:
    return "\n".join(["[[product]]", *(f"{key} = {value}" for key, value in keys.items()), ""])


def test_a_product_is_a_cell_for_each_combination_of_its_lists(tmp_path: Path) -> None:
    text = product(
        target='"emscripten"',
        toolchains='["3.1.69", "6.0.5"]',
        pythons='["3.13.5", "3.14.6"]',
        variants='["plain", "pthreads-dynlink"]',
        tags='["many"]',
    )
    cells = load(tmp_path, DEFAULTS + text).cells
    assert [found.id for found in cells] == [
        "emscripten-3.1.69",
        "emscripten-3.1.69-pthreads-dynlink",
        "emscripten-3.1.69-py3.14",
        "emscripten-3.1.69-pthreads-dynlink-py3.14",
        "emscripten-6.0.5",
        "emscripten-6.0.5-pthreads-dynlink",
        "emscripten-6.0.5-py3.14",
        "emscripten-6.0.5-pthreads-dynlink-py3.14",
    ]
    assert {found.tags for found in cells} == {("many",)}
    assert cells[0].description == "CPython 3.13.5, Emscripten 3.1.69"
    assert cells[-1].description == "CPython 3.14.6, Emscripten 6.0.5, with threads and dynamic linking"


def test_a_cell_of_its_own_takes_the_place_of_the_products(tmp_path: Path) -> None:
    text = product(target='"wasi"', variants='["plain", "debug"]') + cell("wasi-debug", pydebug="true")
    plain, debug = sorted(load(tmp_path, DEFAULTS + text).cells, key=lambda found: found.id)
    assert (plain.description, debug.description) == ("CPython 3.13.5, WASI SDK 25", "d")


@pytest.mark.parametrize(
    ("keys", "mistake"),
    [
        ({"id": '"wasi"'}, "product.id: is spelled by the harness"),
        ({"toolchains": '"25"'}, "product.toolchains: must be a list of at least one string"),
        ({"pythons": "[]"}, "product.pythons: must be a list of at least one string"),
        ({"variants": '["debgu"]'}, "product.variants: 'debgu' is no flag of a cell (did you mean 'debug'?)"),
        ({"variants": '["dynlink"]'}, "product.dynamic_linking: CPython's configure has no dynamic linking for WASI"),
        ({"colour": '"red"'}, "product.colour: unknown key"),
    ],
)
def test_a_mistake_in_a_product_is_reported_once_with_its_place(
    tmp_path: Path, keys: dict[str, str], mistake: str
) -> None:
    found = mistakes_of(tmp_path, DEFAULTS + product(target='"wasi"', **({"runtimes": '["1", "2"]'} | keys)))
    assert [line for line in found if mistake in line and line.startswith("matrices/0.toml:")] == found
    assert len(found) == 1


def test_a_combination_of_two_products_is_a_mistake(tmp_path: Path) -> None:
    twice = product(target='"wasi"') + product(target='"wasi"', variants='["plain", "debug"]')
    assert mistakes_of(tmp_path, DEFAULTS, twice) == ["matrices/1.toml:3: product: 'wasi' is in two products"]


def test_a_cell_names_another_runtime_in_its_id_but_not_in_its_build_s(tmp_path: Path) -> None:
    """No runtime is an input of a build."""
    text = product(target='"emscripten"', toolchains='["3.1.69"]', runtimes='["20.18.0", "24"]')
    text += product(target='"wasi"', runtimes='["47.0.1"]')
    cells = load(tmp_path, DEFAULTS + text).cells
    assert [found.id for found in cells] == ["emscripten-3.1.69-node20", "emscripten-3.1.69", "wasi-wasmtime47"]
    assert [found.build_id for found in cells] == ["emscripten-3.1.69", "emscripten-3.1.69", "wasi"]
    assert cells[0].description == "CPython 3.13.5, Emscripten 3.1.69, under node 20.18.0"


def test_the_shipped_matrix_is_sound() -> None:
    assert "wasi" in {found.id for found in load_matrix(SHIPPED).cells}


def test_every_version_of_the_shipped_matrix_is_pinned() -> None:
    pins = load_pins(SHIPPED / "pins.toml")
    assert not [lack.message for found in load_matrix(SHIPPED).cells for lack in pins.lacking_for(found)]


def test_an_interpreter_that_somebody_else_has_built_is_called_by_its_release(tmp_path: Path) -> None:
    keys = {"target": '"emscripten"', "toolchain": '"4.0.9"', "distribution": '"pyodide"', "release": '"0.29.5"'}
    pyodide = cell("pyodide-0.29.5", dependencies='["zlib"]', **keys)
    newer = cell("pyodide-0.29.5-node26", runtime='"26.1.0"', **keys)
    page = cell("pyodide-0.29.5-chromium", engine='"chromium"', runtime='"system"', **keys)
    first, second, third = load(tmp_path, DEFAULTS + pyodide + newer + page).cells
    assert (first.id, first.target, first.distribution) == ("pyodide-0.29.5", Target.EMSCRIPTEN, Distribution.PYODIDE)
    assert first.build_id == second.build_id == third.build_id == "pyodide-0.29.5"
    lacks = [lack.message for lack in load_pins(SHIPPED / "pins.toml").lacking_for(first)]
    assert not any("Emscripten" in lack for lack in lacks)
    of_cpython = {key: value for key, value in keys.items() if key != "distribution"}
    assert (
        "`distribution` other than cpython" in mistakes_of(tmp_path, DEFAULTS + cell("pyodide-0.29.5", **of_cpython))[0]
    )
    del keys["release"]
    assert "one needs the other" in mistakes_of(tmp_path, DEFAULTS + cell("pyodide", **keys))[0]
    del keys["toolchain"]
    assert [found.id for found in load(tmp_path, DEFAULTS + cell("pyodide", **keys)).tree_cells] == ["pyodide"]


def test_a_cell_is_linked_with_what_it_wants_and_what_it_requires(tmp_path: Path) -> None:
    text = cell("emscripten-4-deps", toolchain='"4"', dependencies='["libffi", "zlib"]', requires='["bzip2", "zlib"]')
    (found,) = load(tmp_path, DEFAULTS + text).cells
    assert found.libraries == (Library.ZLIB, Library.BZIP2, Library.LIBFFI)
    assert found.requires == (Library.BZIP2, Library.ZLIB)


def test_the_default_libraries_are_those_of_emscriptens_cells_and_change_no_id(tmp_path: Path) -> None:
    """One line switches them on for all, and a cell that names its own stays as it is."""
    own = cell("emscripten-4-deps", toolchain='"4"', dependencies='["libffi"]')
    text = (
        DEFAULTS
        + 'emscripten_dependencies = ["bzip2", "zlib"]\n'
        + cell("wasi")
        + cell("emscripten-4", toolchain='"4"')
    )
    found = {found.id: found.libraries for found in load(tmp_path, text + own).cells}
    assert found == {
        "wasi": (),
        "emscripten-4": (Library.ZLIB, Library.BZIP2),
        "emscripten-4-deps": (Library.LIBFFI,),
    }


def test_only_the_cells_of_ours_that_are_named_so_have_libraries() -> None:
    built = [found for found in load_matrix(SHIPPED).cells if not found.release]
    linked = {found.id: set(found.libraries) for found in built if found.libraries}
    assert linked == {
        "emscripten-3.1.69-deps": set(Library) - {Library.LIBFFI},
        "emscripten-3.1.69-dynlink-deps": set(Library),
    }


def test_libffi_is_not_a_default_where_ctypes_cannot_be_imported(tmp_path: Path) -> None:
    defaults = DEFAULTS + 'emscripten_dependencies = ["libffi", "zlib"]\n'
    dynlink = cell("emscripten-4-dynlink", toolchain='"4"', dynamic_linking="true")
    found = load(tmp_path, defaults + cell("emscripten-4", toolchain='"4"') + dynlink).cells
    assert [cell.libraries for cell in found] == [(Library.ZLIB,), (Library.ZLIB, Library.LIBFFI)]


def test_a_broken_cell_is_left_out_by_a_tag_and_run_by_its_name(tmp_path: Path) -> None:
    tagged = {"tags": '["t"]'}
    broken = cell("wasi-threads", pthreads="true", broken='"wasm-ld refuses it"', **tagged)
    matrix = load(tmp_path, DEFAULTS + cell("wasi", **tagged) + broken)
    by_tag = matrix.selection(tags=["t"])
    assert ([each.id for each in by_tag.cells], [each.id for each in by_tag.left_out]) == (["wasi"], ["wasi-threads"])
    assert not by_tag.is_one
    assert matrix.selection(ids=["wasi-threads"]).is_one
    both = matrix.selection(ids=["wasi-threads"], tags=["t"])
    assert ([each.id for each in both.cells], both.left_out) == (["wasi-threads", "wasi"], ())


def test_a_cell_without_a_toolchain_takes_that_of_a_tree_and_is_listed_apart(tmp_path: Path) -> None:
    text = cell("emscripten-pthreads", pthreads="true") + cell("emscripten-3.1.69", toolchain='"3.1.69"')
    matrix = load(tmp_path, DEFAULTS + text)
    assert [found.id for found in matrix.cells] == ["emscripten-3.1.69"]
    assert [(found.id, found.toolchain) for found in matrix.tree_cells] == [("emscripten-pthreads", "")]
    assert matrix.cell("emscripten-pthreads") is matrix.tree_cells[0]


def test_a_cell_names_the_engine_that_runs_it(tmp_path: Path) -> None:
    texts = [
        cell("emscripten-4-chromium", toolchain='"4"', engine='"chromium"'),
        cell("emscripten-4-pthreads-firefox", toolchain='"4"', engine='"firefox"', pthreads="true"),
        cell("emscripten-4-chromium156", toolchain='"4"', engine='"chromium"', runtime='"156.0.1"'),
        cell("emscripten-4-node22", toolchain='"4"', engine='"node"', runtime='"22.20.0"'),
    ]
    found = load(tmp_path, DEFAULTS + 'chromium = "153.0.0"\n' + "".join(texts)).cells
    assert [(each.engine, each.runtime) for each in found] == [
        (Engine.CHROMIUM, "153.0.0"),
        (Engine.FIREFOX, MACHINES_OWN),
        (Engine.CHROMIUM, "156.0.1"),
        (Engine.NODE, "22.20.0"),
    ]
    assert [each.build_id for each in found] == [
        "emscripten-4",
        "emscripten-4-pthreads",
        "emscripten-4",
        "emscripten-4",
    ]


def test_an_engine_that_cannot_run_the_target_is_a_mistake(tmp_path: Path) -> None:
    (mistake,) = mistakes_of(tmp_path, DEFAULTS + cell("wasi-chromium", engine='"chromium"'))
    assert "chromium runs no cell of wasi; wasmtime does" in mistake


def test_a_product_may_have_engines(tmp_path: Path) -> None:
    text = product(target='"emscripten"', toolchains='["4"]', engines='["node", "firefox"]')
    node, firefox = load(tmp_path, DEFAULTS + text).cells
    assert (node.id, firefox.id) == ("emscripten-4", "emscripten-4-firefox")
    assert firefox.description.endswith(", under the machine's own Firefox")


def test_a_cell_of_older_results_has_the_first_engine_of_its_target() -> None:
    (found,) = [each for each in load_matrix(SHIPPED).cells if each.id == "emscripten-3.1.69"]
    data = found.to_json()
    del data["engine"]
    assert Cell.from_json(data) == found


@pytest.mark.parametrize("word", ["wasi-25", "wasi-py3.13", "wasi-25-py3.13"])
def test_an_id_that_spells_a_default_is_answered_with_the_one_that_does_not(tmp_path: Path, word: str) -> None:
    with pytest.raises(ConfigError, match="it is called 'wasi', since an id spells no default"):
        three(tmp_path).cell(word)


def test_the_lists_of_a_product_are_not_confused_with_the_keys_of_a_cell(tmp_path: Path) -> None:
    text = product(target='"emscripten"', toolchain='["3.1.69"]', variant='["plain"]')
    found = "\n".join(mistakes_of(tmp_path, DEFAULTS + text))
    assert "product.toolchain: is one version, the same for all its cells (did you mean 'toolchains'?)" in found
    assert "product.variant: unknown key (did you mean 'variants'?)" in found


def test_a_cell_that_differs_in_what_no_id_spells_has_a_suffix(tmp_path: Path) -> None:
    further = {"configure": '["--without-pymalloc"]', "suffix": '"nopymalloc"'}
    texts = [
        cell("wasi"),
        cell("wasi-nopymalloc", **further),
        cell("wasi-debug-nopymalloc-wasmtime45", pydebug="true", runtime='"45.0.0"', **further),
        product(target='"wasi"', variants='["threads"]', suffix='"slow"', case_timeout="600").replace(
            "threads", "pthreads"
        ),
    ]
    found = load(tmp_path, DEFAULTS + "".join(texts)).cells
    assert [each.id for each in found][3:] == ["wasi-threads-slow"]
    assert [each.build_id for each in found] == [
        "wasi",
        "wasi-nopymalloc",
        "wasi-debug-nopymalloc",
        "wasi-threads-slow",
    ]
    assert Cell.from_json(found[1].to_json()) == found[1]
    older = {key: value for key, value in found[0].to_json().items() if key != "suffix"}
    assert Cell.from_json(older) == found[0]


def test_jspi_is_a_word_of_the_id_and_an_option_of_node_s_alone(tmp_path: Path) -> None:
    keys = {"target": '"emscripten"', "toolchain": '"4.0.12"', "jspi": "true"}
    (found,) = load(tmp_path, DEFAULTS + cell("emscripten-4.0.12-jspi-node24", runtime='"24.19.0"', **keys)).cells
    assert (found.jspi, found.build_id) == (True, "emscripten-4.0.12")
    (mistake,) = mistakes_of(tmp_path, DEFAULTS + cell("emscripten-4.0.12-jspi-node20", runtime='"20.18.0"', **keys))
    assert "cell.jspi: Node 20.18.0 has none: 24 and newer do" in mistake
    (mistake,) = mistakes_of(tmp_path, DEFAULTS + cell("wasi-jspi", jspi="true"))
    assert "cell.jspi: is an option of Node, and wasi-jspi runs under wasmtime" in mistake


@pytest.mark.parametrize("word", ["No", "a-b", "3", "debug", "threads", "deps", "jspi", "py3", "wasmtime45", "node"])
def test_a_suffix_is_a_word_that_means_nothing_else_in_an_id(tmp_path: Path, word: str) -> None:
    (mistake,) = mistakes_of(tmp_path, DEFAULTS + cell(f"wasi-{word}", suffix=f'"{word}"'))
    assert "cell.suffix: " in mistake


def test_a_cell_without_a_description_has_its_other_mistakes_reported_too(tmp_path: Path) -> None:
    text = '[[cell]]\nid = "wasi-debug"\ntarget = "wasi"\n'
    assert mistakes_of(tmp_path, DEFAULTS + text) == [
        "matrices/0.toml:6: cell: 'description' is missing",
        "matrices/0.toml:7: cell.id: is 'wasi-debug', but the cell's other keys spell 'wasi'",
    ]
