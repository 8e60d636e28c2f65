"""Over stored runs: what one run has done so far, and what several say together. No torch."""
