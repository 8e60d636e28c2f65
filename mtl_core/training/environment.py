"""Environment variables of a process that trains; set them before torch is imported."""

ENVIRONMENT = {
    # Idle threads sleep: spinning ones slow down the server, and each other, on busy cores.
    "OMP_WAIT_POLICY": "PASSIVE",
    "KMP_BLOCKTIME": "0",
    # oneDNN caches generated code for each shape of a matrix. The shapes of one step are enough;
    # the defaults of 1,024 shapes take half a gigabyte.
    "LRU_CACHE_CAPACITY": "16",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
    # Sentences are encoded once, before training; with threads the tokenizer warns after a fork.
    "TOKENIZERS_PARALLELISM": "false",
    # Nothing is downloaded: hub ids are looked up in the local cache.
    "HF_HUB_OFFLINE": "1",
}
