# The unseen target is cartoon.
_base_ = './mini_hac.py'

sources, target = ['human', 'animal'], ['cartoon']

train_dataloader = dict(dataset=dict(domains=sources))
val_dataloader = dict(dataset=dict(domains=sources))
test_dataloader = dict(dataset=dict(domains=target, source_domains=sources))
