"""Toy: `cat@228,320,961,970; dog@1,2,3,4;`, thousandths of the image."""

import re

import numpy as np

from groundray.formats import LabelError, ParsedAnswer, ParsedObject, Rendered

BOX = re.compile(r"([^@]+)@(\d{1,4}),(\d{1,4}),(\d{1,4}),(\d{1,4})")


class Toy:
    name = "toy"
    system = None
    prompts = {"detection": "Find: {classes}", "grounding": "Find: {expression}"}
    source = "made up for docs/plugins.md"

    def encode(self, xyxy, image_sizes):
        return np.rint(xyxy / np.tile(image_sizes, 2) * 1000).astype(int)

    def decode(self, wire, image_size):
        return np.asarray(wire).reshape(-1, 4) / 1000 * np.tile(image_size, 2)

    def render(self, task, *, expression, categories, wire):
        for label in categories:
            if not re.fullmatch(r"\w[^@;<>|]*", label):
                raise LabelError(f"label {label!r} cannot be written in 'toy'")
        boxes = [",".join(map(str, box)) for box in wire]
        return Rendered(" ".join(map("{}@{};".format, categories, boxes)) or "None")

    def parse(self, text):
        *parts, rest = text.split(";")
        boxes = [BOX.fullmatch(part.strip()) for part in parts]
        found = [ParsedObject(box[1], tuple(map(int, box.groups()[1:]))) for box in boxes if box]
        sound = all(boxes) and rest.strip() == ("" if boxes else "None")
        return ParsedAnswer(tuple(found), () if sound else ("unparsable",))
