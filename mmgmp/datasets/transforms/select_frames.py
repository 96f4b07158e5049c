# Copyright (c) mmgmp authors.
from mmaction.registry import TRANSFORMS
from mmcv.transforms import BaseTransform


@TRANSFORMS.register_module()
class SelectFrames(BaseTransform):
    """Take the sampled frames out of a decoded video.

    Required keys:

        - array (np.ndarray): Frames (T, H, W, C), see
          :class:`~mmgmp.datasets.LoadVideo`; removed.
        - frame_inds (np.ndarray): Indices (L,), of ``SampleFrames``.
        - start_index (int): Index of the first frame.

    Added keys:

        - imgs (list[np.ndarray]): L frames (H, W, C), copies that later
          transforms may change in place.
        - original_shape, img_shape (tuple[int]): (H, W).
    """

    def transform(self, results: dict) -> dict:
        """Replace ``array`` by ``imgs``."""
        array = results.pop('array')
        results['imgs'] = list(
            array[results['frame_inds'] - results['start_index']]
        )
        results['original_shape'] = array.shape[1:3]
        results['img_shape'] = array.shape[1:3]
        return results
