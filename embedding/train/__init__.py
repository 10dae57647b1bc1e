"""torch: feed, model, trainer, checkpoint."""

import os

# Before torch is loaded. The steps are short, so OpenMP's threads wait often, and how they wait matters: asleep at once, a training
# took 7.1 s; after a short spin 4.4 s; and with the long spin that is usual it suffers most where others want the cores too.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
