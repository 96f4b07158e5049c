# Copyright (c) mmgmp authors.
import os
import os.path as osp
import re
import secrets
from pathlib import Path

from mmengine.fileio import LocalBackend, register_backend
from mmengine.utils import mkdir_or_exist

PARTIAL = re.compile(r'\..+\.[0-9a-f]{16}\.tmp')


@register_backend('atomic_local')
class AtomicLocalBackend(LocalBackend):
    """Local storage with atomic writes.

    The data are written to a new file ``.<name>.<random>.tmp`` and flushed to
    the disk; then the file is renamed. If the process is killed in between,
    the old file remains intact. No other file is overwritten, and no link is
    followed.
    """

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes.

        Args:
            obj: Data.
            filepath: File; a missing folder is created.

        Raises:
            OSError: The file cannot be written, for example because the disk
                is full. The old file remains.
        """
        folder, name = osp.split(filepath)
        mkdir_or_exist(folder)
        partial = osp.join(folder, f'.{name}.{secrets.token_hex(8)}.tmp')
        try:
            with open(partial, 'xb') as file:
                file.write(obj)
                file.flush()
                os.fsync(file.fileno())
            os.replace(partial, filepath)
        except BaseException as error:
            Path(partial).unlink(missing_ok=True)
            if isinstance(error, OSError):
                # Without it, the error of a full disk names no file.
                error.filename = str(filepath)
            raise

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


def remove_partial_files(folder: str | Path) -> None:
    """Remove the parts of files that killed processes have left.

    Args:
        folder: Folder in which no process writes at the moment.
    """
    for path in Path(folder).glob('.*.tmp'):
        if PARTIAL.fullmatch(path.name):
            path.unlink()
