"""What a process that trains needs in its environment, before torch is first imported."""

ENVIRONMENT = {
    # Waiting threads sleep: spinning ones starve a server, and each other, on busy cores.
    "OMP_WAIT_POLICY": "PASSIVE",
    "KMP_BLOCKTIME": "0",
    # oneDNN makes code for each shape of a matrix and keeps it: a step's own shapes are enough.
    # Its defaults, 1,024 shapes each, hold half a gigabyte.
    "LRU_CACHE_CAPACITY": "16",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
    # Sentences are encoded before training, in one go; threads left behind would only warn.
    "TOKENIZERS_PARALLELISM": "false",
    # Nothing is downloaded: what a hub id means is looked up in the local cache.
    "HF_HUB_OFFLINE": "1",
}
