"""Functions and tasks: what was submitted, what came back, and for how long it is kept."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from typing import Any

from globus_compute_common import messagepack
from globus_compute_common.messagepack.message_types import Result, ResultErrorDetails, Task

from tests.services.loopback.emulation.records import Record, Records
from tests.services.loopback.emulation.routing import TASK_GROUP, Message

_OURS = ("group", "streamed", "endpoint")
"""What a task's record holds that nobody is told."""


class Unknown(Exception):
    """A function, task or task group that the service does not know (any more)."""

    def __init__(self, what: str, which: str) -> None:
        super().__init__(f"{what} {which} could not be resolved")
        self.code = f"{what.upper().replace(' ', '_')}_NOT_FOUND"


class Tasks:
    """The tasks of the service."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def register_function(self, document: Record) -> str:
        """Keep a function; source text is packed as the SDK's strategy for source text expects it."""
        function = str(uuid.uuid4())
        if document.get("serialized") is False:
            text = f"st\n{document['function_name']}:{document['function_code']}"
            document = {**document, "function_code": f"{len(text)}\n{text}"}
        self._records.put("functions", function, document)
        return function

    def function(self, function: str) -> Record:
        """What was registered under this id.

        Raises:
            Unknown: Nothing was.
        """
        known = self._records.get("functions", function)
        if known is None:
            raise Unknown("function", function)
        return known

    def accept(self, document: Record, group: str, own: str) -> tuple[dict[str, list[str]], list[Message]]:
        """Make tasks of a submission: their ids by function, and the messages that take them to the endpoint.

        Raises:
            Unknown: A function is not.
        """
        common: dict[str, Any] = {}
        if document.get("resource_specification"):
            common["resource_specification"] = json.dumps(document["resource_specification"])
        if document.get("result_serializers"):
            common["result_serializers"] = document["result_serializers"]
        functions = {name: self.function(name) for name in document["tasks"]}
        ids: dict[str, list[str]] = {}
        messages: list[Message] = []
        for name, payloads in document["tasks"].items():
            for payload in payloads:
                task = str(uuid.uuid4())
                ids.setdefault(name, []).append(task)
                kept = {"task_id": task, "status": "waiting-for-ep", "group": group, "endpoint": own}
                self._records.put("tasks", task, {**kept, "streamed": bool(document.get("create_queue"))})
                body = messagepack.pack(
                    Task(task_id=task, task_buffer=functions[name]["function_code"] + payload)
                )
                headers = {**common, "function_uuid": name, "task_uuid": task}
                messages.append(Message(f"{own}.tasks", body, headers))
        return ids, messages

    def finished(self, body: bytes, *, again: bool) -> list[Message]:
        """Take a result; the message that streams it to whoever waits for its task group."""
        result = messagepack.unpack(body)
        assert isinstance(result, Result)
        task = self._records.get("tasks", str(result.task_id))
        if task is None or ("completion_t" in task and not again):
            return []
        changes: dict[str, Any] = {"completion_t": str(time.time())}
        changes["status"] = "failed" if result.is_error else "success"
        changes["exception" if result.is_error else "result"] = result.data
        if result.details:
            changes["details"] = json.loads(json.dumps(result.details, default=str))
        self._records.change("tasks", task["task_id"], **changes)
        return [Message(TASK_GROUP + task["group"], body)] if task["streamed"] else []

    def fail_all(self, own: str, why: str) -> list[Message]:
        """Fail what waits for a user endpoint that could not be started."""
        details = ResultErrorDetails(code="ENDPOINT_START_FAILED", user_message=why)
        messages: list[Message] = []
        for task, known in self._records.items("tasks"):
            if known["endpoint"] == own and "completion_t" not in known:
                result = Result(task_id=task, data=why, error_details=details)
                messages += self.finished(messagepack.pack(result), again=False)
        return messages

    def told(self, task: str) -> dict[str, Any]:
        """What the service says of a task.

        Raises:
            Unknown: It knows none.
        """
        known = self._records.get("tasks", task)
        if known is None:
            raise Unknown("task", task)
        return {name: value for name, value in known.items() if name not in _OURS}

    def told_of(self, tasks: Iterable[str]) -> dict[str, Any]:
        """What the service says of those that it knows."""
        return {task: self.told(task) for task in tasks if self._records.get("tasks", task) is not None}

    def group(self, group: str) -> list[str]:
        """The tasks of a task group.

        Raises:
            Unknown: There is none.
        """
        found = [task for task, known in self._records.items("tasks") if known["group"] == group]
        if not found:
            raise Unknown("task group", group)
        return found

    def forget(self, older: float) -> set[str]:
        """Forget what finished longer ago than so many seconds; the task groups that lost something."""
        line = time.time() - older
        groups: set[str] = set()
        for task, known in self._records.items("tasks"):
            if "completion_t" in known and float(known["completion_t"]) <= line:
                self._records.remove("tasks", task)
                groups.add(known["group"])
        return groups
