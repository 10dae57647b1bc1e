"""torch: feed, model, trainer, checkpoint."""

import os

# Before torch is loaded: OpenMP's idle threads shall sleep and not spin. The steps are short, so threads wait often, and spinning
# takes the core from whoever shares the machine: a step of 35 ms took 135 ms beside two busy processes.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
