"""What holds for all tests."""

import gc
import os

# Before torch is loaded, here and in the engines that are started: small models gain nothing by a second thread, and
# threads that wait for each other spin, which starves the browser, the service and each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_finish() -> None:
    """Leave torch's modules and the tests themselves out of later collections: each looks at what was made since.

    The engine collects whenever it lets a model go, which takes it a third of a second among all that is loaded here.
    """
    gc.collect()
    gc.freeze()
