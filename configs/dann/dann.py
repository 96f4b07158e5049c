# python tools/train.py configs/dann/dann.py --dataset mini_hac --target cartoon --test
# A domain discriminator behind a gradient reversal layer. With a single source
# there are no domains to distinguish, and this is ERM.
_base_ = '../_base_/setting.py'

if len(_base_.sources) > 1:
    # reversal_weight is lambda. A larger value makes the features of the
    # domains more alike, at the cost of accuracy on the sources.
    adversary = dict(type='DomainAdversarial', reversal_weight=0.3)
    model = dict(objectives=dict(domain=adversary))
work_dir = f'work_dirs/dann/{_base_.setting}'
