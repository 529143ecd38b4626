"""python -m api.prediction_log verify|erase: checks a log folder, or erases lines, while the service runs or not."""

from __future__ import annotations

import argparse
import errno
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from api.prediction_log.files.erasure import NotErased, erase
from api.prediction_log.files.verification import verify
from api.settings import Settings

SOUND, UNSOUND, CANNOT_TELL = 0, 1, 2


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    options = _options(arguments, environ)
    try:
        if not options.folder.is_dir():
            raise FileNotFoundError(2, "There is no such folder", str(options.folder))
        return int(options.run(options))
    except OSError as error:
        sys.stderr.write(f"{error.strerror}: {error.filename}\n")
        return CANNOT_TELL


def _options(arguments: Sequence[str], environ: Mapping[str, str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser("python -m api.prediction_log", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="verify|erase")
    verifying = commands.add_parser(
        "verify", help="check lines, ids, gaps and ends of all files; exit code 1 if not sound"
    )
    verifying.add_argument("--acknowledged", type=Path, metavar="FILE", help="ids, one a line, that must be there")
    verifying.set_defaults(run=_verify)
    erasing = commands.add_parser("erase", help="erase the lines of these predictions, and their labels")
    erasing.add_argument("ids", nargs="*", metavar="ID", help="a prediction_id")
    erasing.add_argument("--ids", type=Path, dest="file", metavar="FILE", help="more of them, one a line")
    erasing.set_defaults(run=_erase)
    for command in (verifying, erasing):
        folder = Path(environ.get("LOG_DIR") or Settings.log_dir)
        command.add_argument("--folder", type=Path, default=folder, help=f"of the log; by LOG_DIR, {folder}")
    return parser.parse_args(arguments)


def _verify(options: argparse.Namespace) -> int:
    found = verify(options.folder, _ids(options.acknowledged))
    sys.stdout.writelines(f"{line}\n" for line in found.lines())
    if found.unchecked:
        return CANNOT_TELL
    return SOUND if found.is_sound else UNSOUND


def _erase(options: argparse.Namespace) -> int:
    ids = {*options.ids, *_ids(options.file)}
    if not ids:
        sys.stderr.write("Name the ids to erase, or a file of them with --ids.\n")
        return CANNOT_TELL
    failed = dict[Path, str]()
    try:
        erased = erase(options.folder, ids)
    except NotErased as error:
        erased, failed = error.erased, error.failed
    sys.stdout.writelines(f"{path.name}: {number} lines erased\n" for path, number in erased.items())
    sys.stdout.write(f"{sum(erased.values())} lines of {len(ids)} ids erased in {options.folder}\n")
    if failed:
        sys.stderr.writelines(f"{path.name} was not erased: {reason}\n" for path, reason in failed.items())
        sys.stderr.write("Mend these files, or delete them, and erase again: they may hold what is to be erased.\n")
        return CANNOT_TELL
    return SOUND if erased else UNSOUND


def _ids(file: Path | None) -> list[str]:
    """Raises OSError, also if the file is not UTF-8."""
    try:
        return file.read_text("utf-8-sig").split() if file else []
    except UnicodeDecodeError:
        raise OSError(errno.EILSEQ, "The file of ids is not UTF-8; save it as such, one id a line", str(file)) from None
