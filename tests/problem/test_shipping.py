from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import aisteer as ai
from aisteer.errors import BadDefinition
from aisteer.problem.shipping import is_found_by_workers, ship

REPOSITORY = Path(__file__).parents[2]


def in_a_script(folder: Path, body: str, **environment: str) -> dict:
    """What a script (whose functions live in ``__main__``, as a notebook's do) says of its simulation."""
    script = folder / "notebook.py"
    tail = """
        import json
        from aisteer.problem.shipping import ship
        try:
            made = ship(sim)
            made.save(FOLDER)
            print(json.dumps({**made.to_json(), "file": made.file, "why": made.why}))
        except Exception as error:
            print(json.dumps({"error": str(error), "kind": type(error).__name__}))
    """
    text = "import aisteer as ai\n" + textwrap.dedent(body) + textwrap.dedent(tail)
    script.write_text(text.replace("FOLDER", repr(str(folder))))
    answer = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **environment},
        cwd=folder,
    )
    return json.loads(answer.stdout.splitlines()[-1])


def run_elsewhere(folder: Path, shipped: dict, call: str) -> str:
    """Load the artefact in a fresh interpreter that knows nothing of the script."""
    if shipped["mode"] == "source":
        load = (
            f"space = {{}}; exec(open({shipped['file']!r}).read(), space); sim = space[{shipped['name']!r}]"
        )
    else:
        load = f"import pickle; sim = pickle.load(open({shipped['file']!r}, 'rb'))"
    answer = subprocess.run(
        [sys.executable, "-c", f"{load}\nprint({call})"],
        capture_output=True,
        text=True,
        check=True,
        cwd=folder,
    )
    return answer.stdout.strip()


NOTEBOOK = """
    import math
    import concurrent.futures
    import xml.etree.ElementTree as tree
    from dataclasses import dataclass, field
    import numpy as np
    from numpy import exp as exponential

    LATTICE = 3.5
    METALS = {"Cu", "Ag", "Au"}
    LIMITS = {"low": -1.5, "high": float("inf"), "pair": (1,)}

    @dataclass
    class Base:
        lattice: float = LATTICE
        names: list = field(default_factory=list)

    class Cell(Base):
        def volume(self):
            return helper(self.lattice) * len(METALS)

    def helper(value):
        return math.pow(value, 3) if value < LIMITS["high"] else recursive(value)

    def recursive(value):
        return helper(value - 1)

    @ai.simulation(
        checkpoint=True,
    )
    def sim(temperature, *, steps: int = 2, restart=None):
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            volume = pool.submit(Cell().volume).result()
        for step in range(steps):
            yield {"step": step, "v": [exponential(-i) for i in range(3)][0], "t": tree.Element("a").tag}
        return {"energy": ai.Estimate(float(np.float64(volume)), 0.0)}
"""


def test_what_a_notebook_defines_travels_as_one_readable_module(tmp_path):
    shipped = in_a_script(tmp_path, NOTEBOOK)
    assert shipped["mode"] == "source"
    text = (tmp_path / shipped["file"]).read_text()
    assert "simulation(" not in text
    assert "import xml.etree.ElementTree as tree" in text
    assert "import concurrent.futures" in text
    assert text.index("class Base") < text.index("class Cell")
    call = "[list(o)[0] for o in sim(1.0)], float(__import__('math').pow(3.5, 3) * 3)"
    assert run_elsewhere(tmp_path, {**shipped, "name": "sim"}, call) == "['step', 'step'] 128.625"


def test_the_identity_is_the_same_in_every_process(tmp_path):
    hashes = {in_a_script(tmp_path, NOTEBOOK, PYTHONHASHSEED=seed)["code"] for seed in ("1", "2", "3")}
    assert len(hashes) == 1
    array = """
        import numpy as np
        WEIGHTS = np.arange(4.0)
        NAMES = {"a", "b", "c"}
        @ai.simulation
        def sim(x):
            return {"y": float(WEIGHTS.sum() + x + len(NAMES))}
    """
    pickles = [in_a_script(tmp_path, array, PYTHONHASHSEED=seed) for seed in ("1", "2", "3")]
    assert {one["mode"] for one in pickles} == {"pickle"}
    assert len({one["identity"] for one in pickles}) == 1


