"""Several processes that train one model (torchrun, accelerate launch): one of them writes, the others wait for it."""

import os


def several() -> bool:
    """Whether a launcher has started more than one process."""
    return int(os.environ.get("WORLD_SIZE", "1")) > 1


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return int(os.environ.get("RANK", "0")) == 0


def wait() -> None:
    """Wait until all processes have come here."""
    if several():
        from accelerate import PartialState

        PartialState().wait_for_everyone()
