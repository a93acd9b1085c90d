"""Write the JSON Schema of plan files from the types that check them.

python -m dev.tools.plan_schema           write it
python -m dev.tools.plan_schema --check   exit 1 where it is not the one in the repository
"""

import argparse
import json
import sys
from pathlib import Path

from genfix.planner.document import PlanDocument

SCHEMA = Path(__file__).resolve().parents[2] / "genfix/planner/schemas/plan-file.schema.json"


def schema_text() -> str:
    """The schema as it should be."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:genfix:plan-file:1",
        "title": "Plan file of genfix plan",
    }
    made = PlanDocument.model_json_schema()
    return json.dumps(head | {key: value for key, value in made.items() if key != "title"}, indent=2) + "\n"


def main() -> int:
    """Write the schema, or compare it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true")
    if not parser.parse_args().check:
        SCHEMA.write_text(schema_text(), "utf-8")
        return 0
    fresh = SCHEMA.read_text("utf-8") == schema_text()
    if not fresh:
        sys.stderr.write("the schema of plan files is stale; run: python -m dev.tools.plan_schema\n")
    return 0 if fresh else 1


if __name__ == "__main__":
    sys.exit(main())
