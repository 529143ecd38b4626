"""The log's files, as they come, grow, are renamed, closed, compressed and go."""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from monitoring.log.files.folder import FEEDBACK, PREDICTIONS, Hold, is_closed, paths, plain_name
from monitoring.log.files.tailed_file import Position, Replaced, TailedFile, identity

Identity = tuple[int, int]
TRIES = 3  # to find a file whose name changes while the folder is listed


class ReadFile(NamedTuple):
    """How far a file of the log was read, how many lines of it could not be, and what it was called."""

    position: Position
    unreadable_lines: int
    name: str


class LogTail:
    """All log files of a folder, however many processes write them; a renamed file is still the same one."""

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
        """Read everything again at the next look."""
        self.predictions: list[TailedFile] = []
        self.feedback: list[TailedFile] = []

    def go_on_from(self, predictions: Sequence[ReadFile], feedback: Sequence[ReadFile]) -> None:
        """Take files as read so far, whatever they are called now. Raises Replaced if one is no longer there as it was,
        but for closed ones, which may have been deleted; or OSError; then nothing is."""
        found = [self._found_again(files, stem) for files, stem in ((predictions, PREDICTIONS), (feedback, FEEDBACK))]
        self.predictions, self.feedback = found

    def _found_again(self, files: Sequence[ReadFile], stem: str) -> list[TailedFile]:
        for _ in range(TRIES - 1):
            with suppress(FileNotFoundError, Replaced):
                return self._gone_on_with(files, stem)
        return self._gone_on_with(files, stem)

    def _gone_on_with(self, files: Sequence[ReadFile], stem: str) -> list[TailedFile]:
        there = paths(self.directory, stem)
        return [_read_before(file, number, there) for number, file in enumerate(files)]

    @property
    def files(self) -> list[TailedFile]:
        """All of them, predictions first."""
        return [*self.predictions, *self.feedback]

    @property
    def progress(self) -> float:
        """Which share of all bytes has been read."""
        files = self.files
        size = sum(file.size for file in files)
        return min(sum(file.reached for file in files) / size, 1.0) if size else 0.0

    @property
    def unreadable_lines(self) -> int:
        return sum(file.unreadable_lines for file in self.files)

    def find_feedback(self) -> list[TailedFile]:
        """The files that are there now, and closed ones that are gone. Raises Replaced if another one of those that
        were there has gone, or OSError."""
        return self._found(self.feedback, FEEDBACK)

    def find_predictions(self) -> list[TailedFile]:
        """As find_feedback."""
        return self._found(self.predictions, PREDICTIONS)

    def _found(self, files: list[TailedFile], stem: str) -> list[TailedFile]:
        """`files`, which gains those that appeared, and learns the new names of the others."""
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
                with suppress(FileNotFoundError):  # it has just been closed: the next look finds it
                    _add(files, path)
        return files


def _identities(found: Sequence[Path]) -> dict[Identity, Path]:
    """Of those that are still called so; each file once. Raises OSError."""
    there = {}
    for path in found:
        try:
            there[identity(path)] = path
        except FileNotFoundError:
            if path.is_symlink():  # to nowhere; else it has just been given another name
                raise
    return there


def _places(files: Sequence[TailedFile], there: dict[Identity, Path]) -> dict[int, Identity]:
    """Which of those that are there the files are, by their numbers, if they are. A closed one keeps its name, perhaps
    compressed; another one may have a new name, by which it may have been closed."""
    closed = {plain_name(path): of for of, path in there.items() if is_closed(path.name)}
    found = {file.number: closed.get(file.name) if file.is_closed else file.identity for file in files if not file.gone}
    return {number: of for number, of in found.items() if of in there}


def _add(files: list[TailedFile], path: Path) -> None:
    """A file that appeared has the number of one that is gone, if there is one: there are not many numbers."""
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
            file.go_on_from(read.position, read.unreadable_lines)
            return file
    if not is_closed(read.name):
        raise Replaced
    gone = TailedFile(Path(read.name), number, gone=True)
    gone.unreadable_lines = read.unreadable_lines
    return gone
