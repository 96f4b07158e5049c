"""Motion tracks carry the class; a weak track hardly moves."""

import numpy as np
import pytest

from mmgmp.datasets.synthetic.motion import motion_track
from mmgmp.datasets.synthetic.spec import CLASSES

FPS, FRAMES = 24, 60


def features(track):
    """Deviation of each pose variable and of its changes over 0.2 s."""
    values = np.stack([track[k] for k in ('x', 'y', 'angle', 'sx', 'sy')])
    steps = values[:, 5:] - values[:, :-5]
    return np.log(np.concatenate([values.std(1), steps.std(1)]) + 1e-3)


def tracks(label, strength, count, seed):
    rng = np.random.default_rng([seed, label])
    return np.stack(
        [
            features(motion_track(label, FRAMES, FPS, strength, rng))
            for _ in range(count)
        ]
    )


def test_class_can_be_told_from_the_motion():
    # Nearest class mean: a rule that uses only motion, not appearance.
    means = np.stack([tracks(k, 1.0, 40, 0).mean(0) for k in range(7)])
    for label in range(7):
        test = tracks(label, 1.0, 40, 1)
        distance = ((test[:, None] - means) ** 2).sum(-1)
        assert (distance.argmin(1) == label).mean() >= 0.9, CLASSES[label]


@pytest.mark.parametrize('label', range(7))
def test_strength_scales_the_motion(label):
    # Equal random draws, so the tracks differ only by the factor.
    full, faint = (
        motion_track(label, FRAMES, FPS, s, np.random.default_rng(5))
        for s in (1.0, 0.1)
    )
    for key in full:
        np.testing.assert_allclose(
            faint[key] - faint[key][0],
            0.1 * (full[key] - full[key][0]),
            atol=1e-12,
        )


def test_both_directions_occur():
    # Mirroring a clip must not change its class.
    for label in (3, 5, 6):
        signs = set()
        for seed in range(20):
            track = motion_track(
                label, FRAMES, FPS, 1.0, np.random.default_rng(seed)
            )
            key = {3: 'angle', 5: 'x', 6: 'x'}[label]
            wide = np.corrcoef(track[key], track['sx'])[0, 1]
            step = np.median(np.diff(track[key]))
            sign = {3: track[key].mean(), 5: step, 6: wide}[label]
            signs.add(bool(sign > 0))
        assert signs == {True, False}
