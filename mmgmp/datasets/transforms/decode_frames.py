# Copyright (c) mmgmp authors.
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class DecodeFrames(BaseTransform):
    """Decode the sampled frames, and no others, of an opened video.

    The pixels are those of MMAction2's ``PyAVDecode``, or of its
    ``RawFrameDecode`` for a folder of frames.

    Required keys:

        - video_reader: Of :class:`~mmgmp.datasets.OpenVideo` or
          :class:`~mmgmp.datasets.OpenFlow`; closed and removed.
        - frame_inds (np.ndarray): Indices (L,), of ``SampleFrames``.
        - start_index (int): Index of the first frame.

    Added keys:

        - imgs (list[np.ndarray]): L frames (H, W, C) uint8, copies that later
          transforms may change in place.
        - original_shape, img_shape (tuple[int]): (H, W).

    Raises:
        CorruptMediaError: (a call) If a frame cannot be decoded.
    """

    def transform(self, results: dict) -> dict:
        """Replace ``video_reader`` by ``imgs``."""
        reader = results.pop('video_reader')
        try:
            indices = results['frame_inds'] - results['start_index']
            results['imgs'] = reader.read(indices.tolist())
        finally:
            reader.close()
        results['original_shape'] = results['imgs'][0].shape[:2]
        results['img_shape'] = results['imgs'][0].shape[:2]
        return results
