"""MiniHACSpec rejects invalid values; its digest is exact."""

from dataclasses import fields, replace

import pytest

from mmgmp.datasets.synthetic import MiniHACSpec


@pytest.mark.parametrize(
    'kwargs, message',
    [
        (dict(video_cue=1.5), 'video_cue must be between 0 and 1, got 1.5'),
        (dict(train_clips=0), 'train_clips must be a positive integer'),
        (dict(size=97), 'size must be even'),
        (dict(seed=-1), 'seed must be a non-negative integer, got -1'),
        (dict(min_seconds=4), 'got 4 and 3.0'),
    ],
)
def test_bad_specs_are_refused(kwargs, message):
    with pytest.raises(ValueError, match=message):
        MiniHACSpec(**kwargs)


def test_every_field_changes_the_fingerprint():
    spec = MiniHACSpec()
    digests = {spec.fingerprint()}
    for field in fields(spec):
        # Smaller by a tenth, or one or two more: valid for every field.
        old = getattr(spec, field.name)
        new = old + 2 if isinstance(old, int) else 0.9 * old
        digests.add(replace(spec, **{field.name: new}).fingerprint())
    assert len(digests) == len(fields(spec)) + 1
    assert MiniHACSpec().fingerprint() == spec.fingerprint()
