"""Schedulers of the learning rate, by kind; their public place is gradc.optim.lr_scheduler."""
