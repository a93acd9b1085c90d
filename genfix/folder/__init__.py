"""Read-only model folders: listing, size, digests, bytes and byte ranges."""

from genfix.folder.compare import content_digest, input_digest, same_file, sha256_of
from genfix.folder.file_names import STATE_FOLDER, checked_name, is_safe_name
from genfix.folder.folder import FileProblem, FileStat, Folder, FolderFileError, Origin, Progress
from genfix.folder.kinds import FileKind, kind_of, read_cap
from genfix.folder.local import LocalFolder
from genfix.folder.overlay import OverlayFolder

__all__ = [
    "STATE_FOLDER",
    "FileKind",
    "FileProblem",
    "FileStat",
    "Folder",
    "FolderFileError",
    "LocalFolder",
    "Origin",
    "OverlayFolder",
    "Progress",
    "checked_name",
    "content_digest",
    "input_digest",
    "is_safe_name",
    "kind_of",
    "read_cap",
    "same_file",
    "sha256_of",
]
