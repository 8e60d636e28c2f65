"""Names of widget keys, query parameters and other session state."""

from enum import StrEnum


class Key(StrEnum):
    """Widget keys and session keys of all pages.

    In the first group, the widget key, the query parameter and the field of `Choice` have the same
    name.
    """

    CHECKPOINT = "checkpoint"
    SCENARIO = "scenario"
    LEAVE_PLAN = "leave_plan_for"
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
    LABEL_NOISE = "label_noise"  # on Compare followed by the task's name
    RANDOM_BACKBONE = "random_backbone"
    ALSO_EVALUATE = "also_evaluate"
    SENTENCE_VECTOR = "sentence_vector"

    RUN = "run"  # the run shown on a page; also a query parameter
    START = "start"
    STOP = "stop"
    NEW_RUN = "new_run"
    USE_EMBEDDED = "use_embedded"  # button: the included checkpoint, if weights are missing
    WATCH = "watch"
    DELETE = "delete"
    UNDO = "undo"
    DELETED = "deleted"  # the item deleted last; a query parameter, so it is cleared with the page
    RESUME_RUN = "resume_run"
    FORM_COMMAND = "form_command"  # popover: the command line of a form
    RUN_AGAIN = "run_again"
    RUN_HEADLINE = "run_headline"  # has styles, as the next
    LOSS_TITLE = "loss_title"  # followed by the task's name
    CHANGE_AND_RUN = "change_and_run"
    CONTINUE_RUN = "go_on"
    FROM_CHECKPOINT = "from_checkpoint"  # button: start the next run from the checkpoint
    MORE_SETTINGS = "more_settings"
    RUN_TITLE = "run_title"  # followed by the run's id, as is the next
    RUN_TAGS = "run_tags"
    SAVE_NAME = "save_name"
    PAST_RUNS = "past_runs"
    SHIPPED_RUNS = "shipped_runs"  # the expander with the shipped runs
    RUNS_FILTER = "runs_filter"
    TAGS_FILTER = "tags_filter"
    LAST_START = "_last_start"  # the last start and its time, so a double click starts one run

    UPLOAD_TASKS = "upload_tasks"  # the number of tasks in the upload form
    UPLOAD_NAME = "upload_name"  # of the data set
    USE_UPLOAD = "use_upload"
    DELETE_UPLOAD = "delete_upload"
    TRAIN_DATA = "train_data"  # button: from Data to Train

    VISITOR = "_visitor"  # the value in place of the cookie, where there is none
    TEACHER_KEY = "teacher_key"
    ENTER_TEACHER_KEY = "enter_teacher_key"
    LEAVE_AS_TEACHER = "leave_as_teacher"
    PAUSE_QUEUE = "pause_queue"
    CLEAR_QUEUE = "clear_queue"
    SHOW_HIDDEN = "show_hidden"  # button: shows hidden comparisons again
    MORE_RUNS = "more_runs"  # button: lists older runs
    RUNS_LISTED = "_runs_listed"  # how many ended runs are listed

    RUNS = "runs"  # the compared runs; also a query parameter, ids separated by commas
    COMPARED = "_compared"  # the same, stored across pages
    X_AXIS = "x_axis"
    LOSSES = "losses"
    SMOOTHING = "smoothing"
    IN_COLOR = "in_color"
    COMPARISON = "comparison"  # the comparison shown; also a query parameter
    COMPARISON_SHOWN = "_comparison_shown"  # the same, stored across pages; empty: single runs
    LAST_COMPARISON = "_last_comparison"  # the last start and its time
    FIRST_COMPARISON = "first_comparison"
    NEW_COMPARISON = "new_comparison"  # followed by the comparison started last
    START_COMPARISON = "start_comparison"
    STOP_COMPARISON = "stop_comparison"
    RESUME_COMPARISON = "resume_comparison"
    SCENARIOS = "scenarios"
    ADD_ARM = "add_arm"  # button: a plan or run to the plans to compare
    ARMS = "_arms"  # the collected plans by number, stored across pages
    ARMS_IN_ADDRESS = "arms"  # a query parameter of Compare: the same as JSON
    CLEAR_ARMS = "clear_arms"
    EDIT_ARMS = "edit_arms"  # button: lists the selected scenarios as plans that can be edited
    SEEDS = "seeds"
    BUDGET = "budget"
    LENGTH = "length"  # followed by the budget's unit
    EXAMPLES = "examples"
    SWEEP = "sweep"
    TRIED_RATES = "tried_rates"
    TRIED_TABLE = "tried_table"
    OTHER_DATA = "other_data"
    RANDOM_ENCODER = "random_encoder"  # of a comparison
    SEPARATE_RUNS = "separate_runs"
    MARGIN = "margin"
    MORE_SEEDS = "more_seeds"
    REFERENCE = "reference"
    MORE_OF_COMPARISON = "more_of_comparison"
    COMPARISON_NAME = "comparison_name"  # of a new one
    COMPARISON_TITLE = "comparison_title"  # of the one shown, followed by its id
    SAVE_COMPARISON_TITLE = "save_comparison_title"
    DELETE_COMPARISON = "delete_comparison"
    COST_AXIS = "cost_axis"
    PLANS_TABLE = "plans_table"
    SIZES_TABLE = "sizes_table"  # followed by the task's name
    MOVEMENT = "movement"
    INSIDE = "inside"
    COSINES = "cosines"  # followed by the number of the pair
    CONVERGENCE = "convergence"
    LEFT_OUT_TASKS = "forgotten"
    OTHER_DATA_SCORES = "elsewhere"  # followed by the number of the data
    TASK_OF_ERRORS = "task_read"
    FIRST_PLAN_OF_ERRORS = "first_read"
    SECOND_PLAN_OF_ERRORS = "second_read"
    CHANGED = "changed"
    FIRST_PLAN = "first_plan"
    SECOND_PLAN = "second_plan"
    ONLY_DIFFERENT = "only_different"
    TO_TRAIN = "to_train"
    UPDATE = "update"
    EXPORT_NOTE = "export_note"
    EXPORT_ZIP = "export_zip"
    EXPORT_MODEL = "export_model"
    EXPORT_DATA = "export_data"  # whether the zip contains the data

    TEXT = "text"  # the input sentence; also a query parameter
    SELECTED_MODELS = "asked_models"
    EXAMPLE_TEXT = "example_text"
    TO_PREDICT = "to_predict"  # button: from a finished run to Predict
    FIND_DISAGREEMENTS = "find_disagreements"
    DISAGREEMENTS = "disagreements"
    LAST_MODELS = "_asked"  # the selected models, stored across pages, as is the next
    LAST_TEXT = "_asked_text"
    WORD_EFFECTS = "word_effects"  # button: leaves out each word
    SHOW_WORD_EFFECTS = "_word_effects"  # whether the effects of the words are shown
    SHOW_DISAGREEMENTS = "_sought"  # whether the disagreements are shown

    SHOT = "shot"  # a query parameter: screenshot mode

    OWN_WORDS = "own_words"  # the visitor's words for the tokenizers
    FREEZE_CHOSEN = "freeze_chosen"

    GUIDE_PART = "guide_part"  # also a query parameter
    TO_DECISIONS = "to_decisions"  # button: from the chapters to the page on verdicts
    LOOKS = "looks"
    VERDICTS = "verdicts"
    CHAPTER = "chapter"
    ALL_VERDICTS = "all_verdicts"
    ALL_TEXT = "all_text"
    STOP_TEST = "stop_test"

    TRAIN_PLAN = "train_plan"  # button: from Freeze to Train
    SEE_COMPARISON = "see_comparison"  # button of the introduction
    PLAY = "play"  # a query parameter: the runs of Play, ids separated by a comma
    PLAY_BUTTON = "play_button"
    WARMED_UP = "_warmed_up"  # whether this session has started the trainer in advance
    CLOSE_PLAY = "close_play"
    MORE = "more"
    TOP_LAYERS = "top_layers"
    OTHER_SCENARIOS = "other_scenarios"
    GENTLE_DECAY = "gentler"
    START_SCENARIO = "begin_from"
    PLAN_FILE = "plan_file"  # followed by the number of files used so far
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
    PHASE_THAWED_RATE = "phase_thawed_rate"
    PLAN_NAME = "plan_name"
    PLAN_RATE = "plan_rate"
    PLAN_HEAD_RATE = "plan_head_rate"
    PLAN_SCHEDULE = "plan_schedule"
    PLAN_DECAY = "plan_decay"
    PLAN_BLOCKS = "plan_blocks"
    UNFREEZE = "lift_rule"
    TRY_RULE = "try_rule"
    ADD_RULE = "add_rule"
    FREEZE_RULE = "freeze_rule"

    STATE_FILTER = "state_filter"
    GROUP_FILTER = "group_filter"
    TEXT_FILTER = "text_filter"
    PARAMETERS = "parameters"
    STACK = "stack"  # followed by the number of clicks so far
    EDIT_BLOCK = "edit_block"  # button: freezes or trains the selected block
    SHARES = "shares"
    RATES = "rates"
    COST = "cost"
    GPU = "gpu"
    SCHEDULE = "rates_over_run"

    CHOICE = "_choice"  # the Choice, stored across pages
    LAST_CHECKPOINT = "_last_checkpoint"  # the last valid checkpoint
    DRAFT = "_draft"  # the text of an invalid plan
    PLAN_HISTORY = "_plan_history"  # the undo history
    PLAN_PROBLEM = "_plan_problem"  # field and message of the last invalid edit
    FROZEN_BLOCK = "_plan_held"  # the clicked block that a `freeze` rule matches
    STACK_CLICKS = "_stack_clicks"  # number of clicks on the diagram
    PLAN_FILES = "_plan_files"  # number of plan files used
    PAGE = "_page"  # the page drawn last
    PAGE_IS_NEW = "_page_is_new"  # whether this is the first run of a page
    IGNORED = "_ignored"  # notes about ignored values
    GUESSES = "guesses"  # the reader's guesses in the guide, by claim; also a query parameter
    TEST_PROBLEM = "_test_problem"  # the error of the last test of a claim
    UPLOAD_SEEN = "_upload_seen"  # digest and content of the files read last
    UPLOAD_PROBLEM = "_upload_problem"  # the error of the last attempt to save or delete an upload


