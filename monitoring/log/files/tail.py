"""Follows all files of a log while they appear, grow, and are renamed, rotated, compressed or deleted."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from monitoring.log.files.folder import FEEDBACK, PREDICTIONS, Hold, is_closed, paths, plain_name
from monitoring.log.files.tailed_file import Position, Replaced, TailedFile, identity

Identity = tuple[int, int]
TRIES = 3  # a file may be renamed while the folder is listed


class ReadFile(NamedTuple):
    """How far a file was read, how many of its lines were unreadable, and its name."""

    position: Position
    unreadable_lines: int
    name: str


class LogTail:
    """All files of a log, written by any number of processes. A renamed file stays the same file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._hold = Hold(directory)
        self.start_over()

    def hold(self) -> None:
        """Keep the API from deleting and replacing rotated files until `release`."""
        self._hold.take()

    def release(self, kept: Set[str] | None) -> None:
        """Let the API delete rotated files, unless one of them is still needed."""
        if not self.needs(kept):
            self._hold.release()

    def needs(self, kept: Set[str] | None) -> bool:
        """Whether a rotated file is needed: one that is not among `kept`, the names of files in the checkpoint. Without
        a checkpoint `kept` is None, and files are needed until they are read."""
        closed = [file for file in self.files if file.is_closed and not file.gone]
        return not all(file.is_read if kept is None else file.name in kept for file in closed)

    def start_over(self) -> None:
        """Read the whole log again at the next refresh."""
        self.predictions: list[TailedFile] = []
        self.feedback: list[TailedFile] = []

    def resume_from(self, predictions: Sequence[ReadFile], feedback: Sequence[ReadFile]) -> None:
        """Take files as read up to their positions, whatever their names are now. Raises Replaced if a file is not
        there as it was, except for rotated files, which may have been deleted; or OSError. Then nothing changes."""
        found = [self._found_again(files, stem) for files, stem in ((predictions, PREDICTIONS), (feedback, FEEDBACK))]
        self.predictions, self.feedback = found

    def _found_again(self, files: Sequence[ReadFile], stem: str) -> list[TailedFile]:
        for _ in range(TRIES - 1):
            with suppress(FileNotFoundError, Replaced):
                return self._resumed(files, stem)
        return self._resumed(files, stem)

    def _resumed(self, files: Sequence[ReadFile], stem: str) -> list[TailedFile]:
        there = paths(self.directory, stem)
        return [_read_before(file, number, there) for number, file in enumerate(files)]

    @property
    def files(self) -> list[TailedFile]:
        """All files, predictions first."""
        return [*self.predictions, *self.feedback]

    @property
    def progress(self) -> float:
        """The share of all bytes that has been read, 0 to 1."""
        files = self.files
        size = sum(file.size for file in files)
        return min(sum(file.reached for file in files) / size, 1.0) if size else 0.0

    @property
    def unreadable_lines(self) -> int:
        """The number of unreadable lines in all files."""
        return sum(file.unreadable_lines for file in self.files)

    def find_feedback(self) -> list[TailedFile]:
        """The feedback files that exist now, and deleted rotated ones. Raises Replaced if another known file is gone,
        or OSError."""
        return self._found(self.feedback, FEEDBACK)

    def find_predictions(self) -> list[TailedFile]:
        """The same for prediction files."""
        return self._found(self.predictions, PREDICTIONS)

    def _found(self, files: list[TailedFile], stem: str) -> list[TailedFile]:
        """Adds new files to `files` and updates the paths of renamed ones. Returns `files`."""
        for _ in range(TRIES):
            there = _identities(paths(self.directory, stem))
            places = _places(files, there)
            if len(places) == sum(not file.gone for file in files):
                break
        for file in files:
            if found := places.get(file.number):
                file.path, file.identity = there[found], found
            elif file.is_closed:
                file.gone = True
            else:
                raise Replaced
        known = set(places.values())
        for found, path in there.items():
            if found not in known:
                with suppress(FileNotFoundError):  # it was rotated meanwhile: the next refresh finds it
                    _add(files, path)
        return files


def _identities(found: Sequence[Path]) -> dict[Identity, Path]:
    """The paths by device and inode, each file once. A file that was just renamed is left out. Raises OSError."""
    there = {}
    for path in found:
        try:
            there[identity(path)] = path
        except FileNotFoundError:
            if path.is_symlink():  # a dangling link; otherwise the file was just renamed
                raise
    return there


def _places(files: Sequence[TailedFile], there: dict[Identity, Path]) -> dict[int, Identity]:
    """The identities of known files that exist, by file number. A rotated file is found by its name, which it keeps
    when it is compressed; any other file by its identity, since it may have been renamed."""
    closed = {plain_name(path): of for of, path in there.items() if is_closed(path.name)}
    found = {file.number: closed.get(file.name) if file.is_closed else file.identity for file in files if not file.gone}
    return {number: of for number, of in found.items() if of in there}


def _add(files: list[TailedFile], path: Path) -> None:
    """Add a new file. It takes the number of a deleted file if there is one, since numbers are 16-bit."""
    for number, file in enumerate(files):
        if file.gone:
            files[number] = TailedFile(path, number)
            files[number].unreadable_lines = file.unreadable_lines
            return
    files.append(TailedFile(path, len(files)))


def _read_before(read: ReadFile, number: int, found: list[Path]) -> TailedFile:
    for path in found:
        if plain_name(path) == read.name if is_closed(read.name) else read.position.holds(path):
            file = TailedFile(path, number)
            file.resume_from(read.position, read.unreadable_lines)
            return file
    if not is_closed(read.name):
        raise Replaced
    gone = TailedFile(Path(read.name), number, gone=True)
    gone.unreadable_lines = read.unreadable_lines
    return gone
