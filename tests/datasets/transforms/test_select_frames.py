"""`SelectFrames` takes the sampled frames out of a video."""

import numpy as np

from mmgmp.datasets import SelectFrames
from tests.utils.media import moving_frames


def test_frames_are_copies_and_start_index_is_respected():
    array = moving_frames(6)
    before = array.copy()
    results = SelectFrames()(
        dict(array=array, frame_inds=np.array([6, 1]), start_index=1)
    )
    assert 'array' not in results
    assert results['img_shape'] == results['original_shape'] == (32, 40)
    np.testing.assert_array_equal(results['imgs'][0], before[5])
    np.testing.assert_array_equal(results['imgs'][1], before[0])
    for image in results['imgs']:
        image[:] = 0
    np.testing.assert_array_equal(array, before)
