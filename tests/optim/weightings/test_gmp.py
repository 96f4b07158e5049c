# Copyright (c) mmgmp authors.
"""GMPWeighting: hand-computed values and properties."""

import math

import pytest
import torch

from mmgmp.optim import GMPWeighting, TaskGramian, discrepancy_ratio


def make_gramian(g_c, g_d):
    rows = torch.tensor([g_c, g_d], dtype=torch.float64)
    return rows @ rows.T


def weigh(weighting, gramian, rho, sigma):
    tasks = ('semantic', 'domain')[: len(gramian)]
    weights, log = weighting.weigh(tasks, gramian, rho, sigma)
    return tuple(weights[task] for task in tasks), log


def gradient(weights, g_c, g_d):
    return weights[0] * torch.tensor(g_c) + weights[1] * torch.tensor(g_d)


CONFLICT = [1.0, 0.0], [-1.0, 1.0]
AGREEMENT = [1.0, 0.0], [1.0, 1.0]


def test_discrepancy_ratio_of_two_is_the_ratio_and_its_inverse():
    ratios = discrepancy_ratio(dict(video=0.6, audio=0.3))
    assert ratios == pytest.approx(dict(video=2.0, audio=0.5))


def test_discrepancy_ratio_of_three_is_to_the_mean_of_the_others():
    ratios = discrepancy_ratio(dict(video=0.6, audio=0.3, flow=0.1))
    assert ratios['video'] == pytest.approx(0.6 / 0.2)
    assert ratios['audio'] == pytest.approx(0.3 / 0.35)
    assert ratios['flow'] == pytest.approx(0.1 / 0.45)


def test_discrepancy_ratio_of_underflowed_confidences_is_finite():
    ratios = discrepancy_ratio(dict(video=0.5, audio=0.0))
    assert all(math.isfinite(r) and r > 0 for r in ratios.values())
    assert discrepancy_ratio(dict(video=0.0, audio=0.0))['video'] == 1


def test_modulation_suppresses_each_task_by_its_own_ratio():
    weighting = GMPWeighting(alpha_k=0.5, alpha_p=1.0)
    assert weighting.modulate(2.0, 0.5) == (1 - math.tanh(1.0), 1.0)
    assert weighting.modulate(0.5, 2.0) == (1.0, 1 - math.tanh(2.0))
    assert weighting.modulate(1.0, 1.0) == (1.0, 1.0)


def test_unified_modulation_uses_the_semantic_ratio_for_both():
    weighting = GMPWeighting(modulation='unified')
    k = 1 - math.tanh(1.0)
    assert weighting.modulate(2.0, 3.0) == (k, k)
    assert weighting.modulate(0.5, 3.0) == (1.0, 1.0)


@pytest.mark.parametrize('projection', ['cagp', 'reverse', 'pcgrad'])
def test_agreeing_gradients_are_only_modulated(projection):
    weighting = GMPWeighting(projection=projection)
    weights, log = weigh(weighting, make_gramian(*AGREEMENT), 2.0, 0.5)
    assert weights == (1 - math.tanh(1.0), 1.0)
    assert log['conflict'] == 0
    assert log['cosine'] == pytest.approx(math.sqrt(0.5))
    assert log['norm_ratio'] == pytest.approx(math.sqrt(2))


# In CONFLICT, g_c without its component along g_d is (0.5, 0.5), and g_d
# without its component along g_c is (0, 1).
@pytest.mark.parametrize(
    ('projection', 'rho', 'expected'),
    [
        ('cagp', 2.0, [0.5 - 1.0, 0.5 + 1.0]),
        ('cagp', 1.0, [1.0, 1.0]),
        ('cagp', 0.5, [1.0, 1.0]),
        ('reverse', 2.0, [1.0, 1.0]),
        ('reverse', 0.5, [0.5 - 1.0, 0.5 + 1.0]),
        ('fixed_cls', 0.5, [0.5 - 1.0, 0.5 + 1.0]),
        ('fixed_domain', 2.0, [1.0, 1.0]),
        ('pcgrad', 2.0, [0.5, 1.5]),
        ('none', 2.0, [0.0, 1.0]),
    ],
)
def test_projection_in_a_conflict(projection, rho, expected):
    weighting = GMPWeighting(modulation='none', projection=projection)
    weights, log = weigh(weighting, make_gramian(*CONFLICT), rho, 1.0)
    assert log['conflict'] == 1
    assert gradient(weights, *CONFLICT).tolist() == pytest.approx(expected)


@pytest.mark.parametrize('rho', [0.7, 1.6])
@pytest.mark.parametrize('sigma', [0.6, 1.4])
def test_weights_equal_the_projection_of_modulated_gradients(rho, sigma):
    g_c, g_d = torch.randn(2, 5, dtype=torch.float64)
    g_d -= 2 * g_c
    weighting = GMPWeighting(alpha_k=0.3, alpha_p=0.8)
    weights, _ = weigh(
        weighting,
        torch.stack([g_c, g_d]) @ torch.stack([g_c, g_d]).T,
        rho,
        sigma,
    )
    k, p = weighting.modulate(rho, sigma)
    hat_c, hat_d = k * g_c, p * g_d
    inner = hat_c @ hat_d
    assert inner < 0
    if rho / sigma > 1:
        hat_c, protected = hat_c - inner / (hat_d @ hat_d) * hat_d, hat_d
        projected = hat_c
    else:
        hat_d, protected = hat_d - inner / (hat_c @ hat_c) * hat_c, hat_c
        projected = hat_d
    assert abs(projected @ protected) < 1e-12
    torch.testing.assert_close(
        weights[0] * g_c + weights[1] * g_d, hat_c + hat_d
    )


