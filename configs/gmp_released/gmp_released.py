# python tools/train.py configs/gmp_released/gmp_released.py --dataset mini_hac --target cartoon --test
# The released code of the authors with its two defects. configs/gmp/README.md
# lists its differences from the paper, and what is not reproduced.
_base_ = '../gmp/gmp.py'

order = [m for m in ('video', 'flow', 'audio') if m in _base_.modalities]
classifier = dict(
    # One linear head per modality; its loss also trains the encoder.
    unimodal='auxiliary',
    detach_auxiliary=False,
    auxiliary_loss_weight=3.0,
    # Defect: with flow, evaluation uses another order than training.
    fusion=dict(type='ReleasedConcatFusion', eval_order=_base_.modalities),
)
model = dict(modalities=order, cls_head=dict(classifier=classifier))
# The fused loss is neither modulated nor projected.
tasks = dict(fused=['loss_cls'], semantic=['loss_cls.*'])
if len(_base_.sources) > 1:
    adversary = dict(
        _delete_=True,
        # Defect: the discriminator is not trained and stays random.
        type='ReleasedUnimodalDomainAdversarial',
        reversal_weight=0.3,
        loss_weight=0.5,
    )
    model['objectives'] = dict(domain=adversary)
    tasks['domain'] = ['loss_domain.*']
optim_wrapper = dict(tasks=tasks)
work_dir = f'work_dirs/gmp_released/{_base_.setting}'
