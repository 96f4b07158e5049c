"""Rendered frames: type, motion, domain styles, tint, noise."""

import numpy as np
import pytest

from mmgmp.datasets.synthetic.motion import motion_track
from mmgmp.datasets.synthetic.spec import DOMAINS
from mmgmp.datasets.synthetic.video import (
    VIDEO_STYLES,
    blend_styles,
    render_video,
    tint_color,
)


def render(domain='cartoon', label=1, cue=0, tint=0.4, seed=0, size=48):
    pose = motion_track(label, 12, 8, 1.0, np.random.default_rng(1))
    rng = np.random.default_rng(seed)
    return render_video(pose, VIDEO_STYLES[domain], cue, tint, size, rng)


def test_frames_are_rgb_bytes():
    frames = render()
    assert frames.shape == (12, 48, 48, 3)
    assert frames.dtype == np.uint8
    assert frames.std() > 10


def test_figure_is_where_the_pose_says():
    still = dict.fromkeys(('angle', 'y'), np.zeros(2))
    pose = dict(still, x=np.array([-0.25, 0.25]), sx=np.ones(2), sy=np.ones(2))
    frames = render_video(
        pose, VIDEO_STYLES['cartoon'], 0, 0.0, 64, np.random.default_rng(0)
    ).astype(int)
    # The cartoon figure is red on a bluish scene, without camera shake.
    red = (frames[..., 0] - frames[..., 2]) > 60
    centers = [np.argwhere(mask).mean(0) for mask in red]
    np.testing.assert_allclose(centers, [[31.5, 15.5], [31.5, 47.5]], atol=1)


def test_tint_moves_the_background_to_its_colour():
    means = [render(cue=k, tint=0.5)[:, :6].mean((0, 1, 2)) for k in (0, 2)]
    plain = render(tint=0.0)[:, :6].mean((0, 1, 2))
    for cue, mean in zip((0, 2), means, strict=True):
        expected = 0.5 * plain + 0.5 * 255 * tint_color(cue)
        np.testing.assert_allclose(mean, expected, atol=4)


def test_tints_are_distinct():
    colors = np.stack([tint_color(k) for k in range(7)])
    gaps = np.abs(colors[:, None] - colors).max(-1)
    assert gaps[~np.eye(7, dtype=bool)].min() > 0.4


def test_only_the_noisy_domains_have_noise():
    # Far from the figure, with no shake, only noise changes over time.
    corner = [render(d)[:, :4, :4].astype(float) for d in DOMAINS]
    human, _, cartoon = (np.diff(c, axis=0).std() for c in corner)
    assert cartoon == 0
    assert human > 5


@pytest.mark.parametrize('domain', DOMAINS)
def test_shift_blends_styles(domain):
    own = VIDEO_STYLES[domain]
    full = blend_styles(VIDEO_STYLES, domain, 1.0)
    assert full.background == pytest.approx(own.background)
    assert full.blur == pytest.approx(own.blur)
    common = blend_styles(VIDEO_STYLES, domain, 0.0)
    mean = np.mean([s.noise for s in VIDEO_STYLES.values()])
    assert common.noise == pytest.approx(mean)
    half = blend_styles(VIDEO_STYLES, domain, 0.5)
    assert half.noise == pytest.approx((mean + own.noise) / 2)
