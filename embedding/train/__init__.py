"""torch: feed, model, trainer, checkpoint."""

import ctypes
import os

# Before torch is loaded. The steps are short, so OpenMP's threads wait often, and how they wait matters: asleep at once, a training
# took 7.1 s; after a short spin 4.4 s; and with the long spin that is usual it suffers most where others want the cores too.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

# Memory that a step frees is kept for the next one: with fresh pages from the system a step over tables of 37,020 and 41,758 rows took
# 22 ms of CPU, without 17. glibc's M_TRIM_THRESHOLD, M_TOP_PAD and M_MMAP_THRESHOLD; elsewhere nothing is changed.
if hasattr(_library := ctypes.CDLL(None), "mallopt"):
    for _parameter, _bytes in ((-1, 1 << 30), (-2, 64 << 20), (-3, 32 << 20)):
        _library.mallopt(_parameter, _bytes)
