"""File locks (`flock`), with which processes share a log folder, also on network file systems.

On NFS, an exclusive lock needs a descriptor that is open for writing, and a shared lock one that is open for reading.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NO_LOCKS = errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP
WAY_OUT = "its file system locks no files; mount it with locks (NFS: without `nolock`), or choose another volume"
SHARED, EXCLUSIVE, AT_ONCE = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_NB


def lock(fd: int, how: int, path: Path) -> bool:
    """Take the lock. Returns False only with AT_ONCE, if another process has it.

    Raises OSError, which names `path` and, if the file system has no locks, how to fix that.
    """
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    except OSError as error:
        reason = f"{error.strerror} ({WAY_OUT})" if error.errno in NO_LOCKS else error.strerror
        raise OSError(error.errno, reason, str(path)) from error
    return True


def unlock(fd: int) -> None:
    """Release the lock, even while another descriptor of the file is open."""
    fcntl.flock(fd, fcntl.LOCK_UN)


@contextmanager
def locked(path: Path, how: int) -> Iterator[bool]:
    """Hold the lock of the file at `path`; gives whether it could be taken. An exclusive lock creates the file.

    A folder counts as locked if its file system cannot lock folders. Raises OSError.
    """
    is_folder = path.is_dir()
    can_write = bool(how & EXCLUSIVE) and not is_folder
    fd = os.open(path, (os.O_RDWR | os.O_CREAT if can_write else os.O_RDONLY) | os.O_CLOEXEC, 0o644)
    try:
        if can_write and os.geteuid() == 0:  # an operator; the service must be able to open it, too
            os.fchown(fd, path.parent.stat().st_uid, path.parent.stat().st_gid)
        yield _lock_folder(fd, how) if is_folder else lock(fd, how, path)
    finally:
        os.close(fd)


def _lock_folder(fd: int, how: int) -> bool:
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True