@pytest.mark.parametrize('scale', [1e-6, 1e6])
def test_weights_do_not_depend_on_a_common_scale(scale):
    weighting = GMPWeighting()
    weights, _ = weigh(weighting, make_gramian(*CONFLICT), 1.5, 1.2)
    scaled, _ = weigh(weighting, scale * make_gramian(*CONFLICT), 1.5, 1.2)
    assert scaled == pytest.approx(weights)


@pytest.mark.parametrize('share', [0.0, 1e-7])
def test_vanishing_gradient_conflicts_with_nothing(share):
    g_d = [share * x for x in CONFLICT[1]]
    for pair in ((CONFLICT[0], g_d), (g_d, CONFLICT[0])):
        weights, log = weigh(GMPWeighting(), make_gramian(*pair), 1.0, 1.0)
        assert weights == (1.0, 1.0)
        assert log['conflict'] == log['cosine'] == 0


def test_neutral_setting_is_the_plain_sum():
    weighting = GMPWeighting(alpha_k=0, alpha_p=0, projection='none')
    weights, _ = weigh(weighting, make_gramian(*CONFLICT), 3.0, 4.0)
    assert weights == (1.0, 1.0)


def test_single_task_is_only_modulated():
    weights, log = weigh(GMPWeighting(), torch.ones(1, 1), 2.0, 1.0)
    assert weights == (1 - math.tanh(1.0),)
    assert log.keys() == {'rho', 'k'}


CONFIDENCES = {
    'semantic_confidence.video': 0.6,
    'semantic_confidence.audio': 0.3,
    'domain_confidence.video': 0.2,
    'domain_confidence.audio': 0.5,
}


def test_ratios_come_from_the_confidences():
    matrix = make_gramian(*CONFLICT)
    # The domain task is first, and a third task is in between.
    rows = torch.stack([matrix[1], matrix[0] * 0, matrix[0]])
    matrix = torch.stack([rows[:, 1], rows[:, 0] * 0, rows[:, 0]], 1)
    matrix[1, 1] = 3.0
    gramian = TaskGramian(('domain', 'plain', 'semantic'), matrix)
    weighting = GMPWeighting()
    weights, log = weighting(dict(video=gramian, audio=gramian), CONFIDENCES)
    for modality, rho, sigma in (('video', 2.0, 2.5), ('audio', 0.5, 0.4)):
        expected, figures = weigh(
            weighting, make_gramian(*CONFLICT), rho, sigma
        )
        found = dict(zip(gramian.tasks, weights[modality]))
        assert found == pytest.approx(
            dict(semantic=expected[0], domain=expected[1], plain=1.0)
        )
        for name, value in figures.items():
            assert log[f'gmp/{name}.{modality}'] == pytest.approx(value)


def test_tasks_that_do_not_reach_an_encoder_have_no_part():
    one = torch.ones(1, 1, dtype=torch.float64)
    gramians = dict(
        video=TaskGramian(('domain',), one),
        audio=TaskGramian(('semantic',), one),
        flow=TaskGramian((), one[:0, :0]),
    )
    statistics = {
        **CONFIDENCES,
        'semantic_confidence.flow': 0.9,
        'domain_confidence.flow': 0.9,
    }
    weights, log = GMPWeighting()(gramians, statistics)
    sigma = (0.5 + 0.9) / 2 / 0.2
    assert weights['video'] == [pytest.approx(1 - math.tanh(0.5 * sigma))]
    assert weights['audio'] == [1.0]
    assert weights['flow'] == []
    assert log.keys() == {
        'gmp/sigma.video',
        'gmp/p.video',
        'gmp/rho.audio',
        'gmp/k.audio',
    }


def test_modality_without_gradients_is_compared():
    # As of a video encoder alone; the others are not weighted.
    gramian = TaskGramian(('semantic', 'domain'), make_gramian(*AGREEMENT))
    statistics = {
        **CONFIDENCES,
        'semantic_confidence.flow': 0.1,
        'domain_confidence.flow': 0.1,
    }
    weights, log = GMPWeighting()(dict(video=gramian), statistics)
    assert weights.keys() == {'video'}
    assert log['gmp/rho.video'] == pytest.approx(0.6 / 0.2)
    assert log['gmp/sigma.video'] == pytest.approx(0.3 / 0.2)
    assert all(key.endswith('.video') for key in log)
    keys = dict(semantic=dict(video='v', audio='a_loss'))
    _, log = GMPWeighting(confidences=keys)(
        dict(video=gramian), dict(statistics, v=0.5, a_loss=math.log(4))
    )
    assert log['gmp/rho.video'] == pytest.approx(0.5 / 0.25)


def test_confidences_of_another_task_are_named():
    with pytest.raises(ValueError, match=r"`confidences`.*\['style'\]"):
        GMPWeighting(confidences=dict(style={}))


@pytest.mark.parametrize(
    'argument',
    [
        dict(alpha_k=-0.1),
        dict(alpha_p=math.nan),
        dict(modulation='coupled'),
        dict(projection='gmp'),
    ],
)
def test_argument_out_of_range_is_named(argument):
    name, value = next(iter(argument.items()))
    with pytest.raises(ValueError, match=f'`{name}`.*{value}'):
        GMPWeighting(**argument)
