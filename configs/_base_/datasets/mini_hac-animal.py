# The unseen target is animal.
_base_ = './mini_hac.py'

sources, target = ['human', 'cartoon'], ['animal']

train_dataloader = dict(dataset=dict(domains=sources))
val_dataloader = dict(dataset=dict(domains=sources))
test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
