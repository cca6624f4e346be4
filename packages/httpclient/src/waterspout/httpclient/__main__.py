"""``python -m waterspout.httpclient URL``."""

import sys

from waterspout.httpclient import main

sys.exit(main())
