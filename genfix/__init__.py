"""genfix finds and repairs missing or wrong config files of a model folder after fine-tune + merge.

The verbs of the command line as functions: `check`, `plan`, `repair`, `undo`, `snapshot` and the rest. Names
are loaded when first used, so that ``import genfix`` costs nothing in a training script.
"""

TYPE_CHECKING = False  # of typing, whose import takes longer than all of this; type checkers know the name
if TYPE_CHECKING:
    from typing import Final

    from genfix.api.baseline import write_baseline
    from genfix.api.bases import BaseSearch, KnownModels, base_candidates, find_models
    from genfix.api.capsules import Capsule, capsule
    from genfix.api.changing import Repair, apply, diff, log, plan, repair, undo
    from genfix.api.engine_views import EngineReport, engine_views
    from genfix.api.fetch_bar import FetchBar
    from genfix.api.judging import Report, check
    from genfix.api.keeping import prune_backups, restore, snapshot
    from genfix.api.modelfiles import ModelfileText, modelfile
    from genfix.api.plan_files import load_plan, save_plan
    from genfix.api.probing import ProbeReport, probe_model
    from genfix.api.publishing import Published, publish, published, unpublish
    from genfix.api.running import Ran, run_command
    from genfix.api.weight_report import WeightReport, inspect_weights
    from genfix.api.workarounds import WorkaroundReport, workarounds
    from genfix.applier import HubReceipt, Receipt
    from genfix.errors import GenfixError
    from genfix.folder import Fetching, Progress
    from genfix.planner.plan import Plan
    from genfix.report.showing import render
    from genfix.rules import Finding
    from genfix.version import __version__
    from genfix.web.strangers import for_strangers
    from genfix.zoo.each import Each, check_many, repair_many
    from genfix.zoo.judgement import Setup
    from genfix.zoo.model_folders import folders_below
    from genfix.zoo.store_report import SweepReport, sweep_report
    from genfix.zoo.sweeping import Swept, sweep

__all__ = [
    "BaseSearch",
    "Capsule",
    "Each",
    "EngineReport",
    "FetchBar",
    "Fetching",
    "Finding",
    "GenfixError",
    "HubReceipt",
    "KnownModels",
    "ModelfileText",
    "Plan",
    "ProbeReport",
    "Progress",
    "Published",
    "Ran",
    "Receipt",
    "Repair",
    "Report",
    "Setup",
    "SweepReport",
    "Swept",
    "WeightReport",
    "WorkaroundReport",
    "__version__",
    "apply",
    "base_candidates",
    "capsule",
    "check",
    "check_many",
    "diff",
    "engine_views",
    "find_models",
    "folders_below",
    "for_strangers",
    "inspect_weights",
    "load_plan",
    "log",
    "modelfile",
    "plan",
    "probe_model",
    "prune_backups",
    "publish",
    "published",
    "render",
    "repair",
    "repair_many",
    "restore",
    "run_command",
    "save_plan",
    "snapshot",
    "sweep",
    "sweep_report",
    "undo",
    "unpublish",
    "workarounds",
    "write_baseline",
]

_HOMES: "Final" = {
    "__version__": "genfix.version",
    "BaseSearch": "genfix.api.bases",
    "Capsule": "genfix.api.capsules",
    "Each": "genfix.zoo.each",
    "EngineReport": "genfix.api.engine_views",
    "FetchBar": "genfix.api.fetch_bar",
    "Fetching": "genfix.folder",
    "Finding": "genfix.rules",
    "GenfixError": "genfix.errors",
    "HubReceipt": "genfix.applier",
    "KnownModels": "genfix.api.bases",
    "ModelfileText": "genfix.api.modelfiles",
    "Plan": "genfix.planner.plan",
    "ProbeReport": "genfix.api.probing",
    "Progress": "genfix.folder",
    "Published": "genfix.api.publishing",
    "Ran": "genfix.api.running",
    "Receipt": "genfix.applier",
    "Repair": "genfix.api.changing",
    "Report": "genfix.api.judging",
    "Setup": "genfix.zoo.judgement",
    "SweepReport": "genfix.zoo.store_report",
    "Swept": "genfix.zoo.sweeping",
    "WeightReport": "genfix.api.weight_report",
    "WorkaroundReport": "genfix.api.workarounds",
    "apply": "genfix.api.changing",
    "base_candidates": "genfix.api.bases",
    "capsule": "genfix.api.capsules",
    "check": "genfix.api.judging",
    "check_many": "genfix.zoo.each",
    "diff": "genfix.api.changing",
    "engine_views": "genfix.api.engine_views",
    "find_models": "genfix.api.bases",
    "folders_below": "genfix.zoo.model_folders",
    "for_strangers": "genfix.web.strangers",
    "inspect_weights": "genfix.api.weight_report",
    "load_plan": "genfix.api.plan_files",
    "log": "genfix.api.changing",
    "modelfile": "genfix.api.modelfiles",
    "plan": "genfix.api.changing",
    "probe_model": "genfix.api.probing",
    "prune_backups": "genfix.api.keeping",
    "publish": "genfix.api.publishing",
    "published": "genfix.api.publishing",
    "render": "genfix.report.showing",
    "repair": "genfix.api.changing",
    "repair_many": "genfix.zoo.each",
    "restore": "genfix.api.keeping",
    "run_command": "genfix.api.running",
    "save_plan": "genfix.api.plan_files",
    "snapshot": "genfix.api.keeping",
    "sweep": "genfix.zoo.sweeping",
    "sweep_report": "genfix.zoo.store_report",
    "undo": "genfix.api.changing",
    "unpublish": "genfix.api.publishing",
    "workarounds": "genfix.api.workarounds",
    "write_baseline": "genfix.api.baseline",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'genfix' has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415 - as above

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return __all__
