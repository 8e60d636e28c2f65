"""Claims about a second stage: on new data, or on a task with few sentences."""

from typing import Literal

from mtl_core.analysis.claim_rules import Arm, Better, Keeps, KeepsMore, Loses
from mtl_core.lessons.claim import Chapter, Claim
from mtl_core.lessons.claim_list.arms import ACCURACY, F1, METRICS
from mtl_core.lessons.experiments import POSTS
from mtl_core.tasks.dataset import SAMPLE

_STABILITY = "Selective stability: a frozen head retains its performance while the rest adapts"
_STAGED = "Staged fine-tuning: freeze a head and train the rest on new data without harming it"
_IMBALANCE = "Imbalance handling: lock the strong head, focus training on the weaker task"
_FORGETS = "All layers at once causes forgetting"
_PREVENTS = "Staged unfreezing reduces the risk of catastrophic forgetting"
_HIGH_RATE = "A high learning rate causes forgetting"
_EQUAL_GAIN = (
    "same starting model, posts and passes over the new task; with both losses there are more "
    "steps. Both arms are compared where their validation loss has fallen by the same amount, for "
)

_TaskName = Literal["sentiment", "ner"]
_MARGINS = {"sentiment": ACCURACY, "ner": F1}
_WORDS = {"sentiment": "sentiment", "ner": "entities"}
_OTHER: dict[str, _TaskName] = {"sentiment": "ner", "ner": "sentiment"}
_ALONE = {  # by the task that is trained
    "sentiment": Arm(experiment="posts after reviews", scenario="sentiment alone"),
    "ner": Arm(experiment="entities after reviews", scenario="entities alone"),
}


def _stage(scenario: str) -> Arm:
    return Arm(experiment="posts after reviews", scenario=scenario)


def _keeps(task: _TaskName, order: str = "posts after reviews") -> Claim:
    new, old = order.split(" after ")
    reverse = new == "reviews"
    return Claim(
        id=f"frozen-head-{task}" + ("-of-posts" if reverse else ""),
        sentence=f"With its head frozen and its loss on, a task keeps its score on {old} while the "
        f"rest is trained on {new} ({_WORDS[task]}).",
        statement=_STABILITY,
        tested=f"{METRICS[task]} on {old}, after minus before training on {new} with the head "
        f"frozen and its loss on. A loss of up to {_MARGINS[task]:g} is allowed",
        control=f"the same model and test {old} before and after. That the frozen head is the "
        "cause is not tested here: see “forgotten less if its head is frozen”",
        chapter=Chapter.FORGETTING,
        rule=Keeps(
            task=task,
            arm=Arm(experiment=order, scenario=f"freeze-head:{task}"),
            allowed=_MARGINS[task],
            data=POSTS if reverse else SAMPLE,
        ),
        stated_effect=0.0,
    )


def _keeps_more(
    name: str, task: _TaskName, sentence: str, statement: str, arms: tuple[Arm, Arm, str]
) -> Claim:
    arm, against, words = arms
    new = _OTHER[task]
    return Claim(
        id=f"{name}-{task}",
        sentence=sentence,
        statement=statement,
        tested=f"{METRICS[task]} on reviews after training on posts: {words}",
        control=f"{_EQUAL_GAIN}{_WORDS[new]}",
        chapter=Chapter.FORGETTING,
        rule=KeepsMore(
            task=task,
            new_task=new,
            arm=arm,
            against=against,
            data=SAMPLE,
            margin=_MARGINS[task],
        ),
        stated_effect=0.05 if task == "sentiment" else 0.10,
    )


def _frozen_or_learning(task: _TaskName) -> Claim:
    return _keeps_more(
        "frozen-or-learning",
        task,
        f"A task is forgotten less if its head is frozen than if it is trained ({_WORDS[task]}).",
        _STAGED,
        (
            _stage(f"freeze-head:{task}"),
            _stage("both losses"),
            "head frozen minus head trained, its loss on",
        ),
    )


def _loss_on(task: _TaskName) -> Claim:
    return _keeps_more(
        "loss-on",
        task,
        f"With its head frozen, a task is forgotten less if its loss stays on ({_WORDS[task]}).",
        _STAGED,
        (
            _stage(f"freeze-head:{task}"),
            _ALONE[_OTHER[task]],
            "head frozen with its loss on, minus its loss off, where the head gets no gradient",
        ),
    )


