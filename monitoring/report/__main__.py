"""`python -m monitoring.report [--html FILE] [--json FILE]`."""

import os
import sys

from monitoring.report.document import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
