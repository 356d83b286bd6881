// One record as a picture: its thumbnail, and the boxes over it in the image's own pixels. Targets
// are dashed and predictions solid; the colour says what became of them, and so does the sign.

let thumbnails = null;

function thumbnailOf(record) {
  if (record.thumbnail === null) return null;
  thumbnails ??= JSON.parse(byId("thumbnails").textContent);
  return `data:image/jpeg;base64,${thumbnails[record.thumbnail]}`;
}

/** Name of a category for people and filters. */
function categoryName(number) {
  return number === null ? NO_LABEL : gallery.categories[number];
}

/** The boxes of a record under a run, targets first. */
function boxesOf(record, run) {
  const answer = record.answers[run];
  if (!answer) return [];
  const targets = record.targets.map(([category, x1, y1, x2, y2, size], i) => {
    const [kind, other, iou] = answer.targets[i] ?? [1, null, null];
    return {
      side: "target",
      index: i,
      category,
      xyxy: [x1, y1, x2, y2],
      size: SIZES[size],
      kind: KINDS[kind],
      other,
      iou,
      score: null,
    };
  });
  const predictions = answer.boxes.map(([category, x1, y1, x2, y2, size, kind, other, iou, score], i) => ({
    side: "prediction",
    index: i,
    category,
    xyxy: [x1, y1, x2, y2],
    size: SIZES[size],
    kind: KINDS[kind],
    other,
    iou,
    score,
  }));
  return [...targets, ...predictions];
}

function picture(record, run, { labels = false } = {}) {
  const [width, height] = record.size;
  const source = thumbnailOf(record);
  const boxes = boxesOf(record, run);
  const overlay = draw(
    "svg",
    { class: "boxes", viewBox: `0 0 ${width} ${height}`, "aria-hidden": "true" },
    source ? null : placeholder(width, height),
    boxes.map((box) => boxMark(box)),
    labels
      ? boxes
          .filter((box) => box.side !== "target" || box.kind !== "right")
          .map((box) => boxLabel(box, width, height))
      : null,
  );
  return make(
    "span",
    { class: "picture", style: { "--ratio": `${width} / ${height}` } },
    source ? make("img", { src: source, alt: "", decoding: "async" }) : null,
    overlay,
  );
}

function placeholder(width, height) {
  return draw(
    "g",
    { class: "placeholder" },
    draw("rect", { width, height }),
    draw("path", { d: `M0 0L${width} ${height}M0 ${height}L${width} 0` }),
    draw(
      "text",
      { x: width / 2, y: height / 2, "text-anchor": "middle", "font-size": width / 16 },
      "no image",
    ),
  );
}

function boxMark(box) {
  const [x1, y1, x2, y2] = box.xyxy;
  const shape =
    x2 > x1 || y2 > y1
      ? { x: Math.min(x1, x2), y: Math.min(y1, y2), width: Math.abs(x2 - x1), height: Math.abs(y2 - y1) }
      : null;
  const outline = (name) =>
    shape
      ? draw("rect", { class: name, ...shape })
      : draw("path", { class: name, d: `M${x1 - 8} ${y1}h16M${x1} ${y1 - 8}v16` });
  return draw(
    "g",
    { class: `box ${box.side} ${box.kind}`, "data-box": `${box.side}-${box.index}` },
    outline("halo"),
    outline("edge"),
  );
}

/** A prediction's name stands above its box, a target's in it at the bottom; one that is found has
 *  the name of its prediction. */
function boxLabel(box, width, height) {
  const [x1, y1] = box.xyxy;
  const size = Math.max(width, height) / 52;
  const text = `${SIGNS[box.kind]} ${clip(categoryName(box.category), 24)}`;
  const y =
    box.side === "target"
      ? Math.min(height - 2, Math.max(box.xyxy[1], box.xyxy[3]) - size * 0.3)
      : Math.max(size, y1 - size * 0.3);
  return draw(
    "text",
    {
      class: `label ${box.side} ${box.kind}`,
      "data-box": `${box.side}-${box.index}`,
      x: Math.max(0, Math.min(x1, width - size * 3)) + 2,
      y,
      "font-size": size,
    },
    text,
  );
}

function clip(text, length) {
  return text.length > length ? `${text.slice(0, length - 1)}…` : text;
}
