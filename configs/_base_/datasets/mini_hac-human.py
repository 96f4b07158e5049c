# The unseen target is human.
_base_ = './mini_hac.py'

sources, target = ['animal', 'cartoon'], ['human']

train_dataloader = dict(dataset=dict(domains=sources))
val_dataloader = dict(dataset=dict(domains=sources))
test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
