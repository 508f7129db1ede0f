"""What the how-to for facilities shows is what the endpoint's agent takes: its own code renders and loads it."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest
import yaml

from aisteer.execution.worker import block
from aisteer_widgets.view_models.template import fields, watch_roles

pytest.importorskip("globus_compute_endpoint")
from globus_compute_endpoint.endpoint.config.config import CoreEndpointConfig
from globus_compute_endpoint.endpoint.config.utils import (
    load_config_yaml,
    load_user_config_schema,
    load_user_config_template,
    render_config_user_template,
)
from globus_compute_endpoint.endpoint.identity_mapper import PosixIdentityMapper

HERE = Path(__file__).parents[2] / "docs" / "how-to" / "facility"
TEMPLATE = HERE / "user_config_template.yaml.j2"
SCHEMA = load_user_config_schema(HERE / "user_config_schema.json")
ACCOUNT = {"account": "chem-42"}

Load = Callable[..., Any]


def rendered(options: dict[str, Any], batch: str = "slurm") -> str:
    text = load_user_config_template(TEMPLATE)
    assert text.count('set batch = "slurm"') == 1
    me = SimpleNamespace(local_user_record=pwd.getpwuid(os.getuid()), matched_identity="somebody")
    return str(
        render_config_user_template(
            CoreEndpointConfig(),
            text.replace('set batch = "slurm"', f'set batch = "{batch}"'),
            TEMPLATE,
            me,
            SCHEMA,
            options,
            {},
        )
    )


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    monkeypatch.chdir(tmp_path)  # an engine keeps its working folder here
    made = []

    def _load(options: dict[str, Any], batch: str = "slurm") -> Any:
        config = load_config_yaml(rendered(options, batch))
        made.append(config)
        return config

    yield _load
    for config in made:
        config.engine.shutdown()


@pytest.mark.parametrize("batch", ["slurm", "pbs"])
@pytest.mark.parametrize("engine", ["htex", "mpi"])
def test_runs_go_into_jobs_of_the_batch_system(load: Load, batch: str, engine: str) -> None:
    asked = {**ACCOUNT, "engine": engine, "queue": "debug", "nodes": 2, "blocks": 3, "walltime": "02:30:00"}
    made = load(asked, batch).engine
    provider = made.executor.provider
    assert type(made).__name__ == {"htex": "GlobusComputeEngine", "mpi": "GlobusMPIEngine"}[engine]
    assert type(provider).__name__ == {"slurm": "SlurmProvider", "pbs": "PBSProProvider"}[batch]
    assert (provider.account, provider.nodes_per_block, provider.max_blocks) == ("chem-42", 2, 3)
    assert provider.walltime == "02:30:00"
    assert (provider.partition if batch == "slurm" else provider.queue) == "debug"
    assert made.max_retries_on_system_failure == 0
    if engine == "mpi":
        assert made.executor.mpi_launcher == {"slurm": "srun", "pbs": "mpiexec"}[batch]


def test_the_watcher_is_threads_and_no_job(load: Load) -> None:
    config = load({"role": "watch"})
    assert type(config.engine).__name__ == "ThreadPoolEngine"
    assert config.idle_heartbeats_soft == 10


@pytest.mark.parametrize("walltime", ["00:10:00", "01:00:00", "48:00:00"])
def test_the_worker_learns_when_its_job_ends(walltime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = yaml.safe_load(rendered({**ACCOUNT, "walltime": walltime}))["engine"]["provider"]
    [line] = [line for line in provider["worker_init"].splitlines() if "AISTEER_BLOCK_ENDS" in line]
    said = subprocess.run(
        ["bash", "-c", f"{line}; echo $AISTEER_BLOCK_ENDS"], capture_output=True, text=True, check=True
    )
    monkeypatch.setenv("AISTEER_BLOCK_ENDS", said.stdout.strip())
    seconds = block.seconds_of(walltime)
    assert seconds is not None
    ends = block.ends({"block": {"walltime": provider["walltime"]}})
    assert ends is not None
    assert abs(ends - time.time() - seconds) < 60


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"role": "compute"},
        {"account": "chem\n#SBATCH --uid=root"},
        {"account": "$(id)"},
        {**ACCOUNT, "walltime": "1 h"},
        {**ACCOUNT, "nodes": 1000},
        {**ACCOUNT, "queue": "somebody-elses"},
        {**ACCOUNT, "worker_init": "id"},
    ],
)
def test_what_a_user_must_not_say_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        rendered(options)


def test_the_connect_panel_makes_its_form_of_it_and_offers_the_watcher() -> None:
    assert SCHEMA is not None
    shown = {field.name: field for field in fields(SCHEMA)}
    assert {"account", "queue", "nodes", "walltime"} <= set(shown)
    assert shown["walltime"].default == "01:00:00"
    assert {"role": "watch"} in [json.loads(json.dumps(role)) for role in watch_roles(SCHEMA)]


def test_identities_are_mapped_as_the_example_says() -> None:
    mapper = PosixIdentityMapper(HERE / "identity_mapping.json", "example")
    try:
        mapped = [
            mapper.map_identities([{"id": "1", "username": name, "status": "used"}])
            for name in ("ada@example.edu", "ada@example.edu.attacker.net", "root@elsewhere.org")
        ]
    finally:
        mapper.stop_watching()
    assert "ada" in json.dumps(mapped[0])
    assert "ada" not in json.dumps(mapped[1:])
    assert "root" not in json.dumps(mapped[2])


def test_the_agents_own_configuration_is_taken(tmp_path: Path) -> None:
    mapping = tmp_path / "identity_mapping.json"
    mapping.write_text((HERE / "identity_mapping.json").read_text())
    text = (HERE / "config.yaml").read_text()
    place = yaml.safe_load(text)["identity_mapping_config_path"]
    config = load_config_yaml(text.replace(place, str(mapping)))
    assert isinstance(config, CoreEndpointConfig)
    assert (config.amqp_port, config.identity_mapping_config_path) == (443, mapping)
    assert all(
        isinstance(value, str)
        for value in yaml.safe_load((HERE / "user_environment.yaml").read_text()).values()
    )
