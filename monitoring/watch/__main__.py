"""`python -m monitoring.watch [check]`."""

import os
import sys

from monitoring.watch.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], dict(os.environ)))