def test_the_artefact_is_what_its_hash_says(tmp_path):
    shipped = in_a_script(tmp_path, NOTEBOOK)
    content = (tmp_path / shipped["file"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == shipped["code"]


def test_small_arrays_travel_as_a_pickle_and_say_why(tmp_path):
    shipped = in_a_script(
        tmp_path,
        """
        import numpy as np
        WEIGHTS = np.arange(4.0)
        @ai.simulation
        def sim(x):
            return {"y": float(WEIGHTS.sum() + x)}
        """,
    )
    assert shipped["mode"] == "pickle"
    assert "'WEIGHTS' (ndarray)" in shipped["why"]
    assert shipped["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert run_elsewhere(tmp_path, shipped, "sim(1.0)") == "{'y': 7.0}"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import numpy as np\nTABLE = np.zeros(500_000)\ndef use(): return TABLE.sum()\n", "TABLE (4.0 MB)"),
        ("TEXT = 'x' * 2_000_000\ndef use(): return len(TEXT)\n", "TEXT (2.0 MB)"),
        ("def use(): return not_there\n", "uses 'not_there', which is not defined"),
        ("import threading\nLOCK = threading.Lock()\ndef use(): return LOCK.locked()\n", "cannot travel"),
    ],
)
def test_what_cannot_travel_is_refused_by_name(tmp_path, body, words):
    simulation = "@ai.simulation\ndef sim(x):\n    return {'y': use()}\n"
    shipped = in_a_script(tmp_path, body + simulation)
    assert shipped["kind"] == "BadDefinition"
    assert words in shipped["error"]


def test_a_closure_travels_with_what_it_closes_over(tmp_path):
    shipped = in_a_script(
        tmp_path,
        """
        def make(factor):
            @ai.simulation
            def sim(x):
                return {"y": x * factor}
            return sim
        sim = make(3)
        """,
    )
    assert shipped["mode"] == "pickle"
    assert "factor" in shipped["why"]
    assert run_elsewhere(tmp_path, shipped, "sim(2)") == "{'y': 6}"


def test_a_module_beside_the_notebook_goes_along(tmp_path):
    (tmp_path / "beside.py").write_text("SCALE = 2\n\ndef double(x):\n    return SCALE * x\n")
    by_name = "from beside import double\n@ai.simulation\ndef sim(x):\n    return {'y': double(x)}\n"
    by_module = "import beside\n@ai.simulation\ndef sim(x):\n    return {'y': beside.double(x)}\n"
    for body, mode in ((by_name, "source"), (by_module, "pickle")):
        shipped = in_a_script(tmp_path, body)
        assert shipped["mode"] == mode
        (elsewhere := tmp_path / mode).mkdir()
        (elsewhere / "code").symlink_to(tmp_path / "code")
        assert run_elsewhere(elsewhere, {**shipped, "name": "sim"}, "sim(4)") == "{'y': 8}"


def test_changing_a_helper_changes_the_identity(tmp_path):
    before = in_a_script(tmp_path, NOTEBOOK)["code"]
    assert in_a_script(tmp_path, NOTEBOOK.replace("LATTICE = 3.5", "LATTICE = 3.6"))["code"] != before
    assert in_a_script(tmp_path, NOTEBOOK.replace("value - 1", "value - 2"))["code"] != before


def test_a_function_of_an_installed_module_goes_by_its_name():
    from aisteer.molecules.ionisation import ionisation_energy

    shipped = ship(ai.simulation(checkpoint=True)(ionisation_energy))
    assert shipped.mode == "reference"
    assert shipped.reference == "aisteer.molecules.ionisation:ionisation_energy"
    assert not is_found_by_workers(__name__)
    assert is_found_by_workers("json.decoder")


def test_cells_of_a_notebook_have_source_also_for_their_classes(tmp_path):
    cells = [
        "import aisteer as ai\nfrom dataclasses import dataclass",
        "@dataclass\nclass State:\n    x: float\n    y: float = 2.0",
        "def helper(s):\n    return s.x * s.y",
        "@ai.simulation\ndef sim(x):\n    return {'y': helper(State(x))}",
        "from aisteer.problem.shipping import ship\nmade = ship(sim)\nprint(made.mode)\nprint(made.content.decode())",
    ]
    driver = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in {cells!r}:
    shell.run_cell(cell, store_history=True).raise_error()
"""
    answer = subprocess.run(
        [sys.executable, "-c", driver],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "IPYTHONDIR": str(tmp_path)},
    )
    mode, _, text = answer.stdout.partition("\n")
    assert mode == "source"
    assert "class State" in text
    space: dict = {}
    exec(text, space)
    assert space["sim"](3.0) == {"y": 6.0}


def test_an_asynchronous_or_lambda_simulation_never_ships():
    with pytest.raises(BadDefinition):
        ai.simulation(len)
