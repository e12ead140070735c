"""Silence for native libraries that write to the error stream whatever they are told."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from ondevice.errors import OnDeviceError


@contextlib.contextmanager
def native_messages_kept_back() -> Iterator[None]:
    """Keep back what the block and the native code it calls write to the error stream.

    It is shown after all if the block fails with an error that does not explain itself.
    """
    sys.stderr.flush()
    saved = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except (OnDeviceError, KeyboardInterrupt):
            # These explain themselves.
            raise
        except BaseException:
            sys.stderr.flush()
            os.dup2(saved, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
