"""File locks (`flock`). They keep two processes out of one folder, and the API from deleting files that are not read
yet.

On NFS an exclusive lock needs a descriptor open for writing, a shared lock one open for reading.
"""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

NO_LOCKS = errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP
WAY_OUT = "its file system locks no files; mount it with locks (NFS: without `nolock`), or choose another volume"
SHARED, EXCLUSIVE, AT_ONCE = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_NB


def lock(fd: int, how: int, path: Path) -> bool:
    """Take the lock. Returns False if another process has it, which only AT_ONCE reports. Raises OSError, which names
    `path` and, on a file system without locks, what to do."""
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    except OSError as error:
        reason = f"{error.strerror} ({WAY_OUT})" if error.errno in NO_LOCKS else error.strerror
        raise OSError(error.errno, reason, str(path)) from error
    return True
