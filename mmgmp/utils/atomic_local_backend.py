# Copyright (c) mmgmp authors.
import os
import os.path as osp
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend
from mmengine.utils import mkdir_or_exist


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local files that are written as a whole or not at all.

    The data go to ``<name>.tmp`` and to the disk; then the file takes its
    name. A process killed meanwhile leaves the old file of that name, if
    there was one, and a ``.tmp`` that the next write replaces.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes.

        Args:
            obj: Data.
            filepath: File; its folder is made if it is missing.
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
            filepath: File; its folder is made if it is missing.
            encoding: Encoding of the file.
        """
        self.put(obj.encode(encoding), filepath)
