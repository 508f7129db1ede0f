"""The one line that brings a campaign's board back in a kernel that knows nothing yet."""

from __future__ import annotations

import json
from typing import Any

from aisteer.journal.names import folder_for, root

__all__ = ["again"]


def again(campaign: Any) -> str:
    """``import aisteer as ai; ai.open("copper-melt")``, with the folder where it is not the usual one."""
    name, folder = campaign.name, campaign.folder
    usual = folder_for(name, root()).resolve() == folder.resolve()
    place = "" if usual else f", folder={json.dumps(str(folder.parent.resolve()), ensure_ascii=False)}"
    return f"import aisteer as ai; ai.open({json.dumps(name, ensure_ascii=False)}{place})"
