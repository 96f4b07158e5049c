# python tools/train.py configs/boomda/ablations/boomda-source-only_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py \
#     --test
# Source only: the same source batches and losses, and nothing of the target.
_base_ = '../boomda_slowfast-r18-resnet18_1xb32-8e_mini-hac-cartoon.py'

train_dataloader = dict(batch_size=16, batch_sampler=dict(num_target=0))
