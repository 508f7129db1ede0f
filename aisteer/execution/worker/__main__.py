"""``python -m aisteer.execution.worker ROOT FOLDER``: execute one attempt and end."""

from __future__ import annotations

import json
import sys

from .attempt import run_attempt


def main() -> int:
    """Answers 0 when the attempt was executed here."""
    if len(sys.argv) != 3:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    answer = run_attempt(sys.argv[1], sys.argv[2])
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0 if answer["executed"] else 1


if __name__ == "__main__":
    sys.exit(main())
