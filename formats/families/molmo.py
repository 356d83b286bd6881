"""Molmo: points in percent, in tags whose text is the label.

<point x="59.5" y="64.5" alt="bowl">bowl</point>

Several of one label: `<points x1="12.0" y1="20.5" x2="59.5" y2="64.5" alt="bowl">bowl</points>`.

Source: allenai/molmo at 793fa387edfd, olmo/data/data_formatter.py: `points_to_text`, "There are
none.", the prompts; olmo/util.py: `extract_points` (sure). Official training asks for one label at
a time, and in lower case; several labels in one prompt, a line for each in the answer, and labels
as they are, are ours.
"""

from groundray.formats.declared import DeclaredFormat
from groundray.formats.envelope import Envelope
from groundray.formats.grammars.point_tags import PointTags
from groundray.formats.shapes import PercentPoints

MOLMO = DeclaredFormat(
    "molmo",
    prompts={"detection": "Point to every {classes}", "grounding": "Point to {expression}"},
    codec=PercentPoints(decimals=1),
    grammar=PointTags(),
    nothing="There are none.",
    envelope=Envelope(),
    source=(
        "allenai/molmo at 793fa387edfd, olmo/data/data_formatter.py and olmo/util.py; several "
        "labels in one answer are ours"
    ),
    confidence="unverified: several labels in one prompt or answer",
)
