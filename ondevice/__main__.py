"""`python -m ondevice` is the command line."""

import sys

from ondevice.cli.main import main

sys.exit(main())
