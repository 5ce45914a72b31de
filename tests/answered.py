"""Sources, answers and references, and labelled texts, few enough to be counted by hand."""

SOURCES = [
    "where did the cat sleep ?",
    "what did the old man paint ?",
    "who finds an apple there ?",
    "is music in the house ?",
]
REFERENCES = [
    ["the cat slept on the sofa .", "on the sofa ."],
    ["the old man painted the sea ."],
    ["my sister finds an apple ."],
    ["yes , music is in the house ."],
]
ANSWERS = [
    ["the cat slept here .", "on the sofa ."],
    ["the old man painted the sea .", "the old man painted a dog ."],
    ["a dog finds an apple .", "my sister ."],
    ["no , it is not .", "music is in the garden ."],
]

GOOD, BAD = (["good", "tasty", "lovely", "great"], ["bad", "awful", "rude", "cold"])
LABELLED = [f"{word} {noun} {end}" for words in (GOOD, BAD) for word in words for noun in ("food", "staff", "soup") for end in ("here .", "!")]  # fmt: skip
LABELS = ["good"] * 24 + ["bad"] * 24
