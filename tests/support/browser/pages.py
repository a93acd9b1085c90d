"""Pages to look at: the example of the repository, other outcomes, and one where every text is an attack."""

import contextlib
import json
from pathlib import Path

import genfix
from genfix.api.plan_files import id_of
from genfix.engines.shared.view import EngineView, Problem, TemplateSource
from genfix.message import text
from genfix.planner.plan import FileChange, Plan
from genfix.report.html import check_page, plan_page
from genfix.rules import Applicability, Finding, Fix, Severity, Witness
from tests.support.folders import glm_files, write_folder
from tests.support.places import ROOT

__all__ = [
    "ATTACKS",
    "COMMAND",
    "check_of_example",
    "hostile_page",
    "hostile_plan",
    "plan_of_example",
    "stuck_plan",
]

EXAMPLE = ROOT / "examples" / "glm4"
COMMAND = "genfix repair merged --base base"

ATTACKS = (
    "<script>canary()</script>",
    "</script><script>canary()</script>",
    "</style><script>canary()</script><style>",
    "<img src=x onerror=canary()>",
    "<svg onload=canary()>",
    "<svg><script>canary()</script></svg>",
    '"><svg/onload=canary()>',
    "' onmouseover='canary()' autofocus onfocus='canary()' x='",
    '" style="position:fixed;inset:0;background:url(http://127.0.0.1:9/a)" x="',
    "javascript:canary()",
    "<a href='javascript:canary()'>go</a>",
    "<iframe srcdoc='<script>parent.canary()</script>'></iframe>",
    "<meta http-equiv=refresh content='0;url=http://127.0.0.1:9/b'>",
    "<base href='http://127.0.0.1:9/'>",
    "<link rel=stylesheet href=http://127.0.0.1:9/c>",
    "<details open ontoggle=canary()>",
    "<form action=http://127.0.0.1:9/d><button>x</button></form>",
    "body{background:url(http://127.0.0.1:9/e)!important}/*",
    "-->]]><!--<script>canary()</script>",
    "{{ cycler.__init__.__globals__.os.system('true') }}{% raw %}",
    "&lt;script&gt;canary()&lt;/script&gt;&#x3c;script>canary()",
    "\u202e\u2066gnp.exe\u2069",
    "\x00\x1b[31m\x07\u2028\u200b\ufeff",
    "\ud800<script>canary()</script>",
)


def plan_of_example() -> str:
    """The page of `genfix plan` for the GLM-4 folder that never stops."""
    with contextlib.chdir(EXAMPLE):
        made = genfix.plan("merged", "base")
    commands = {"repair": COMMAND, "undo": "genfix undo merged"}
    return plan_page(made, plan_id=id_of(made), commands=commands)


def check_of_example() -> str:
    """The page of `genfix check`."""
    return check_page(
        genfix.check(EXAMPLE / "merged", EXAMPLE / "base"), commands={"plan": "genfix plan merged"}
    )


def stuck_plan(folder: Path) -> str:
    """A page with decisions that only a person can make, a template that changes, and much that stays."""
    files = glm_files()
    config = json.loads(files["config.json"]) | {"vocab_size": 7}
    base = write_folder(folder / "base", files)
    merged = write_folder(
        folder / "merged",
        files
        | {"config.json": json.dumps(config).encode(), "generation_config.json": b'{"eos_token_id": "2"'},
    )
    return plan_page(genfix.plan(merged, base))


def hostile_plan(attack: str) -> Plan:
    """A plan with ``attack`` in every place that a text of a stranger can have."""
    long = attack + "x" * 3000
    before = json.dumps({attack: attack, "a": {attack: [attack, 1]}, "long": "y" + long, "t": f"1\n{attack}"})
    after = json.dumps({attack: [attack], "a": {attack: [attack, 2]}, "long": long, "t": f"2\n{attack}"})
    code = f"# {attack}\n"
    said = text("{file} is missing", file=attack)
    views = {
        attack: EngineView(attack, attack, (1,), {attack: attack}, TemplateSource(attack, attack), None,
            (Problem(said),), (said,), (attack,))
    }  # fmt: skip
    then = {
        attack: EngineView(attack, attack, (1, 2), {attack: [attack]}, None, 7, (), (said, said),
            (attack, attack))
    }  # fmt: skip
    findings = tuple(
        Finding(
            code=attack, name=attack, severity=severity, file=f"{attack}{severity}",
            message=text("{ours!r} is not {theirs}", ours=attack, theirs=[attack]), witness=Witness.BASE,
            pointer=f"/{attack}", current=attack, expected=[attack, {attack: attack}],
            evidence=(text("{folder} is the adapter", folder=attack),), engines=(attack,),
            fix=Fix(applicability, text("{token} was added here", token=attack)),
        )
        for severity, applicability in zip(Severity, Applicability, strict=True)
    )  # fmt: skip
    return Plan(
        target=attack, base=attack, findings=findings, remaining=findings[1:], inputs={},
        notes=(text("{note}", note=attack),), changes=(
            FileChange(attack, before.encode(), after.encode(), None, (attack,), before.encode()),
            FileChange(f"{attack}.py", None, code.encode("utf-8", "replace"), Witness.BASE, (attack,)),
            FileChange(f"{attack}.bin", b"\xff\0", None, None, (attack,)),
        ),
        views_before=views, views_after=then, base_views=then, tokens={1: attack, 2: attack},
    )  # fmt: skip


def hostile_page(attack: str) -> str:
    """The page of that plan, with ``attack`` in the command as well."""
    return plan_page(hostile_plan(attack), commands={"repair": f"genfix repair '{attack}'"})
