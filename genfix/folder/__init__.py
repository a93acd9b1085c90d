"""Read-only model folders: listing, size, digests, bytes and byte ranges."""

from genfix.folder.compare import content_digest, input_digest, same_but_for_line_ends, same_file, sha256_of
from genfix.folder.file_names import STATE_FOLDER, checked_name, is_safe_name
from genfix.folder.folder import FileProblem, FileStat, Folder, FolderFileError, Origin
from genfix.folder.kinds import FileKind, kind_of, read_cap
from genfix.folder.local import LocalFolder, is_far
from genfix.folder.overlay import OverlayFolder
from genfix.folder.progress import Fetching, Progress
