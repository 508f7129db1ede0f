from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import aisteer as ai

REPOSITORY = Path(__file__).parents[1]


def python(code: str, *, cwd: Path | None = None) -> str:
    answer = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True, cwd=cwd
    )
    return answer.stdout.strip()


def test_every_public_name_is_there():
    for name in ai.__all__:
        assert getattr(ai, name) is not None, name
    assert set(ai.__all__) == {*ai._PUBLIC, "__version__"}
    assert set(ai.__all__) <= set(dir(ai))
    with pytest.raises(AttributeError, match="no attribute 'Campain'"):
        ai.Campain  # noqa: B018


def test_importing_aisteer_imports_nothing_else():
    loaded = json.loads(python("import sys, json, aisteer; print(json.dumps(sorted(sys.modules)))"))
    heavy = {"numpy", "sqlalchemy", "pandas", "torch", "IPython", "ipywidgets", "cloudpickle"}
    assert not heavy & {name.partition(".")[0] for name in loaded}
    assert [name for name in loaded if name.startswith("aisteer")] == ["aisteer"]


def test_making_and_deciding_needs_neither_torch_nor_pandas(tmp_path):
    code = """
        import sys
        import aisteer as ai
        def square(x):
            return {"y": x * x}
        sim = ai.simulation(square)
        campaign = ai.Campaign("c", simulation=sim, space=ai.Space(x=ai.Float(0, 1)), objective=ai.Minimize("y"))
        campaign.propose(x=0.5).accept()
        repr(campaign)
        print([name for name in ("torch", "pandas", "matplotlib", "ipywidgets", "scipy") if name in sys.modules])
    """
    (tmp_path / "script.py").write_text(textwrap.dedent(code))
    answer = subprocess.run(
        [sys.executable, "script.py"], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert answer.stdout.strip() == "[]"
    assert (tmp_path / "campaigns" / "c" / "journal.db").exists()


@pytest.mark.full
def test_the_target_notebook_is_typed(tmp_path):
    """What an editor knows of the public names."""
    snippet = tmp_path / "notebook.py"
    snippet.write_text(
        textwrap.dedent(
            """
            from collections.abc import Generator
            from typing import Any, assert_type

            import aisteer as ai
            from aisteer.campaign import Campaign, ProposalHandle, RunHandle, Waited

            @ai.simulation(checkpoint=True)
            def melt(
                temperature: float, *, steps: int = 200, restart: object = None
            ) -> Generator[Any, Any, dict[str, ai.Estimate]]:
                yield {"step": 1}
                return {"diffusion": ai.Estimate(1.0, 0.1)}

            assert_type(melt, ai.Simulation)
            campaign = ai.Campaign(
                "copper-melt",
                simulation=melt,
                space=ai.Space(temperature=ai.Float(300, 2000, unit="K")),
                objective=ai.Maximize("diffusion"),
                endpoint=ai.connect("local"),
                budget=ai.NodeHours(50),
                autonomy=ai.Ask(),
            )
            assert_type(campaign.proposals["P3"], ProposalHandle)
            edited = campaign.proposals["P3"].edit(temperature=1200, reason="below melting")
            assert_type(edited.accept(), ProposalHandle)
            assert_type(campaign.runs["R7"].stop(), RunHandle)
            assert_type(ai.open("copper-melt"), Campaign)
            campaign.autonomy = ai.Accept(cost_below=0.5, when="calibrated") | ai.Ask()

            async def cell() -> None:
                assert_type(await campaign.wait(ended=40), Waited)
            """
        )
    )
    answer = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--allow-any-generics", str(snippet)],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
    )
    assert not [line for line in answer.stdout.splitlines() if line.startswith(str(snippet))], answer.stdout
