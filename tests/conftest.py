"""What holds for all tests."""

import os

# Before torch is loaded, here and in the engines that are started: small models gain nothing by a second thread, and
# threads that wait for each other spin, which starves the browser, the service and each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
