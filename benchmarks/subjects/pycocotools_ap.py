"""AP alone, by pycocotools: what evaluation is measured against.

python -m benchmarks.subjects.pycocotools_ap GT.json DETECTIONS.json
"""

import sys

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def main() -> None:
    """Reads both files and prints the twelve numbers."""
    truth = COCO(sys.argv[1])
    evaluation = COCOeval(truth, truth.loadRes(sys.argv[2]), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()


if __name__ == "__main__":
    main()
