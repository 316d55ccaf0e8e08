"""Topic and mood of a free text by small linear models: reading needs NumPy alone, training the extra "texts"."""

from opportune.customers.texts.bundled import BUNDLED, bundled_model
from opportune.customers.texts.file import SUFFIX, from_bytes, to_bytes
from opportune.customers.texts.model import About, Layout, Reading, Spoken, TextModel
from opportune.customers.texts.quality import Confusion, Quality
from opportune.customers.texts.reader import FoundInText, ReadAttribute, TextReader
from opportune.customers.texts.samples import Sample, Samples, read_samples
from opportune.customers.texts.training import Origin, Trained, has_scikit_learn, train

__all__ = [
    "BUNDLED",
    "SUFFIX",
    "About",
    "Confusion",
    "FoundInText",
    "Layout",
    "Origin",
    "Quality",
    "ReadAttribute",
    "Reading",
    "Sample",
    "Samples",
    "Spoken",
    "TextModel",
    "TextReader",
    "Trained",
    "bundled_model",
    "from_bytes",
    "has_scikit_learn",
    "read_samples",
    "to_bytes",
    "train",
]
