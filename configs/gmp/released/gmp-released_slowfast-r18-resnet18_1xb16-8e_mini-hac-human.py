# python tools/train.py configs/gmp/released/gmp-released_slowfast-r18-resnet18_1xb16-8e_mini-hac-human.py \
#     --test
# The same for another unseen domain.
_base_ = './gmp-released_slowfast-r18-resnet18_1xb16-8e_mini-hac-cartoon.py'

sources, target = ['animal', 'cartoon'], ['human']

train_dataloader = dict(dataset=dict(domains=sources))
val_dataloader = dict(dataset=dict(domains=sources))
test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
