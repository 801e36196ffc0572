"""Embed three sentences with a real model. Every tool of the benchmark runs this probe in each environment."""

from probe_api import asset, check, record

SENTENCES = [
    "The cat sits on the windowsill and watches the birds.",
    "A small kitten is looking at birds through the window.",
    "The central bank raised interest rates by half a percent.",
]


@check
def similar_sentences_are_close():
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(asset("minilm"), device="cpu")
    cat, kitten, bank = model.encode(SENTENCES, normalize_embeddings=True)
    record(close=round(float(cat @ kitten), 4), far=round(float(cat @ bank), 4))
    assert cat @ kitten > cat @ bank
