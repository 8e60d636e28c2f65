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
    STARTS_FROM = "starts_from"
    LABEL_NOISE = "label_noise"  # on Compare with the task's name behind it
    RANDOM_BACKBONE = "random_backbone"
    ALSO_EVALUATE = "also_evaluate"

    RUN = "run"  # the run a page shows; a query parameter too
    START = "start"
    STOP = "stop"
    NEW_RUN = "new_run"
    WATCH = "watch"
    DELETE = "delete"
    UNDO = "undo"
    DELETED = "deleted"  # what was deleted last; a query parameter, so that it goes with the page
    RUN_AGAIN = "run_again"
    CHANGE_AND_RUN = "change_and_run"
    GO_ON = "go_on"
    FROM_CHECKPOINT = "from_checkpoint"  # the button that lets the next run go on from no other
    MORE_SETTINGS = "more_settings"
    RUN_TITLE = "run_title"  # with the run's id behind it, as is the next
    RUN_TAGS = "run_tags"
    SAVE_NAME = "save_name"
    PAST_RUNS = "past_runs"
    SHIPPED_RUNS = "shipped_runs"  # the fold with those that came with the product
    RUNS_FILTER = "runs_filter"
    TAGS_FILTER = "tags_filter"
    LAST_START = "_last_start"  # what was started last and when: a double click starts one run

    UPLOAD_TASKS = "upload_tasks"  # how many tasks the form for files has
    USE_UPLOAD = "use_upload"
    FORGET_UPLOAD = "forget_upload"
    TRAIN_DATA = "train_data"  # the button that leads from Data to Train

    RUNS = "runs"  # the runs compared; a query parameter too, ids separated by commas
    COMPARED = "_compared"  # the same, kept across pages
    X_AXIS = "x_axis"
    LOSSES = "losses"
    SMOOTHING = "smoothing"
    IN_COLOR = "in_color"
    COMPARISON = "comparison"  # the comparison shown; a query parameter too
    COMPARISON_SHOWN = "_comparison_shown"  # the same, kept across pages; empty: single runs
    LAST_COMPARISON = "_last_comparison"  # what was started last and when
    FIRST_COMPARISON = "first_comparison"
    NEW_COMPARISON = "new_comparison"  # with the comparison started last behind it
    START_COMPARISON = "start_comparison"
    STOP_COMPARISON = "stop_comparison"
    RESUME_COMPARISON = "resume_comparison"
    SCENARIOS = "scenarios"
    SEEDS = "seeds"
    BUDGET = "budget"
    LENGTH = "length"  # with the budget's unit behind it
    EXAMPLES = "examples"
    SWEEP = "sweep"
    TRIED_RATES = "tried_rates"
    TRIED_TABLE = "tried_table"
    OTHER_DATA = "other_data"
    RANDOM_ENCODER = "random_encoder"  # of a comparison
    MORE_OF_COMPARISON = "more_of_comparison"
    COMPARISON_NAME = "comparison_name"  # of a new one
    COMPARISON_TITLE = "comparison_title"  # of the one shown, with its id behind it
    SAVE_COMPARISON_TITLE = "save_comparison_title"
    DELETE_COMPARISON = "delete_comparison"
    SCORES = "scores"
    COST_AXIS = "cost_axis"
    PLANS_TABLE = "plans_table"
    SIZES_TABLE = "sizes_table"  # with the task's name behind it
    MOVEMENT = "movement"
    INSIDE = "inside"
    COSINES = "cosines"  # with the number of the pair behind it
    CONVERGENCE = "convergence"
    FORGOTTEN = "forgotten"
    ELSEWHERE = "elsewhere"  # with the number of the data behind it
    TASK_READ = "task_read"
    FIRST_READ = "first_read"
    SECOND_READ = "second_read"
    CHANGED = "changed"
    FIRST_PLAN = "first_plan"
    SECOND_PLAN = "second_plan"
    ONLY_DIFFERENT = "only_different"
    TO_TRAIN = "to_train"
    UPDATE = "update"
    EXPORT_NOTE = "export_note"
    EXPORT_ZIP = "export_zip"
    EXPORT_MODEL = "export_model"

    TEXT = "text"  # the sentence that models answer; a query parameter too
    ASKED_MODELS = "asked_models"
    EXAMPLE_TEXT = "example_text"
    TO_PREDICT = "to_predict"  # the button that leads from an ended run to Predict
    FIND_DISAGREEMENTS = "find_disagreements"
    DISAGREEMENTS = "disagreements"
    ASKED = "_asked"  # the models, kept across pages, as is the next
    ASKED_TEXT = "_asked_text"
    SOUGHT = "_sought"  # the models whose disagreements were asked for

    SHOT = "shot"  # a query parameter: the page as a picture

    OWN_WORDS = "own_words"  # words to cut by the tokenizers that are here
    FREEZE_CHOSEN = "freeze_chosen"

    GUIDE_PART = "guide_part"
    VERDICTS = "verdicts"
    CHAPTER = "chapter"
    ALL_VERDICTS = "all_verdicts"
    ALL_TEXT = "all_text"
    STOP_TEST = "stop_test"

    TRAIN_PLAN = "train_plan"  # the button that leads from Freeze to Train
    SEE_COMPARISON = "see_comparison"  # a button of the landing
    MORE = "more"
    TOP_LAYERS = "top_layers"
    OTHER_SCENARIOS = "other_scenarios"
    GENTLER = "gentler"
    BEGIN_FROM = "begin_from"
    PLAN_FILE = "plan_file"  # with the count of files used behind it
    PLAN_TEXT = "plan_text"
    EXPORT_PLAN = "export_plan"
    UNDO_EDIT = "undo_edit"
    REDO_EDIT = "redo_edit"
    ADD_PHASE = "add_phase"
    REMOVE_PHASE = "remove_phase"
    MOVE_EARLIER = "move_earlier"
    MOVE_LATER = "move_later"
    PHASE_NAME = "phase_name"
    PHASE_EPOCHS = "phase_epochs"
    PHASE_RATE = "phase_rate"
    PHASE_HEAD_RATE = "phase_head_rate"
    PLAN_NAME = "plan_name"
    PLAN_RATE = "plan_rate"
    PLAN_HEAD_RATE = "plan_head_rate"
    PLAN_SCHEDULE = "plan_schedule"
    PLAN_DECAY = "plan_decay"
    PLAN_STACK = "plan_stack"  # with the count of clicks behind it
    PLAN_BLOCKS = "plan_blocks"
    LIFT_RULE = "lift_rule"
    TRY_RULE = "try_rule"
    ADD_RULE = "add_rule"
    FREEZE_RULE = "freeze_rule"

    STATE_FILTER = "state_filter"
    GROUP_FILTER = "group_filter"
    TEXT_FILTER = "text_filter"
    PARAMETERS = "parameters"
    STACK = "stack"
    SHARES = "shares"
    RATES = "rates"
    COST = "cost"
    RATES_OVER_RUN = "rates_over_run"

    CHOICE = "_choice"  # the Choice itself, kept across pages
    LAST_CHECKPOINT = "_last_checkpoint"  # the last one that could be described
    DRAFT = "_draft"  # a plan's text that could not be used
    PLAN_HISTORY = "_plan_history"  # the plans before and after, for undo and redo
    PLAN_PROBLEM = "_plan_problem"  # where the last edit went wrong, and why
    PLAN_HELD = "_plan_held"  # the block clicked last that a rule of `freeze` holds
    PLAN_CLICKS = "_plan_clicks"  # clicks on the picture so far
    PLAN_FILES = "_plan_files"  # plan files used so far
    PAGE = "_page"  # which page was drawn last
    PAGE_IS_NEW = "_page_is_new"  # whether this run is the first of a page
    IGNORED = "_ignored"  # notes on values that were ignored
    GUESSES = "_guesses"  # what the reader of the guide guessed, by claim
    TEST_PROBLEM = "_test_problem"  # why the last test of a claim could not be queued
    UPLOAD_SEEN = "_upload_seen"  # the files looked at last, and what was found in them
    UPLOAD_PROBLEM = "_upload_problem"  # why the last click on keep or forget came to nothing


def freeze_key(checkpoint: str) -> str:
    """The key of a card's button that leads to Freeze with its checkpoint: `freeze_biobert`."""
    return f"freeze_{checkpoint}"


def upload_key(task: int, field: str) -> str:
    """The key of one widget of the form for files: `upload_1_name`; tasks count from 1."""
    return f"upload_{task}_{field}"


def rule_key(kind: str, place: int) -> str:
    """The key of the button that takes a rule away: `remove_train_0`, `remove_freeze_0`."""
    return f"remove_{kind}_{place}"


def weight_key(task: str) -> str:
    """The key of the field for a task's weight: `weight_ner`."""
    return f"weight_{task}"


def noise_key(task: str) -> str:
    """The key of Train's field for a task's share of wrong labels: `noise_ner`."""
    return f"noise_{task}"


def comparison_option_key(name: str) -> str:
    """The key of New comparison's field for an option of its runs: `comparison_weight_decay`."""
    return Key.RANDOM_ENCODER if name == Key.RANDOM_BACKBONE else f"comparison_{name}"


def claim_key(what: str, claim: str) -> str:
    """The key of one widget of a claim: `guess_gradual`, `test_gradual`, `runs_gradual`."""
    return f"{what}_{claim}"
