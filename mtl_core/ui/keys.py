"""Names of what a session keeps: widget keys, query parameters, and state beside the widgets."""

from enum import StrEnum


class Key(StrEnum):
    """Widget keys and session keys, one list for all pages.

    The first group bears the names of `Choice`'s fields: the key of a widget, the name of the
    query parameter and the field are one word.
    """

    CHECKPOINT = "checkpoint"
    SCENARIO = "scenario"
    PHASE = "phase"
    DATA = "data"
    EPOCHS = "epochs"
    BATCH_SIZE = "batch_size"
    MAX_LENGTH = "max_length"
    SEED = "seed"
    LEARNING_RATE = "learning_rate"
    HEAD_LEARNING_RATE = "head_learning_rate"
    PLAN = "plan"

    RUN = "run"  # the run a page shows; a query parameter too
    START = "start"
    STOP = "stop"
    NEW_RUN = "new_run"
    WATCH = "watch"
    DELETE = "delete"
    PAST_RUNS = "past_runs"
    LAST_START = "_last_start"  # what was started last and when: a double click starts one run

    TRAIN_PLAN = "train_plan"  # the button that leads from Freeze to Train
    MORE = "more"
    TOP_LAYERS = "top_layers"
    STATE_FILTER = "state_filter"
    GROUP_FILTER = "group_filter"
    TEXT_FILTER = "text_filter"
    PARAMETERS = "parameters"
    STACK = "stack"
    SHARES = "shares"
    RATES = "rates"

    CHOICE = "_choice"  # the Choice itself, kept across pages
    LAST_CHECKPOINT = "_last_checkpoint"  # the last one that could be described
    DRAFT = "_draft"  # a plan's text that could not be used
    IGNORED = "_ignored"  # notes on values that were ignored
