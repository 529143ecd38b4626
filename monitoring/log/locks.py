"""The locks of files (`flock`), which keep two processes from one folder, and the API from what is not counted yet.

NFS makes an exclusive lock only of a descriptor that is open for writing, and a shared one only of one that is open for
reading.
"""

from __future__ import annotations

import errno
import fcntl
from pathlib import Path

NO_LOCKS = errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP
WAY_OUT = "its file system locks no files; mount it with locks (NFS: without `nolock`), or choose another volume"
SHARED, EXCLUSIVE, AT_ONCE = fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_NB


def lock(fd: int, how: int, path: Path) -> bool:
    """Whether the lock could be taken; False only with AT_ONCE, when another process has it. Raises OSError, which
    names `path` and, where there are no locks, the way out."""
    try:
        fcntl.flock(fd, how)
    except BlockingIOError:
        return False
    except OSError as error:
        reason = f"{error.strerror} ({WAY_OUT})" if error.errno in NO_LOCKS else error.strerror
        raise OSError(error.errno, reason, str(path)) from error
    return True
