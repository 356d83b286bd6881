"""Class lists that data sets take for granted."""


def _names(*lines: str) -> tuple[str, ...]:
    return tuple(name for line in lines for name in line.split(", "))


COCO80 = _names(
    "person, bicycle, car, motorcycle, airplane, bus, train, truck, boat, traffic light",
    "fire hydrant, stop sign, parking meter, bench, bird, cat, dog, horse, sheep, cow, elephant",
    "bear, zebra, giraffe, backpack, umbrella, handbag, tie, suitcase, frisbee, skis, snowboard",
    "sports ball, kite, baseball bat, baseball glove, skateboard, surfboard, tennis racket, bottle",
    "wine glass, cup, fork, knife, spoon, bowl, banana, apple, sandwich, orange, broccoli, carrot",
    "hot dog, pizza, donut, cake, chair, couch, potted plant, bed, dining table, toilet, tv",
    "laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink, refrigerator",
    "book, clock, vase, scissors, teddy bear, hair drier, toothbrush",
)
"""COCO's 80 classes in the order of their ids."""

_COCO91_GAPS = (12, 26, 29, 30, 45, 66, 68, 69, 71, 83)

COCO91_NUMBERS = tuple(n for n in range(1, 91) if n not in _COCO91_GAPS)
"""COCO's own ids of its 80 classes: 1 to 90 with ten gaps.

Source: `categories` of instances_val2017.json.
"""

VOC20 = _names(
    "aeroplane, bicycle, bird, boat, bottle, bus, car, cat, chair, cow, diningtable, dog, horse",
    "motorbike, person, pottedplant, sheep, sofa, train, tvmonitor",
)
"""Pascal VOC's 20 classes, in alphabetical order."""

CLASS_LISTS = {"coco": COCO80, "voc": VOC20}
"""Lists that a layout can name instead of writing them out."""
