# python tools/train.py configs/gmp/gmp.py --dataset mini_hac --target cartoon --test
_base_ = '../dann/dann.py'

optim_wrapper = dict(
    type='GMPOptimWrapper',
    alpha_k=0.5,  # 0 turns the modulation of classification off
    alpha_p=0.5,  # 0 turns the modulation of the domain task off
)
work_dir = f'work_dirs/gmp/{_base_.setting}'
