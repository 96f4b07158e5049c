# Copyright (c) mmgmp authors.
import os
import os.path as osp
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend
from mmengine.utils import mkdir_or_exist


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local storage with atomic writes.

    The data are written to ``<name>.tmp`` and flushed to the disk; then the
    file is renamed. If the process is killed in between, the old file remains
    intact, together with a ``.tmp`` file that the next write replaces.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes.

        Args:
            obj: Data.
            filepath: File; a missing folder is created.
        """
        mkdir_or_exist(osp.dirname(filepath))
        partial = f'{filepath}.tmp'
        with open(partial, 'wb') as file:
            file.write(obj)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, filepath)

    def put_text(
        self, obj: str, filepath: str | Path, encoding: str = 'utf-8'
    ) -> None:
        """Write text.

        Args:
            obj: Text.
            filepath: File; a missing folder is created.
            encoding: Encoding of the file.
        """
        self.put(obj.encode(encoding), filepath)
