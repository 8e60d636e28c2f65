"""Predict: sentences tried on finished runs, side by side with the model before training."""

from mtl_core.engine.lab import the_lab
from mtl_core.ui.predict.models import candidates
from mtl_core.ui.predict.predict_view import nothing_to_ask, predict_page
from mtl_core.ui.shared.choice import current_choice
from mtl_core.ui.shared.chosen import chosen_by_visitor
from mtl_core.ui.shared.origin_guard import through_the_front_door
from mtl_core.ui.shared.page import current_palette
from mtl_core.ui.shared.shot import frame

through_the_front_door()
lab, colors = the_lab(), current_palette()
known, missing = candidates(lab)
if known:
    current_choice()
    with frame():
        predict_page(lab, known, missing, colors)
else:
    nothing_to_ask(lab, chosen_by_visitor(lab), missing, colors)
