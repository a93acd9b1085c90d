"""The only code that writes to a model folder: apply, undo, recover, snapshots, and the log of what
was done.
"""

from genfix.applier.applying import apply, preflight
from genfix.applier.building import Built, build, check_output_place
from genfix.applier.drafts import find_stale, make_folder, remove_stale
from genfix.applier.guard import check_names
from genfix.applier.history import damaged_receipts, log
from genfix.applier.hub_records import (
    HubLog,
    HubReceipt,
    forget_receipt,
    hub_log,
    hub_place,
    keep_receipt,
    next_hub_id,
)
from genfix.applier.pruning import prune
from genfix.applier.records import Change, Kept, Receipt, Write
from genfix.applier.recovery import check_whole, recover
from genfix.applier.reports import check_report_place, write_report
from genfix.applier.snapshots import restore, snapshot, snapshot_folder
from genfix.applier.stages import stage_folder
from genfix.applier.undoing import undo
