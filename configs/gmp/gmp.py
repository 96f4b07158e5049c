# python tools/train.py configs/gmp/gmp.py --dataset mini_hac --target cartoon --test
_base_ = '../dann/dann.py'

optim_wrapper = dict(
    type='GMPOptimWrapper',
    alpha_k=0.5,  # 0 leaves the stronger modality's classes alone
    alpha_p=0.5,  # 0 leaves the more invariant modality's domains alone
)
work_dir = f'work_dirs/gmp/{_base_.setting}'
