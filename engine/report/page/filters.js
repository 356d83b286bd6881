// Which records are asked for, and in which order.

const filters = { kinds: new Set(), class: "", size: "", text: "", sort: "worst" };
const listedClasses = new Set(runs.flatMap((run) => run.by_class.map((row) => row[0])));

/** Whether a record has a box of the kind, class and size that are asked for, all in one. */
function passes(record, { kinds, class: name, size, text }) {
  const answer = record.answers[view.run];
  if (!answer) return false;
  if (
    text &&
    ![record.id, record.query ?? "", answer.text].some((each) =>
      each.toLowerCase().includes(text.toLowerCase()),
    )
  )
    return false;
  const boxes = boxesOf(record, view.run).filter(
    (box) => (!name || classOf(box) === name) && (!size || box.size === size),
  );
  if ((name || size) && !boxes.length) return false;
  if (!kinds.size) return true;
  if (kinds.has("unparsed") && isFaulty(answer)) return true;
  if (kinds.has("perfect") && isPerfect(record)) return true;
  return boxes.some((box) => kinds.has(box.kind));
}

function classOf(box) {
  const name = categoryName(box.category);
  return listedClasses.has(name) ? name : NOT_LISTED;
}

function isFaulty(answer) {
  return answer.issues.length > 0 || answer.error !== null;
}

function isPerfect(record) {
  const answer = record.answers[view.run];
  return (
    !isFaulty(answer) &&
    boxesOf(record, view.run).every((box) => box.kind === "right" || box.kind === "ignored")
  );
}

function mistakesOf(record) {
  const counts = {};
  for (const box of boxesOf(record, view.run)) {
    if (box.side === "target" ? box.kind === "missed" : !["right", "ignored"].includes(box.kind))
      counts[box.kind] = (counts[box.kind] ?? 0) + 1;
  }
  return counts;
}

const f1Of = (record) => record.answers[view.run].f1 ?? (isFaulty(record.answers[view.run]) ? 0 : 1);
const numMistakes = (record) => Object.values(mistakesOf(record)).reduce((sum, each) => sum + each, 0);
const place = new Map(gallery.records.map((record, i) => [record, i]));
const asSampled = (a, b) => place.get(a) - place.get(b);
const orders = {
  worst: (a, b) => f1Of(a) - f1Of(b) || asSampled(a, b),
  best: (a, b) => f1Of(b) - f1Of(a) || asSampled(a, b),
  boxes: (a, b) => numMistakes(b) - numMistakes(a) || asSampled(a, b),
  id: (a, b) => a.id.localeCompare(b.id, "en", { numeric: true }),
  sample: asSampled,
};
