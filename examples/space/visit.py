"""What genfix does for one visitor, in a process of its own that ``app.py`` starts and ends.

Its environment has no secret, its caches are its own, and it stands in a folder that is removed afterwards.
It reads what is asked from stdin as JSON, and prints each answer as a line of JSON as soon as it is there.
"""

import json
import resource
import sys
import zipfile
from base64 import b64encode
from pathlib import Path

import genfix

MEMORY_GB = 3
MIME = {"plan.json": "application/json", "repaired.zip": "application/zip"}


def tell(**answer: object) -> None:
    """Print an answer."""
    print(json.dumps(answer), flush=True)


def judge(target: str, base: str | None, lang: str) -> None:
    """Print all answers on one model. Raises `genfix.GenfixError` where it cannot be judged."""
    report = genfix.check(target, base)
    tell(part="check", html=genfix.render(report, "page", lang=lang))
    target = report.target  # at its commit: what follows is on the same files
    tell(part="engines", text=genfix.render(genfix.engine_views(target), lang=lang))
    plan = genfix.plan(target, report.base)
    tell(part="review", html=genfix.render(plan, "page", lang=lang))
    tell(done={"target": target, "findings": len(report.findings), "changes": len(plan.changes)})
    if plan.changes:
        genfix.save_plan(plan, "plan.json")
        with zipfile.ZipFile("repaired.zip", "w", zipfile.ZIP_DEFLATED) as packed:
            for change in plan.changes:
                if change.after is not None:
                    packed.writestr(change.name, change.after)
        for name, mime in MIME.items():
            tell(file=name, href=f"data:{mime};base64,{b64encode(Path(name).read_bytes()).decode()}")
    try:
        weights = genfix.inspect_weights(target, report.base)
    except genfix.GenfixError as error:  # a folder without weights, most often
        tell(part="weights", error=genfix.render(error.said, lang=lang))
    else:
        tell(part="weights", html=genfix.render(weights, "page", lang=lang))


def main() -> None:
    """Answer what stdin asks; an error is an answer too."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_GB * 2**30, MEMORY_GB * 2**30))
    asked = json.load(sys.stdin)
    try:
        with genfix.for_strangers():
            judge(**asked)
    except genfix.GenfixError as error:
        tell(error=genfix.render(error.said, lang=asked["lang"]))
    tell(end=True)


if __name__ == "__main__":
    main()
