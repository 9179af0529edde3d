"""`python -m gradc` is the command line `gradc`."""

import sys

from gradc.cli import main

sys.exit(main())