def _focus(strong: _TaskName) -> Claim:
    weak = _OTHER[strong]
    frozen = _imbalance(strong, weak)
    experiment = "few entities" if strong == "sentiment" else "few labels"
    return frozen.model_copy(
        update={
            "id": f"imbalance-focus-{weak}",
            "sentence": "The weak task improves if the head of the strong task is frozen and its "
            f"loss is off ({_WORDS[weak]}).",
            "tested": f"{frozen.tested.rpartition(':')[0]}: head of {_WORDS[strong]} frozen, its "
            "loss off, minus both trained",
            "control": f"both start from the same model, which was trained on {_WORDS[strong]} "
            "alone; same number of steps, all of them on the weak task if the loss is off. "
            "Freezing the head then has no effect of its own: it gets no gradient",
            "rule": Better(
                task=weak,
                arm=Arm(experiment=experiment, scenario=f"freeze-head:{strong}, its loss off"),
                against=Arm(experiment=experiment, scenario="full"),
                margin=_MARGINS[weak],
            ),
        }
    )


def _imbalance(strong: _TaskName, judged: _TaskName) -> Claim:
    experiment = "few entities" if strong == "sentiment" else "few labels"
    is_strong = strong == judged
    sentence = (
        f"Freezing the head of the strong task keeps its score higher ({_WORDS[judged]})."
        if is_strong
        else f"Freezing the head of the strong task improves the weak one ({_WORDS[judged]})."
    )
    return Claim(
        id=f"imbalance-{'strong' if is_strong else 'weak'}-{judged}",
        sentence=sentence,
        statement=_IMBALANCE,
        tested=f"{METRICS[judged]} after training on 400 sentences of {_WORDS[strong]} and 50 of "
        f"{_WORDS[_OTHER[strong]]}: head of {_WORDS[strong]} frozen minus trained",
        control=f"both start from the same model, which was trained on {_WORDS[strong]} alone; "
        "same sentences and epochs, both losses on. The strong task repeats the sentences of the "
        "first stage",
        chapter=Chapter.FORGETTING,
        rule=Better(
            task=judged,
            arm=Arm(experiment=experiment, scenario=f"freeze-head:{strong}"),
            against=Arm(experiment=experiment, scenario="full"),
            margin=_MARGINS[judged],
            if_lost=is_strong,
        ),
        stated_effect=0.05 if judged == "sentiment" else 0.08,
    )


SECOND_STAGE_CLAIMS: tuple[Claim, ...] = (
    _keeps("ner"),
    _keeps("sentiment"),
    _keeps("ner", "reviews after posts"),
    _keeps("sentiment", "reviews after posts"),
    _frozen_or_learning("ner"),
    _frozen_or_learning("sentiment"),
    _loss_on("ner"),
    _loss_on("sentiment"),
    _imbalance("sentiment", "sentiment"),
    _imbalance("sentiment", "ner"),
    _imbalance("ner", "ner"),
    _imbalance("ner", "sentiment"),
    _focus("sentiment"),
    _focus("ner"),
    Claim(
        id="all-at-once-forgets",
        sentence="Training all layers at once on new data forgets the other task.",
        statement=_FORGETS,
        tested="NER entity F1 on reviews, before minus after training all layers on the sentiment "
        "of posts alone",
        control="the same model and test reviews before and after",
        chapter=Chapter.FORGETTING,
        rule=Loses(task="ner", arm=_stage("sentiment alone"), margin=F1, data=SAMPLE),
        stated_effect=0.10,
    ),
    _keeps_more(
        "gradual-forgets-less",
        "ner",
        "Unfreezing all layers one by one forgets less than training all at once.",
        _PREVENTS,
        (
            Arm(experiment="gradual after reviews", scenario="gradual"),
            Arm(experiment="gradual after reviews", scenario="all at once"),
            "gradual over all layers minus all at once, nine epochs and the rates of full each",
        ),
    ),
    _keeps_more(
        "high-rate-forgets",
        "ner",
        "A higher learning rate causes more forgetting.",
        _HIGH_RATE,
        (
            _stage("sentiment alone"),
            _stage("sentiment alone, higher rate"),
            "at the tuned rate minus at three times that rate",
        ),
    ),
)
