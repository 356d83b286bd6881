"""Prediction as a script does it: read the images of a batch, answer, and the next.

python -m benchmarks.subjects.bare_loop CONVERTED CHECKPOINT BACKEND BATCH [PLUGIN]

Prints the seconds that the backend itself worked, its loading not counted.
"""

import sys
import time

from groundray.engine.converted import iter_places, open_converted
from groundray.engine.prediction.questions import read_images
from groundray.formats import get_format
from groundray.formats.errors import ImageError
from groundray.models import BACKENDS, Prompt, Settings, get_backend

FORMAT = "qwen3-vl"
MAX_NEW_TOKENS = 32
MAX_PIXELS = 768 * 768


def main(converted: str, checkpoint: str, name: str, batch_size: int) -> None:
    """Asks about every image of the converted folder."""
    opened = open_converted(converted)
    prompt = get_format(FORMAT).prompts["detection"]
    settings = Settings(checkpoint, max_new_tokens=MAX_NEW_TOKENS, max_pixels=MAX_PIXELS)
    backend = get_backend(name)(settings)
    places = [
        place
        for file in opened.source.files
        for place in iter_places(opened.source, file, 0, file.num_rows)
    ]
    busy_s = 0.0
    for first in range(0, len(places), batch_size):
        images = read_images(places[first : first + batch_size], backend.image_input)
        sound = [image for image in images if not isinstance(image, ImageError)]
        asked = [Prompt("", prompt, None, image) for image in sound]
        started = time.perf_counter()
        backend.answer(asked)
        busy_s += time.perf_counter() - started
    print(busy_s)


if __name__ == "__main__":
    for plugin in sys.argv[5:]:
        BACKENDS.add_file(plugin)
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
