"""`python -m viewbox`, for `accelerate launch -m viewbox train ...` and where no script is on the path."""

import sys

from viewbox.command import main

sys.exit(main())
