"""`python -m flows`: see `flows.run`."""

import os
import sys

# Before numpy is loaded. The matrices here are so small that threads of BLAS wait for each other, spinning, longer
# than they count: on a busy machine a committee took a second with two threads, and takes 10 ms with one.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from flows.run import main

sys.exit(main())