def freeze_key(checkpoint: str) -> str:
    """The key of the button on a checkpoint's card: `freeze_biobert`."""
    return f"freeze_{checkpoint}"


def upload_key(task: int, field: str) -> str:
    """The key of a widget in the upload form: `upload_1_name`; tasks count from 1."""
    return f"upload_{task}_{field}"


def rule_key(kind: str, index: int) -> str:
    """The key of the button that removes a rule: `remove_train_0`, `remove_freeze_0`."""
    return f"remove_{kind}_{index}"


def weight_key(task: str) -> str:
    """The key of the field for a task's weight: `weight_ner`."""
    return f"weight_{task}"


def noise_key(task: str) -> str:
    """The key of the field for a task's share of wrong labels: `noise_ner`."""
    return f"noise_{task}"


def comparison_option_key(name: str) -> str:
    """The key of New comparison's field for an option of its runs: `comparison_weight_decay`."""
    return Key.RANDOM_ENCODER if name == Key.RANDOM_BACKBONE else f"comparison_{name}"


def arm_key(number: int, field: str) -> str:
    """The key of a widget of a collected plan: `arm_1_name`, `arm_1_epochs`, `arm_1_remove`."""
    return f"arm_{number}_{field}"


def claim_key(what: str, claim: str) -> str:
    """The key of a widget of a claim: `guess_gradual`, `test_gradual`, `runs_gradual`."""
    return f"{what}_{claim}"
