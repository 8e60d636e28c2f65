"""Short explanations of the words that the pages use, for readers who are new to them."""

GLOSSARY = {
    "tensor": "A named array of numbers, such as the weights of one linear layer. A tensor is "
    "trained or frozen as a whole.",
    "parameter": "One number of a tensor, such as one weight of a layer.",
    "encoder": "The part of the model that turns words into vectors. All tasks share it.",
    "head": "The linear layer of one task. It turns the vectors of the encoder into labels.",
    "pooler": "A layer that some checkpoints have above the encoder. It makes one vector of a "
    "sentence, and no loss reaches it unless a head reads it.",
    "checkpoint": "The weights of a model that was trained before, with its configuration and its "
    "tokenizer.",
    "unreached": "Selected for training, but no loss sends it a gradient, so it keeps its values.",
    "backward pass": "The computation of the gradients, from the losses down to the lowest tensor "
    "that is trained.",
    "activations": "Intermediate results of the forward pass that are saved for the backward pass. "
    "They often take more memory than the parameters.",
    "FLOPs": "Floating point operations: how much has to be computed, whatever the machine.",
    "epoch": "One pass over all training sentences.",
    "seed": "The number that fixes the random choices of a run: the heads' first values, the order "
    "of the sentences, and dropout.",
    "NER": "Named entity recognition: finding names of persons, places and organisations.",
    "entity F1": "The harmonic mean of precision (the share of the predicted entities that are "
    "correct) and recall (the share of the true entities that were predicted). An entity counts "
    "only if all its words and its type are correct.",
    "macro F1": "The mean over all labels of a label's F1, so that rare labels count as much as "
    "frequent ones.",
    "Pareto front": "The plans for which no other plan is both better and cheaper.",
    "confidence interval": "A range that contains the true value in 95 of 100 such experiments.",
    "margin": "The difference that is too small to matter. A plan within it is called equivalent.",
    "bag of words": "A baseline without an encoder: a linear model on the counts of the words.",
}
"""Explanations by word, in the singular."""
