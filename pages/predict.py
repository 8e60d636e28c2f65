"""Predict: the predictions of finished runs for a sentence, next to the untrained model."""

from mtl_core.engine.lab import the_lab
from mtl_core.ui.predict.models import candidates
from mtl_core.ui.predict.predict_view import no_model_page, predict_page
from mtl_core.ui.shared.choice import current_choice
from mtl_core.ui.shared.page import current_palette, require_app_entry
from mtl_core.ui.shared.resolved_choice import resolve_choice
from mtl_core.ui.shared.shot import frame

require_app_entry()
lab, colors = the_lab(), current_palette()
known, missing = candidates(lab)
if known:
    current_choice()
    with frame():
        predict_page(lab, known, missing, colors)
else:
    no_model_page(lab, resolve_choice(lab), missing, colors)
