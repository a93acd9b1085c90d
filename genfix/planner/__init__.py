"""Findings to a plan: exact new bytes per file, judged again before anyone sees them."""

from genfix.planner.plan import FileChange, Plan, Source
from genfix.planner.planner import foreseen, make_plan
