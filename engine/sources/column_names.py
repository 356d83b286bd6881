"""Names that columns go by in data sets of the wild."""

from groundray.engine.sources.layout import Order


def _words(*lines: str) -> tuple[str, ...]:
    return tuple(word for line in lines for word in line.split())


# Names that columns go by, in lower case and without "_"; of several, the first one counts.
IMAGES = _words("image img imagebytes imagedata jpg jpeg png picture photo")
IMAGE_FILES = _words(
    "imagepath imgpath imagefile imagefilename filepath filename imagename path file image img",
    "imageurl cocourl imgurl url",
)
NAMES_OF_IMAGES = _words("filename imagefilename imagename imagepath filepath")
IDS = _words("imageid imgid id")
ROW_IDS = _words("questionid refid referid id imageid imgid")
BOXES = _words("bbox bboxes box boxes boundingbox boundingboxes bndbox bbs")
CATEGORIES = _words(
    "category categories categoryid categoryids categoryname categorynames label labels labelid",
    "labelname class classes classid classids classname classnames cls name names",
)
WIDTHS = _words("width imagewidth imgwidth imgw imwidth cocowidth originalwidth")
HEIGHTS = _words("height imageheight imgheight imgh imheight cocoheight originalheight")
AREAS = _words("area areas")
CROWDS = _words("iscrowd iscrowds crowd isgroupof")
DIFFICULTS = _words("difficult difficults isdifficult")
FORMATS = _words("format bboxformat boxformat bboxtype bboxmode")
EXPRESSIONS = _words(
    "expression expressions referringexpression referringexpressions refexp refexps sent sentence",
    "sentences phrase phrases query raw",
)
EXPRESSION_IDS = _words("sentid sentids expressionid expressionids sentenceid")

# What four numbers are called, and what that says of their order; None: the names leave it open.
FOUR_FIELDS: tuple[tuple[tuple[str, str, str, str], Order | None], ...] = (
    (("xmin", "ymin", "xmax", "ymax"), "xyxy"),
    (("x1", "y1", "x2", "y2"), "xyxy"),
    (("x0", "y0", "x1", "y1"), "xyxy"),
    (("left", "top", "right", "bottom"), "xyxy"),
    (("xcenter", "ycenter", "width", "height"), "cxcywh"),
    (("centerx", "centery", "width", "height"), "cxcywh"),
    (("cx", "cy", "w", "h"), "cxcywh"),
    (("xmin", "ymin", "width", "height"), "xywh"),
    (("left", "top", "width", "height"), "xywh"),
    (("x", "y", "width", "height"), None),
    (("x", "y", "w", "h"), None),
)
