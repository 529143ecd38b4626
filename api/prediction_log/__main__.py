"""`python -m api.prediction_log verify|erase`."""

import os
import sys

from api.prediction_log.command import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
