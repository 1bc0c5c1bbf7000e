"""`python -m flows`: see `flows.run`."""

import sys

from flows.run import main

sys.exit(main())
