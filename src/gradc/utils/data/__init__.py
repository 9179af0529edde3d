"""Datasets, samplers and loaders, as torch.utils.data: the same seed gives the same batches."""

from gradc.utils.data import dataloader, dataset, sampler
from gradc.utils.data.collate import default_collate, default_convert
from gradc.utils.data.dataloader import DataLoader
from gradc.utils.data.dataset import (
    ChainDataset,
    ConcatDataset,
    Dataset,
    IterableDataset,
    StackDataset,
    Subset,
    TensorDataset,
    random_split,
)
from gradc.utils.data.sampler import (
    BatchSampler,
    RandomSampler,
    Sampler,
    SequentialSampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
)
from gradc.utils.data.workers import get_worker_info

__all__ = ["BatchSampler", "ChainDataset", "ConcatDataset", "DataLoader", "Dataset", "IterableDataset",
           "RandomSampler", "Sampler", "SequentialSampler", "StackDataset", "Subset", "SubsetRandomSampler",
           "TensorDataset", "WeightedRandomSampler", "dataloader", "dataset", "default_collate", "default_convert",
           "get_worker_info", "random_split", "sampler"]
