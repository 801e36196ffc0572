"""Embed sentences on the CPU with a real model, and check that the numbers make sense.

Checks run in the order of the file. A check that fails does not stop the others, unless they need it.
"""

import time
from importlib.metadata import version

from probe_api import array, asset, check, pins, record

SENTENCES = [
    "The cat sits on the windowsill and watches the birds.",
    "A small kitten is looking at birds through the window.",
    "Eine Katze sitzt am Fenster und schaut den Vögeln zu.",
    "Un gato mira los pájaros desde la ventana.",
    "The central bank raised interest rates by half a percent.",
    "Interest rates were increased again by the monetary authority.",
    "这家银行提高了利率。",
    "How do I install a Python package with a specific version?",
]
CAT, KITTEN, BANK, AUTHORITY = 0, 1, 4, 5
DIMENSIONS = 384


@check("numpy works")
def numpy_works():
    import numpy

    product = numpy.arange(6.0).reshape(2, 3) @ numpy.ones((3, 2))
    assert product.tolist() == [[3.0, 3.0], [12.0, 12.0]], product
    return numpy


@check("torch works")
def torch_works():
    started = time.perf_counter()
    import torch

    record(torch_import_seconds=round(time.perf_counter() - started, 3), torch_version=torch.__version__)
    product = torch.arange(6.0).reshape(2, 3) @ torch.ones((3, 2))
    assert product.tolist() == [[3.0, 3.0], [12.0, 12.0]], product
    return torch


@check("numpy to torch and back", needs=[numpy_works, torch_works])
def bridge():
    numpy, torch = numpy_works.value, torch_works.value
    there = torch.from_numpy(numpy.array([1.0, 2.0, 3.0], dtype=numpy.float32))
    assert there.tolist() == [1.0, 2.0, 3.0], there
    back = torch.tensor([4.0, 5.0]).numpy()
    assert back.tolist() == [4.0, 5.0], back


@check("transformers has torch enabled")
def transformers_imports():
    started = time.perf_counter()
    import transformers
    from transformers.utils import is_torch_available

    record(transformers_import_seconds=round(time.perf_counter() - started, 3))
    assert is_torch_available(), "transformers %s does not use the torch that is installed" % transformers.__version__


@check("sentence-transformers imports")
def sentence_transformers_imports():
    started = time.perf_counter()
    import sentence_transformers

    record(import_seconds=round(time.perf_counter() - started, 3))
    return sentence_transformers


@check("the model loads", needs=[sentence_transformers_imports])
def model():
    started = time.perf_counter()
    loaded = sentence_transformers_imports.value.SentenceTransformer(asset("minilm"), device="cpu")
    record(load_seconds=round(time.perf_counter() - started, 3))
    return loaded


@check("encode", needs=[model])
def encode():
    """Finite, normalised, 384-dimensional float32 vectors for sentences in four languages."""
    started = time.perf_counter()
    vectors = model.value.encode(SENTENCES, normalize_embeddings=True)
    seconds = time.perf_counter() - started
    record(encode_seconds=round(seconds, 3), sentences_per_second=round(len(SENTENCES) / seconds, 1))
    import numpy

    assert vectors.shape == (len(SENTENCES), DIMENSIONS), vectors.shape
    assert vectors.dtype == numpy.float32, vectors.dtype
    assert numpy.isfinite(vectors).all(), "vectors hold NaN or infinity"
    norms = numpy.linalg.norm(vectors, axis=1)
    assert numpy.allclose(norms, 1.0, atol=1e-4), norms
    return vectors


@check("similar sentences are close", needs=[encode])
def similarity():
    similarities = encode.value @ encode.value.T
    record(
        cat_kitten=round(float(similarities[CAT, KITTEN]), 6),
        bank_authority=round(float(similarities[BANK, AUTHORITY]), 6),
        cat_bank=round(float(similarities[CAT, BANK]), 6),
    )
    for first, second in ((CAT, KITTEN), (KITTEN, CAT), (BANK, AUTHORITY), (AUTHORITY, BANK)):
        others = [other for other in range(len(SENTENCES)) if other != first]
        nearest = max(others, key=lambda other: similarities[first, other])
        assert nearest == second, "%r is nearest to %r" % (SENTENCES[first], SENTENCES[nearest])


@check("one by one as in a batch", needs=[encode])
def batches_agree():
    import numpy

    single = numpy.stack([model.value.encode(sentence, normalize_embeddings=True) for sentence in SENTENCES])
    difference = float(numpy.abs(single - encode.value).max())
    record(batch_difference=difference)
    assert difference < 1e-4, "encoded alone, a sentence differs by up to %g" % difference


@check("vectors are recorded", needs=[encode])
def recorded():
    array("embeddings", encode.value)


@check("versions are the pins")
def versions():
    """Compare the installed versions with the pins of the combo.

    This check comes last because a report names the first check that fails, and what broke because a pin moved says
    more than the moved pin itself.
    """
    # Every transformers requires packaging, but it may be missing. The harness reports the drift in that case.
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return
    for pin in map(Requirement, pins()):
        found = version(pin.name)
        assert pin.specifier.contains(found, prereleases=True), "%s was asked for, %s is installed" % (pin, found)
