"""`python -m scripts.demo --url URL`, or `make demo`."""

import sys

from scripts.demo.show import main

if __name__ == "__main__":
    sys.exit(main())
