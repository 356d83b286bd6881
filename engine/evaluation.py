"""Evaluation: predictions to scores, part by part, so that memory follows boxes and not images."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, cast

import numpy as np

from groundray.engine.plugins import Plugin, load_plugins, read_plugins
from groundray.engine.prediction_files import (
    PredictionFiles,
    iter_pairs,
    open_predictions,
    size_of,
)
from groundray.engine.runners import Choice, Runner, choose_runner, run_locally, run_on_ray
from groundray.engine.scoring.bootstrap import REPLICATES
from groundray.engine.scoring.coco import CocoTally, ScoreMode
from groundray.engine.scoring.parts import Part, score
from groundray.engine.scoring.scores import (
    Difference,
    ProtocolName,
    RunScores,
    Scores,
    compare,
)
from groundray.engine.scoring.summary import Described, summarise
from groundray.engine.scoring.tallies import Counted, Rules
from groundray.engine.score_files import check_free, write_scores
from groundray.engine.sources import public_name
from groundray.formats import FORMATS, BoxFormat, get_format
from groundray.formats.errors import FormatError, GroundrayError, SourceError

_BYTE_S = 60e-9  # measured: a second for 17 MB of predictions
