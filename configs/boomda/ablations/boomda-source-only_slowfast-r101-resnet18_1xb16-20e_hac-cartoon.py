# python tools/train.py configs/boomda/ablations/boomda-source-only_slowfast-r101-resnet18_1xb16-20e_hac-cartoon.py \
#     --test
# Source only: the same source batches and losses, and nothing of the target.
_base_ = '../hac/boomda_slowfast-r101-resnet18_1xb32-20e_hac-cartoon.py'

train_dataloader = dict(batch_size=16, batch_sampler=dict(num_target=0))
