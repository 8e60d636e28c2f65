"""Environment variables of a process that trains; set them before torch is imported."""

ENVIRONMENT = {
    # An idle thread spins for some microseconds, then it sleeps. A step has hundreds of short
    # parallel sections, and waking a thread takes longer than most gaps between them. A thread that
    # spins on slows down the server, and other threads, on busy cores.
    "GOMP_SPINCOUNT": "10000",
    "KMP_BLOCKTIME": "1",
    # oneDNN caches generated code for each shape of a matrix. The shapes of one step are enough;
    # the defaults of 1,024 shapes take half a gigabyte.
    "LRU_CACHE_CAPACITY": "16",
    "ONEDNN_PRIMITIVE_CACHE_CAPACITY": "16",
    # Sentences are encoded once, before training; with threads the tokenizer warns after a fork.
    "TOKENIZERS_PARALLELISM": "false",
    # Messages are those of Freeze Lab; log lines of transformers name its own options.
    "TRANSFORMERS_VERBOSITY": "critical",
    # Nothing is downloaded: hub ids are looked up in the local cache.
    "HF_HUB_OFFLINE": "1",
}
