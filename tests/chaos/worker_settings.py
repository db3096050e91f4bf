"""The settings of real workers that are killed: the real ones, with short waits.

The limits are long beside the waits: a machine that is slow to start workers again must end nothing.
"""

from mollymawk.settings import *  # noqa: F403  # they are the settings of this module

OPERATION_TIMINGS = {
    "look_gap": 0.1,
    "resend_after": 3.0,
    "stay_up": 0.5,
    "prove_limit": 60.0,
    "forward_limit": 300.0,
    "back_limit": 300.0,
    "lease": 3.0,
    "lease_renewal": 1.0,
    "lease_margin": 0.5,
    "retry_first": 0.1,
    "retry_most": 0.5,
}
