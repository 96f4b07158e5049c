# python tools/train.py configs/erm/erm.py --dataset mini_hac --target cartoon --test
# Classification alone, on all sources together.
_base_ = '../_base_/setting.py'

work_dir = f'work_dirs/erm/{_base_.setting}'
